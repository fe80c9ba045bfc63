"""Messages in the archive of a cluster, for tests of what people keep and take along."""

import json
import time
from collections.abc import Sequence
from typing import Any

from imadmin.archive import stores
from imadmin.archive.models import Archive
from imadmin.archive.rows import Incoming
from imadmin.gateway.types import ChannelRef

GROUP = ChannelRef("tea", 2)
FIRST_ID = 1_990_000_000_000_000_000


class Talk:
    """say() puts messages into the archive, each a second after the one before."""

    def __init__(self, cluster: Any, *, start: int | None = None) -> None:
        self.cluster, self.number, self.at = cluster, 0, start or int(time.time()) - 3600
        Archive.objects.get_or_create(cluster=cluster, defaults={"is_on": True})

    def say(
        self, *texts: str, uid: str = "ann", channel: ChannelRef = GROUP, at: int | None = None, **fields: Any
    ) -> list[int]:
        """The ids, in order."""
        return self.put(
            [json.dumps({"type": 1, "content": text}).encode() for text in texts], uid, channel, at, **fields
        )

    def put(
        self, payloads: Sequence[bytes], uid: str = "ann", channel: ChannelRef = GROUP, at: int | None = None,
        **fields: Any,
    ) -> list[int]:  # fmt: skip
        made = []
        for payload in payloads:
            self.number += 1
            self.at = at if at is not None else self.at + 1
            made.append(
                Incoming(
                    id=FIRST_ID + self.number, seq=self.number, channel=channel, from_uid=uid, sent_at=self.at,
                    payload=payload, client_msg_no=f"c{self.number}", **fields,
                )
            )  # fmt: skip
        stores.engine_of(self.cluster.pk).ingest(made)
        return [one.id for one in made]
