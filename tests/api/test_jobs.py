"""Runs of jobs by the API: the same as on the pages, and problems in their one shape."""

from typing import Any

import pytest

from imadmin.jobs.models import JobRun
from imadmin.jobs.run import start
from tests.api.tokens import api_client

pytestmark = pytest.mark.django_db
AT = "/api/v1/clusters/demo/jobs"


def test_a_job_is_started_read_and_stopped(cluster: Any) -> None:
    client = api_client("admin", cluster)
    begun = client.post(AT, {"job": "sample", "reason": "a look"}, content_type="application/json")
    assert begun.status_code == 202
    run_id = begun.json()["id"]

    assert client.get(f"{AT}/{run_id}").json()["state"] == "queued"
    stopped = client.post(f"{AT}/{run_id}/stop", {"reason": "enough"}, content_type="application/json").json()

    assert stopped["counts"] == {"done": 1}
    row = JobRun.objects.get(pk=run_id)
    assert row.state == "stopped" and row.trigger == "person"


def test_the_list_is_paged_and_folds_what_is_routine(cluster: Any) -> None:
    for number in range(5):
        JobRun.objects.create(id=f"r{number}", job="sample", cluster=cluster, state="failed", trigger="schedule")
    JobRun.objects.create(id="fine", job="sample", cluster=cluster, state="done", trigger="schedule")
    client = api_client("viewer", cluster)

    first = client.get(AT, {"limit": 3}).json()
    rest = client.get(AT, {"limit": 3, "cursor": first["next_cursor"]}).json()

    assert [run["id"] for run in first["items"] + rest["items"]] == ["r4", "r3", "r2", "r1", "r0"]
    assert rest["next_cursor"] == ""
    assert client.get(AT, {"routine": True, "limit": 1}).json()["items"][0]["id"] == "fine"


def test_what_was_missed_is_told_with_its_span(cluster: Any) -> None:
    JobRun.objects.create(
        id="m", job="sample", cluster=cluster, state="missed", trigger="schedule",
        params={"count": 59, "from": "2026-06-01T12:01:00+00:00", "until": "2026-06-01T12:59:00+00:00"},
    )  # fmt: skip
    (run,) = api_client("viewer", cluster).get(AT, {"state": "trouble"}).json()["items"]

    assert run["missed"] == {"count": 59, "first": "2026-06-01T12:01:00Z", "last": "2026-06-01T12:59:00Z", "behind": ""}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"job": "sample", "reason": ""}, 422, "reason"),
        ({"job": "operation.run", "reason": "why"}, 422, "job"),
        ({"job": "sample", "reason": "why", "params": {"x": 1}}, 422, "x"),
        ({"job": "of.long.ago", "reason": "why"}, 404, ""),
    ],
)
def test_what_can_not_be_started_is_a_problem(cluster: Any, body: dict[str, Any], status: int, field: str) -> None:
    answer = api_client("admin", cluster).post(AT, body, content_type="application/json")

    assert answer.status_code == status and answer["Content-Type"].startswith("application/problem+json")
    assert not field or field in str(answer.json()["fields"])
    assert not JobRun.objects.exists()


def test_one_that_runs_already_is_a_conflict(cluster: Any) -> None:
    start("sample", cluster=cluster)
    answer = api_client("admin", cluster).post(AT, {"job": "sample", "reason": "why"}, content_type="application/json")
    assert answer.status_code == 409


def test_who_may_only_look_starts_and_stops_nothing(cluster: Any) -> None:
    row = start("sample", cluster=cluster)
    client = api_client("support", cluster)

    assert client.post(AT, {"job": "rollup", "reason": "why"}, content_type="application/json").status_code == 403
    assert client.post(f"{AT}/{row.pk}/stop", {"reason": "why"}, content_type="application/json").status_code == 403
    row.refresh_from_db()
    assert row.state == "queued"


def test_a_run_that_is_not_there_is_not_found(cluster: Any) -> None:
    assert api_client("viewer", cluster).get(f"{AT}/nothing").status_code == 404
