"""Messages put straight into a cluster's archive, as the feed would."""

import itertools
import json
import time
from types import SimpleNamespace
from typing import Any

from imadmin.archive import stores
from imadmin.archive.rows import Incoming
from imadmin.gateway.types import ChannelRef
from tests.factories import store_cluster

_ids = itertools.count(1_991_377_204_518_416_384)


def quiet_cluster(slug: str = "own") -> Any:
    """A stored cluster that nobody has to run: what is asked of it comes from its archive."""
    nobody = SimpleNamespace(nodes=[SimpleNamespace(api_url="http://127.0.0.1:9", manager_url="http://127.0.0.1:9")])
    return store_cluster(nobody, slug=slug)


class Filling:
    """put("hello", uid="anna", ago=60) -> the message's id."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.engine = stores.engine_of(cluster.pk)
        self._seqs: dict[ChannelRef, int] = {}

    def put(self, text: str, **fields: Any) -> int:
        return self.put_all([(text, fields)])[0]

    def put_all(self, messages: Any) -> list[int]:
        incoming = [self.incoming(text, **fields) for text, fields in messages]
        self.engine.ingest(incoming)
        return [one.id for one in incoming]

    def incoming(
        self, text: str, *, uid: str = "anna", channel: str = "team", channel_type: int = 2, ago: float = 60,
        at: int | None = None, payload: dict[str, Any] | bytes | None = None,
    ) -> Incoming:  # fmt: skip
        ref = ChannelRef(channel, channel_type)
        self._seqs[ref] = self._seqs.get(ref, 0) + 1
        content = {"type": 1, "content": text} if payload is None else payload
        return Incoming(
            id=next(_ids),
            seq=self._seqs[ref],
            channel=ref,
            from_uid=uid,
            sent_at=int(time.time() - ago) if at is None else at,
            payload=content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode(),
        )
