"""Messages: stored by channel, found again by id, sender, client number and payload.

`search` walks in the real server's order, its paging faults included (reference 5.4): tools must be tested
against the order that production has, not against the one they would like.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .ids import channel_hash
from .model import ChannelKey, Message
from .seeded import Seeded, SeededLog

SHARDS = 8


@dataclass(frozen=True, slots=True)
class MessageQuery:
    from_uid: str = ""
    channel_id: str = ""
    channel_type: int = 0
    message_id: int = 0
    client_msg_no: str = ""
    payload: bytes = b""
    offset_id: int = 0
    offset_seq: int = 0
    pre: bool = False
    limit: int = 20


def shard_of(key: ChannelKey) -> int:
    return channel_hash(*key) % SHARDS


class Archive:
    def __init__(self) -> None:
        self.logs: dict[ChannelKey, list[Message] | SeededLog] = {}
        self.seeded: Seeded | None = None
        self.by_id: dict[int, Message] = {}
        self._ordered: list[list[Message]] = [[] for _ in range(SHARDS)]
        self._by_sender: dict[str, dict[ChannelKey, list[Message]]] = {}
        self._by_client_no: dict[str, list[Message]] = {}

    def __len__(self) -> int:
        return len(self.by_id) + (self.seeded.messages if self.seeded else 0)

    def add_seeded(self, seeded: Seeded) -> None:
        """Messages that are computed when asked for; all of them are older than what is stored."""
        self.seeded = seeded
        self.logs |= {key: SeededLog(seeded, channel) for channel, key in enumerate(seeded.keys())}

    def find(self, message_id: int) -> Message | None:
        return self.by_id.get(message_id) or (self.seeded.by_id(message_id) if self.seeded else None)

    def last_seq(self, key: ChannelKey) -> int:
        return len(self.logs.get(key, ()))

    def last(self, key: ChannelKey) -> Message | None:
        log = self.logs.get(key)
        return log[-1] if log else None

    def store(self, message: Message) -> Message:
        """Give the next sequence number and index the message."""
        key = message.key
        log = self.logs.setdefault(key, [])
        message.seq = len(log) + 1
        log.append(message)
        self.by_id[message.id] = message
        ordered = self._ordered[shard_of(key)]
        if not ordered or ordered[-1].id < message.id:
            ordered.append(message)
        else:
            insort(ordered, message, key=_id_of)
        self._by_sender.setdefault(message.from_uid, {}).setdefault(key, []).append(message)
        self._by_client_no.setdefault(message.client_msg_no, []).append(message)
        return message

    def cut(self, key: ChannelKey, last_seq: int) -> int:
        """Take the rows after `last_seq` out of a channel; they stay where only the search looks. How many."""
        log = self.logs.get(key)
        if log is None or len(log) <= last_seq:
            return 0
        gone = len(log) - last_seq
        if isinstance(log, SeededLog):
            return log.cut(gone)
        del log[last_seq:]
        return gone

    def last_seq_of(self, key: ChannelKey, uid: str) -> int:
        """The sequence number of somebody's newest message in a channel."""
        said = self._by_sender.get(uid, {}).get(key)
        if said:
            return said[-1].seq
        channel = self.seeded.channel_of(key) if self.seeded else None
        if channel is None or self.seeded is None:
            return 0
        newest = next(self.seeded.said_in(channel, uid, newest_first=True), None)
        return newest.seq if newest else 0

    def at(self, key: ChannelKey, seq: int) -> Message | None:
        log = self.logs.get(key, ())
        return log[seq - 1] if 1 <= seq <= len(log) else None

    def by_client_no(self, key: ChannelKey, client_msg_no: str) -> list[Message]:
        """Oldest first."""
        return [one for one in self._with_client_no(client_msg_no) if one.key == key]

    def _with_client_no(self, client_msg_no: str) -> list[Message]:
        computed = self.seeded.by_client_no(client_msg_no) if self.seeded else None
        return [*([computed] if computed else []), *self._by_client_no.get(client_msg_no, ())]

    def page(self, key: ChannelKey, start: int, end: int, limit: int, *, newer: bool) -> list[Message]:
        """One page of a channel, always ascending: the table of reference 2.1, /channel/messagesync."""
        log: Sequence[Message] = self.logs.get(key, [])
        if start == 0 and end == 0:
            return list(log[-limit:] if limit > 0 else log)
        if newer:
            first = max(start, 1)
            stop = end - 1 if end else len(log)
            last = min(stop, first - 1 + limit) if limit > 0 else stop
            return list(log[first - 1 : max(last, 0)])
        if end > start:
            return []
        start = min(start, len(log))
        return list(log[max(end, start - limit, 0) : start]) if limit > 0 else []

    # -- search --------------------------------------------------------------------------------------------------

    def search(self, query: MessageQuery) -> list[Message]:
        """The rows of one node, newest id first."""
        if query.message_id > 0:
            found = self.find(query.message_id)
            return [found] if found else []
        if query.channel_id and query.channel_type:
            rows = self._take(self._walk_channel(query), query)
        elif query.from_uid:
            rows = [row for shard in self._sender_shards(query) for row in self._take(shard, query)]
        elif query.client_msg_no:
            rows = self._take(iter(self._with_client_no(query.client_msg_no)), query)
        else:
            rows = [row for shard in self._ordered for row in self._take(_walk_ids(shard, query), query)]
            if self.seeded and (query.pre or len(rows) < query.limit):
                rows += self._take(_walk_seeded(self.seeded, query), query)
        if query.pre:
            rows.sort(key=_id_of)
            return sorted(rows[: query.limit], key=_text_id, reverse=True)
        rows.sort(key=_text_id, reverse=True)
        return rows[: query.limit]

    def _walk_channel(self, query: MessageQuery) -> Iterator[Message]:
        """Stops at the first row on the wrong side of offset_message_id, so an id alone gives an empty page."""
        log: Sequence[Message] = self.logs.get((query.channel_id, query.channel_type), [])
        stop = min(query.offset_seq - 1, len(log)) if query.offset_seq else len(log)
        places = range(query.offset_seq, len(log)) if query.pre else range(stop - 1, -1, -1)
        for row in (log[place] for place in places):
            if query.offset_id and (row.id <= query.offset_id if query.pre else row.id >= query.offset_id):
                return
            yield row

    def _sender_shards(self, query: MessageQuery) -> Iterator[Iterator[Message]]:
        """The sender index is ordered by (channel hash, seq), not by time; each shard is walked on its own."""
        channels = self._by_sender.get(query.from_uid, {})
        computed = self.seeded.channels_of(query.from_uid) if self.seeded else []
        everywhere = {*channels, *(self.seeded.key(channel) for channel in computed if self.seeded)}
        for shard in range(SHARDS):
            keys = [key for key in everywhere if shard_of(key) == shard]
            keys.sort(key=lambda key: channel_hash(*key), reverse=not query.pre)
            yield self._walk_sender(channels, keys, query)

    def _said_in(self, key: ChannelKey, stored: list[Message], query: MessageQuery) -> Iterator[Message]:
        """What the sender said in one channel, in the order of the walk."""
        channel = self.seeded.channel_of(key) if self.seeded else None
        computed: Iterable[Message] = ()
        if self.seeded and channel is not None:
            computed = self.seeded.said_in(channel, query.from_uid, newest_first=not query.pre)
        if query.pre:
            yield from computed
            yield from stored
        else:
            yield from reversed(stored)
            yield from computed

    def _walk_sender(
        self, channels: dict[ChannelKey, list[Message]], keys: list[ChannelKey], query: MessageQuery
    ) -> Iterator[Message]:
        for key in keys:
            for row in self._said_in(key, channels.get(key, []), query):
                if query.offset_id and (row.id <= query.offset_id if query.pre else row.id >= query.offset_id):
                    return  # the real walk gives up here instead of skipping: later pages come out wrong
                yield row

    def _take(self, rows: Iterator[Message], query: MessageQuery) -> list[Message]:
        taken: list[Message] = []
        for row in rows:
            if _matches(row, query):
                taken.append(row)
                if len(taken) >= query.limit:
                    break
        return taken


def _walk_ids(ordered: list[Message], query: MessageQuery) -> Iterator[Message]:
    if query.pre:
        yield from ordered[bisect_left(ordered, query.offset_id + 1, key=_id_of) :]
    else:
        stop = bisect_left(ordered, query.offset_id, key=_id_of) if query.offset_id else len(ordered)
        for index in range(stop - 1, -1, -1):
            yield ordered[index]


def _walk_seeded(seeded: Seeded, query: MessageQuery) -> Iterator[Message]:
    places = seeded.newer_than(query.offset_id) if query.pre else seeded.older_than(query.offset_id)
    return (seeded.nth(place) for place in places)


def _matches(row: Message, query: MessageQuery) -> bool:
    return (
        (not query.from_uid or row.from_uid == query.from_uid)
        and (not query.channel_id or row.channel_id == query.channel_id)
        and (not query.channel_type or row.channel_type == query.channel_type)
        and (not query.client_msg_no or row.client_msg_no == query.client_msg_no)
        and (not query.payload or query.payload in row.payload)
    )


def _id_of(message: Message) -> int:
    return message.id


def _text_id(message: Message) -> str:
    return str(message.id)
