"""Changes that end in the middle: what is done, unsure and unsent, and what is never sent twice."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from imadmin.gateway import http as http_module
from imadmin.gateway.errors import (
    BadReply,
    CircuitOpen,
    GatewayError,
    ListWriteBroken,
    NotAllowed,
    Rejected,
    TimedOut,
    Uncertain,
    Unreachable,
)  # fmt: skip
from imadmin.gateway.http import Call, Reply
from imadmin.gateway.kinds.wukongim2 import answers
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelFlags
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import GROUP, Script, Sent, streamed

UIDS = [f"u{number}" for number in range(501)]
OK = (200, {"status": 200})
GAVE_UP = (400, {"msg": "context deadline exceeded", "status": 400})


def in_turn(*told):
    left = list(told)
    return lambda request: left.pop(0)


async def test_a_list_that_breaks_half_way_says_which_half(script: Script, scripted: WuKongIM2):
    script.answers["/channel/blacklist_add"] = in_turn(OK, GAVE_UP)
    with pytest.raises(ListWriteBroken) as broken:
        await scripted.add_to_denylist(GROUP, UIDS)
    assert broken.value.done == tuple(UIDS[:200])
    assert broken.value.unsure == tuple(UIDS[200:400])
    assert broken.value.unsent == tuple(UIDS[400:])
    assert isinstance(broken.value.cause, Uncertain)
    assert script.called("/channel/blacklist_add") == 2


async def test_one_piece_that_may_have_happened_is_uncertain(script: Script, scripted: WuKongIM2):
    script.answers["/channel/blacklist_add"] = GAVE_UP
    with pytest.raises(Uncertain):
        await scripted.add_to_denylist(GROUP, ["anna"])


async def test_what_broke_before_anything_was_done_is_raised_as_it_is(script: Script, scripted: WuKongIM2):
    script.answers["/channel/blacklist_add"] = (400, {"msg": "no", "status": 400})
    with pytest.raises(Rejected):
        await scripted.add_to_denylist(GROUP, UIDS)
    assert script.called("/channel/blacklist_add") == 1


async def test_a_first_piece_that_may_have_happened_leaves_the_rest_unsent(script: Script, scripted: WuKongIM2):
    script.answers["/channel/blacklist_add"] = httpx.ReadTimeout("silent")
    with pytest.raises(ListWriteBroken) as broken:
        await scripted.add_to_denylist(GROUP, UIDS)
    assert (len(broken.value.done), len(broken.value.unsure), len(broken.value.unsent)) == (0, 200, 301)


@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("x"), httpx.ReadError("x"), httpx.RemoteProtocolError("Server disconnected"), (500, "")]
)
async def test_a_change_that_may_have_happened_is_uncertain_and_never_repeated(script, scripted: WuKongIM2, fault):
    script.answers["/channel"] = fault
    with pytest.raises(Uncertain):
        await scripted.set_flags(GROUP, ChannelFlags())
    assert script.called("/channel") == 1


async def test_a_refused_connection_changes_nothing_and_says_so(script: Script, scripted: WuKongIM2):
    script.answers["/channel"] = httpx.ConnectError("refused")
    with pytest.raises(Unreachable):
        await scripted.set_flags(GROUP, ChannelFlags())


@pytest.mark.parametrize(("seconds", "error"), [(5.02, Uncertain), (0.2, Rejected)])
def test_a_400_after_five_seconds_means_unknown(seconds: float, error: type[Exception]):
    call = Call("set_flags", "http://n", "/channel", is_read=False)
    body = '{"msg":"创建频道失败！","status":400}'.encode()
    with pytest.raises(error):
        answers.confirm(Reply(call, 400, "application/json", "", body, seconds))


async def test_a_wedged_slot_is_uncertain(gateway: WuKongIM2, cluster: SimulatedCluster):
    slot = cluster.state.slot_of(GROUP.id)
    cluster.wedge_slot(slot, written=True, seconds=0.1)
    with pytest.raises(Uncertain):
        await gateway.set_flags(GROUP, ChannelFlags(ban=True))
    cluster.heal_slot(slot)
    record = await gateway.channel(GROUP)
    assert record and record.ban, "it happened all the same: read back"


async def test_a_missing_right_is_told(script: Script, scripted: WuKongIM2):
    script.answers["/channel"] = (400, {"msg": "没有权限", "status": 403})
    with pytest.raises(NotAllowed):
        await scripted.set_flags(GROUP, ChannelFlags())


async def test_two_list_changes_wait_for_each_other(gateway: WuKongIM2, sent: Sent):
    await asyncio.gather(gateway.add_subscribers(GROUP, UIDS), gateway.add_to_denylist(GROUP, UIDS))
    order = ["subscribers" if "subscribers" in body else "uids" for _, _, body in sent("/channel/*")]
    assert sorted(order) == ["subscribers"] * 3 + ["uids"] * 3
    assert order in (["subscribers"] * 3 + ["uids"] * 3, ["uids"] * 3 + ["subscribers"] * 3)


async def test_an_answer_200_with_another_status_inside_is_no_success(script: Script, scripted: WuKongIM2):
    script.answers["/user/device_quit"] = (200, {"status": 19})
    with pytest.raises(Rejected):
        await scripted.quit_device("anna", 1)


PACKED = {"content-encoding": "gzip"}


@pytest.mark.parametrize(
    "answer",
    [
        (200, "garbage"),
        (200, "<html>"),
        (200, ""),
        (200, []),
        (200, {"status": 500}),
        (200, {"data": "x"}),
        (400, "garbage"),
        (400, {"x": 1}),
        lambda request: streamed(200, b"no gzip", **PACKED),
        lambda request: streamed(200, gzip.compress(b'{"status":200}')[:-9], **PACKED),
        lambda request: streamed(200, b" " * 5000),
        lambda request: streamed(200, b"{}", **{"content-encoding": "br"}),
        httpx.RemoteProtocolError("illegal status line"),
    ],
)
async def test_an_unreadable_answer_to_a_change_leaves_it_unknown(
    script: Script, scripted: WuKongIM2, answer, monkeypatch
):
    monkeypatch.setattr(http_module, "BODY_LIMIT", 4000)
    script.answers["/channel"] = answer
    with pytest.raises(Uncertain) as raised:
        await scripted.set_flags(GROUP, ChannelFlags())
    assert raised.value.is_uncertain
    assert script.called("/channel") == 1


@pytest.mark.parametrize("answer", [(401, ""), (401, "garbage"), (404, "404 page not found"), (302, "")])
async def test_a_change_that_never_got_to_the_server_is_certain(script: Script, scripted: WuKongIM2, answer):
    script.answers["/channel"] = answer
    with pytest.raises(GatewayError) as raised:
        await scripted.set_flags(GROUP, ChannelFlags())
    assert not raised.value.is_uncertain


def test_errors_know_whether_a_change_may_have_happened():
    half = ListWriteBroken(done=(), unsure=("anna",), unsent=(), cause=Rejected())
    assert Uncertain().is_uncertain and TimedOut().is_uncertain and half.is_uncertain
    assert not any(kind().is_uncertain for kind in (Rejected, Unreachable, BadReply, CircuitOpen, NotAllowed))
