"""Filling an archive without a server: messages by few words, numbered by themselves."""

import itertools
import json
import time
from typing import Any

from imadmin.archive import stores
from imadmin.archive.rows import Incoming, Taken
from imadmin.gateway.types import ChannelRef

_ids = itertools.count(1_991_377_204_518_416_384)


class Stock:
    """The archive of one cluster.  say() stores one message and gives it back as it went in."""

    def __init__(self, cluster: Any) -> None:
        self.engine = stores.engine_of(cluster.pk)
        self._seqs: dict[ChannelRef, int] = {}

    def say(
        self,
        from_uid: str,
        channel_id: str,
        text: str | bytes | dict[str, Any],
        *,
        channel_type: int = 2,
        ago: float = 60,
        **fields: Any,
    ) -> Incoming:
        channel = ChannelRef.person(from_uid, channel_id) if channel_type == 1 else ChannelRef(channel_id, channel_type)
        self._seqs[channel] = seq = fields.pop("seq", self._seqs.get(channel, 0) + 1)
        incoming = Incoming(
            id=fields.pop("id", 0) or next(_ids),
            seq=seq,
            channel=channel,
            from_uid=from_uid,
            sent_at=int(time.time() - ago),
            payload=_bytes(text),
            **fields,
        )
        self.take(incoming)
        return incoming

    def take(self, *incoming: Incoming) -> Taken:
        return self.engine.ingest(incoming)


def _bytes(text: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(text, bytes):
        return text
    body = {"type": 1, "content": text} if isinstance(text, str) else text
    return json.dumps(body, ensure_ascii=False).encode()
