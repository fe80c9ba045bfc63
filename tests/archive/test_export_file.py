"""The file of an export: exactly what was searched, safe to open, gone in time."""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imadmin.archive import export_run, exports
from imadmin.archive.models import Export
from imadmin.core.errors import Conflict, NotFound
from imadmin.jobs import exports as jobs
from tests.archive.export_stage import REASON, ScopeOf, begun, cells, content, files, lines, trail
from tests.archive.saved_stage import Talk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registered")]


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


def test_each_line_says_whether_its_body_is_masked(
    cluster: Any, scope_of: ScopeOf, talk: Talk, exported: Callable[..., Export]
) -> None:
    talk.say("x")
    for role, text, masked in (("moderator", "x", "no"), ("admin", "", "yes")):
        scope = scope_of(cluster, role)
        assert cells(scope, exported(scope, format="csv"))[1][9:] == [text, masked]
        (line,) = lines(scope, exported(scope, format="jsonl"))
        assert line["masked"] is (masked == "yes")


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
