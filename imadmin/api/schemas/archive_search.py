"""Searching the archive, as JSON."""

from datetime import date, datetime

from imadmin.api.schemas.common import Out, PartialOut
from imadmin.api.schemas.messages import LIST_TEXT, ChannelRefOut, MessageOut, common
from imadmin.archive.masking import ShownMessage
from imadmin.archive.operators import Suggestion
from imadmin.archive.rows import Trait
from imadmin.archive.search import Facets


class ArchivedOut(MessageOut):
    """traits: what the archive knows of it: revoked, doubled, link, …  expired: past its sender's time."""

    traits: list[str]
    expired: bool

    @classmethod
    def of(cls, message: ShownMessage) -> "ArchivedOut":
        return cls(
            **common(message, LIST_TEXT),
            traits=[trait.name.lower() for trait in Trait if trait in message.traits and trait.name],
            expired=message.is_expired,
        )


class ArchivePageOut(Out):
    """Newest first.  partial: empty, the archive is asked, no node.  count: of all matches when this is all of them.

    is_budget_spent: the page is short because the search took too long; go on with next_cursor.
    """

    items: list[ArchivedOut]
    next_cursor: str
    partial: list[PartialOut]
    as_of: datetime
    count: int | None
    is_budget_spent: bool
    took_ms: int


class CountOut(Out):
    """capped: there are more than `count`."""

    count: int
    capped: bool


class SenderCountOut(Out):
    uid: str
    count: int


class ChannelCountOut(Out):
    channel: ChannelRefOut
    count: int


class KindCountOut(Out):
    kind: str
    count: int


class DayCountOut(Out):
    day: date
    count: int


class FacetsOut(Out):
    """Of the newest `counted` matches; capped: there are more."""

    senders: list[SenderCountOut]
    channels: list[ChannelCountOut]
    kinds: list[KindCountOut]
    days: list[DayCountOut]
    counted: int
    capped: bool

    @classmethod
    def of(cls, found: Facets) -> "FacetsOut":
        return cls(
            senders=[SenderCountOut(uid=uid, count=count) for uid, count in found.senders],
            channels=[ChannelCountOut(channel=ChannelRefOut.of(ref), count=count) for ref, count in found.channels],
            kinds=[KindCountOut(kind=kind.value, count=count) for kind, count in found.kinds],
            days=[DayCountOut(day=day, count=count) for day, count in found.days],
            counted=found.counted,
            capped=found.is_capped,
        )


class SuggestionOut(Out):
    """Put `text` in place of the characters from start to end."""

    start: int
    end: int
    text: str
    example: str
    is_open: bool

    @classmethod
    def of(cls, found: Suggestion) -> "SuggestionOut":
        return cls(start=found.start, end=found.end, text=found.text, example=found.example, is_open=found.is_open)


class SuggestionsOut(Out):
    items: list[SuggestionOut]
