"""Reading queries at a fixed moment, in Shanghai."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from imadmin.archive.grammar import (
    QueryError,
    parse,
)
from imadmin.gateway.types import ChannelRef

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # 14:30 in Shanghai


def read(text, zone=SHANGHAI):
    return parse(text, zone=zone, now=NOW)


def second(text, zone=SHANGHAI):
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def faults(text):
    with pytest.raises(QueryError) as caught:
        read(text)
    return [(fault.start, fault.end, text[fault.start : fault.end]) for fault in caught.value.faults]


def sentences(text):
    with pytest.raises(QueryError) as caught:
        read(text)
    return [fault.text() for fault in caught.value.faults]


class Known:
    """What an archive knows."""

    def channels_like(self, prefix, *, kind=None, most=20):
        known = [ChannelRef("g42", 2), ChannelRef("g 43", 2), ChannelRef("gate", 3), ChannelRef("u1@u2", 1)]
        return [each for each in known if each.id.startswith(prefix) and kind in (None, each.type)][:most]

    def senders_like(self, prefix, *, most=20):
        return [uid for uid in ("u1", "u2", "u 3", "zoe") if uid.startswith(prefix)][:most]

    def leaders(self):
        return [1001, 1002]
