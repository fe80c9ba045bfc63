"""A node that is down, slow, silent or says nonsense: errors name node and operation, and lists name who is missing."""

from __future__ import annotations

import gzip
import time

import httpx
import pytest

from imadmin.gateway import breaker as breaker_module
from imadmin.gateway import http as http_module
from imadmin.gateway.address import OUTSIDE
from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import (
    BadReply,
    GatewayError,
    RefusedLocally,
    Rejected,
    TimedOut,
    Unauthorised,
    Uncertain,
    Unreachable,
)  # fmt: skip
from imadmin.gateway.http import Call, Http, Timeouts
from imadmin.gateway.kinds.wukongim2 import roster as roster_module
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.registry import open_gateway
from imadmin.gateway.types import ChannelFlags, ChannelRef, MessageQuery
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import ALONE, GROUP, TOKEN, Open, Script, connection_to, streamed

BRIEF = {"failures": 2, "seconds": 0.2, "clock": time.monotonic}
QUICK = Timeouts(connect=2.0, read=2.0, write=2.0, pool=2.0, total=3.0)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter time-outs, so that silence is noticed soon; long enough for a busy machine."""
    from imadmin.gateway.kinds.wukongim2 import link, nodes, part, probe, roster, signin

    for module in (http_module, link, nodes, part, probe, roster, signin):
        for name in ("QUICK", "ASKING", "OWN", "FANNING"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, QUICK)
    for name in ("get", "get_from", "reply", "reply_from", "_call"):
        defaults = dict(getattr(link.Link, name).__kwdefaults__)
        monkeypatch.setattr(getattr(link.Link, name), "__kwdefaults__", defaults | {"timeouts": QUICK})
    monkeypatch.setattr(part.Part.everywhere, "__kwdefaults__", {"timeouts": QUICK})


MODES = ("garbage", "html", "empty", "wrong_shape", "gzip_garbage")


@pytest.mark.parametrize("mode", MODES)
async def test_nonsense_is_a_bad_reply_naming_node_and_operation(cluster: SimulatedCluster, open_to: Open, mode: str):
    gateway = open_to(connection_to(cluster, jwt_user=""))
    cluster.break_node(cluster.nodes[0].id, mode)
    with pytest.raises(BadReply) as raised:
        await gateway.system_users()
    assert raised.value.node == http_module.CONFIGURED
    assert raised.value.operation == "system_users"


@pytest.mark.parametrize("mode", [*MODES, "reset", "500"])
async def test_lists_go_on_without_a_node_that_answers_nonsense(cluster: SimulatedCluster, open_to: Open, mode: str):
    gateway = open_to(connection_to(cluster))
    broken = cluster.nodes[2].id
    await gateway.nodes()
    cluster.break_node(broken, mode)
    nodes = await gateway.nodes()
    assert [node.answers for node in nodes.value] == [True, True, False]
    assert [failure.node for failure in nodes.failed] == [str(broken)]
    sessions = await gateway.sessions("anna")
    assert [failure.node for failure in sessions.failed] == [str(broken)]
    assert sessions.nodes == tuple(str(node.id) for node in cluster.nodes[:2])


async def test_a_body_too_big_is_not_read_to_its_end(cluster: SimulatedCluster, open_to: Open, monkeypatch):
    monkeypatch.setattr(http_module, "BODY_LIMIT", 300_000)
    gateway = open_to(connection_to(cluster, jwt_user=""))
    cluster.break_node(cluster.nodes[0].id, "big")
    with pytest.raises(BadReply) as raised:
        await gateway.system_users()
    assert raised.value.message == http_module.TOO_BIG


async def test_a_tightly_packed_body_is_not_unpacked_to_its_end(script: Script, scripted: WuKongIM2, monkeypatch):
    monkeypatch.setattr(http_module, "BODY_LIMIT", 1_000_000)
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    script.answers["/user/systemuids"] = lambda request: streamed(200, bomb, **{"content-encoding": "gzip"})
    with pytest.raises(BadReply) as raised:
        await scripted.system_users()
    assert raised.value.message == http_module.TOO_BIG


async def test_gzip_is_read_and_half_of_it_is_not(script: Script, scripted: WuKongIM2):
    packed = gzip.compress(b'["anna"]')
    script.answers["/user/systemuids"] = lambda request: streamed(200, packed, **{"content-encoding": "gzip"})
    assert await scripted.system_users() == ("anna",)
    script.answers["/user/systemuids"] = lambda request: streamed(200, packed[:-9], **{"content-encoding": "gzip"})
    with pytest.raises(BadReply):
        await scripted.system_users()


@pytest.mark.parametrize(
    "body",
    ["[1]", '{"a":1}', "NaN", "[" * 100_000, '["\\ud800"]x', "1" * 5000, "[null]"],
)
async def test_shapes_this_server_never_gives_are_bad_replies(script: Script, scripted: WuKongIM2, body: str):
    script.answers["/user/systemuids"] = (200, body)
    with pytest.raises(BadReply):
        await scripted.system_users()


async def test_a_redirect_is_not_followed(script: Script, scripted: WuKongIM2):
    script.answers["/user/systemuids"] = lambda request: streamed(302, b"", location="http://elsewhere:80/")
    with pytest.raises(BadReply):
        await scripted.system_users()
    assert {request.url.host for request in script.requests} == {"main"}


async def test_a_dead_node_is_missing_data_and_never_zero(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster))
    dead = cluster.nodes[1].id
    cluster.kill(dead)
    answer = await gateway.nodes()
    (node,) = (node for node in answer.value if node.id == dead)
    assert not node.answers and node.error
    assert (node.connections, node.memory, node.goroutines, node.uptime, node.version, node.slots_led) == (None,) * 6
    assert answer.is_partial


async def test_a_hanging_node_is_missing_data_too(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster))
    await gateway.nodes()
    hung = cluster.nodes[2].id
    cluster.hang(hung)
    answer = await gateway.nodes()
    assert [failure.node for failure in answer.failed] == [str(hung)]
    cluster.resume(hung)


async def test_lists_go_on_while_a_dead_node_is_not_yet_called_offline(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster))
    channels = [ChannelRef(f"g{number}", 2) for number in range(3)]
    for channel in channels:
        await gateway.create_channel(channel, ChannelFlags())
    dead = cluster.nodes[2].id
    cluster.kill(dead)
    page = await gateway.channels(limit=2)
    assert [record.channel for record in page.items] == channels[:0:-1]
    assert [failure.node for failure in page.failed] == [str(dead)]
    rest = await gateway.channels(limit=2, cursor=page.next_cursor)
    assert [record.channel for record in rest.items] == channels[:1]
    assert rest.next_cursor == ""
    found = await gateway.search_messages(MessageQuery(from_uid="anna"))
    assert [failure.node for failure in found.failed] == [str(dead)]


async def test_questions_turn_to_another_node_when_the_configured_one_is_dead(cluster, open_to: Open):
    gateway = open_to(connection_to(cluster))
    await gateway.nodes()
    cluster.kill(cluster.nodes[0].id)
    assert await gateway.system_users() == ()
    answer = await gateway.nodes()
    assert [node.answers for node in answer.value] == [False, True, True]


async def test_without_any_node_there_is_an_error_not_an_empty_list(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster))
    for node in cluster.nodes:
        cluster.kill(node.id)
    for question in (gateway.nodes(), gateway.channels(), gateway.sessions("anna"), gateway.user("anna")):
        with pytest.raises(GatewayError):
            await question


async def test_silence_of_all_is_a_time_out(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster, jwt_user=""))
    await gateway.nodes()
    for node in cluster.nodes:
        cluster.hang(node.id)
    for question in (gateway.system_users(), gateway.nodes()):
        with pytest.raises(TimedOut):
            await question
    for node in cluster.nodes:
        cluster.resume(node.id)


async def test_silence_of_the_only_known_address_is_a_time_out(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster, jwt_user=""))
    cluster.hang(cluster.nodes[0].id)
    with pytest.raises(TimedOut):
        await gateway.system_users()
    cluster.resume(cluster.nodes[0].id)


async def test_questions_turn_to_another_node_when_the_configured_one_hangs(cluster, open_to: Open, sent, monkeypatch):
    """Also while its breaker opens, rests and lets one try: no question of a person fails for that."""
    monkeypatch.setattr(roster_module, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(breaker_module.Breaker.__init__, "__kwdefaults__", BRIEF)
    gateway = open_to(connection_to(cluster))
    await gateway.nodes()
    hung = cluster.nodes[0].id
    cluster.hang(hung)
    for _ in range(4):
        assert await gateway.system_users() == ()
        answer = await gateway.nodes()
        assert [failure.node for failure in answer.failed] == [str(hung)]
        assert len(await gateway.node_ids()) == 3
    assert sum(node == hung for node, _, _ in sent("/user/systemuids")) <= 1, "the suspect comes last"
    cluster.resume(hung)


async def test_a_change_is_not_sent_to_another_node_after_silence(script: Script, scripted: WuKongIM2):
    script.answers["/channel"] = httpx.ReadTimeout("silent")
    scripted.link.others = lambda: ("http://other:5001",)
    with pytest.raises(Uncertain):
        await scripted.set_flags(GROUP, ChannelFlags())
    assert script.called("/channel") == 1


async def test_the_nodes_last_known_stay_known_while_nobody_answers(cluster, open_to: Open, monkeypatch):
    monkeypatch.setattr(roster_module, "KEEP_SECONDS", 0.0)
    gateway = open_to(connection_to(cluster))
    known = await gateway.node_ids()
    for node in cluster.nodes:
        cluster.kill(node.id)
    assert await gateway.node_ids() == known
    with pytest.raises(GatewayError):
        await gateway.nodes()


async def test_an_answer_that_drips_is_cut_off_in_the_end():
    async def drip():
        import asyncio

        while True:
            yield b" "
            await asyncio.sleep(0.05)

    client = Http(transport=httpx.MockTransport(lambda request: httpx.Response(200, content=drip())))
    with pytest.raises(TimedOut):
        await client.ask(Call("test", "http://n", "/", timeouts=Timeouts(total=0.3)))
    await client.aclose()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (httpx.ConnectError("x"), http_module.REFUSED),
        (httpx.ConnectTimeout("x"), http_module.NO_CONNECT),
        (httpx.RemoteProtocolError("illegal status line: bytearray(b'SSH-2.0')"), http_module.NOT_HTTP),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), http_module.CUT_READ),
        (httpx.ReadError("secret-token"), http_module.CUT_READ),
    ],
)
async def test_what_went_wrong_is_told_in_our_words(script: Script, scripted: WuKongIM2, fault, sentence: str):
    script.answers["/user/systemuids"] = fault
    with pytest.raises(GatewayError) as raised:
        await scripted.system_users()
    assert raised.value.message == sentence
    assert "secret-token" not in str(raised.value)


async def test_reads_are_asked_again_when_no_connection_came_about(script: Script, scripted: WuKongIM2):
    faults = [httpx.ConnectError("refused"), (200, ["anna"])]
    script.answers["/user/systemuids"] = lambda request: faults.pop(0)
    assert await scripted.system_users() == ("anna",)
    script.answers["/user/systemuids"] = httpx.ReadTimeout("silent")
    before = script.called("/user/systemuids")
    with pytest.raises(TimedOut):
        await scripted.system_users()
    assert script.called("/user/systemuids") == before + 1, "silence isn't asked twice"


async def test_a_question_that_may_have_killed_a_node_goes_to_no_other(cluster: SimulatedCluster, open_to: Open, sent):
    gateway = open_to(connection_to(cluster))
    await gateway.nodes()
    cluster.break_node(cluster.nodes[0].id, "reset")
    with pytest.raises(Unreachable):
        await gateway.system_users()
    assert {node for node, _, _ in sent("/user/systemuids")} <= {cluster.nodes[0].id}


@pytest.mark.parametrize(("rows", "seq"), [(None, None), ([{"channel_id": "group", "channel_type": 2}], 0)])
async def test_a_newest_seq_of_0_is_told_from_a_channel_never_used(script: Script, scripted: WuKongIM2, rows, seq):
    """Only a slot's leader says "not found"; any other node says 0 for both."""
    script.answers["/channel/max_message_seq"] = (200, {"message_seq": 0})
    missing = (400, {"msg": "not found", "status": 400})
    script.answers["/cluster/nodes/1/channels"] = (200, {"more": 0, "data": rows}) if rows else missing
    assert await scripted.max_seq(GROUP) == seq


async def test_the_slots_are_counted_without_the_config_leader(script: Script, scripted: WuKongIM2):
    missing = (400, {"msg": "leader not found", "status": 400})
    script.answers |= {"/cluster/info": missing, "/cluster/allslot": missing}
    assert await scripted.roster.slot_count() == 64
    two = ALONE | {"id": 2, "slot_leader_count": 0, "api_server_addr": "http://node-2:5001"}
    script.answers["/cluster/simpleNodes"] = (200, {"data": [ALONE | {"slot_leader_count": 40}, two]})
    scripted.roster._members = ()
    assert await scripted.roster.slot_count() is None, "some slots have no leader: better unknown than wrong"


# -- what a 400 and a 401 mean -----------------------------------------------------------------------------------------

PEER = 'Get "http://10.9.8.7:6103/cluster/users?node_id=3": dial tcp 10.9.8.7:6103: connect: connection refused'


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, {"msg": PEER, "status": 400}), Unreachable),
        ((400, {"msg": "请求状态错误！[401]", "status": 400}), Unauthorised),
        ((400, {"msg": "EOF", "status": 400}), Unauthorised),
        ((400, {"msg": "leader not found", "status": 400}), Unreachable),
        ((400, {"msg": "something else", "status": 400}), Rejected),
        ((400, "400 plain text"), BadReply),
        ((401, ""), Unauthorised),
        ((401, {"error": "token is expired"}), Unauthorised),
        ((500, ""), Rejected),
        ((404, "404 page not found"), BadReply),
    ],
)
async def test_answers_mean_what_the_reference_says(script: Script, scripted: WuKongIM2, answer, error):
    script.answers["/user/systemuids"] = answer
    with pytest.raises(error) as raised:
        await scripted.system_users()
    assert "10.9.8.7" not in str(raised.value) + raised.value.message + raised.value.hint
    assert "dial" not in str(raised.value)


async def test_a_400_in_plain_text_is_read_for_what_it_says(script: Script, scripted: WuKongIM2):
    body = b'{"msg":"invalid character","status":400}'
    script.answers["/user/systemuids"] = lambda request: streamed(400, body, **{"content-type": "text/plain"})
    with pytest.raises(Rejected) as raised:
        await scripted.system_users()
    assert "invalid character" not in str(raised.value)


async def test_an_unknown_user_is_nothing_in_each_of_the_servers_ways(script: Script, scripted: WuKongIM2):
    said = [(400, {"msg": text, "status": 400}) for text in ("请求状态错误！[500]", "not found")]
    for answer in ((500, ""), *said):
        script.answers["/cluster/users"] = answer
        assert await scripted.user("nobody") is None


# -- credentials -------------------------------------------------------------------------------------------------------


async def test_a_wrong_token_is_told(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster, token="wrong", jwt_user=""))
    with pytest.raises(Unauthorised):
        await gateway.nodes()


async def test_a_wrong_password_is_told_and_not_hammered(cluster: SimulatedCluster, open_to: Open, sent):
    gateway = open_to(connection_to(cluster, jwt_password="wrong"))
    for _ in range(5):
        with pytest.raises(Unauthorised) as raised:
            await gateway.nodes()
    assert "wrong" not in str(raised.value)
    assert len(sent("/manager/login")) == 1


async def test_without_a_user_the_token_alone_goes(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster, jwt_user="", jwt_password=""))
    assert not (await gateway.nodes()).is_partial


async def test_the_main_api_signs_in_while_the_manager_is_away(cluster: SimulatedCluster, open_to: Open, sent):
    connection = connection_to(cluster)
    gateway = open_to(
        Connection(connection.api_url, "http://127.0.0.1:9", token=TOKEN, jwt_user="admin", jwt_password="pwd")
    )
    assert not (await gateway.nodes()).is_partial
    assert len(sent("/manager/login")) == 1


async def test_no_error_carries_an_address(cluster: SimulatedCluster, open_to: Open):
    """Everybody reads errors; addresses are for who manages the site."""
    gateway = open_to(connection_to(cluster))
    ids = await gateway.node_ids()
    told: list[str] = []
    for node in cluster.nodes:
        cluster.break_node(node.id, "garbage")
        told.append(await words_of(gateway.system_users()))
        cluster.kill(node.id)
    told.append(await words_of(gateway.system_users()))
    told.append(await words_of(gateway.nodes()))
    told.append(await words_of(open_to(connection_to(cluster)).nodes()))
    assert not any("127.0.0.1" in words or "http" in words for words in told), told
    assert [words.split("|")[0] for words in told[:3]] == [http_module.CONFIGURED, str(ids[1]), str(ids[2])]


async def test_a_wrong_password_is_told_without_the_address(cluster: SimulatedCluster, open_to: Open):
    assert "http" not in await words_of(open_to(connection_to(cluster, jwt_password="wrong")).nodes())


async def words_of(question) -> str:
    with pytest.raises(GatewayError) as raised:
        await question
    error = raised.value
    return "|".join((error.node, error.operation, error.message, error.hint, str(error.params), str(error)))


def test_secrets_stay_out_of_every_text():
    connection = Connection("http://a:1", "http://b:2", token="t0ken", jwt_user="u", jwt_password="passw0rd")
    assert "t0ken" not in repr(connection) and "passw0rd" not in repr(connection)
    assert "t0ken" not in repr(Call("x", "http://a", "/", headers=(("token", "t0ken"),)))


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["", "host:5001", "ftp://host", "http://", "http://user:secret@host", "http://h:99999", "http://h?x=1"]
)
def test_an_address_that_is_none_is_refused_by_field(address: str):
    with pytest.raises(RefusedLocally) as refused:
        open_gateway("wukongim2", Connection(address, "http://manager:5300"))
    assert "api_url" in refused.value.fields
    assert "secret" not in str(refused.value)


async def test_addresses_outside_the_networks_are_never_connected_to(cluster: SimulatedCluster, open_to: Open, sent):
    gateway = open_to(connection_to(cluster, networks=("10.0.0.0/8", "fd00::/8")))
    with pytest.raises(RefusedLocally):
        await gateway.nodes()
    assert sent.nothing


async def test_addresses_inside_the_networks_work_by_name_too(cluster: SimulatedCluster, open_to: Open):
    port = cluster.nodes[0].api_url.rpartition(":")[2]
    connection = Connection(f"http://localhost:{port}", "", token=TOKEN, networks=("127.0.0.0/8",))
    assert not (await open_to(connection).nodes()).is_partial


async def test_node_addresses_from_the_cluster_are_held_to_the_networks(script: Script, open_to: Open):
    addresses = ("http://127.0.0.1:1", "http://169.254.169.254:80", "x")
    rows = [ALONE | {"id": number, "api_server_addr": text} for number, text in enumerate(addresses, start=1)]
    script.answers["/cluster/simpleNodes"] = (200, {"data": rows})
    script.answers["/varz"] = (200, {"connections": 0, "mem": 1, "goroutine": 1, "uptime": "1s", "version": ""})
    connection = Connection("http://127.0.0.1:1", "", networks=("127.0.0.0/8",))
    gateway = open_to(connection, transport=httpx.MockTransport(script))
    answer = await gateway.nodes()
    assert [failure.node for failure in answer.failed] == ["2", "3"]
    assert answer.failed[0].reason == OUTSIDE
    assert {request.url.host for request in script.requests} == {"127.0.0.1"}


@pytest.mark.parametrize("by_id", [True, False])
async def test_node_addresses_can_be_overridden(script: Script, open_to: Open, by_id: bool):
    two = ALONE | {"id": 2, "is_leader": 0, "api_server_addr": "http://unreachable:5001", "config_version": 3}
    script.answers["/cluster/simpleNodes"] = (200, {"data": [ALONE, two]})
    script.answers["/varz"] = (200, {"connections": 0, "mem": 1, "goroutine": 1, "uptime": "1s", "version": ""})
    script.answers["/cluster/node"] = lambda request: (200, two if request.url.host == "reachable" else ALONE)
    override = "2=http://reachable:5002" if by_id else "http://reachable:5002"
    gateway = open_to(Connection("http://main:5001", "", node_apis=(override,)), transport=httpx.MockTransport(script))
    answer = await gateway.nodes()
    assert [(node.id, node.api_url, node.answers) for node in answer.value] == [
        (1, "http://node-1:5001", True), (2, "http://reachable:5002", True),
    ]  # fmt: skip
    assert answer.value[0].version is None, "an empty version is an unknown one"
