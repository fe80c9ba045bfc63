"""The surprises of the real server that tools must survive, one test each."""

import base64
from typing import Any

import httpx
import pytest

from imadmin.simulator import ChannelType, SimulatedCluster, Timings, person_id
from imadmin.simulator.behaviour import Draft, check_send

from .conftest import Api, StartCluster, eventually
from .replay import CLIENT, Recording

HELLO = base64.b64encode(b'{"type":1,"content":"<b>hello & goodbye</b>"}').decode()


def _node_of(cluster: SimulatedCluster, text: str) -> int:
    leader = cluster.call(lambda state: state.leader_of(text))
    return [node.id for node in cluster.nodes].index(leader)


# -- channels ------------------------------------------------------------------------------------------------------


def test_flags_not_given_are_cleared(api: Api) -> None:
    api.post("/channel", channel_id="g", channel_type=2, disband=1)
    api.post("/channel", channel_id="g", channel_type=2, ban=1)
    (row,) = api.json("/cluster/channels", limit=5)["data"]
    assert (row["ban"], row["disband"], row["status_format"]) == (1, 0, "封禁")


def test_delete_only_disbands(cluster: SimulatedCluster, api: Api) -> None:
    cluster.call(lambda state: state.add_message("a", "g"))
    api.post("/channel", channel_id="g", channel_type=2, subscribers=["a"])
    assert api.post("/channel/delete", channel_id="g", channel_type=2).json() == {"status": 200}
    (row,) = api.json("/cluster/channels")["data"]
    assert (row["disband"], row["subscriber_count"], row["last_msg_seq"]) == (1, 1, 1)


def test_a_channel_made_by_subscriber_add_is_never_listed(api: Api) -> None:
    api.post("/channel/subscriber_add", channel_id="hidden", channel_type=2, subscribers=["a"])
    api.post("/channel/info", channel_id="hidden", channel_type=2)
    assert api.json("/cluster/channels")["data"] == []
    assert api.json("/cluster/channels", channel_id="hidden", channel_type=2)["data"][0]["channel_id"] == "hidden"


def test_the_list_of_channels_pages_by_creation(api: Api) -> None:
    for index in range(5):
        api.post("/channel", channel_id=f"g{index}", channel_type=2)
    first = api.json("/cluster/channels", limit=2)
    assert ([row["channel_id"] for row in first["data"]], first["more"]) == (["g4", "g3"], 1)
    cursor = first["data"][-1]["created_at"]
    second = api.json("/cluster/channels", limit=2, offset_created_at=cursor)
    assert [row["channel_id"] for row in second["data"]] == ["g2", "g1"]
    back = api.json("/cluster/channels", limit=2, offset_created_at=second["data"][0]["created_at"], pre=1)
    assert ([row["channel_id"] for row in back["data"]], back["more"]) == (["g4", "g3"], 0)


def test_a_lookup_takes_the_last_change_for_the_creation(api: Api) -> None:
    api.post("/channel", channel_id="g", channel_type=2)
    (made,) = api.json("/cluster/channels", channel_id="g", channel_type=2)["data"]
    api.post("/channel/info", channel_id="g", channel_type=2, send_ban=1)
    (found,) = api.json("/cluster/channels", channel_id="g", channel_type=2)["data"]
    (listed,) = api.json("/cluster/channels")["data"]
    assert made["created_at"] == made["updated_at"] == listed["created_at"]
    assert found["created_at"] == found["updated_at"] == listed["updated_at"] > made["created_at"]


def test_a_change_reaches_the_other_replicas_later(start_cluster: StartCluster) -> None:
    cluster = start_cluster(timings=Timings(replica_lag=60))
    leader = _node_of(cluster, "g")
    apis = [Api(cluster, node) for node in range(3)]
    away = apis[(leader + 1) % 3]
    away_id = cluster.nodes[(leader + 1) % 3].id

    def seen(api: Api, **query: int) -> list[tuple[str, int]]:
        rows = api.json("/cluster/channels", channel_id="g", channel_type=2, **query)["data"]
        return [(row["channel_id"], row["ban"]) for row in rows]

    away.post("/channel", channel_id="g", channel_type=2)
    assert seen(away) == seen(apis[leader]) == [("g", 0), ("", 0)]
    assert seen(away, node_id=away_id) == [("", 0)]
    assert seen(apis[leader], node_id=cluster.nodes[leader].id) == [("g", 0)]
    cluster.call(lambda state: setattr(state.store.record(("g", 2)), "replicated_at", 0.0))
    assert seen(away) == [("g", 0)]
    away.post("/channel/info", channel_id="g", channel_type=2, ban=1)
    away.post("/channel/info", channel_id="g", channel_type=2, ban=1, disband=1)
    assert (seen(away), seen(apis[leader])) == ([("g", 0)], [("g", 1)])
    cluster.call(lambda state: setattr(state.store.record(("g", 2)), "replicated_at", 0.0))
    assert seen(away) == [("g", 1)]


def test_the_own_node_gives_one_row_too_many(api: Api) -> None:
    for index in range(5):
        api.post("/channel", channel_id=f"g{index}", channel_type=2)
    reply = api.json("/cluster/channels", limit=2, node_id=1001)
    assert (len(reply["data"]), reply["more"]) == (3, 0)


@pytest.mark.parametrize(
    "name", ["ban", "disband", "subscriber_count_gte", "denylist_count_lte", "allowlist_count_gte"]
)
def test_filters_that_crash(api: Api, name: str) -> None:
    reply = api.get("/cluster/channels", **{name: 1})
    assert (reply.status_code, reply.content) == (500, b"")


def test_ids_with_special_characters_are_refused(api: Api) -> None:
    for bad in ("a@b", "a#b", "a&b"):
        assert api.post("/channel", channel_id=bad, channel_type=2).status_code == 400
        assert api.post("/user/token", uid=bad, token="t").status_code == 400


def test_a_path_is_forwarded_decoded(cluster: SimulatedCluster, apis: list[Api]) -> None:
    cluster.call(lambda state: state.add_group("50%25 off", ["a"]))
    leader = _node_of(cluster, "50%25 off")
    path = "/cluster/channels/50%2525%20off/2/subscribers"
    assert apis[leader].json(path) == ["a"]
    assert apis[(leader + 1) % 3].json(path) == []


# -- lists ---------------------------------------------------------------------------------------------------------


def test_removing_the_last_allowed_leaves_everybody_out(cluster: SimulatedCluster, api: Api) -> None:
    def reason() -> int:
        return cluster.call(lambda state: int(check_send(state, Draft("a", "g", 2, b"x"))))

    api.post("/channel", channel_id="g", channel_type=2, subscribers=["a", "b"])
    api.post("/channel/whitelist_add", channel_id="g", channel_type=2, uids=["b"])
    assert reason() == 13
    api.post("/channel/whitelist_remove", channel_id="g", channel_type=2, uids=["b"])
    assert api.json("/cluster/channels/g/2/allowlist") == []
    assert reason() == 13
    api.post("/channel/whitelist_set", channel_id="g", channel_type=2, uids=[])
    assert reason() == 1


def test_list_counters_count_what_was_sent(api: Api) -> None:
    api.post("/channel", channel_id="g", channel_type=2)
    for _ in range(3):
        api.post("/channel/blacklist_add", channel_id="g", channel_type=2, uids=["a", "b"])
    assert api.json("/cluster/channels")["data"][0]["denylist_count"] == 6
    assert sorted(api.json("/cluster/channels/g/2/denylist")) == ["a", "b"]


def test_denying_hides_the_conversation(api: Api) -> None:
    api.post("/channel", channel_id="g", channel_type=2, subscribers=["a"])
    api.post("/channel/blacklist_add", channel_id="g", channel_type=2, uids=["a"])
    assert api.post("/conversation/channels", uid="a").json() == []
    api.post("/channel/blacklist_remove", channel_id="g", channel_type=2, uids=["a"])
    assert api.post("/conversation/channels", uid="a").json() == [{"channel_id": "g", "channel_type": 2}]


@pytest.mark.parametrize("route", ["blacklist_add", "blacklist_set", "subscriber_remove"])
def test_a_blank_uid_ends_a_node(single: SimulatedCluster, route: str) -> None:
    field = "subscribers" if route == "subscriber_remove" else "uids"
    with pytest.raises(httpx.TransportError):
        Api(single).post(f"/channel/{route}", {"channel_id": "g", "channel_type": 2, field: ["a", ""]})
    (death,) = single.deaths
    assert (death.node_id, route in death.cause) == (1001, True)
    with pytest.raises(httpx.ConnectError):
        Api(single).get("/health")


def test_in_a_cluster_the_leader_of_slot_0_dies_of_it(cluster: SimulatedCluster, apis: list[Api]) -> None:
    leader = cluster.call(lambda state: state.topology.slot_leader(0))
    other = next(index for index, node in enumerate(cluster.nodes) if node.id != leader)
    reply = apis[other].post("/channel/blacklist_add", channel_id="g", channel_type=2, uids=[""])
    assert reply.status_code == 400
    assert [death.node_id for death in cluster.deaths] == [leader]


# -- cluster lists -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["users", "devices", "channels", "messages"])
def test_a_giant_limit_ends_the_node(cluster: SimulatedCluster, apis: list[Api], name: str) -> None:
    with pytest.raises(httpx.TransportError):
        apis[1].get(f"/cluster/{name}", limit=100_000_000)
    assert [death.node_id for death in cluster.deaths] == [1002]


def test_a_harmless_giant(api: Api) -> None:
    assert api.get("/connz", limit=10**9).status_code == 200


def test_an_unknown_user_crashes_the_lookup(api: Api) -> None:
    reply = api.get("/cluster/users", uid="nobody")
    assert (reply.status_code, reply.content) == (500, b"")


def test_devices_show_tokens_and_repeat_themselves(cluster: SimulatedCluster, api: Api) -> None:
    cluster.call(lambda state: [state.add_user("a", token=f"secret-{flag}", flag=flag) for flag in (0, 1)])
    assert {row["token"] for row in api.json("/cluster/devices", uid="a")["data"]} == {"secret-0", "secret-1"}
    assert len(api.json("/cluster/devices", uid="a", node_id=1001)["data"]) == 16
    assert api.get("/cluster/devices", uid="a", device_flag=2).json()["msg"] == "not found"


def test_numbers_beyond_javascript(cluster: SimulatedCluster, api: Api) -> None:
    cluster.call(lambda state: state.add_user("hb_n1"))
    row = api.json("/cluster/users")["data"][0]
    assert row["id"] == 15183417075343037425  # the id the real server gave this uid
    assert row["created_at"] > 2**53


# -- sending -------------------------------------------------------------------------------------------------------


def test_a_send_is_stored_a_little_later(api: Api) -> None:
    reply = api.post("/message/send", from_uid="a", channel_id="g", channel_type=2, payload=HELLO, client_msg_no="n1")
    assert reply.json()["data"]["client_msg_no"] == "n1"
    assert b"message_idstr" not in reply.content
    query = {"channel_id": "g", "channel_type": 2, "client_msg_no": "n1"}
    found = eventually(lambda: (one := api.json("/message/byclientmsgno", **query)).get("message_id") and one)
    assert found["message_id"] == reply.json()["data"]["message_id"]
    assert found["header"]["red_dot"] == 0


@pytest.mark.parametrize("flag", ["ban", "disband"])
def test_a_closed_channel_swallows_sends(cluster: SimulatedCluster, api: Api, flag: str) -> None:
    api.post("/channel", {"channel_id": "g", "channel_type": 2, flag: 1})
    assert api.post("/message/send", from_uid="a", channel_id="g", channel_type=2, payload=HELLO).status_code == 200
    api.post("/message/send", from_uid="a", channel_id="open", channel_type=2, payload=HELLO)
    eventually(lambda: cluster.call(lambda state: state.archive.last_seq(("open", 2))))
    assert cluster.call(lambda state: state.archive.last_seq(("g", 2))) == 0


def test_go_escapes(cluster: SimulatedCluster, api: Api) -> None:
    cluster.call(lambda state: state.add_group("<&>", ["a"]))
    assert rb'"\u003c\u0026\u003e"' in api.get("/cluster/channels").content


def test_a_batch_goes_to_persons(cluster: SimulatedCluster, api: Api) -> None:
    reply = api.post("/message/sendbatch", from_uid="a", subscribers=["b", "x@y", "c"], payload=HELLO)
    assert reply.json() == {"fail_uids": ["x@y"], "reason": ["频道ID不合法！"]}
    chats = [(person_id("a", uid), int(ChannelType.PERSON)) for uid in "bc"]
    eventually(lambda: cluster.call(lambda state: all(state.archive.last_seq(chat) for chat in chats)))


# -- connections ---------------------------------------------------------------------------------------------------


def test_connz_lists_remote_rows_too(cluster: SimulatedCluster, apis: list[Api]) -> None:
    leader = _node_of(cluster, "u")
    away = (leader + 1) % 3
    cluster.call(lambda state: state.add_connection("u", cluster.nodes[away].id, ip="192.0.2.7"))
    own = apis[away].json("/connz")
    assert (own["total"], own["connections"][0]["ip"], own["connections"][0]["proxy_type_format"]) == (
        1,
        "192.0.2.7",
        "本地连接",
    )
    remote = apis[leader].json("/connz")
    assert (remote["total"], remote["connections"][0]["ip"]) == (0, "127.0.0.1")
    assert remote["connections"][0]["proxy_type_format"] == f"源节点：{cluster.nodes[away].id}"
    assert remote["connections"][0]["node_id"] == cluster.nodes[away].id


def test_connz_sorts_and_filters(cluster: SimulatedCluster, api: Api) -> None:
    def fill(state: Any) -> None:
        for index in range(9):
            state.add_connection(f"person-{index}", 1001, in_msgs=index * 7 % 5, connected_at=state.now() - index)

    cluster.call(fill)
    for sort, field in (("id", "id"), ("inMsg", "in_msgs")):
        rows = [row[field] for row in api.json("/connz", sort=sort, uid="person", limit=50)["connections"]]
        assert rows == sorted(rows)
        rows = [row[field] for row in api.json("/connz", sort=f"{sort}Desc", limit=50)["connections"]]
        assert rows == sorted(rows, reverse=True)
    longest = api.json("/connz", sort="uptime", uid="person", node_id=1001)["connections"][0]
    assert longest["uid"] == "person-8"
    assert {row["uid"] for row in api.json("/connz", uid="son-3", limit=50)["connections"]} == {"person-3"}
    assert api.get("/connz", offset=-1).status_code == 500


def test_a_kick_at_the_wrong_node_leaves_a_stale_row(cluster: SimulatedCluster, apis: list[Api]) -> None:
    leader = _node_of(cluster, "u")
    away = (leader + 1) % 3
    here = cluster.nodes[away].id
    one = cluster.call(lambda state: state.add_connection("u", here))
    apis[away].post("/conn/kick", uid="u", conn_id=one.id, node_id=here, op_node_id=here)
    eventually(lambda: not apis[away].json("/connz")["connections"])
    assert apis[leader].post("/user/onlinestatus", ["u"]).json() == [{"uid": "u", "device_flag": 1, "online": 1}]


def test_a_kick_through_the_leader_is_clean(cluster: SimulatedCluster, apis: list[Api]) -> None:
    leader = _node_of(cluster, "u")
    here = cluster.nodes[(leader + 1) % 3].id
    one = cluster.call(lambda state: state.add_connection("u", here))
    body = {"uid": "u", "conn_id": one.id, "node_id": here, "op_node_id": cluster.nodes[leader].id}
    assert apis[0].post("/conn/kick", {**body, "uid": "other"}).json() == {"status": 200}
    assert apis[0].post("/conn/remove", body).json() == {"status": 200}
    assert apis[leader].post("/user/onlinestatus", ["u"]).json() == []
    assert apis[(leader + 1) % 3].json("/connz")["connections"] == []


@pytest.mark.parametrize(("order", "stay"), [((0, 1, 2), [2]), ((1, 0, 2), [0, 2]), ((1, 2, 0), [0, 2])])
def test_kicks_in_one_moment_stop_at_the_first_of_another_node(
    start_cluster: StartCluster, order: tuple[int, ...], stay: list[int]
) -> None:
    """Places count from the leader, which closes; the rest stay connected for good."""
    cluster = start_cluster(timings=Timings(detach_after=0.1, close_window=0.8))
    leader = _node_of(cluster, "u")
    places = [cluster.nodes[(leader + index) % 3].id for index in range(3)]
    rows = cluster.call(lambda state: [state.add_connection("u", node) for node in places])
    api = Api(cluster, leader)
    for index in order:
        body = {"uid": "u", "conn_id": rows[index].id, "node_id": places[index], "op_node_id": places[0]}
        assert api.post("/conn/kick", body).json() == {"status": 200}
    eventually(lambda: len(api.post("/user/onlinestatus", ["u"]).json()) < 3)
    listed = {row["node_id"] for row in api.json("/connz", uid="u", node_id=places[0])["connections"]}
    assert listed == {places[index] for index in stay}
    assert len(api.post("/user/onlinestatus", ["u"]).json()) == len(stay)


def test_kicks_with_a_pause_between_them_all_take(start_cluster: StartCluster) -> None:
    cluster = start_cluster(timings=Timings(detach_after=0.05, close_window=0.0))
    leader = _node_of(cluster, "u")
    rows = cluster.call(lambda state: [state.add_connection("u", node) for node in state.node_ids])
    api = Api(cluster, leader)
    for one in rows:
        api.post("/conn/kick", uid="u", conn_id=one.id, node_id=one.node_id, op_node_id=cluster.nodes[leader].id)
    eventually(lambda: not api.post("/user/onlinestatus", ["u"]).json())


def test_nobody_online_is_null_elsewhere(cluster: SimulatedCluster, apis: list[Api]) -> None:
    leader = _node_of(cluster, "u")
    assert apis[leader].post("/user/onlinestatus", ["u"]).text == "[]"
    assert apis[(leader + 1) % 3].post("/user/onlinestatus", ["u"]).text == "null"


def test_device_quit_needs_a_row_and_misses_some(cluster: SimulatedCluster, apis: list[Api]) -> None:
    def connect(state: Any) -> None:
        for node in state.node_ids:
            for uid in ("with-row", "without"):
                state.add_connection(uid, node, device_flag=0)
        state.add_user("with-row", flag=0)

    cluster.call(connect)
    for uid in ("with-row", "without"):
        assert apis[0].post("/user/device_quit", uid=uid, device_flag=-1).json() == {"status": 200}
    device = apis[0].json("/cluster/devices", uid="with-row")["data"][0]
    assert (device["token"], device["device_level"]) == ("", 1)
    leader = apis[_node_of(cluster, "with-row")]
    rest = eventually(lambda: len(rows := leader.post("/user/onlinestatus", ["with-row"]).json()) < 3 and rows)
    assert len(rest) == 1
    assert len(apis[0].post("/user/onlinestatus", ["without"]).json()) == 3


def test_metrics_have_every_app_family(cluster: SimulatedCluster) -> None:
    families = Recording.load("system/metrics").body["families"]
    text = CLIENT.get(cluster.nodes[0].manager_url + "/metrics").text
    for name, kind, _labels in families:
        if name.startswith("app_"):
            assert f"# TYPE {name} {kind}\n" in text


def test_a_person_who_was_banned_gets_no_token(start_cluster: StartCluster) -> None:
    api = Api(start_cluster(nodes=1))
    api.post("/channel/info", channel_id="u", channel_type=1, ban=1)
    assert api.post("/user/token", uid="u", token="t").json() == {"status": 19}
    assert api.json("/cluster/devices")["data"] == []
