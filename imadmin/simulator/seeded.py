"""Worlds too big to hold: channels, members and messages computed from numbers, the same each time they are asked for.

Messages come in rows of sixteen: four go to a few hot channels, eight to warm ones, four to all the others. From a
message's place in that order follow its channel, sequence number, time and id, and back again, so counts, sequence
numbers, lookups and pages agree without a list anywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from .corpus import REPLIES
from .ids import SNOWFLAKE_EPOCH_MS, ChannelType
from .model import ChannelKey, Message

ROW = 16
_MIX = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF
_STRIDE = 7919
_TEXTS = tuple(text for texts in REPLIES.values() for text in texts)
CLIENT_NO = "seeded-"


def _mixed(number: int) -> int:
    number = (number ^ (number >> 31)) * _MIX & _MASK
    return (number ^ (number >> 29)) * _MIX & _MASK


@dataclass(frozen=True, slots=True)
class Lane:
    """Channels that share a part of every row."""

    first: int  # number of its first channel
    channels: int
    offset: int  # its place in a row
    width: int
    members: int

    def total(self, messages: int) -> int:
        rows, rest = divmod(messages, ROW)
        return rows * self.width + min(max(rest - self.offset, 0), self.width)


class Seeded:
    """messages of `uids` in channels `c000000` and so on, from `start_ms` on, one every `step_ms`."""

    def __init__(
        self, uids: Sequence[str], channels: int, messages: int, start_ms: int, step_ms: int, node_id: int = 1001
    ) -> None:
        self.uids = uids
        self.channels = channels
        self.messages = messages
        self._start_ms, self._step_ms = start_ms, max(1, step_ms)
        self._node_bits = (node_id & 1023) << 12
        self._place = {uid: index for index, uid in enumerate(uids)}
        self._stride = next(step for step in range(_STRIDE, _STRIDE + 500) if self._is_coprime(step))
        hot, warm = max(1, channels // 10_000), max(1, channels // 100)
        people = len(uids)
        self.lanes = (
            Lane(0, hot, 0, 4, min(2000, people)),
            Lane(hot, warm, 4, 8, min(50, people)),
            Lane(hot + warm, channels - hot - warm, 12, 4, min(8, people)),
        )

    def _is_coprime(self, step: int) -> bool:
        low, high = step, max(1, len(self.uids))
        while low:
            low, high = high % low, low
        return high == 1

    # -- channels ------------------------------------------------------------------------------------------------

    def key(self, channel: int) -> ChannelKey:
        return f"c{channel:06d}", int(ChannelType.GROUP)

    def keys(self) -> Iterator[ChannelKey]:
        return (self.key(channel) for channel in range(self.channels))

    def channel_of(self, key: ChannelKey) -> int | None:
        name, kind = key
        if kind != ChannelType.GROUP or len(name) != 7 or name[0] != "c" or not name[1:].isdigit():
            return None
        channel = int(name[1:])
        return channel if channel < self.channels else None

    def _lane(self, channel: int) -> Lane:
        return next(lane for lane in reversed(self.lanes) if channel >= lane.first)

    def member(self, channel: int, index: int) -> str:
        return self.uids[(channel * self._stride + index) % len(self.uids)]

    def members(self, channel: int) -> list[str]:
        return [self.member(channel, index) for index in range(self._lane(channel).members)]

    def channels_of(self, uid: str) -> list[int]:
        """The channels somebody is a member of."""
        place, people = self._place.get(uid), len(self.uids)
        if place is None:
            return []
        back = pow(self._stride, -1, people) if people > 1 else 0
        found = []
        for lane in self.lanes:
            if lane.channels <= lane.members:
                near = range(lane.first, lane.first + lane.channels)
                found += [one for one in near if (place - one * self._stride) % people < lane.members]
                continue
            for index in range(lane.members):
                first = (place - index) * back % people
                first += -(-(lane.first - first) // people) * people if first < lane.first else 0
                found += range(first, lane.first + lane.channels, people)
        return found

    # -- messages ------------------------------------------------------------------------------------------------

    def count(self, channel: int) -> int:
        lane = self._lane(channel)
        total, index = lane.total(self.messages), channel - lane.first
        return max(0, -(-(total - index) // lane.channels))

    def _order(self, channel: int, seq: int) -> int:
        lane = self._lane(channel)
        row, place = divmod((seq - 1) * lane.channels + channel - lane.first, lane.width)
        return row * ROW + lane.offset + place

    def at(self, channel: int, seq: int) -> Message:
        return self._message(self._order(channel, seq), channel, seq)

    def nth(self, order: int) -> Message:
        row, place = divmod(order, ROW)
        lane = next(lane for lane in reversed(self.lanes) if place >= lane.offset)
        seq, index = divmod(row * lane.width + place - lane.offset, lane.channels)
        return self._message(order, lane.first + index, seq + 1)

    def _message(self, order: int, channel: int, seq: int) -> Message:
        dice, name = _mixed(order + 1), self.key(channel)[0]
        at_ms = self._start_ms + order * self._step_ms
        text = f'{{"type":1,"content":"{_TEXTS[dice % len(_TEXTS)]} {seq}"}}'
        return Message(
            id=((at_ms - SNOWFLAKE_EPOCH_MS) << 22) | self._node_bits,
            seq=seq,
            client_msg_no=f"{CLIENT_NO}{order}",
            from_uid=self.sender(order, channel),
            channel_id=name,
            channel_type=int(ChannelType.GROUP),
            payload=text.encode(),
            timestamp=at_ms // 1000,
            red_dot=True,
        )

    def sender(self, order: int, channel: int) -> str:
        return self.member(channel, (_mixed(order + 1) >> 20) % self._lane(channel).members)

    def by_id(self, message_id: int) -> Message | None:
        order, rest = divmod((message_id >> 22) + SNOWFLAKE_EPOCH_MS - self._start_ms, self._step_ms)
        is_one = not rest and message_id & 0x3FFFFF == self._node_bits and 0 <= order < self.messages
        return self.nth(order) if is_one else None

    def by_client_no(self, client_msg_no: str) -> Message | None:
        text = client_msg_no.removeprefix(CLIENT_NO)
        is_one = text != client_msg_no and text.isdigit() and int(text) < self.messages
        return self.nth(int(text)) if is_one else None

    def older_than(self, message_id: int) -> range:
        """Places of the messages before an id (of all, for 0), newest first."""
        stop = self.messages
        if message_id:
            stop = self._after(message_id - 1)
        return range(min(max(stop, 0), self.messages) - 1, -1, -1)

    def newer_than(self, message_id: int) -> range:
        return range(min(max(self._after(message_id), 0), self.messages), self.messages)

    def _after(self, message_id: int) -> int:
        """The place of the first message with a larger id."""
        at_ms = ((message_id - self._node_bits) >> 22) + SNOWFLAKE_EPOCH_MS
        return (at_ms - self._start_ms) // self._step_ms + 1

    def spoken_by(self, uid: str) -> list[int]:
        """Channels where somebody may have said something."""
        return self.channels_of(uid)

    def said_in(self, channel: int, uid: str, *, newest_first: bool) -> Iterator[Message]:
        seqs = range(1, self.count(channel) + 1)
        for seq in reversed(seqs) if newest_first else seqs:
            if self.sender(self._order(channel, seq), channel) == uid:
                yield self.at(channel, seq)


class SeededLog(Sequence[Message]):
    """The messages of one channel: the computed ones, then those that were really sent."""

    __slots__ = ("_channel", "_count", "_seeded", "_sent")

    def __init__(self, seeded: Seeded, channel: int) -> None:
        self._seeded, self._channel = seeded, channel
        self._count = seeded.count(channel)
        self._sent: list[Message] = []

    def __len__(self) -> int:
        return self._count + len(self._sent)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        if place >= self._count:
            return self._sent[place - self._count]
        return self._seeded.at(self._channel, place + 1)

    def cut(self, count: int) -> int:
        """Only what was really sent can go."""
        gone = min(count, len(self._sent))
        del self._sent[len(self._sent) - gone :]
        return gone

    def append(self, message: Message) -> None:
        self._sent.append(message)
