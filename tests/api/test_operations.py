"""Operations by the API: plan, apply, follow, stop; the same refusals as on the pages, as problems."""

from typing import Any

import pytest
from django.test import Client

from imadmin.jobs.models import JobRun
from imadmin.jobs.work import execute
from imadmin.monitor.models import Operation
from imadmin.simulator import SimulatedCluster
from tests.api.tokens import api_client
from tests.monitor.operation_stage import *  # noqa: F403
from tests.monitor.operation_stage import kicks, listed, put_crowd

pytestmark = pytest.mark.django_db

BASE = "/api/v1/clusters/ops"


@pytest.fixture
def admin(op_cluster: Any) -> Client:
    return api_client("admin", op_cluster)


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"{BASE}{path}", body if body is not None else {}, content_type="application/json")


def test_a_kick_from_plan_to_result(admin: Client, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 6)

    plan = post(admin, "/connections/kick", {"query": "device:app"})
    assert plan.status_code == 201, plan.content
    made = plan.json()
    assert (made["state"], made["total"], made["chosen_by"], kicks(op_sim)) == ("planned", 3, "device:app", 0)
    assert made["summary"]["devices"] == {"APP": 3}

    path = f"/operations/{made['id']}"
    applied = post(admin, f"{path}/apply", {"reason": "half-open", "hash": made["hash"], "per_second": 100})
    assert (applied.status_code, applied.json()["state"]) == (202, "queued")
    assert execute(JobRun.objects.get().pk)

    over = admin.get(f"{BASE}{path}").json()
    assert (over["state"], over["counts"], over["reached"]) == ("done", {"done": 3}, 3)
    rows = admin.get(f"{BASE}{path}/targets", {"show": "done", "limit": 2}).json()
    assert [row["result"] for row in rows["items"]] == ["done", "done"] and rows["next_cursor"]
    assert isinstance(rows["items"][0]["target"]["id"], str)
    rest = admin.get(f"{BASE}{path}/targets", {"show": "done", "cursor": rows["next_cursor"]}).json()
    assert len(rest["items"]) == 1 and not rest["next_cursor"]
    assert [row["id"] for row in admin.get(f"{BASE}/operations").json()["items"]] == [made["id"]]
    assert listed(op_sim) == 3


def test_sessions_by_name(admin: Client, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 3, node=1002)

    made = post(admin, "/connections/kick", {"sessions": [{"node_id": 1002, "session_id": "2"}]}).json()

    row = admin.get(f"{BASE}/operations/{made['id']}/targets").json()["items"][0]
    assert (made["total"], row["target"]["node"], row["target"]["id"], row["result"]) == (1, 1002, "2", "waiting")


def test_nothing_named_never_means_everybody(admin: Client, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 2)
    for body in ({}, {"query": "  "}, {"query": "uid:u0", "sessions": [{"node_id": 1001, "session_id": "1"}]}):
        answer = post(admin, "/connections/kick", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), body
    assert post(admin, "/connections/kick", {"query": "uid:nobody-at-all"}).status_code == 422
    assert post(admin, "/connections/kick", {"query": "colour:red"}).status_code == 422
    assert not Operation.objects.exists()


def test_pause_resume_stop_and_again(admin: Client, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 4)
    made = post(admin, "/connections/kick", {"query": "uid:u"}).json()
    path = f"/operations/{made['id']}"
    assert post(admin, f"{path}/pause").status_code == 409
    post(admin, f"{path}/apply", {"reason": "half-open"})
    assert post(admin, f"{path}/pause").status_code == 200
    assert post(admin, f"{path}/resume").json()["state"] == "queued"
    stopped = post(admin, f"{path}/stop").json()
    assert (stopped["state"], stopped["counts"]) == ("stopped", {"skipped": 4})
    again = post(admin, f"{path}/again")
    assert (again.status_code, again.json()["total"]) == (201, 4)
    assert admin.delete(f"{BASE}/operations/{again.json()['id']}").status_code == 204
    assert kicks(op_sim) == 0


def test_moves_are_planned_with_what_is_left_out_and_why(admin: Client, op_sim: SimulatedCluster) -> None:
    leader = op_sim.call(lambda state: state.topology.view.slots[3].leader)
    target = next(node for node in (1001, 1002, 1003) if node != leader)

    one = post(admin, "/slots/3/move", {"target": target})
    assert (one.status_code, one.json()["kind"]) == (201, "move-slots")
    several = post(
        admin, "/slots/moves", {"moves": [{"slot": 3, "target": target}, {"slot": 4, "target": 4242}]}
    ).json()
    assert several["total"] == 1 and "no node 4242" in several["summary"]["left_out"][0]["why"]
    refused = post(admin, "/slots/3/move", {"target": 4242})
    assert refused.status_code == 422 and "no node 4242" in refused.json()["fields"]["slot"][0]
    assert post(admin, "/slots/balance").status_code == 422


def test_tokens_may_what_their_role_may(op_cluster: Any, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 1)
    support, viewer = api_client("support", op_cluster), api_client("viewer", op_cluster)

    made = post(support, "/connections/kick", {"query": "uid:u0"})
    assert made.status_code == 201
    assert post(viewer, "/connections/kick", {"query": "uid:u0"}).status_code == 403
    assert post(support, "/slots/3/move", {"target": 1001}).status_code == 403
    other = api_client("support", op_cluster)
    answer = post(other, f"/operations/{made.json()['id']}/apply", {"reason": "not mine"})
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert viewer.get(f"{BASE}/operations/{made.json()['id']}").status_code == 200
