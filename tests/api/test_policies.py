"""Policies and holds by the API: the same rules as on the page."""

import json
from typing import Any

import pytest

from imadmin.core.aio import run
from imadmin.gateway.types import ChannelFlags, ChannelRef
from imadmin.jobs import work
from imadmin.jobs.models import JobRun
from tests.api.tokens import api_client

pytestmark = pytest.mark.django_db
BASE = "/api/v1/clusters/own"
CLOSED = ChannelRef("g-closed", 2)


@pytest.fixture
def admin(own_cluster: Any, scope_of: Any) -> Any:
    run(scope_of(own_cluster, "admin").gateway.create_channel(CLOSED, ChannelFlags(disband=True), ["ann", "ben"]))
    return api_client("admin", own_cluster)


def send(client: Any, method: str, url: str, **body: Any) -> Any:
    return client.generic(method, f"{BASE}{url}", json.dumps(body), content_type="application/json")


def made(admin: Any, **more: Any) -> dict[str, Any]:
    body = {"kind": "disbanded-members", "params": {"days": 0}, "stop_above": 100, "reason": "old groups"} | more
    answer = send(admin, "POST", "/policies", **body)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def carried_out(answer: Any) -> JobRun:
    assert answer.status_code == 202, answer.content
    run_id = answer.json()["run"]
    work.execute(run_id)
    return JobRun.objects.get(pk=run_id)


def test_from_kind_to_clean(admin: Any) -> None:
    kinds = {each["kind"] for each in admin.get(f"{BASE}/policies/kinds").json()}
    assert "disbanded-members" in kinds
    policy = made(admin, schedule={"cron": "10 3 * * *", "zone": "Asia/Shanghai"})
    assert (policy["enabled"], policy["simulated_at"]) == (False, None)
    at = f"/policies/{policy['id']}"
    early = send(admin, "POST", f"{at}/run", reason="old groups")
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    found = carried_out(send(admin, "POST", f"{at}/simulate"))
    assert found.result and found.result["found"] == 2
    assert send(admin, "POST", f"{at}/switch", enabled=True, reason="looks right").json()["enabled"] is True
    assert admin.get(f"{BASE}{at}").json()["next_at"]
    done = carried_out(send(admin, "POST", f"{at}/run", reason="old groups"))
    assert done.result and done.result["done"] == 2
    assert send(admin, "POST", f"{at}/delete", reason="done with it").status_code == 204
    assert [row["id"] for row in admin.get(f"{BASE}/policies").json()["items"]] == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"params": {"days": -4}}, "days"),
        ({"schedule": {"cron": "whenever"}}, "cron"),
        ({"schedule": {"cron": "61 3 * * *"}}, "cron"),
        ({"schedule": {"cron": "1 3 * * *", "zone": "Mars/Base"}}, "zone"),
        ({"cap": 0}, "cap"),
        ({"reason": ""}, "reason"),
    ],
)
def test_wrong_settings_name_their_field(admin: Any, more: dict[str, Any], field: str) -> None:
    body = {"kind": "disbanded-members", "params": {"days": 0}, "reason": "old groups"} | more
    answer = send(admin, "POST", "/policies", **body)
    assert answer.status_code == 422 and field in answer.json()["fields"]
    assert admin.get(f"{BASE}/policies").json()["items"] == []


def test_a_hold_is_made_and_lifted(admin: Any) -> None:
    kept = send(admin, "POST", "/holds", channel_type=2, channel_id="g-closed", reason="case 5512")
    assert kept.status_code == 201
    assert [row["channel_id"] for row in admin.get(f"{BASE}/holds").json()["items"]] == ["g-closed"]
    assert send(admin, "POST", f"/holds/{kept.json()['id']}/lift", reason="closed").status_code == 204
    assert admin.get(f"{BASE}/holds").json()["items"] == []
    nothing = send(admin, "POST", "/holds", reason="case 5512")
    assert nothing.status_code == 422


def test_a_viewer_reads_and_changes_nothing(admin: Any, own_cluster: Any) -> None:
    policy = made(admin)
    viewer = api_client("viewer", own_cluster)
    assert viewer.get(f"{BASE}/policies").status_code == viewer.get(f"{BASE}/holds").status_code == 200
    for url in ("/simulate", "/run", "/delete"):
        assert send(viewer, "POST", f"/policies/{policy['id']}{url}", reason="because").status_code == 403
    assert send(viewer, "POST", "/holds", uid="ann", reason="because").status_code == 403
