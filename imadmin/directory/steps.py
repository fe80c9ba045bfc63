"""A change told step by step: what was sent to the cluster, what was read back, what that amounts to.

Actions on a person are sequences whose parts succeed or fail by themselves (reference 5.1, 5.8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from imadmin.core.errors import AppError, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory.parts import sentence
from imadmin.gateway.types import Session

NOT_TRIED = gettext_noop("Not tried, because the step before it failed.")


@dataclass(frozen=True, slots=True)
class Step:
    """code: stable word for scripts.  target: which of several ("1002 #88213", "APP").

    sent, found: English templates with `params`, translated where shown.  why: an error's words, filled in already.
    """

    code: str
    result: Result
    sent: str
    found: str
    target: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    why: AppError | None = None

    def sent_text(self) -> str:
        """In the reader's language, as all texts here."""
        return _filled(self.sent, self.params)

    def found_text(self) -> str:
        """What was read back, and the error behind it."""
        return f"{_filled(self.found, self.params)} {sentence(self.why) if self.why else ''}".strip()


def _filled(template: str, params: Mapping[str, Any]) -> str:
    if not template:
        return ""
    text = gettext(template)
    return text % params if params else text


@dataclass(frozen=True, slots=True)
class Report:
    """One action on one person.  remaining: sessions still connected, None when that isn't known.

    notes: what the person acting should know whatever happened; English, translated where shown.
    """

    action: str
    uid: str
    steps: tuple[Step, ...]
    remaining: tuple[Session, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def outcomes(self) -> Outcomes:
        """For the audit trail: one outcome a step."""
        return Outcomes(
            tuple(
                TargetOutcome(
                    f"{step.code} {step.target}".strip(),
                    step.result,
                    step.why.text() if step.why else (step.found % step.params if step.params else step.found),
                )
                for step in self.steps
            )
        )

    def notes_text(self) -> list[str]:
        return [gettext(note) for note in self.notes]

    @property
    def verdict(self) -> str:
        """done | partial | failed | unknown"""
        return self.outcomes.verdict


class Story:
    """The steps so far, while an action runs."""

    def __init__(self, action: str, uid: str) -> None:
        self.action, self.uid = action, uid
        self.steps: list[Step] = []

    def add(
        self,
        code: str,
        result: Result,
        sent: str,
        found: str,
        *,
        target: str = "",
        why: AppError | None = None,
        **params: Any,
    ) -> None:
        self.steps.append(Step(code, result, sent, found, target, params, why))

    def skip(self, code: str, sent: str, *, target: str = "", **params: Any) -> None:
        self.steps.append(Step(code, Result.FAILED, sent, NOT_TRIED, target, params))

    def report(self, *, remaining: tuple[Session, ...] | None = None, notes: tuple[str, ...] = ()) -> Report:
        return Report(self.action, self.uid, tuple(self.steps), remaining, notes)
