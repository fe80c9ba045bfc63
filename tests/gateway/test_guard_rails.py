"""Each of these really brought a server down or wedged it.  Here: it never leaves us, and the cluster lives."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx
import pytest

from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import NoSuch, RefusedLocally
from imadmin.gateway.kinds.wukongim2 import guards
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelFlags, ChannelRef, MessageQuery, Session
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import GROUP, TOKEN, Sent

LIST_CHANGES = (
    "add_subscribers", "remove_subscribers", "add_to_denylist", "remove_from_denylist", "set_allowlist",
)  # fmt: skip


@pytest.mark.parametrize("change", LIST_CHANGES)
@pytest.mark.parametrize("blank", ["", "  ", "\t\n", "\u3000"])
async def test_a_blank_uid_refuses_the_whole_list(gateway: WuKongIM2, cluster, sent: Sent, change: str, blank: str):
    with pytest.raises(RefusedLocally) as refused:
        await getattr(gateway, change)(GROUP, ["anna", blank, "ben", blank])
    assert refused.value.params == {"positions": "2, 4"}
    assert "2, 4" in refused.value.text()
    assert refused.value.fields
    assert sent.nothing
    assert cluster.deaths == []


@pytest.mark.parametrize("change", LIST_CHANGES)
@pytest.mark.parametrize("bad", ["a@b", "a#b", "a&b", "a\x00b", "a\nb", "\ud800"])
async def test_a_uid_the_server_cannot_have_refuses_the_whole_list(gateway: WuKongIM2, sent: Sent, change, bad: str):
    with pytest.raises(RefusedLocally) as refused:
        await getattr(gateway, change)(GROUP, ["anna", bad])
    assert refused.value.params == {"positions": "2"}
    assert sent.nothing


async def test_members_of_a_new_channel_are_checked_too(gateway: WuKongIM2, sent: Sent):
    with pytest.raises(RefusedLocally) as refused:
        await gateway.create_channel(GROUP, ChannelFlags(), ["anna", ""])
    assert "subscribers" in refused.value.fields
    assert sent.nothing


async def test_the_last_door_lets_no_blank_out_either(gateway: WuKongIM2, cluster, sent: Sent):
    """Whoever calls the link directly, now or later."""
    for body in ({"channel_id": "g", "channel_type": 2, "uids": ["a", ""]}, {"subscribers": [" "]}):
        with pytest.raises(RefusedLocally):
            await gateway.link.change("test", "/channel/blacklist_add", body)
    with pytest.raises(RefusedLocally):
        await gateway.link.change("test", "/channel/blacklist_add", {"uids": [f"u{n}" for n in range(201)]})
    assert sent("/channel/*") == []
    assert cluster.deaths == []


async def test_uids_are_stripped_and_sent_once(gateway: WuKongIM2, sent: Sent):
    await gateway.add_to_denylist(GROUP, [" anna", "anna ", "ben"])
    assert [body["uids"] for _, _, body in sent("/channel/blacklist_add")] == [["anna", "ben"]]


@pytest.mark.parametrize("giant", [10**12, 10**18, 10**9, 5001])
async def test_a_giant_limit_is_capped_by_route(gateway: WuKongIM2, cluster, sent: Sent, giant: int):
    await gateway.channels(limit=giant)
    await gateway.search_messages(MessageQuery(), limit=giant)
    await gateway.search_messages(MessageQuery(channel=GROUP), limit=giant)
    await gateway.search_messages(MessageQuery(from_uid="anna"), limit=giant)
    await gateway.search_messages(MessageQuery(client_msg_no="x"), limit=giant)
    await gateway.node_channels(cluster.nodes[0].id, limit=giant)
    await gateway.user("anna")
    await gateway.devices("anna")
    await gateway.conversations("anna")
    await gateway.sessions("anna")
    asked = [(call[3], parse_qs(call[4]).get("limit")) for call in cluster.requests]
    limits = [(path, int(values[0])) for path, values in asked if values]
    assert limits
    for path, limit in limits:
        most = 1000 if path in ("/cluster/messages", "/connz") else 100
        assert limit <= most, path
    assert cluster.deaths == []


@pytest.mark.parametrize("path", ["/cluster/users", "/cluster/channels", "/cluster/messages", "/connz", "/anything"])
@pytest.mark.parametrize("giant", [10**12, 2**63])
async def test_the_last_door_caps_limits_too(path: str, giant: int):
    (limit,) = (int(value) for name, value in guards.checked_params(path, {"limit": giant}) if name == "limit")
    assert limit <= 2000
    assert guards.checked_body(path, {"limit": giant})["limit"] <= 2000


@pytest.mark.parametrize("limit", [0, -1, -(10**9)])
async def test_a_limit_below_one_is_refused(gateway: WuKongIM2, sent: Sent, limit: int):
    for question in (gateway.channels, gateway.search_messages):
        args = (MessageQuery(),) if question == gateway.search_messages else ()
        with pytest.raises(RefusedLocally):
            await question(*args, limit=limit)
    assert sent.nothing


async def test_the_span_around_a_message_is_bounded(gateway: WuKongIM2, sent: Sent):
    for seq, before, after in ((0, 1, 1), (5, -1, 1), (5, 1, -1), (5, 10**9, 1), (5, 500, 500)):
        with pytest.raises(RefusedLocally):
            await gateway.messages_around(GROUP, seq, before=before, after=after)
    assert sent("/channel/messagesync") == []


@pytest.mark.parametrize("name", sorted(guards.CRASHING_FILTERS))
async def test_filters_the_server_breaks_on_are_refused(gateway: WuKongIM2, sent: Sent, name: str):
    with pytest.raises(RefusedLocally):
        await gateway.link.get("test", "/cluster/channels", {name: 1, "limit": 1}, parse=lambda answer: answer)
    assert sent.nothing


async def test_lists_go_in_pieces_of_at_most_200(gateway: WuKongIM2, sent: Sent):
    uids = [f"u{number}" for number in range(501)]
    await gateway.add_subscribers(GROUP, uids)
    pieces = [body["subscribers"] for _, _, body in sent("/channel/subscriber_add")]
    assert [len(piece) for piece in pieces] == [200, 200, 101]
    assert [uid for piece in pieces for uid in piece] == uids


async def test_there_is_a_pause_between_two_pieces(monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(guards.asyncio, "sleep", note)
    pieces = guards.chunks([f"u{number}" for number in range(401)])
    assert [number async for number, _ in guards.paced(pieces, guards.LIST_PAUSE)] == [0, 1, 2]
    assert pauses == [guards.LIST_PAUSE] * 2
    assert guards.LIST_PAUSE > 0


async def test_an_empty_list_change_sends_nothing(gateway: WuKongIM2, sent: Sent):
    for change in LIST_CHANGES[:-1]:
        await getattr(gateway, change)(GROUP, [])
    assert sent("/channel/*") == []
    await gateway.set_allowlist(GROUP, [])
    assert [body["uids"] for _, _, body in sent("/channel/whitelist_set")] == [[]]


async def test_the_allowlist_is_never_taken_from_entry_by_entry(gateway: WuKongIM2, sent: Sent):
    await gateway.set_allowlist(GROUP, [f"u{number}" for number in range(450)])
    await gateway.set_allowlist(GROUP, ["anna"])
    await gateway.set_allowlist(GROUP, [])
    assert sent("/channel/whitelist_remove*") == []
    assert await gateway.allowlist(GROUP) == []


async def test_a_kick_is_run_by_the_leader_of_the_row(gateway: WuKongIM2, cluster: SimulatedCluster, sent: Sent):
    _one, two, three = (node.id for node in cluster.nodes)
    session = Session(7, two, three, "anna", 1, "slave", "d", "127.0.0.1", 1, 0, 0, 0, 0, 5)
    await gateway.kick_session(session)
    ((node, _, body),) = sent("/conn/kick")
    assert node == three  # asked itself, so that nobody has to pass it on
    assert body == {"uid": "anna", "conn_id": 7, "node_id": two, "op_node_id": three}


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a?b", "a%2fb", "a#b", "a\\b", "a\rb", "a\x00b"])
async def test_ids_are_checked_before_they_get_into_a_path(gateway: WuKongIM2, sent: Sent, name: str):
    for question in (gateway.subscribers, gateway.denylist, gateway.allowlist):
        with pytest.raises(RefusedLocally):
            await question(ChannelRef(name, 2))
    assert sent("/cluster/channels*") == []


async def test_an_unknown_node_never_gets_into_a_question(gateway: WuKongIM2, cluster, sent: Sent):
    with pytest.raises(NoSuch):
        await gateway.node_channels(99)
    assert not any("99" in str(query) for _, query, _ in sent())
    assert cluster.deaths == []


async def test_both_credentials_go_on_every_call_to_the_main_api(script, open_to):
    script.answers["/manager/login"] = (200, {"token": "jwt-1", "exp": 2**33, "permissions": "*:*"})
    script.answers["/user/systemuids"] = (200, None)
    script.answers["/channel"] = (200, {"status": 200})
    gateway = open_to(
        Connection("http://main:5001", "http://manager:5300", token=TOKEN, jwt_user="admin", jwt_password="pwd"),
        transport=httpx.MockTransport(script),
    )
    await gateway.system_users()
    await gateway.nodes()
    await gateway.set_flags(GROUP, ChannelFlags())
    main = [request for request in script.requests if request.url.host == "main"]
    assert len(main) >= 4
    for request in main:
        assert request.headers["token"] == TOKEN
        assert request.headers["authorization"] == "Bearer jwt-1"
    assert script.called("/manager/login") == 1


async def test_text_without_a_channel_never_leaves_us(gateway: WuKongIM2, sent: Sent):
    for other in ({}, {"from_uid": "anna"}, {"message_id": 5}, {"client_msg_no": "n"}):
        query = MessageQuery(text="x", **other)
        with pytest.raises(RefusedLocally):
            await gateway.search_messages(query)
    assert sent.nothing


@pytest.mark.parametrize("uid", ["", "  ", "a@b", "a#b", "a\nb"])
async def test_a_bad_uid_is_never_asked_for(gateway: WuKongIM2, sent: Sent, uid: str):
    for question in (gateway.user, gateway.devices, gateway.sessions, gateway.conversations):
        with pytest.raises(RefusedLocally):
            await question(uid)
    with pytest.raises(RefusedLocally):
        await gateway.quit_device(uid, 1)
    with pytest.raises(RefusedLocally):
        await gateway.online_devices(["anna", uid])
    assert sent.nothing


async def test_a_giant_limit_would_really_have_killed_it(cluster: SimulatedCluster):
    """The knob these tests rest on."""
    async with httpx.AsyncClient(base_url=cluster.nodes[0].api_url, headers={"token": TOKEN}) as client:
        with pytest.raises(httpx.HTTPError):
            await client.get("/cluster/users", params={"limit": 10**9})
    assert cluster.deaths
