"""Messages for the store's tests, and how they are looked for there."""

import json
from typing import Any

from imadmin.archive import grams
from imadmin.archive.norm import norm
from imadmin.archive.rows import Incoming
from imadmin.gateway.types import ChannelRef

GROUP = ChannelRef("g1", 2)


def said(text: str, **fields: Any) -> bytes:
    return json.dumps({"type": 1, "content": text, **fields}, ensure_ascii=False).encode()


def message(number: int, text: str = "hello", **fields: Any) -> Incoming:
    made: dict[str, Any] = {
        "id": number,
        "seq": number,
        "channel": GROUP,
        "from_uid": "u1",
        "sent_at": 1_700_000_000 + number,
        "payload": said(text),
    }
    return Incoming(**{**made, **fields})


def found(engine: Any, text: str, **bounds: Any) -> list[int]:
    """Ids of the candidates for a word, newest first."""
    cover = grams.word_cover(norm(text))
    return [row.id for row in engine.scan(cover, **bounds)]


def faults(engine: Any) -> list[Any]:
    return list(engine.verify())
