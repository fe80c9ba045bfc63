"""Channels in the API: the same actions and words as the pages; errors as problem+json that names the field."""

import json
import time
from typing import Any

import pytest

from imadmin.clusters.converters import ChannelConverter
from imadmin.directory.actions import beside
from imadmin.directory.models import Plan
from imadmin.gateway.types import ChannelRef
from tests.api.tokens import api_client
from tests.directory.channel_stage import flags_of, group, kill_all, put, stored, wedge

pytestmark = pytest.mark.django_db
BASE = "/api/v1/clusters/own/channels"
TEA = f"{BASE}/2/tea"
FLAGS = {"ban": False, "disband": False, "send_ban": False, "allow_stranger": False, "large": False}


@pytest.fixture
def admin(own_cluster: Any) -> Any:
    return api_client("admin", own_cluster)


def send(client: Any, method: str, url: str, **body: Any) -> Any:
    return client.generic(method, url, json.dumps(body), content_type="application/json")


def results(response: Any) -> dict[str, str]:
    return {item["target"]: item["result"] for item in response.json()["items"]}


def test_the_list_of_records_by_cursor(admin: Any, sim: Any) -> None:
    for number in range(5):
        group(sim, f"g/{number}")
    first = admin.get(BASE, {"limit": 3}).json()
    rest = admin.get(BASE, {"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in first["items"] + rest["items"]] == [f"g/{number}" for number in (4, 3, 2, 1, 0)]
    assert first["items"][0]["path"] == "2/g~2F4" and rest["next_cursor"] == ""
    assert "records-only" in first["limits"] and first["partial"] == [] and first["as_of"]


def test_a_nodes_list_holds_what_the_records_leave_out(admin: Any, sim: Any) -> None:
    sim.call(lambda state: state.add_message("ann", "ben", channel_type=1))
    chat = ChannelRef.person("ann", "ben").id
    rows = [row for node in sim.nodes for row in admin.get(BASE, {"source": node.id}).json()["items"]]
    assert [(row["id"], row["members"], row["last_seq"]) for row in rows] == [(chat, None, "1")]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"source": "x"}, "source"), ({"source": "-1"}, "source"), ({"type": "0"}, "type"), ({"type": "x"}, "type"),
        ({"source": "1001", "type": "2"}, "type"), ({"limit": "0"}, "limit"), ({"limit": "201"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)  # fmt: skip
def test_wrong_query_values_are_named(admin: Any, query: dict[str, str], field: str) -> None:
    answer = admin.get(BASE, query)
    assert answer.status_code == 422 and answer["Content-Type"] == "application/problem+json"
    assert field in answer.json()["fields"]


def test_one_channel_tells_what_is_known_and_what_is_not(admin: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "denied", channel, ["ben"])
    told = admin.get(TEA).json()
    assert (told["members"], told["denied"], told["sending"], told["unknown"]) == (3, 1, "allowed", [])
    assert told["flags"]["ban"] == {"value": False, "source": "server"}
    assert told["flags"]["large"] == {"value": None, "source": "unknown"}
    sim.call(kill_all)
    told = admin.get(TEA).json()
    assert told["members"] is None and {part["part"] for part in told["unknown"]} >= {"members", "record", "runtime"}


def test_an_unknown_channel_is_a_problem(admin: Any, sim: Any) -> None:
    answer = admin.get(f"{BASE}/2/nothing")
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"


@pytest.mark.parametrize("odd", ["a b", "茶室", "غرفة", "<b>"])
@pytest.mark.parametrize("list_name", ["members", "denylist", "allowlist"])
def test_lists_are_read_added_to_and_removed_from(admin: Any, sim: Any, list_name: str, odd: str) -> None:
    channel = group(sim, odd, members=["cem"])
    url = f"{BASE}/{ChannelConverter().to_url(channel)}/{list_name}"
    before = {row["uid"] for row in admin.get(url).json()["items"]}
    assert results(send(admin, "POST", url, uids=["ann", "b b"], reason="ticket")) == {"ann": "done", "b b": "done"}
    assert {row["uid"] for row in admin.get(url).json()["items"]} == before | {"ann", "b b"}
    assert results(send(admin, "DELETE", url, uids=["ann", "zoe"], reason="ticket")) == {
        "ann": "done", "zoe": "not_found",
    }  # fmt: skip
    assert results(send(admin, "POST", f"{url}/remove", uids=["b b"], reason="ticket")) == {"b b": "done"}
    assert {row["uid"] for row in admin.get(url).json()["items"]} == before


def test_an_id_that_cannot_stand_in_a_servers_address_is_changed_and_unknown(admin: Any, sim: Any) -> None:
    channel = group(sim, "a/b?", members=[])
    answer = send(admin, "POST", f"{BASE}/2/a~2Fb~3F/denylist", uids=["ann"], reason="spam")
    assert results(answer) == {"ann": "unknown"} and answer.json()["verdict"] == "unknown"
    assert stored(sim, "denied", channel) == {"ann"}


def test_a_list_is_paged_and_filtered_by_uid(admin: Any, sim: Any) -> None:
    group(sim, members=[f"u{number}" for number in range(30)])
    first = admin.get(f"{TEA}/members", {"limit": 20}).json()
    rest = admin.get(f"{TEA}/members", {"limit": 20, "cursor": first["next_cursor"]}).json()
    assert len({row["uid"] for row in first["items"] + rest["items"]}) == 30 and not rest["next_cursor"]
    assert len(admin.get(f"{TEA}/members", {"q": "U1"}).json()["items"]) == 11


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"uids": ["ann", ""], "reason": "spam"}, "uids"),
        ({"uids": ["a@b"], "reason": "spam"}, "uids"),
        ({"uids": [], "reason": "spam"}, "uids"),
        ({"uids": "ann", "reason": "spam"}, "uids"),
        ({"uids": [1], "reason": "spam"}, "uids"),
        ({"uids": ["ann"]}, "reason"),
        ({"uids": ["ann"], "reason": " "}, "reason"),
        ({"uids": ["ann"], "plan": "abc", "reason": "spam"}, "plan"),
        ({"uids": ["ann"], "reason": "spam", "until": "tomorrow"}, "until"),
    ],
)
def test_a_wrong_body_is_a_problem_that_names_the_field(admin: Any, sim: Any, body: dict[str, Any], field: str) -> None:
    channel = group(sim)
    answer = send(admin, "POST", f"{TEA}/denylist", **body)
    assert answer.status_code == 422 and answer["Content-Type"] == "application/problem+json"
    assert any(field in name for name in answer.json()["fields"])
    assert stored(sim, "denied", channel) == set()


def test_a_preview_is_applied_by_its_plan_and_refused_when_the_list_moved(admin: Any, sim: Any) -> None:
    channel = group(sim)
    plan = send(admin, "POST", f"{TEA}/members/preview", uids=["zoe", "ann"]).json()
    assert (plan["changing"], plan["same"], plan["before"], plan["after"]) == (["zoe"], ["ann"], 3, 4)
    put(sim, "members", channel, ["zoe"])
    moved = send(admin, "POST", f"{TEA}/members", plan=plan["plan"], reason="joins")
    assert moved.status_code == 409 and moved.json()["code"] == "state_moved"
    fresh = send(admin, "POST", f"{TEA}/members/remove/preview", uids=["zoe"]).json()
    assert results(send(admin, "DELETE", f"{TEA}/members", plan=fresh["plan"], reason="leaves")) == {"zoe": "done"}


def test_flags_are_written_all_five_and_read_back(admin: Any, sim: Any) -> None:
    channel = group(sim)
    state = admin.get(f"{TEA}/flags").json()["state"]
    answer = send(admin, "PUT", f"{TEA}/flags", **FLAGS | {"ban": True}, reason="closed", state=state)
    assert results(answer)["ban"] == "done" and flags_of(sim, channel)["ban"] == 1
    again = send(admin, "PUT", f"{TEA}/flags", **FLAGS, reason="opened", state=state)
    assert again.status_code == 409 and flags_of(sim, channel)["ban"] == 1
    left_out = send(admin, "PUT", f"{TEA}/flags", ban=False, reason="opened")
    assert left_out.status_code == 422 and "large" in str(left_out.json()["fields"])


def test_a_persons_own_entry_has_its_flags_elsewhere(admin: Any) -> None:
    answer = send(admin, "PUT", f"{BASE}/1/ann/flags", **FLAGS | {"ban": True}, reason="out")
    assert answer.status_code == 501 and answer.json()["code"] == "unsupported"


def test_a_channel_is_created_once(admin: Any, sim: Any) -> None:
    body = {"id": "tea", "type": 2, "members": ["ann"], "reason": "launch"}
    assert send(admin, "POST", BASE, **body).json()["counts"] == {"done": 2}
    assert send(admin, "POST", BASE, **body).status_code == 409
    assert send(admin, "POST", BASE, **body | {"id": "a@b"}).json()["fields"].keys() == {"id"}


def test_a_slot_that_gives_up_is_told_per_uid(admin: Any, sim: Any) -> None:
    channel = group(sim)
    sim.call(wedge, channel)
    answer = send(admin, "POST", f"{TEA}/denylist", uids=["ann"], reason="spam")
    assert answer.status_code == 200 and answer.json()["verdict"] == "failed"
    assert "five seconds" in answer.json()["items"][0]["detail"]


def test_rights_are_those_of_the_pages(own_cluster: Any, sim: Any) -> None:
    channel = group(sim)
    moderator, viewer = api_client("moderator", own_cluster), api_client("viewer", own_cluster)
    assert send(moderator, "POST", f"{TEA}/denylist", uids=["ann"], reason="spam").status_code == 200
    assert send(moderator, "POST", f"{TEA}/members", uids=["zoe"], reason="joins").status_code == 403
    assert send(viewer, "POST", f"{TEA}/denylist", uids=["ben"], reason="spam").status_code == 403
    assert viewer.get(f"{TEA}/members").status_code == 200
    assert api_client("stranger").get(f"{TEA}/members").status_code == 404
    assert stored(sim, "denied", channel) == {"ann"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by_plan", [False, True])
def test_a_long_change_is_answered_at_once_and_tells_how_it_comes_along(
    own_cluster: Any, sim: Any, by_plan: bool
) -> None:
    admin, channel = api_client("admin", own_cluster), group(sim, members=[])
    uids = [f"u{number}" for number in range(30)]
    body: dict[str, Any] = {"uids": uids}
    if by_plan:
        body = {"plan": send(admin, "POST", f"{TEA}/members/preview", uids=uids).json()["plan"]}
    begun = send(admin, "POST", f"{TEA}/members", **body, reason="import")
    assert begun.status_code == 202
    path = begun.json()["path"]
    assert path == f"/api/v1/clusters/own/changes/{begun.json()['change']}"
    for _ in range(200):
        reply = admin.get(path)
        told = reply.json()
        # The tests' database in memory refuses readers while another thread writes; a file in WAL mode doesn't.
        if reply.status_code != 503 and told["is_over"]:
            break
        time.sleep(0.2)
    assert beside.stop(10)
    assert told["outcomes"]["counts"] == {"done": 30} and (told["reached"], told["total"]) == (30, 30)
    assert (told["channel"]["id"], told["list"], told["verb"], told["error"]) == ("tea", "members", "add", "")
    assert stored(sim, "members", channel) == set(uids)
    assert api_client("moderator", own_cluster).get(path).status_code == 403  # members need another right
    assert admin.get("/api/v1/clusters/own/changes/nothing").json()["code"] == "not_found"


def test_a_long_change_without_a_reason_is_refused_before_it_begins(admin: Any, sim: Any) -> None:
    group(sim, members=[])
    answer = send(admin, "POST", f"{TEA}/members", uids=[f"u{number}" for number in range(30)], reason="")
    assert answer.status_code == 422 and set(answer.json()["fields"]) == {"reason"}
    assert not Plan.objects.exists()
