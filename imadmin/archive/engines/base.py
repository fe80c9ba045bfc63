"""What every engine of the archive does.  One engine object is one cluster's archive.

An engine keeps messages by their id, finds candidates through an index of grams and tokens, and knows which sequence
numbers of each channel it holds.  It answers a superset; `archive.search` verifies each candidate, so that all
engines give the same answers.  All methods may be called from any thread; none needs Django.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from imadmin.archive.cover import Cover
from imadmin.archive.rows import (
    BrokenCall,
    ChannelHold,
    Coverage,
    Fault,
    Incoming,
    Revision,
    SeenChannel,
    Stored,
    Taken,
    Totals,
)
from imadmin.core.errors import Busy, gettext_noop
from imadmin.gateway.types import ChannelRef

RID_SHIFT = 14  # rid = second since 1970 << RID_SHIFT | number within the second; a full second spills into the next
RID_MAX = 2**63 - 1
SECOND_MAX = 2**34 - 1  # times outside of 0 .. this (a server's clock gone wrong) are placed at these ends


def second_of(sent_at: int) -> int:
    """The second at which a message is placed; it lies there or up to `Engine.spill` seconds later."""
    return max(0, min(sent_at, SECOND_MAX))


def above_of(first_at: int) -> int:
    """For `scan(above=)`: a message sent at this second or later has a greater rid."""
    return (second_of(first_at) << RID_SHIFT) - 1


def below_of(last_at: int, spill: int) -> int:
    """For `scan(below=)`: a message sent before this second has a smaller rid.  spill: the engine's, read now."""
    return (second_of(last_at - 1) + spill + 1) << RID_SHIFT


NO_STORE = gettext_noop("The archive can't be read right now.")
NO_STORE_HINT = gettext_noop("Check that its disk has room and its database answers.")


class StoreUnavailable(Busy):
    """The archive can't be reached or written: disk full, locked, database gone.  Nothing of the call was stored.

    A face tells it as every Busy; detail, for logs, is what str() gives.
    """

    def __init__(self, detail: str = "") -> None:
        super().__init__(NO_STORE, hint=NO_STORE_HINT)
        self.args = (detail,)


class OutOfTime(Exception):
    """The seconds of a `scan` were over before it knew."""


class Engine(Protocol):
    """Every method raises StoreUnavailable and is then as if it had not been called."""

    @property
    def name(self) -> str: ...

    @property
    def spill(self) -> int:
        """By how many seconds a message may lie after its own second, because that one was full."""
        ...

    def ingest(self, incoming: Sequence[Incoming], broken: Sequence[BrokenCall] = ()) -> Taken:
        """Store a batch in one transaction, each message once by its id; committed when it returns.

        A known message that was stored without a number (seq 0: the feed didn't tell its whole channel) takes its
        channel and number from one that has it.
        """
        ...

    def revise(self, revisions: Sequence[Revision]) -> int:
        """Change and re-index messages that are stored; how many there were."""
        ...

    def scan(
        self,
        cover: Cover | None,
        *,
        below: int = RID_MAX,
        above: int = -1,
        most: int = 200,
        seconds: float | None = None,
    ) -> Sequence[Stored]:
        """Candidates newest first with above < rid < below; None = every message.  Fewer than `most` = no more.

        seconds: about how long it may take, None = as long as any reading.  Raises OutOfTime.
        """
        ...

    def by_ids(self, ids: Sequence[int]) -> dict[int, Stored]: ...

    def newest_in(self, channel: ChannelRef, *, below_seq: int | None = None, most: int = 50) -> Sequence[Stored]:
        """Messages of one channel by falling (seq, id)."""
        ...

    def around(self, channel: ChannelRef, seq: int, *, before: int, after: int) -> Sequence[Stored]:
        """Messages of one channel by rising (seq, id): those at `seq` and so many before and after."""
        ...

    def note_channels(self, seen: Sequence[SeenChannel], at: int) -> None:
        """What the server says of its channels (at: seconds); unknown ones are added without messages."""
        ...

    def note_gone(self, channel: ChannelRef, first: int, last: int) -> None:
        """The server has nothing in this range of sequence numbers: no gap that could be closed."""
        ...

    def hold(self, channel: ChannelRef) -> ChannelHold | None: ...

    def holds(self, *, after: int = 0, most: int = 1000) -> Sequence[tuple[int, ChannelHold]]:
        """Channels in the order they became known, each with its number here; after: the last number seen."""
        ...

    def behind(self, *, most: int = 1000) -> Sequence[ChannelHold]:
        """Channels with gaps, the most recently active first."""
        ...

    def touched(self, *, since: int, most: int = 1000) -> Sequence[ChannelHold]:
        """Channels whose newest message is of that second or later, newest first."""
        ...

    def coverage(self) -> Coverage:
        """One aggregate read: cheap enough for a page."""
        ...

    def channels_like(self, prefix: str, *, kind: int | None = None, most: int = 20) -> Sequence[ChannelRef]:
        """Channels whose ids begin so, case counts; by id, then type."""
        ...

    def senders_like(self, prefix: str, *, most: int = 20) -> Sequence[str]: ...

    def leaders(self) -> Sequence[int]:
        """The nodes that led a channel when it was last listed, by number."""
        ...

    def totals(self) -> Totals: ...

    def broken(self, *, most: int = 50) -> Sequence[BrokenCall]: ...

    def note(self, name: str, value: str | None = None) -> str:
        """Read a small note kept beside the messages ("" when there is none); with a value, write it; "" forgets it."""
        ...

    def notes(self, prefix: str, *, after: str = "", most: int | None = None) -> dict[str, str]:
        """Notes whose names begin so, by their names; after: the last one seen."""
        ...

    def notes_size(self, prefix: str) -> tuple[int, int]:
        """How many notes have names that begin so, and the characters in them."""
        ...

    def measure(self) -> None:
        """Learn what `totals` tells of sizes, where that takes long: for work in the background."""
        ...

    def reindex(self, *, should_stop: Callable[[], bool], tell: Callable[[int], None]) -> bool:
        """Build the index anew beside reading and writing; False when stopped (the old one stays in use)."""
        ...

    def verify(self, *, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Fault]: ...

    def close(self) -> None: ...

    def drop(self) -> None:
        """Delete the whole archive of this cluster."""
        ...
