"""What can become of a target of a mass operation, and how it is told.

A detail is kept as JSON of templates with their parameters and put into the reader's language where it is shown.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext

from imadmin.core.errors import AppError, InvalidInput, gettext_noop
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome


class Fate(StrEnum):
    """The word kept with a target.  A target without one is still waited for."""

    DONE = "done"
    ALREADY = "already"  # nothing had to be sent
    RETURNED = "returned"  # done, and the client connected again
    STILL = "still"  # sent, read back, and not so
    FAILED = "failed"  # could not be sent, or must not be
    UNKNOWN = "unknown"  # sent, and nobody can tell
    SKIPPED = "skipped"  # stopped before its turn


WAITING = ""
NEEDS_A_LOOK = (Fate.STILL, Fate.FAILED, Fate.UNKNOWN, Fate.RETURNED)

SHAPES: Mapping[str, str] = {
    Fate.DONE: "ok", Fate.ALREADY: "off", Fate.RETURNED: "move", Fate.STILL: "bad", Fate.FAILED: "bad",
    Fate.UNKNOWN: "unknown", Fate.SKIPPED: "off", WAITING: "stale", "sent": "run",
}  # fmt: skip

KICK_WORDS: Mapping[str, str] = {
    Fate.DONE: gettext_noop("Gone, verified"),
    Fate.ALREADY: gettext_noop("Already gone"),
    Fate.RETURNED: gettext_noop("Came back"),
    Fate.STILL: gettext_noop("Still there"),
    Fate.FAILED: gettext_noop("Failed"),
    Fate.UNKNOWN: gettext_noop("Unknown"),
    Fate.SKIPPED: gettext_noop("Not attempted"),
    WAITING: gettext_noop("Waiting"),
    "sent": gettext_noop("Sent, not read back"),
}
MOVE_WORDS: Mapping[str, str] = {
    **KICK_WORDS,
    Fate.DONE: gettext_noop("Moved, verified"),
    Fate.ALREADY: gettext_noop("Already so"),
    Fate.RETURNED: gettext_noop("Moved back"),
    Fate.STILL: gettext_noop("Stuck"),
}

# For the audit trail, which knows five results.
_RESULTS: Mapping[str, Result] = {
    Fate.DONE: Result.DONE, Fate.ALREADY: Result.ALREADY, Fate.RETURNED: Result.DONE, Fate.STILL: Result.FAILED,
    Fate.FAILED: Result.FAILED, Fate.UNKNOWN: Result.UNKNOWN, Fate.SKIPPED: Result.FAILED,
}  # fmt: skip

Said = tuple[str, Mapping[str, Any]]


def words_of(kind: str) -> Mapping[str, str]:
    return KICK_WORDS if kind == "kick" else MOVE_WORDS


def keep(*said: Said | None) -> str:
    """Sentences as a target's row keeps them."""
    found = [[template, dict(params)] for template, params in filter(None, said)]
    return json.dumps(found, ensure_ascii=False, default=str) if found else ""


def read(kept: str) -> str:
    """The sentences in the reader's language."""
    if not kept:
        return ""
    try:
        return " ".join(fill(template, params) for template, params in json.loads(kept))
    except (ValueError, TypeError, KeyError):
        return kept


def plain(kept: str) -> str:
    """The sentences in English, for the trail."""
    try:
        return " ".join(template % params if params else template for template, params in json.loads(kept or "[]"))
    except (ValueError, TypeError, KeyError):
        return kept


def fill(template: str, params: Mapping[str, Any]) -> str:
    text = gettext(template)
    return text % params if params else text


def of_error(error: AppError) -> Said:
    """What went wrong, with its node; of refused input the first complaint, which says more."""
    template, params = error.message, dict(error.params)
    if isinstance(error, InvalidInput) and error.fields:
        template = next(iter(error.fields.values()))[0]
    node = str(getattr(error, "node", ""))
    if node.isdecimal():
        whole = template % params if params else template
        return gettext_noop("Node %(node)s: %(what)s."), {"node": node, "what": whole.rstrip(".")}
    return template, params


def outcomes(rows: list[tuple[str, str, str]], note: str = "") -> Outcomes:
    """For the trail, of (label, fate, kept detail)."""
    items = (
        TargetOutcome(label, _RESULTS[fate], plain(detail)[:300] or (KICK_WORDS[fate] if fate == Fate.SKIPPED else ""))
        for label, fate, detail in rows
        if fate in _RESULTS
    )
    return Outcomes(tuple(items), note)
