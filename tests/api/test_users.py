"""People through the API: the same actions, the same words, and never a token."""

import json
from typing import Any

import pytest
from django.test import Client

from imadmin.audit.models import AuditEntry
from imadmin.core import pathids
from imadmin.directory.models import Restriction
from imadmin.simulator import SimulatedCluster
from tests.api.tokens import api_client
from tests.directory.user_stage import cluster_stage, short_waits, sim_stage  # noqa: F401

pytestmark = pytest.mark.django_db
SECRET = "tok-3f9a77-never-shown"


@pytest.fixture
def support(quick_cluster: Any) -> Client:
    return api_client("support", quick_cluster)


@pytest.fixture
def anna(quick_sim: SimulatedCluster) -> str:
    quick_sim.call(lambda state: state.add_user("anna", token=SECRET, flag=1))
    quick_sim.call(lambda state: state.add_group("g", ["anna"]))
    quick_sim.call(lambda state: [state.add_connection("anna", node) for node in (1001, 1002, 1003)])
    return "anna"


def at(uid: str, rest: str = "") -> str:
    return f"/api/v1/clusters/quick/users/{pathids.encode(uid)}{rest}"


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def test_tells_all_that_is_known_of_a_user(support: Client, anna: str) -> None:
    found = support.get(at(anna)).json()
    assert (found["uid"], found["online"], found["has_row"], found["login_allowed"]) == ("anna", True, True, True)
    assert found["sending_stopped"] is None
    assert [one["node_id"] for one in found["sessions"]] == [1001, 1002, 1003]
    assert found["devices"][0]["has_token"] is True
    assert (found["missing"], found["partial"]) == ([], [])


def test_an_unknown_uid_is_no_error(support: Client) -> None:
    found = support.get(at("nobody")).json()
    assert (found["online"], found["has_row"], found["sessions"]) == (False, False, [])


def test_lists_have_the_one_shape(support: Client, anna: str) -> None:
    for rest in ("/devices", "/sessions", "/conversations"):
        found = support.get(at(anna, rest)).json()
        assert found["items"] and set(found) == {"items", "next_cursor", "partial", "as_of", "limits"}, rest


def test_a_dead_node_is_partial_data(support: Client, anna: str, quick_sim: SimulatedCluster) -> None:
    quick_sim.kill(1003)
    found = support.get(at(anna, "/sessions")).json()
    assert "1003" in [one["node"] for one in found["partial"]]
    assert support.get(at(anna)).json()["partial"]


def test_a_dead_cluster_leaves_nulls_and_says_why(support: Client, anna: str, quick_sim: SimulatedCluster) -> None:
    for node in quick_sim.nodes:
        quick_sim.kill(node.id)
    found = support.get(at(anna)).json()
    assert (found["online"], found["sessions"], found["devices"], found["login_allowed"]) == (None, None, None, None)
    assert {one["part"] for one in found["missing"]} >= {"sessions", "devices", "entry", "record"}
    answer = support.get(at(anna, "/sessions"))
    assert answer.status_code in (502, 503, 504) and answer["Content-Type"].startswith("application/problem+json")


def test_looks_several_up(support: Client, anna: str) -> None:
    found = support.get("/api/v1/clusters/quick/users?uid=anna&uid=ben").json()
    assert [(one["uid"], one["online"]) for one in found["items"]] == [("anna", True), ("ben", False)]
    bad = support.get("/api/v1/clusters/quick/users?uid=a%40b")
    assert bad.status_code == 422 and "uid" in bad.json()["fields"]


def test_kicks_one_session(support: Client, anna: str) -> None:
    session = support.get(at(anna, "/sessions")).json()["items"][1]
    told = post(
        support, at(anna, "/kick"), node_id=session["node_id"], session_id=session["id"], reason="stuck client"
    ).json()
    assert (told["action"], told["verdict"]) == ("kick", "done")
    assert [(step["code"], step["result"]) for step in told["steps"]] == [("kick", "done")]
    assert len(told["remaining"]) == 2 and told["notes"]
    assert AuditEntry.objects.get(phase="intent").actor_kind == "token"


def test_signs_a_device_out(support: Client, anna: str) -> None:
    told = post(support, at(anna, "/devices/1/sign-out"), reason="lost laptop").json()
    assert told["steps"][0]["result"] == "done"
    missing = post(support, at(anna, "/devices/2/sign-out"), reason="lost laptop")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_logs_out_keeps_out_and_lets_in(support: Client, anna: str) -> None:
    out = post(support, at(anna, "/log-out"), reason="stolen phone").json()
    assert (out["verdict"], out["remaining"]) == ("done", [])
    kept = post(support, at(anna, "/keep-out"), reason="stolen phone").json()
    assert kept["verdict"] == "done"
    seen = support.get(at(anna)).json()
    assert (seen["login_allowed"], seen["sending_stopped"], seen["online"]) == (False, True, False)
    conflict = post(support, at(anna, "/allow-sending"), reason="sorry")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "conflict")
    assert post(support, at(anna, "/let-in"), reason="found it").json()["verdict"] == "done"
    assert support.get(at(anna)).json()["login_allowed"] is True


def test_stops_explains_and_allows(support: Client, anna: str) -> None:
    assert post(support, at(anna, "/stop-sending"), reason="spam").json()["verdict"] == "done"
    told = support.get(at(anna, "/may-send?to=g")).json()
    assert (told["allowed"], told["reason"], told["channel"]) == (False, 25, {"type": 2, "id": "g"})
    check = next(one for one in told["checks"] if one["code"] == "send-ban")
    assert (check["source"], check["restriction"]["reason"]) == ("record", "spam")
    post(support, at(anna, "/allow-sending"), reason="sorry")
    assert support.get(at(anna, "/may-send?to=g")).json()["allowed"] is True
    assert support.get(at(anna, "/may-send?to=ben&type=1")).json()["channel"]["type"] == 1


def test_lists_restrictions_open_and_lifted(support: Client, anna: str) -> None:
    post(support, at(anna, "/stop-sending"), reason="spam")
    post(support, at("ben", "/stop-sending"), reason="spam")
    post(support, at("ben", "/allow-sending"), reason="sorry")
    url = "/api/v1/clusters/quick/restrictions"
    assert [one["uid"] for one in support.get(url).json()["items"]] == ["anna"]
    lifted = support.get(f"{url}?state=lifted").json()["items"]
    assert [(one["uid"], bool(one["lifted_at"])) for one in lifted] == [("ben", True)]
    assert len(support.get(f"{url}?state=all&kind=stop_sending").json()["items"]) == 2
    assert support.get(f"{url}?state=sideways").status_code == 422
    assert support.get(f"{url}?cursor=nonsense").status_code == 422


ACTS = ("log-out", "keep-out", "let-in", "stop-sending", "allow-sending", "devices/1/sign-out")


@pytest.mark.parametrize("name", ACTS)
def test_a_viewer_may_look_but_not_act(quick_cluster: Any, name: str) -> None:
    viewer = api_client("viewer", quick_cluster)
    answer = post(viewer, at("anna", f"/{name}"), reason="no right")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert viewer.get(at("anna")).status_code == 200
    assert not AuditEntry.objects.exists() and not Restriction.objects.exists()


@pytest.mark.parametrize("name", ["", "/devices", "/sessions", "/conversations", "/may-send?to=g"])
def test_a_stranger_sees_no_such_cluster(quick_cluster: Any, name: str) -> None:
    answer = api_client("stranger").get(at("anna", name))
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("log-out", {}, "reason"),
        ("log-out", {"reason": " "}, "reason"),
        ("kick", {"reason": "stuck", "node_id": 1, "session_id": "0"}, "session_id"),
        ("kick", {"reason": "stuck", "node_id": 0, "session_id": "1"}, "node_id"),
        ("kick", {"reason": "stuck", "node_id": 1}, "session_id"),
        ("keep-out", {"reason": "spam", "until": "tomorrow"}, "until"),
    ],
)
def test_bad_input_names_its_field(support: Client, name: str, body: dict[str, Any], field: str) -> None:
    answer = post(support, at("anna", f"/{name}"), **body)
    assert answer.status_code == 422
    assert any(name.endswith(field) for name in answer.json()["fields"])


@pytest.mark.parametrize("uid", ["a@b", "a&b", "x" * 201, "a\x07b"])
def test_a_uid_nobody_can_have_is_refused(support: Client, uid: str) -> None:
    assert support.get(at(uid)).status_code == 422
    assert post(support, at(uid, "/log-out"), reason="hostile").status_code == 422


@pytest.mark.parametrize("uid", ["a/b?c%d", "张三", "..", '"><script>'])
def test_strange_ids_come_through_unharmed(support: Client, uid: str) -> None:
    assert support.get(at(uid)).json()["uid"] == uid


def test_no_answer_and_no_trail_ever_holds_a_token(
    support: Client, anna: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    bodies = [support.get(at(anna, rest)).content for rest in ("", "/devices", "/sessions", "/conversations")]
    for name in ("devices/1/sign-out", "log-out", "keep-out"):
        bodies.append(post(support, at(anna, f"/{name}"), reason="stolen phone").content)
    assert not any(SECRET.encode() in body for body in bodies)
    trail = json.dumps(list(AuditEntry.objects.values("before", "after", "detail", "reason")), default=str)
    assert SECRET not in trail and "token stored" in trail
    assert SECRET not in caplog.text
