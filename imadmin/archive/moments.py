"""Times as people write them in a query, and back.  Seconds since 1970; days are days of the viewer's zone."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from imadmin.core.errors import gettext_noop

_ABSOLUTE = re.compile(
    r"(?a)(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2})(?:[Tt ](\d{1,2})(?::(\d{2})(?::(\d{2}))?)?(Z|z|[+-]\d\d:?\d\d)?)?)?)?"
)
_RELATIVE = re.compile(r"(?ai)-(\d{1,7})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_YEARS = range(1970, 9999)

FORMS = gettext_noop(
    "“%(value)s” is no time. Write 2026-11-01, 2026-11-01T10:00, 2026-11, 2026, today, yesterday, "
    "or -2h, -30m, -7d, -2w."
)
NO_SUCH_DAY = gettext_noop("“%(value)s” is on no calendar or clock.")
YEAR_RANGE = gettext_noop("“%(value)s” is too far away: years go from 1970 to 9998.")


class BadMoment(Exception):
    """template: a msgid that takes %(value)s."""

    def __init__(self, template: str, value: str) -> None:
        self.template, self.value = template, value
        super().__init__(template)


def period(text: str, *, zone: tzinfo, now: datetime) -> tuple[int, int | None]:
    """When it begins and ends (the end is outside of it).  A relative time is an instant that has no end: None."""
    word = text.lower()
    if word in ("today", "yesterday"):
        day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        day = day if word == "today" else day - timedelta(days=1)
        return _seconds(day), _seconds(day + timedelta(days=1))
    if word == "now":
        return int(now.timestamp()), None
    if relative := _RELATIVE.fullmatch(text):
        instant = int(now.timestamp()) - int(relative[1]) * _UNITS[relative[2].lower()]
        if instant < 0:
            raise BadMoment(YEAR_RANGE, text)
        return instant, None
    absolute = _ABSOLUTE.fullmatch(text)
    if absolute is None:
        raise BadMoment(FORMS, text)
    return _absolute(text, absolute, zone)


def _absolute(text: str, found: re.Match[str], zone: tzinfo) -> tuple[int, int]:
    *numbers, offset = found.groups()
    year = int(numbers[0])
    month, day, hour, minute, second = (None if number is None else int(number) for number in numbers[1:])
    if year not in _YEARS:
        raise BadMoment(YEAR_RANGE, text)
    try:
        if offset:
            zone = UTC if offset in "Zz" else datetime.strptime(offset, "%z").tzinfo or UTC
        start = datetime(year, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=zone)
    except ValueError:
        raise BadMoment(NO_SUCH_DAY, text) from None
    first = _seconds(start)
    if hour is not None:
        return first, first + (1 if second is not None else 60 if minute is not None else 3600)
    if day is not None:
        return first, _seconds(start + timedelta(days=1))
    if month is not None:
        return first, _seconds(start.replace(year=year + month // 12, month=month % 12 + 1))
    return first, _seconds(start.replace(year=year + 1))


def _seconds(moment: datetime) -> int:
    """Aware arithmetic on one zone is on the wall clock, so a day is a day also when the clock changes."""
    return max(0, int(moment.timestamp()))


def written(second: int, zone: tzinfo = UTC) -> str:
    """The shortest text that `period` reads as beginning at this second."""
    local = datetime.fromtimestamp(second, zone)
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"):
        text = local.strftime(form)
        try:
            if period(text, zone=zone, now=local)[0] == second:
                return text
        except BadMoment:
            break
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def written_end(last: int, zone: tzinfo = UTC) -> str:
    """The shortest text whose period ends where this second begins."""
    local = datetime.fromtimestamp(last - 1, zone)
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"):
        text = local.strftime(form)
        try:
            if period(text, zone=zone, now=local)[1] == last:
                return text
        except BadMoment:
            break
    return datetime.fromtimestamp(last - 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
