"""Exports: exactly what was searched, masked by the role of the moment, whole or not there, for their owner alone."""

import csv
import errno
import io
import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imadmin.accounts.models import ApiToken, User
from imadmin.archive import export_run, exports
from imadmin.archive.models import Export
from imadmin.audit.models import AuditEntry
from imadmin.clusters import access
from imadmin.clusters.models import Grant
from imadmin.core.errors import Busy, Conflict, Forbidden, InvalidInput, NotFound
from imadmin.jobs import exports as jobs
from imadmin.jobs import registry
from imadmin.jobs.models import JobRun
from tests.archive.saved_stage import Talk

pytestmark = pytest.mark.django_db
ScopeOf = Callable[[Any, str], Any]
REASON = "asked for by the authorities"


@pytest.fixture(autouse=True)
def _registered() -> None:
    registry.known()
    assert jobs.JOB in registry.known()


@pytest.fixture
def talk(cluster: Any) -> Talk:
    return Talk(cluster)


@pytest.fixture
def exported(work_off: Callable[[], int]) -> Callable[..., Export]:
    """exported(scope, q=…) -> the export, after its job has run."""

    def make(scope: Any, **wish: Any) -> Export:
        row, _is_new = jobs.begin(scope, **{"q": "", "reason": REASON, "format": "jsonl"} | wish)
        work_off()
        row.refresh_from_db()
        return row

    return make


def content(scope: Any, row: Export) -> bytes:
    with exports.open_file(scope, row.pk)["opened"] as file:
        return file.read()


def lines(scope: Any, row: Export) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(scope, row).decode().split("\n") if line]


csv.field_size_limit(2_000_000)


def cells(scope: Any, row: Export) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content(scope, row).decode("utf-8-sig"), newline="")))


def files() -> list[str]:
    return sorted(path.name for path in exports.folder().iterdir())


def trail(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


# -- what is in it ---------------------------------------------------------------------------------------------------


def test_a_file_holds_exactly_what_the_search_finds_newest_first(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("退款 1", "hello", "ＲｅＦｕＮＤ", "退 款 2", uid="u1")
    talk.say("退款 3", uid="u2")
    scope = scope_of(cluster, "moderator")
    row = exported(scope, q="退款 from:u1")

    assert [one["text"] for one in lines(scope, row)] == ["退 款 2", "退款 1"]
    first = lines(scope, row)[0]
    assert first["channel"] == {"type": 2, "id": "tea"} and first["masked"] is False
    assert first["message_id"] == "1990000000000000004" and first["seq"] == "4" and first["from_uid"] == "u1"
    assert (row.state, row.rows, row.is_cut, row.is_open) == ("ready", 2, False, True)
    assert row.bytes == len(content(scope, row))


def test_what_comes_later_is_not_in_it_and_now_stays_the_moment_of_asking(
    cluster: Any, scope_of: ScopeOf, talk: Talk, work_off: Callable[[], int]
) -> None:
    now = int(datetime.now(UTC).timestamp())
    talk.say("old", at=now - 7200)
    talk.say("fresh", at=now - 60)
    scope = scope_of(cluster, "moderator")
    row, _ = jobs.begin(scope, q="after:-1h", reason=REASON, format="jsonl")
    Export.objects.filter(pk=row.pk).update(created_at=row.created_at - timedelta(hours=1))  # it waited for an hour
    talk.say("too late", at=now)
    work_off()

    row.refresh_from_db()
    assert [one["text"] for one in lines(scope, row)] == ["fresh", "old"], "an hour before it was asked for"


def test_more_than_a_page_of_the_engine_is_written(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_run, "PIECE", 7)
    talk.say(*(str(number) for number in range(100)))
    scope = scope_of(cluster, "moderator")

    assert [one["text"] for one in lines(scope, exported(scope))] == [str(number) for number in reversed(range(100))]


def test_times_stand_in_the_zone_of_who_asked(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    from zoneinfo import ZoneInfo

    talk.say("x", at=1_790_000_000)
    scope = scope_of(cluster, "moderator")
    row = exported(scope, q="on:2026-09-21", zone=ZoneInfo("Asia/Shanghai"), format="csv")

    assert cells(scope, row)[1][0] == "2026-09-21T22:13:20+08:00"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x", "=HYPERLINK(\"http://x\",\"y\")"])  # fmt: skip
def test_no_cell_is_a_formula(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], text: str
) -> None:
    talk.say("x", uid="=cmd", said=text)
    scope = scope_of(cluster, "moderator")
    (row,) = cells(scope, exported(scope, format="csv"))[1:]

    assert row[9] == f"'{text}" and row[4] == "'=cmd"


HOSTILE = [
    "two\nlines", "a,b;c\"d'e", "a\u2028b\u2029c\x85d", "\u202eRTL \u05d0", "🙂👩‍👩‍👧 emoji", "<b>&amp;</b>", "x" * 1_000_000, "",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_comes_back_as_it_was(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], text: str
) -> None:
    talk.say("before", text, "after")
    scope = scope_of(cluster, "moderator")

    assert [row[9] for row in cells(scope, exported(scope, format="csv"))[1:]] == ["after", text, "before"]
    row = exported(scope, format="jsonl")
    assert [one["text"] for one in lines(scope, row)] == ["after", text, "before"]
    assert len(content(scope, row).decode().splitlines()) == 3, "one message a line, for every kind of reader"


def test_nul_half_a_character_and_bytes_that_are_no_text_break_no_file(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.put([b'{"type":1,"content":"a\\u0000b"}', b'{"type":1,"content":"\\ud800"}', b"\xff\xfe\x00"])
    scope = scope_of(cluster, "moderator")

    rows = cells(scope, exported(scope, format="csv"))[1:]
    assert len(rows) == 3 and "\x00" not in "".join(map("".join, rows))
    assert len(lines(scope, exported(scope, format="jsonl"))) == 3


def test_long_numbers_stay_whole_in_a_spreadsheet(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    (message,) = talk.say("x")
    scope = scope_of(cluster, "moderator")
    head, row = cells(scope, exported(scope, format="csv"))

    assert head == ["time", "message_id", "channel_type", "channel", "sender", "kind", "seq", "client_msg_no", "traits", "text", "masked"]  # fmt: skip
    assert row[1] == f"'{message}" and row[6] == "1"


def test_a_byte_order_mark_by_choice(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("退款")
    scope = scope_of(cluster, "moderator")

    assert content(scope, exported(scope, format="csv", has_bom=True)).startswith(b"\xef\xbb\xbftime,")
    assert content(scope, exported(scope, format="csv")).startswith(b"time,")
    assert content(scope, exported(scope, format="jsonl", has_bom=True)).startswith(b"{")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_cap_is_kept_and_said_in_the_last_line(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], settings: Any, form: str
) -> None:
    settings.EXPORT_ROWS = 3
    talk.say(*"abcde")
    scope = scope_of(cluster, "moderator")
    row = exported(scope, format=form)

    assert (row.rows, row.is_cut, row.cap) == (3, True, 3)
    if form == "csv":
        assert cells(scope, row)[-1] == ["# cut=true rows=3"] and len(cells(scope, row)) == 5
    else:
        assert lines(scope, row)[-1] == {"cut": True, "rows": 3} and len(lines(scope, row)) == 4


def test_exactly_as_many_as_the_cap_is_not_cut(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], settings: Any
) -> None:
    settings.EXPORT_ROWS = 3
    talk.say(*"abc")
    scope = scope_of(cluster, "moderator")
    row = exported(scope)
    assert (row.rows, row.is_cut) == (3, False) and len(lines(scope, row)) == 3


def test_a_file_has_an_end_in_bytes_too(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_run, "BYTES_MOST", 1000)
    talk.say(*("x" * 600 for _ in range(5)))
    scope = scope_of(cluster, "moderator")
    row = exported(scope)
    assert row.is_cut and row.rows == 2 and lines(scope, row)[-1] == {"cut": True, "rows": 2}


# -- rights ----------------------------------------------------------------------------------------------------------


def test_bodies_are_in_it_only_for_those_who_read_them_in_lists(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("call 13800138000 https://example.test")
    moderator, admin = scope_of(cluster, "moderator"), scope_of(cluster, "admin")
    seen, masked = exported(moderator), exported(admin)

    assert seen.is_open and lines(moderator, seen)[0]["text"].startswith("call")
    assert not masked.is_open
    raw = content(admin, masked)
    assert b"13800138000" not in raw and b"example" not in raw
    (line,) = lines(admin, masked)
    assert (line["text"], line["masked"]) == (None, True)
    assert not {"link", "phone"} & set(line["traits"]), "what the text holds is as much a secret"
    (row,) = cells(admin, exported(admin, format="csv"))[1:]
    assert row[9:] == ["", "yes"]


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_may_not_export_starts_none(cluster: Any, scope_of: ScopeOf, talk: Talk, role: str) -> None:
    talk.say("x")
    scope = scope_of(cluster, role)
    for act in (lambda: jobs.begin(scope, q="", reason=REASON), lambda: exports.listing(scope), lambda: exports.preview(scope, "")):  # fmt: skip
        with pytest.raises(Forbidden):
            act()
    assert not exports.may(scope) and Export.objects.count() == 0


def test_one_setting_switches_it_off_for_files_that_are_there_too(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], settings: Any,
    work_off: Callable[[], int],
) -> None:  # fmt: skip
    talk.say("x")
    scope = scope_of(cluster, "moderator")
    row = exported(scope)
    waiting, _ = jobs.begin(scope, q="from:ann", reason=REASON)
    settings.EXPORTS_ALLOWED = False

    for act in (lambda: jobs.begin(scope, q="", reason=REASON), lambda: exports.open_file(scope, row.pk)):
        with pytest.raises(Forbidden) as caught:
            act()
        assert caught.value.message == exports.OFF
    assert not exports.may(scope)
    work_off()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error) == ("failed", export_run.SWITCHED_OFF)


def test_rights_are_looked_at_again_when_it_is_written(
    cluster: Any, scope_of: ScopeOf, talk: Talk, work_off: Callable[[], int]
) -> None:
    talk.say("secret")
    scope = scope_of(cluster, "moderator")
    user = User.objects.get(username="moderator")
    first, _ = jobs.begin(scope, q="", reason=REASON, format="jsonl")
    only(user, cluster, "admin")  # may export, but reads no bodies in lists
    work_off()
    first.refresh_from_db()
    assert not first.is_open and lines(access.enter_for(user, cluster), first)[0]["text"] is None

    for loss in ("support", "inactive"):
        row, _ = jobs.begin(scope, q=f"from:{loss}", reason=REASON)
        only(user, cluster, "moderator" if loss == "inactive" else loss)
        User.objects.filter(pk=user.pk).update(is_active=loss != "inactive")
        work_off()
        row.refresh_from_db()
        assert (row.state, row.error) == ("failed", export_run.NO_RIGHT)
        assert JobRun.objects.get(pk=row.job_run).state == "failed"


def only(user: User, cluster: Any, role: str) -> None:
    Grant.objects.filter(user=user).delete()
    Grant.objects.create(user=user, cluster=cluster, role=role)


def test_a_right_that_is_taken_away_closes_the_file(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("secret")
    row = exported(scope_of(cluster, "moderator"), q="secret")
    user = User.objects.get(username="moderator")
    for role, why in (("admin", exports.BODIES_GONE), ("support", None)):
        only(user, cluster, role)
        scope = access.enter_for(user, cluster)
        with pytest.raises(Forbidden) as caught:
            exports.open_file(scope, row.pk)
        assert why is None or caught.value.message == why
    assert Export.objects.get(pk=row.pk).downloads == 0 and trail("message.export_fetch") == []


def test_only_the_owner_gets_the_file_who_runs_the_cluster_sees_that_it_is_there(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("x")
    row = exported(scope_of(cluster, "moderator"))
    other = User.objects.create(username="other")
    Grant.objects.create(user=other, cluster=cluster, role="moderator")
    admin = scope_of(cluster, "admin")

    with pytest.raises(NotFound):
        exports.open_file(access.enter_for(other, cluster), row.pk)
    assert exports.listing(access.enter_for(other, cluster)) == ()
    (seen,) = exports.listing(admin)
    assert (seen.owner, seen.can_fetch, seen.can_delete) == ("moderator", False, True)
    with pytest.raises(Forbidden) as caught:
        exports.open_file(admin, row.pk)
    assert caught.value.message == exports.ONLY_OWN


def test_a_token_takes_its_own(cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]) -> None:
    talk.say("x")
    token = ApiToken.objects.create(name="legal", hash="h", tail="abcd", created_by="owner")
    Grant.objects.create(token=token, cluster=cluster, role="moderator")
    scope = access.enter_for(token, cluster)
    row = exported(scope)

    assert row.state == "ready" and len(lines(scope, row)) == 1
    token.revoked_at = datetime.now(UTC)
    token.save()
    again, _ = exports.start(scope, q="from:x", reason=REASON, begin=lambda _row: "")
    with pytest.raises(Forbidden):
        export_run.carry_out(again.pk, nothing, lambda: False)


def test_jobs_and_commands_export_nothing(cluster: Any, talk: Talk) -> None:
    talk.say("x")
    with pytest.raises(Forbidden):
        jobs.begin(access.enter_by_job(cluster), q="", reason=REASON)


# -- the trail -------------------------------------------------------------------------------------------------------


def test_wish_result_and_every_fetch_are_on_the_trail(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("退款 secret", "x")
    scope = scope_of(cluster, "moderator")
    row = exported(scope, q="退款")
    for _ in range(2):
        content(scope, row)

    intent, outcome = trail("message.export")
    assert (intent.phase, intent.actor, intent.reason, intent.target) == ("intent", "moderator", REASON, row.pk)
    assert intent.detail["query"] == "退款"
    assert outcome.intent == intent and outcome.outcome == "done"
    assert {key: outcome.detail[key] for key in ("query", "rows", "cut", "bodies")} == {
        "query": "退款", "rows": 1, "cut": False, "bodies": True,
    }  # fmt: skip
    fetched = trail("message.export_fetch")
    assert [(one.actor, one.detail["rows"]) for one in fetched] == [("moderator", 1)] * 2
    assert Export.objects.get(pk=row.pk).downloads == 2
    assert all("secret" not in json.dumps(one.detail) for one in (intent, outcome, *fetched))


def test_no_trace_no_file(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import DatabaseError

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError

    talk.say("x")
    scope = scope_of(cluster, "moderator")
    row = exported(scope)
    monkeypatch.setattr(exports.record, "event", fail)
    with pytest.raises(Busy):
        exports.open_file(scope, row.pk)


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"reason": " "}, "reason"), ({"q": "(("}, "q"), ({"q": "x" * 2001}, "q"), ({"format": "xlsx"}, "format")],
)
def test_a_wish_that_can_not_be_met_names_its_field(
    cluster: Any, scope_of: ScopeOf, talk: Talk, wish: dict[str, Any], field: str
) -> None:
    talk.say("x")
    with pytest.raises(InvalidInput) as caught:
        jobs.begin(scope_of(cluster, "moderator"), **{"q": "x", "reason": REASON} | wish)
    assert list(caught.value.fields) == [field]
    assert Export.objects.count() == JobRun.objects.count() == AuditEntry.objects.count() == 0


def test_an_empty_archive_has_nothing_to_export(cluster: Any, scope_of: ScopeOf, talk: Talk) -> None:
    with pytest.raises(InvalidInput) as caught:
        jobs.begin(scope_of(cluster, "moderator"), q="", reason=REASON)
    assert caught.value.fields == {"q": [exports.NOTHING_THERE]}


# -- several at once -------------------------------------------------------------------------------------------------


def test_the_same_wish_twice_is_one_export(
    cluster: Any, scope_of: ScopeOf, talk: Talk, work_off: Callable[[], int]
) -> None:
    talk.say("x")
    moderator, admin = scope_of(cluster, "moderator"), scope_of(cluster, "admin")
    first, is_new = jobs.begin(moderator, q=" x ", reason=REASON)
    second, again = jobs.begin(moderator, q="x", reason="another reason")
    assert (is_new, again) == (True, False) and first.pk == second.pk
    assert jobs.begin(moderator, q="x", reason=REASON, format="jsonl")[1], "another format is another file"
    assert jobs.begin(admin, q="x", reason=REASON)[1], "another person's is their own"

    assert work_off() == 3
    assert set(Export.objects.values_list("state", flat=True)) == {"ready"} and len(files()) == 3
    assert jobs.begin(moderator, q="x", reason=REASON)[1], "a finished one is asked for anew"


def test_three_may_be_under_way(cluster: Any, scope_of: ScopeOf, talk: Talk, work_off: Callable[[], int]) -> None:
    talk.say("x")
    scope = scope_of(cluster, "moderator")
    for number in range(3):
        jobs.begin(scope, q=f"from:u{number}", reason=REASON)
    with pytest.raises(Conflict):
        jobs.begin(scope, q="from:u9", reason=REASON)
    jobs.begin(scope_of(cluster, "admin"), q="from:u9", reason=REASON)
    work_off()
    jobs.begin(scope, q="from:u9", reason=REASON)


# -- stopping, dying, failing ----------------------------------------------------------------------------------------


def nothing(*_: Any, **__: Any) -> None:
    return None


def begun(scope: Any, q: str = "") -> Export:
    row, _ = jobs.begin(scope, q=q, reason=REASON, format="jsonl")
    return row


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

    assert jobs.settle(scope) == 1
    (seen,) = exports.listing(scope)
    assert (seen.state, seen.error) == ("failed", jobs.LOST)
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


# -- the file --------------------------------------------------------------------------------------------------------


def test_nobody_else_on_the_machine_reads_it(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("x")
    row = exported(scope_of(cluster, "moderator"))
    path = exports.path_of(row)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_its_time_ends_and_the_file_goes(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export], settings: Any
) -> None:
    talk.say("x")
    settings.EXPORT_HOURS = 2
    scope = scope_of(cluster, "moderator")
    row = exported(scope)
    assert row.expires_at is not None and row.ready_at is not None
    assert row.expires_at - row.ready_at == timedelta(hours=2)

    assert export_run.expire(row.expires_at - timedelta(seconds=1))["files"] == 0
    Export.objects.filter(pk=row.pk).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(NotFound):  # also before the cleanup has run
        exports.open_file(scope, row.pk)
    assert exports.one(scope, row.pk).state == "expired"
    assert export_run.expire() == {"files": 1, "rows": 0}
    assert files() == [] and Export.objects.get(pk=row.pk).state == "expired"
    assert export_run.expire(datetime.now(UTC) + timedelta(days=31)) == {"files": 0, "rows": 1}


def test_the_cleanup_finds_what_a_killed_process_left(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("x")
    kept = exported(scope_of(cluster, "moderator"))
    folder = exports.folder()
    for name in ("gone.csv", "half.1234.part", "notes.txt", "new.1.part"):
        (folder / name).write_text("x")
    for name in ("gone.csv", "half.1234.part", "notes.txt", f"{kept.pk}.jsonl"):
        os.utime(folder / name, (1, 1))

    assert export_run.expire()["files"] == 2
    assert files() == sorted(["new.1.part", "notes.txt", f"{kept.pk}.jsonl"])


def test_deleting_takes_the_file_along(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("x")
    scope = scope_of(cluster, "moderator")
    row = exported(scope)
    exports.delete(scope, row.pk)
    assert files() == [] and Export.objects.count() == 0 and trail("message.export_delete")[0].target == row.pk
    with pytest.raises(Conflict):
        exports.delete(scope, begun(scope).pk)


def test_a_path_never_leads_out_of_the_folder(cluster: Any, scope_of: ScopeOf, talk: Talk) -> None:
    row = Export(id="x", format="csv", path="../../etc/passwd")
    assert exports.path_of(row) == Path(exports.folder()) / "passwd"


def test_a_file_that_somebody_removed_is_said(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("x")
    scope = scope_of(cluster, "moderator")
    row = exported(scope)
    exports.path_of(row).unlink()
    with pytest.raises(NotFound) as caught:
        exports.open_file(scope, row.pk)
    assert caught.value.message == exports.FILE_GONE


def test_the_preview_tells_what_it_would_take(cluster: Any, scope_of: ScopeOf, talk: Talk, settings: Any) -> None:
    settings.EXPORT_ROWS = 2
    talk.say(*"abc")
    found = exports.preview(scope_of(cluster, "moderator"), "from:ann")
    assert (found.matches.count, found.cap, found.is_open, found.will_cut) == (3, 2, True, True)
    assert not exports.preview(scope_of(cluster, "admin"), "").is_open
