"""The chain names the first row that was altered, removed, slipped in or cut off; and holds while others write."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from imadmin.audit import queries, record
from imadmin.audit.models import AppendOnly, AuditEntry, AuditHead
from imadmin.audit.record import Actor, Target
from imadmin.core.errors import InvalidInput

ACTOR = Actor("user", "mod", "page", "ab12", "198.51.100.20")
TABLE = "audit_auditentry"


@pytest.fixture
def trail(db: None) -> None:
    for number in range(3):
        with record.recorded(ACTOR, "channel.deny", Target("channel", f"2/g{number}"), "spam", cluster="prod") as entry:
            entry.finish(before=["a"], after=["a", "b"], detail={"n": number})
    record.event(ACTOR, "message.reveal", Target("message", "9007199254740993"), reason="ticket 1", cluster="prod")


def tamper(sql: str, *params: Any) -> None:
    """As somebody with the database would: past the models."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def first_bad() -> int | None:
    return queries.verify().first_bad


def test_an_untouched_trail_holds(trail: None) -> None:
    report = queries.verify()
    assert (report.rows, report.first_bad) == (7, None)
    assert report.head == AuditHead.objects.get().last_hash


@pytest.mark.parametrize("field", [name for name in AuditEntry.HASHED if name not in ("id", "intent_id")] + ["at"])
def test_any_altered_field_is_named_by_its_row(trail: None, field: str) -> None:
    value: Any = {"before": json.dumps(["z"]), "after": "[]", "detail": "{}", "at": "2020-01-01 00:00:00"}.get(
        field, "x"
    )
    tamper(f"UPDATE {TABLE} SET {field} = %s WHERE id = 4", value)
    assert first_bad() == 4


def test_an_outcome_hung_on_another_intent_is_found(trail: None) -> None:
    tamper(f"UPDATE {TABLE} SET intent_id = 3 WHERE id = 2")
    assert first_bad() == 2


def test_a_removed_row_is_named(trail: None) -> None:
    tamper(f"DELETE FROM {TABLE} WHERE id = 6")
    assert first_bad() == 6


def test_rows_cut_off_at_the_end_are_noticed(trail: None) -> None:
    tamper(f"DELETE FROM {TABLE} WHERE id = 7")
    assert first_bad() == 7


def test_a_row_rehashed_after_alteration_breaks_the_link(trail: None) -> None:
    row = AuditEntry.objects.get(pk=3)
    row.reason = "something else"
    tamper(f"UPDATE {TABLE} SET reason = %s, hash = %s WHERE id = 3", row.reason, row.computed_hash())
    assert first_bad() == 4


def test_a_last_row_rehashed_differs_from_the_recorded_end(trail: None) -> None:
    row = AuditEntry.objects.get(pk=7)
    row.reason = "something else"
    tamper(f"UPDATE {TABLE} SET reason = %s, hash = %s WHERE id = 7", row.reason, row.computed_hash())
    assert first_bad() == 7


def test_a_row_slipped_in_past_the_end_is_noticed(trail: None) -> None:
    last = AuditEntry.objects.get(pk=7)
    last.pk, last.previous_hash, last._state.adding = 8, last.hash, True
    last.hash = last.computed_hash()
    last.save(force_insert=True)
    assert first_bad() == 8


def test_a_lost_head_is_noticed(trail: None) -> None:
    AuditHead.objects.all().delete()
    assert first_bad() == 1


def test_rows_written_while_it_walks_are_no_fault(trail: None, monkeypatch: Any) -> None:
    walk = queries._all_rows

    def slowly() -> Any:
        for row in walk():
            yield row
            if row.pk == 2:
                record.event(ACTOR, "session.sign_in", Target("person", "mod"))

    monkeypatch.setattr(queries, "_all_rows", slowly)
    assert first_bad() is None


def test_rows_can_neither_be_changed_nor_deleted_through_the_models(trail: None) -> None:
    row = AuditEntry.objects.get(pk=1)
    with pytest.raises(AppendOnly):
        row.save()
    with pytest.raises(AppendOnly):
        row.delete()


def test_ids_from_outside_never_make_a_row_impossible(db: None) -> None:
    hostile = "a\x00b\ud800\u202e<script>"
    with record.recorded(ACTOR, "channel.deny", Target("channel", hostile), "spam", cluster="prod") as entry:
        entry.finish(before={hostile: [hostile]}, after=hostile)
    assert first_bad() is None
    assert "\x00" not in AuditEntry.objects.get(pk=1).target


def test_the_command_proves_the_chain_and_names_the_first_altered_row(trail: None, capsys: Any) -> None:
    call_command("audit", "verify")
    assert "7 rows" in capsys.readouterr().out
    tamper(f"UPDATE {TABLE} SET actor = 'nobody' WHERE id = 5")
    with pytest.raises(CommandError, match="row 5"):
        call_command("audit", "verify")


def test_a_page_is_newest_first_with_its_outcomes_and_a_cursor(trail: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        first = queries.page(queries.AuditFilter(), limit=3)
    assert [row.entry.pk for row in first.rows] == [7, 5, 3]
    rest = queries.page(queries.AuditFilter(), limit=3, cursor=first.next_cursor)
    assert [(row.entry.pk, row.outcome) for row in rest.rows] == [(1, "done")]
    assert rest.next_cursor == ""


@pytest.mark.parametrize("cursor", ["x", "e30", "eyJiZWZvcmUiOi0xfQ", "eyJiZWZvcmUiOnRydWV9", "eyJiZWZvcmUiOjFlOTl9"])
def test_a_broken_cursor_is_refused(trail: None, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        queries.page(queries.AuditFilter(), cursor=cursor)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"action": "message.reveal"}, [7]),
        ({"target": "2/g1"}, [3]),
        ({"target_kind": "channel", "actor": "mod"}, [5, 3, 1]),
        ({"clusters": ("other",)}, []),
        ({"clusters": ()}, []),
        ({"cluster": "prod", "outcome": "done"}, [7, 5, 3, 1]),
        ({"outcome": "failed"}, []),
    ],
)
def test_filters(trail: None, wanted: dict[str, Any], ids: list[int]) -> None:
    assert [row.entry.pk for row in queries.page(queries.AuditFilter(**wanted)).rows] == ids


def test_an_intent_without_outcome_is_unfinished(db: None) -> None:
    record._append(
        phase="intent", actor_kind="user", actor="mod", via="page", session="", address="", cluster="",
        action="channel.deny", target_kind="channel", target="2/g", reason="the process died",
    )  # fmt: skip
    rows = queries.page(queries.AuditFilter(outcome="unfinished")).rows
    assert [row.outcome for row in rows] == ["unfinished"]


def test_the_actions_on_the_trail(trail: None) -> None:
    assert queries.actions() == ("channel.deny", "message.reveal")


def test_no_actions_on_an_empty_trail(db: None) -> None:
    assert queries.actions() == ()
