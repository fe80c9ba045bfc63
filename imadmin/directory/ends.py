"""Ends of restrictions: which moments can be one.  Lifting them on time is in actions/lift.py."""

from datetime import UTC, datetime, timedelta

from imadmin.core.errors import InvalidInput, gettext_noop

SOONEST = timedelta(minutes=1)
LATEST = timedelta(days=5 * 366)


def check_until(until: datetime | None, *, now: datetime | None = None) -> datetime | None:
    """until: aware, or None = until somebody lifts it.  Raises InvalidInput naming `until`."""
    if until is None:
        return None
    if until.tzinfo is None:
        raise InvalidInput({"until": [gettext_noop("Say the time with its zone, like 2026-11-30T18:00:00+08:00.")]})
    now = now or datetime.now(UTC)
    if until < now + SOONEST:
        raise InvalidInput({"until": [gettext_noop("The end has to be at least a minute from now.")]})
    if until > now + LATEST:
        raise InvalidInput({"until": [gettext_noop("The end can be at most five years from now.")]})
    return until
