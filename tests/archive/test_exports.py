"""Exports: masked by the role of the moment, on the trail, for their owner alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
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
from imadmin.jobs.models import JobRun
from tests.archive.export_stage import REASON, ScopeOf, cells, content, files, lines, nothing, trail
from tests.archive.saved_stage import Talk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registered")]


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
    assert exports.listing(access.enter_for(other, cluster)).rows == ()
    (seen,) = exports.listing(admin).rows
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


def test_the_preview_tells_what_it_would_take(cluster: Any, scope_of: ScopeOf, talk: Talk, settings: Any) -> None:
    settings.EXPORT_ROWS = 2
    talk.say(*"abc")
    found = exports.preview(scope_of(cluster, "moderator"), "from:ann")
    assert (found.matches.count, found.cap, found.is_open, found.will_cut) == (3, 2, True, True)
    assert not exports.preview(scope_of(cluster, "admin"), "").is_open
