"""Searching messages: doubled sequence numbers at a page's edge, and text searches that are dear to the server."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from imadmin.gateway.errors import TimedOut
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import MessageQuery
from tests.gateway.conftest import ALONE, GROUP, Script

SEQS = (9, 8, 7, 7, 6, 5, 5, 4)


def row(number: int, seq: int) -> dict[str, Any]:
    return {
        "message_id": str(number), "message_seq": seq, "from_uid": "anna", "channel_id": GROUP.id,
        "channel_type": GROUP.type, "timestamp": 1700000000, "payload": "e30=",
    }  # fmt: skip


STORED = [row(100 - number, seq) for number, seq in enumerate(SEQS)]


def found(request: httpx.Request) -> tuple[int, Any]:
    """As the server pages: below the offset, so many rows."""
    below = int(request.url.params.get("offset_message_seq", 10**9))
    rows = [one for one in STORED if one["message_seq"] < below]
    return 200, {"data": rows[: int(request.url.params["limit"])]}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 8])
async def test_a_seq_given_out_twice_is_never_torn_by_a_page(script: Script, scripted: WuKongIM2, limit: int):
    script.answers["/cluster/messages"] = found
    seen: list[int] = []
    cursor = ""
    while True:
        page = await scripted.search_messages(MessageQuery(channel=GROUP), cursor=cursor, limit=limit)
        assert page.items
        seen += [message.id for message in page.items]
        if not (cursor := page.next_cursor):
            break
    assert seen == [int(one["message_id"]) for one in STORED]


async def test_a_text_search_that_times_out_is_asked_once(script: Script, scripted: WuKongIM2):
    """The nodes go on reading: neither each of them, nor another one, nor another encoding is asked for that again."""
    two = ALONE | {"id": 2, "is_leader": 0, "api_server_addr": "http://node-2:5001"}
    script.answers["/cluster/simpleNodes"] = (200, {"data": [ALONE, two]})
    script.answers["/cluster/messages"] = httpx.ReadTimeout("silent")
    with pytest.raises(TimedOut):
        await scripted.search_messages(MessageQuery(channel=GROUP, text="大写"))
    assert script.called("/cluster/messages") == 1


async def test_the_encodings_of_a_text_are_asked_one_after_the_other(script: Script, scripted: WuKongIM2):
    under_way = most = 0

    async def slowly(request: httpx.Request) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return 200, {"data": []}

    script.answers["/cluster/messages"] = slowly
    script.answers["/channel/max_message_seq"] = (200, {"message_seq": 5})
    page = await scripted.search_messages(MessageQuery(channel=GROUP, text='大"写'))
    assert page.items == () and page.scanned == 5
    assert (script.called("/cluster/messages"), most) == (3, 1)
