"""A query and whether this person may ask it: words tell what bodies say, so they need a right to bodies."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from imadmin.archive import grammar
from imadmin.archive.masking import OF_WORDS, BodyAccess, body_access
from imadmin.archive.wanted import TEXT_NEEDS_RIGHT
from imadmin.archive.where import All, Any, Has, Not, Says, Where
from imadmin.clusters.access import Scope, SiteScope
from imadmin.core.errors import InvalidInput, gettext_noop

LONGEST = 2000

EMPTY = gettext_noop("Write what to search for.")
TOO_LONG = gettext_noop("A search that is kept or taken along has at most %(most)s characters.")


def asked(
    scope: Scope,
    q: str,
    *,
    zone: ZoneInfo | None = None,
    now: datetime | None = None,
    name: str = "q",
    may_be_empty: bool = False,
) -> Where:
    """The query as a tree, if this person may ask it.  zone, now: of the reader and of this moment when left out.

    name: the field that errors name.  Raises InvalidInput: empty, too long, not understood, or words without the right.
    """
    if not q.strip() and not may_be_empty:
        raise InvalidInput({name: [EMPTY]}, EMPTY)
    if len(q) > LONGEST:
        raise InvalidInput({name: [TOO_LONG]}, TOO_LONG, params={"most": LONGEST})
    try:
        where = grammar.parse(q, zone=zone or reader_zone(), now=now or datetime.now(UTC))
    except grammar.QueryError as error:
        error.fields = {name: [sentence for found in error.fields.values() for sentence in found]}
        raise
    if says_words(where) and not may_ask_words(scope):
        raise InvalidInput({name: [TEXT_NEEDS_RIGHT]}, TEXT_NEEDS_RIGHT)
    return where


def says_words(where: Where) -> bool:
    """Whether its answer tells what messages say."""
    match where:
        case Says():
            return True
        case Has(trait):
            return bool(trait & OF_WORDS)
        case All(parts) | Any(parts):
            return any(says_words(part) for part in parts)
        case Not(part):
            return says_words(part)
        case _:
            return False


def part_says_words(part: str) -> bool:
    """The same of one word of a query as it stands there; a sign between words says nothing."""
    try:
        return says_words(grammar.parse(part))
    except grammar.QueryError:
        return False


def may_ask_words(scope: SiteScope) -> bool:
    return body_access(scope) is not BodyAccess.CLOSED


def reader_zone() -> ZoneInfo:
    """The zone of whoever looks at the page; UTC for the API and for jobs."""
    return ZoneInfo(timezone.get_current_timezone_name())


def zone_of(name: str) -> ZoneInfo:
    """A zone by its kept name; UTC for one that this machine doesn't know (any more)."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
