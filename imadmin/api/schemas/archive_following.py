"""Spread and tail as JSON."""

from datetime import datetime

from imadmin.api.schemas.common import Out
from imadmin.api.schemas.messages import ChannelRefOut, MessageOut
from imadmin.archive.spread import Spread
from imadmin.archive.tail import Tail


class SpreadSenderOut(Out):
    """exact: how many say the very same."""

    uid: str
    count: int
    exact: int
    first: datetime
    last: datetime


class SpreadChannelOut(Out):
    channel: ChannelRefOut
    count: int
    first: datetime
    last: datetime


class SpreadVariantOut(Out):
    """text: the start of its newest message, null when masked.  length: its characters."""

    text: str | None
    length: int
    count: int
    is_same: bool
    first: datetime
    last: datetime
    newest_message_id: str


class SpreadBarOut(Out):
    start: datetime
    count: int
    exact: int


class SpreadOut(Out):
    """total: at least so many when is_cut; then nothing is missing since complete_since.

    is_short: only the very same text was looked for.  items: the newest messages.  bars: by the hour or the day.
    """

    total: int
    exact: int
    is_cut: bool
    is_short: bool
    compared: int
    since: datetime
    complete_since: datetime
    senders: list[SpreadSenderOut]
    channels: list[SpreadChannelOut]
    variants: list[SpreadVariantOut]
    bars: list[SpreadBarOut]
    is_hourly: bool
    items: list[MessageOut]
    as_of: datetime

    @classmethod
    def of(cls, found: Spread) -> "SpreadOut":
        return cls(
            total=found.total,
            exact=found.exact,
            is_cut=found.is_cut,
            is_short=found.is_short,
            compared=found.looked,
            since=found.since,
            complete_since=found.complete_since,
            senders=[
                SpreadSenderOut(uid=row.uid, count=row.count, exact=row.exact, first=row.first, last=row.last)
                for row in found.writers
            ],
            channels=[
                SpreadChannelOut(
                    channel=ChannelRefOut.of(row.channel), count=row.count, first=row.first, last=row.last
                )
                for row in found.places
            ],
            variants=[
                SpreadVariantOut(
                    text=row.text, length=row.length, count=row.count, is_same=row.is_same, first=row.first,
                    last=row.last, newest_message_id=str(row.newest_id),
                )
                for row in found.variants
            ],
            bars=[SpreadBarOut(start=bar.start, count=bar.count, exact=bar.exact) for bar in found.bars],
            is_hourly=found.is_hourly,
            items=[MessageOut.of(item) for item in found.rows],
            as_of=found.as_of,
        )  # fmt: skip


class TailOut(Out):
    """items: newest first; those of the last ten seconds before `after` come again, tell them by their ids.

    after: give it back to go on.  left_out: newer messages that found no room, `left_out_capped`: and more.
    is_behind: more came than there was room for, so the newest three seconds aren't told yet: ask again.
    """

    items: list[MessageOut]
    after: str
    left_out: int
    left_out_capped: bool
    is_behind: bool
    as_of: datetime

    @classmethod
    def of(cls, found: Tail) -> "TailOut":
        return cls(
            items=[MessageOut.of(item) for item in found.rows],
            after=str(found.mark),
            left_out=found.left_out,
            left_out_capped=found.is_capped,
            is_behind=found.is_behind,
            as_of=found.as_of,
        )
