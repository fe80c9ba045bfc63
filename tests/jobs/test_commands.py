"""`manage.py jobs`, `worker` and `beat` as a person at a terminal meets them."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from imadmin.audit.models import AuditEntry
from imadmin.core.errors import Conflict
from imadmin.core.locks import ProcessLease
from imadmin.jobs.models import JobRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def lease(monkeypatch: Any, tmp_path: Any) -> Any:
    """A data folder of the test's own: nobody else does its jobs."""
    path = tmp_path / "jobs.lock"
    monkeypatch.setattr("imadmin.jobs.management.commands.jobs.lease", lambda: ProcessLease(path))
    return path


def told(*words: str) -> str:
    out = StringIO()
    call_command("jobs", *words, stdout=out)
    return out.getvalue()


def test_without_a_server_the_command_carries_the_job_out(cluster: Any) -> None:
    said = told("run", "sample", "--cluster", "demo")

    row = JobRun.objects.get()
    assert (row.state, row.trigger, row.cluster) == ("done", "command", cluster)
    assert "carried out here" in said and "3 of 3 nodes answered" in said
    assert AuditEntry.objects.filter(action="job.run", actor_kind="command").count() == 2


def test_with_a_server_it_is_left_to_the_server(cluster: Any, lease: Any) -> None:
    server = ProcessLease(lease)
    server.take()
    try:
        said = told("run", "sample", "--cluster", "demo")
    finally:
        server.release()
    assert "queued" in said and JobRun.objects.get().state == "queued"


def test_a_run_that_fails_ends_with_an_error(cluster: Any, make_job: Callable[..., str]) -> None:
    def refuse(_run: Any) -> None:
        raise Conflict("Not today.")

    with pytest.raises(CommandError, match="Not today"):
        told("run", make_job(refuse, by_hand=True), "--cluster", "demo")


def test_parameters_reach_the_job_and_wrong_ones_are_named(cluster: Any) -> None:
    assert "0 runs forgotten" in told("run", "jobs.prune", "--param", "days=5")
    for wrong in ("hours=5", "days", "days=soon"):
        with pytest.raises(CommandError, match=r"NAME=VALUE|hours|whole number"):
            told("run", "jobs.prune", "--param", wrong)


@pytest.mark.parametrize("words", [("run", "of.long.ago"), ("run", "sample"), ("run", "sample", "--cluster", "no")])
def test_what_is_not_there_is_said(cluster: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        told(*words)
    assert not JobRun.objects.exists()


def test_the_list_is_narrowed_by_cluster_and_state(cluster: Any) -> None:
    for number, state in enumerate(("failed", "lost", "done")):
        JobRun.objects.create(id=f"r{number}", job="rollup", cluster=cluster, state=state, trigger="schedule")
    JobRun.objects.create(id="site", job="jobs.prune", state="failed", trigger="schedule")

    assert [line.split("\t")[0] for line in told("list").splitlines()] == ["site", "r2", "r1", "r0"]
    assert [line.split("\t")[0] for line in told("list", "--cluster", "demo", "--state", "trouble").splitlines()] == [
        "r1", "r0",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_processes_of_the_split_mode_need_redis(name: str) -> None:
    with pytest.raises(CommandError, match="IMADMIN_REDIS_URL"):
        call_command(name)
