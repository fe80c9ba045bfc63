"""Exports that are stopped, killed or fail: whole or not there."""

import errno
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imadmin.archive import export_run, exports
from imadmin.archive.models import Export
from imadmin.core.errors import Conflict
from imadmin.jobs import exports as jobs
from imadmin.jobs.models import JobRun
from tests.archive.export_stage import REASON, ScopeOf, begun, files, lines, nothing, trail
from tests.archive.saved_stage import Talk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registered")]


# -- stopping, dying, failing ----------------------------------------------------------------------------------------


def test_one_that_waits_is_stopped_at_once(
    cluster: Any, scope_of: ScopeOf, talk: Talk, work_off: Callable[[], int]
) -> None:
    talk.say("x")
    row = begun(scope_of(cluster, "moderator"))
    assert jobs.stop(scope_of(cluster, "moderator"), row.pk).state == "stopped"
    assert work_off() == 0 and files() == []
    assert trail("message.export")[-1].detail["state"] == "stopped"
    with pytest.raises(Conflict):
        jobs.stop(scope_of(cluster, "moderator"), row.pk)


@pytest.mark.parametrize(("why", "state"), [("person", "stopped"), ("closing", "waiting"), ("deadline", "failed")])
def test_one_that_runs_ends_without_a_file(
    cluster: Any, scope_of: ScopeOf, talk: Talk, monkeypatch: pytest.MonkeyPatch, why: str, state: str
) -> None:
    monkeypatch.setattr(export_run, "PIECE", 5)
    talk.say(*(str(number) for number in range(50)))
    scope = scope_of(cluster, "moderator")
    row = begun(scope)
    asked: Iterator[bool] = iter([False, False, True])
    export_run.carry_out(row.pk, nothing, lambda: next(asked), why_stopped=lambda: why)

    row.refresh_from_db()
    assert row.state == state and files() == []
    if state == "waiting":
        export_run.carry_out(row.pk, nothing, lambda: False)
        row.refresh_from_db()
        assert row.state == "ready" and len(lines(scope, row)) == 50


def test_one_that_was_killed_is_begun_anew_and_whole(
    cluster: Any, scope_of: ScopeOf, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_run, "PIECE", 5)
    talk.say(*(str(number) for number in range(50)))
    scope = scope_of(cluster, "moderator")
    row = begun(scope)
    left = exports.folder() / f"{row.pk}.dead{export_run.PART}"
    left.write_text("half a file")
    Export.objects.filter(pk=row.pk).update(state="running", rows=12)

    export_run.carry_out(row.pk, nothing, lambda: False)
    row.refresh_from_db()
    assert row.state == "ready" and files() == [f"{row.pk}.jsonl"] and len(lines(scope, row)) == 50
    assert export_run.carry_out(row.pk, nothing, lambda: False) == {"state": "ready", "rows": 50}, (
        "a second time: nothing"
    )


def test_one_whose_run_was_lost_is_told_as_failed(cluster: Any, scope_of: ScopeOf, talk: Talk) -> None:
    talk.say("x")
    scope = scope_of(cluster, "moderator")
    row = begun(scope)
    JobRun.objects.filter(pk=row.job_run).update(state="lost")
    (exports.folder() / f"{row.pk}.dead{export_run.PART}").write_text("half a file")

    assert jobs.settle(scope) == 1
    (seen,) = exports.listing(scope).rows
    assert (seen.state, seen.error, files()) == ("failed", jobs.LOST, [])
    assert trail("message.export")[-1].outcome == "failed"
    jobs.begin(scope, q="", reason=REASON)


def test_a_full_disk_is_said_and_leaves_nothing(
    cluster: Any, scope_of: ScopeOf, talk: Talk, monkeypatch: pytest.MonkeyPatch, exported: Callable[..., Export]
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    talk.say("x")
    monkeypatch.setattr(export_run.os, "fsync", full)
    row = exported(scope_of(cluster, "moderator"))

    assert (row.state, row.error) == ("failed", export_run.DISK_FULL) and files() == []
    run = JobRun.objects.get(pk=row.job_run)
    assert run.state == "failed" and trail("message.export")[-1].detail["error"] == export_run.DISK_FULL


def test_an_archive_that_can_not_be_read_is_said(
    cluster: Any, scope_of: ScopeOf, talk: Talk, monkeypatch: pytest.MonkeyPatch, exported: Callable[..., Export]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise export_run.StoreUnavailable

    talk.say("x")
    monkeypatch.setattr(export_run.searching, "find", broken)
    row = exported(scope_of(cluster, "moderator"))
    assert (row.state, row.error) == ("failed", export_run.NO_STORE) and files() == []
