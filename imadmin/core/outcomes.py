"""What became of each target of a change, in words that add up."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from imadmin.core.errors import gettext_noop


class Result(StrEnum):
    DONE = "done"
    ALREADY = "already"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    UNKNOWN = "unknown"


RESULT_WORDS: Mapping[Result, str] = {
    Result.DONE: gettext_noop("done"),
    Result.ALREADY: gettext_noop("already so"),
    Result.NOT_FOUND: gettext_noop("not found"),
    Result.FAILED: gettext_noop("failed"),
    Result.UNKNOWN: gettext_noop("unknown"),
}


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """detail: English template saying why, translated where shown; "" when the result says it all."""

    target: str
    result: Result
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One outcome per target, in the order asked for.  note: a sentence about the whole, or ""."""

    items: tuple[TargetOutcome, ...]
    note: str = ""

    def counts(self) -> dict[str, int]:
        found = Counter(item.result for item in self.items)
        return {result.value: found[result] for result in Result if found[result]}

    def of(self, result: Result) -> tuple[str, ...]:
        return tuple(item.target for item in self.items if item.result is result)

    @property
    def verdict(self) -> str:
        """done | partial | failed | unknown, for the audit trail."""
        results = {item.result for item in self.items}
        if not results - {Result.DONE, Result.ALREADY}:
            return "done"
        if results == {Result.UNKNOWN}:
            return "unknown"
        return "partial" if results & {Result.DONE, Result.ALREADY, Result.UNKNOWN} else "failed"

    @classmethod
    def of_presence(
        cls,
        wanted: Iterable[str],
        before: Collection[str],
        after: Collection[str] | None,
        *,
        present: bool = True,
        unsent: Collection[str] = (),
        why: str = "",
        note: str = "",
    ) -> "Outcomes":
        """Compare a list before and after a change that should make `wanted` present (or absent).

        after: None when it could not be read back; then whatever was sent is unknown.
        unsent: targets that certainly never left us.  why: the reason when something did not happen.
        """
        was, now_on = frozenset(before), None if after is None else frozenset(after)
        items = []
        for target in dict.fromkeys(wanted):
            if (target in was) is present:
                items.append(TargetOutcome(target, Result.ALREADY))
            elif now_on is not None and (target in now_on) is present:
                items.append(TargetOutcome(target, Result.DONE))
            elif now_on is not None or target in unsent:
                items.append(TargetOutcome(target, Result.FAILED, why))
            else:
                items.append(TargetOutcome(target, Result.UNKNOWN, why))
        return cls(tuple(items), note)
