"""The jobs pages: runs with filters, one run with its story, started by hand and stopped."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from imadmin.audit.models import AuditEntry
from imadmin.core.paging import encode_cursor
from imadmin.jobs.models import JobRun
from imadmin.jobs.run import start

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "runs"}


def run_of(cluster: Any, run_id: str = "0123456789abcdef", **fields: Any) -> JobRun:
    values = {"job": "sample", "trigger": "schedule", "state": "failed", "error": "Node 1003 is away."} | fields
    return JobRun.objects.create(id=run_id, cluster=cluster, **values)


def test_runs_are_listed_with_what_came_of_them(cluster: Any, client_of: Callable[..., Any]) -> None:
    run_of(cluster)
    run_of(cluster, "b", state="running", error="", reached=912, total=1204, job="operation.run", actor="admin")
    page = client_of(cluster, "viewer").get("/c/demo/jobs/").content.decode()

    assert "Node 1003 is away." in page and "Sample the cluster" in page
    assert 'value="76" max="100"' in page and "912" in page and "admin" in page
    assert "Run a job" not in page, "a viewer starts nothing"


def test_routine_runs_that_went_well_are_folded_and_can_be_shown(cluster: Any, client_of: Callable[..., Any]) -> None:
    run_of(cluster, state="done", error="", result={"say": "%(answered)s of %(nodes)s nodes answered", "params": {"answered": 3, "nodes": 3}})  # fmt: skip
    client = client_of(cluster, "viewer")

    assert "3 of 3 nodes answered" not in client.get("/c/demo/jobs/").content.decode()
    assert "3 of 3 nodes answered" in client.get("/c/demo/jobs/?routine=all").content.decode()
    assert "3 of 3 nodes answered" in client.get("/c/demo/jobs/?job=sample").content.decode()


def test_a_missed_hour_is_one_line_with_its_span(cluster: Any, client_of: Callable[..., Any]) -> None:
    run_of(
        cluster, state="missed", error="The scheduler was not running then, and missed runs are not made up for.",
        params={"count": 59, "from": "2026-06-01T12:01:00+00:00", "until": "2026-06-01T12:59:00+00:00"},
    )  # fmt: skip
    page = client_of(cluster, "viewer").get("/c/demo/jobs/?state=trouble").content.decode()

    assert "59 runs" in page and "12:01" in page and "12:59" in page and "not made up for" in page


@pytest.mark.parametrize(("query", "shown"), [("state=open", "b"), ("state=failed", "a"), ("job=rollup", "c")])
def test_filters_narrow_the_list(cluster: Any, client_of: Callable[..., Any], query: str, shown: str) -> None:
    run_of(cluster, "a")
    run_of(cluster, "b", state="queued", error="")
    run_of(cluster, "c", job="rollup", state="stopped", error="")
    page = client_of(cluster, "viewer").get(f"/c/demo/jobs/?{query}").content.decode()

    assert [name for name in "abc" if f"/jobs/runs/{name}/" in page] == [shown]


def test_pages_of_runs_follow_each_other_without_gap(cluster: Any, client_of: Callable[..., Any]) -> None:
    for number in range(120):
        run_of(cluster, f"r{number:03}")
    client = client_of(cluster, "viewer")
    found: list[str] = []
    address = "/c/demo/jobs/"
    while address:
        page = client.get(address)
        found += [run.id for run in page.context["page"].rows]
        cursor = page.context["page"].next_cursor
        address = f"/c/demo/jobs/?cursor={cursor}" if cursor else ""

    assert found == [f"r{number:03}" for number in reversed(range(120))]


def test_a_broken_cursor_is_a_sentence(cluster: Any, client_of: Callable[..., Any]) -> None:
    response = client_of(cluster, "viewer").get("/c/demo/jobs/?cursor=nonsense")
    assert response.status_code == 422 and "page marker" in response.content.decode()


def test_the_parts_follow_by_themselves(cluster: Any, client_of: Callable[..., Any]) -> None:
    client = client_of(cluster, "viewer")
    runs = client.get("/c/demo/jobs/", **HTMX).content.decode()
    policies = client.get("/c/demo/jobs/", **(HTMX | {"HTTP_HX_TARGET": "policies"})).content.decode()

    assert "<html" not in runs and runs.count("<section") == 1 and 'id="runs"' in runs
    assert "<html" not in policies and policies.count("<section") == 1 and 'id="policies"' in policies


def test_without_worker_or_beat_the_page_says_so(cluster: Any, client_of: Callable[..., Any], monkeypatch: Any) -> None:
    client = client_of(cluster, "viewer")
    seen = datetime.now(UTC)
    for found, word in (({}, "No worker"), ({"jobs:worker": seen}, "scheduler has not told")):
        monkeypatch.setattr("imadmin.jobs.queries._seen", lambda found=found: found)
        assert word in client.get("/c/demo/jobs/").content.decode()
    monkeypatch.setattr("imadmin.jobs.queries._seen", lambda: {"jobs:worker": seen, "jobs:beat": seen})
    assert "told of itself" not in client.get("/c/demo/jobs/").content.decode()


def test_a_run_tells_its_story(cluster: Any, client_of: Callable[..., Any]) -> None:
    at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    row = run_of(
        cluster, job="operation.run", state="lost", error="It ended without a word.", attempt=2, worker="host:77:abc",
        started_at=at, finished_at=at + timedelta(minutes=5), reached=40, total=100, actor="admin", trigger="person",
        note="2026-06-01T12:01:00+00:00\tIts process ended without a word; taken up again.",
        result={"done": 40, "targets": ["a", "b"]}, params={"operation": "op1"},
    )  # fmt: skip
    page = client_of(cluster, "viewer").get(f"/c/demo/jobs/runs/{row.pk}/").content.decode()

    for words in ("It ended without a word.", "taken up again", "host:77:abc", "attempt 2 of 5", "by hand, admin", "2 entries"):  # fmt: skip
        assert words in page, words


def test_what_comes_from_outside_stays_text(cluster: Any, client_of: Callable[..., Any]) -> None:
    bad = "<script>x</script>\u202e"
    row = run_of(
        cluster, error=bad, note=f"2026-06-01T12:01:00+00:00\t{bad}", result={bad: bad, "say": bad},
        params={"p": bad}, worker=bad, actor=bad, started_at=datetime.now(UTC),
    )  # fmt: skip
    client = client_of(cluster, "viewer")
    for address in ("/c/demo/jobs/", f"/c/demo/jobs/runs/{row.pk}/"):
        page = client.get(address).content.decode()
        assert "<script>x" not in page and "\u202e" not in page


def test_a_sentence_whose_figures_do_not_fit_is_shown_as_it_is(cluster: Any, client_of: Callable[..., Any]) -> None:
    run_of(cluster, state="done", job="gone", error="", result={"say": "100 % of %(x)s", "params": {"y": 1}})
    assert "100 % of %(x)s" in client_of(cluster, "viewer").get("/c/demo/jobs/").content.decode()


def test_a_job_is_started_by_hand_with_a_reason(cluster: Any, client_of: Callable[..., Any]) -> None:
    client = client_of(cluster, "admin")
    form = client.get("/c/demo/jobs/").content.decode()
    assert 'value="sample"' in form and 'value="jobs.prune"' not in form, "jobs of the site belong to owners"

    response = client.post("/c/demo/jobs/start/", {"job": "sample", "reason": "a look"})

    row = JobRun.objects.get()
    assert response.status_code == 303 and response["Location"] == f"/c/demo/jobs/runs/{row.pk}/"
    assert (row.job, row.cluster, row.trigger, row.actor) == ("sample", cluster, "person", "admin")
    assert list(AuditEntry.objects.filter(action="job.run").order_by("pk").values_list("phase", "reason", "target")) == [
        ("intent", "a look", "sample"), ("outcome", "a look", "sample"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "typed", [{"job": "sample", "reason": ""}, {"job": "operation.run", "reason": "why"}, {"reason": "why"}]
)
def test_what_can_not_be_started_changes_nothing(
    cluster: Any, client_of: Callable[..., Any], typed: dict[str, str]
) -> None:
    response = client_of(cluster, "admin").post("/c/demo/jobs/start/", typed)

    assert response.status_code == 422 and "<dialog" in response.content.decode()
    assert not JobRun.objects.exists()


def test_a_job_that_runs_already_is_not_started_twice(cluster: Any, client_of: Callable[..., Any]) -> None:
    start("sample", cluster=cluster)
    response = client_of(cluster, "admin").post("/c/demo/jobs/start/", {"job": "sample", "reason": "a look"})

    assert response.status_code == 409 and JobRun.objects.count() == 1


def test_a_run_is_stopped_with_a_reason(cluster: Any, client_of: Callable[..., Any]) -> None:
    running = run_of(cluster, "a", state="running", error="")
    waiting = run_of(cluster, "b", state="queued", error="")
    client = client_of(cluster, "admin")
    assert "Stop…" in client.get("/c/demo/jobs/runs/a/").content.decode()

    assert client.post("/c/demo/jobs/runs/a/stop/", {"reason": ""}).status_code == 422
    assert client.post("/c/demo/jobs/runs/b/stop/", {"reason": "enough"}).status_code == 303
    part = client.post("/c/demo/jobs/runs/a/stop/", {"reason": "enough"}, HTTP_HX_REQUEST="true").content.decode()

    running.refresh_from_db()
    waiting.refresh_from_db()
    assert running.stop_wanted and running.state == "running" and waiting.state == "stopped"
    assert "told to stop" in part and "Stop…" not in part
    assert AuditEntry.objects.filter(action="job.stop", phase="outcome", outcome="done").count() == 2


def test_stopping_what_is_over_says_so(cluster: Any, client_of: Callable[..., Any]) -> None:
    run_of(cluster, "a")
    part = client_of(cluster, "admin").post("/c/demo/jobs/runs/a/stop/", {"reason": "late"}, HTTP_HX_REQUEST="true")

    assert "over already" in part.content.decode()
    assert AuditEntry.objects.filter(action="job.stop", phase="outcome", outcome="already").count() == 1


def test_runs_of_the_site_belong_to_owners(cluster: Any, client_of: Callable[..., Any]) -> None:
    run_of(None, "site1", job="jobs.prune")
    for role, status in (("owner", 200), ("admin", 404)):
        client = client_of(cluster, role)
        assert ("/jobs/runs/site1/" in client.get("/c/demo/jobs/").content.decode()) is (status == 200)
        assert client.get("/c/demo/jobs/runs/site1/").status_code == status
    assert client_of(cluster, "owner").post("/c/demo/jobs/start/", {"job": "jobs.prune", "reason": "now"}).status_code == 303  # fmt: skip


def test_another_clusters_run_is_not_there(
    cluster: Any, client_of: Callable[..., Any], make_cluster: Callable[..., Any], demo_cluster: Any
) -> None:
    run_of(make_cluster(demo_cluster, slug="other"), "a")
    client = client_of(cluster, "admin")

    assert client.get("/c/demo/jobs/runs/a/").status_code == 404
    assert client.post("/c/demo/jobs/runs/a/stop/", {"reason": "why"}).status_code == 404
    assert "/jobs/runs/a/" not in client.get("/c/demo/jobs/").content.decode()


@pytest.mark.parametrize("page", ["jobs", "operations", "events", "live-feed"])
def test_a_page_marker_of_another_age_is_refused(own_cluster: Any, client_of: Any, page: str) -> None:
    marker = encode_cursor(at="0001-01-01T00:00:00+14:00", id=3)
    answer = client_of(own_cluster, "admin").get(reverse(page, args=["own"]), {"cursor": marker})
    assert answer.status_code == 422
