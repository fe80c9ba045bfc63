"""Keeping people out and stopping them from sending, against live clients; what is remembered, and undoing it."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from imadmin.audit.models import AuditEntry
from imadmin.clusters.access import Scope
from imadmin.core.errors import AppError, Busy, Conflict, Forbidden, InvalidInput
from imadmin.core.outcomes import Result
from imadmin.directory import patience
from imadmin.directory.actions import restrictions, serial
from imadmin.directory.models import FlagRecord, Restriction
from imadmin.simulator import SimulatedCluster
from tests.directory.locked import locked
from tests.directory.test_sessions import connect, paths, results
from tests.directory.user_stage import cluster_stage, scope_stage, short_waits, sim_stage  # noqa: F401
from tests.directory.wsclient import LiveClient, LoginRefused

pytestmark = pytest.mark.django_db
UID = "anna"


def entry_of(sim: SimulatedCluster, uid: str = UID) -> Any:
    return sim.state.store.record((uid, 1))


def open_kinds() -> list[str]:
    return sorted(Restriction.objects.filter(lifted_at=None).values_list("kind", flat=True))


def test_kept_out_means_no_login_no_sending_and_no_session_left(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: (state.add_group("g", [UID]), state.add_user(UID, flag=1)))
    url = quick_sim.nodes[1].ws_url
    with LiveClient(url, UID) as client:
        assert client.send("g", 2) == 1
        report = restrictions.keep_out(scope, UID, reason="sells accounts")
        assert results(report)[0][0] == "entry"
        assert all(step.result in (Result.DONE, Result.ALREADY) for step in report.steps)
        stored = len(quick_sim.state.archive)
        client.send("g", 2, "from a socket left behind", wait=0.3)
        assert len(quick_sim.state.archive) == stored
    with pytest.raises(LoginRefused):
        LiveClient(url, UID)
    assert open_kinds() == ["keep_out"]
    assert entry_of(quick_sim).ban == entry_of(quick_sim).send_ban == 1
    outcome = AuditEntry.objects.get(phase="outcome")
    assert outcome.before == {"login_ban": False, "send_ban": None}
    assert outcome.after == {"login_ban": True, "send_ban": True, "sessions": []}


def test_letting_in_undoes_it(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_group("g", [UID]))
    restrictions.keep_out(scope, UID, reason="sells accounts")
    report = restrictions.let_in(scope, UID, reason="appeal granted")
    assert results(report) == [("entry", "done")]
    with LiveClient(quick_sim.nodes[0].ws_url, UID) as client:
        assert client.send("g", 2) == 1
    row = Restriction.objects.get(kind="keep_out")
    assert row.lifted_at is not None and row.lifted_by == "support"


def test_letting_in_somebody_who_is_not_kept_out_sends_nothing(scope: Scope, quick_sim: SimulatedCluster) -> None:
    report = restrictions.let_in(scope, UID, reason="appeal granted")
    assert results(report) == [("entry", "already")]
    assert entry_of(quick_sim) is None


def test_letting_in_lifts_a_ban_that_somebody_else_set(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.store.save_channel(UID, 1, flags={"ban": 1}))
    report = restrictions.let_in(scope, UID, reason="appeal granted")
    assert results(report) == [("entry", "done")]
    assert entry_of(quick_sim).ban == 0


def test_a_send_ban_of_its_own_survives_keeping_out_and_letting_in(scope: Scope, quick_sim: SimulatedCluster) -> None:
    restrictions.stop_sending(scope, UID, reason="spam")
    restrictions.keep_out(scope, UID, reason="sells accounts")
    report = restrictions.let_in(scope, UID, reason="appeal granted")
    assert restrictions.STILL_STOPPED in report.notes
    assert (entry_of(quick_sim).ban, entry_of(quick_sim).send_ban) == (0, 1)
    assert open_kinds() == ["stop_sending"]


def test_stopping_and_allowing_changes_the_very_next_send(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_group("g", [UID]))
    with LiveClient(quick_sim.nodes[2].ws_url, UID) as client:
        report = restrictions.stop_sending(scope, UID, reason="spam")
        assert results(report) == [("entry", "done")]
        assert restrictions.NOT_READABLE in report.notes
        assert client.send("g", 2) == 25
        assert open_kinds() == ["stop_sending"]
        assert results(restrictions.allow_sending(scope, UID, reason="sorry")) == [("entry", "done")]
        assert client.send("g", 2) == 1
    assert open_kinds() == []
    assert FlagRecord.objects.get(channel_id=UID, channel_type=1).send_ban is False


def test_stopping_twice_is_already_so(scope: Scope) -> None:
    restrictions.stop_sending(scope, UID, reason="spam")
    assert results(restrictions.stop_sending(scope, UID, reason="spam again")) == [("entry", "already")]
    assert Restriction.objects.count() == 1


def test_the_other_flags_of_the_entry_are_kept(scope: Scope, quick_sim: SimulatedCluster) -> None:
    flags = {"disband": 1, "allow_stranger": 1, "large": 1}
    quick_sim.call(lambda state: state.store.save_channel(UID, 1, flags=flags))
    FlagRecord.objects.create(
        cluster=scope.cluster,
        channel_type=1,
        channel_id=UID,
        disband=True,
        allow_stranger=True,
        large=True,
        written_by="x",
    )
    restrictions.stop_sending(scope, UID, reason="spam")
    entry = entry_of(quick_sim)
    assert (entry.ban, entry.disband, entry.send_ban, entry.allow_stranger, entry.large) == (0, 1, 1, 1, 1)


def test_stopping_sending_promises_a_kept_out_user_no_login(scope: Scope) -> None:
    restrictions.keep_out(scope, UID, reason="sells accounts")
    assert restrictions.STILL_RECEIVES not in restrictions.stop_sending(scope, UID, reason="spam").notes


def test_sending_is_not_allowed_while_kept_out(scope: Scope, quick_sim: SimulatedCluster) -> None:
    restrictions.keep_out(scope, UID, reason="sells accounts")
    with pytest.raises(Conflict):
        restrictions.allow_sending(scope, UID, reason="sorry")
    assert entry_of(quick_sim).send_ban == 1


def test_a_wedged_slot_keeps_nobody_out_and_nobody_is_logged_out(scope: Scope, quick_sim: SimulatedCluster) -> None:
    connect(quick_sim, UID, 1001)
    quick_sim.wedge_slot(quick_sim.state.slot_of(UID), seconds=0.2)
    report = restrictions.keep_out(scope, UID, reason="sells accounts")
    assert results(report) == [("entry", "failed"), ("sign-out", "failed"), ("kick", "failed")]
    assert len(list(quick_sim.state.online.all())) == 1
    assert open_kinds() == []
    assert AuditEntry.objects.get(phase="outcome").outcome == "failed"


def test_a_write_that_gave_up_but_happened_is_read_back_as_done(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.wedge_slot(quick_sim.state.slot_of(UID), written=True, seconds=0.2)
    assert results(restrictions.keep_out(scope, UID, reason="sells accounts"))[0] == ("entry", "done")
    assert open_kinds() == ["keep_out"]


def test_a_send_ban_that_gave_up_is_unknown_and_not_recorded(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.store.save_channel(UID, 1, flags={}))
    quick_sim.wedge_slot(quick_sim.state.slot_of(UID), seconds=0.2)
    report = restrictions.stop_sending(scope, UID, reason="spam")
    assert results(report) == [("entry", "unknown")]
    assert open_kinds() == []
    outcome = AuditEntry.objects.get(phase="outcome")
    assert (outcome.outcome, outcome.after["send_ban"]) == ("unknown", "unknown")


def test_the_server_dies_between_the_ban_and_the_kicks(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(quick_sim, UID, 1001)
    devices = scope.gateway.devices

    async def die_first(uid: str) -> Any:
        for node in quick_sim.nodes:
            quick_sim.kill(node.id)
        return await devices(uid)

    monkeypatch.setattr(scope.gateway, "devices", die_first)
    report = restrictions.keep_out(scope, UID, reason="sells accounts")
    assert results(report)[0] == ("entry", "done")
    assert {result for code, result in results(report)[1:]} <= {"failed", "unknown"}
    assert open_kinds() == ["keep_out"]
    assert AuditEntry.objects.get(phase="outcome").outcome == "partial"


def test_flags_that_cannot_be_read_are_not_overwritten(scope: Scope, quick_sim: SimulatedCluster) -> None:
    for node in quick_sim.nodes:
        quick_sim.break_node(node.id, "garbage")
    with pytest.raises(AppError):
        restrictions.stop_sending(scope, UID, reason="spam")
    assert not paths(quick_sim, "/channel/info")
    assert open_kinds() == []


@pytest.mark.parametrize("act", [
    restrictions.keep_out, restrictions.let_in, restrictions.stop_sending, restrictions.allow_sending,
])  # fmt: skip
def test_each_needs_the_right_a_reason_and_a_uid(
    scope: Scope, quick_cluster: Any, quick_sim: SimulatedCluster, scope_of: Any, act: Any
) -> None:
    with pytest.raises(Forbidden):
        act(scope_of(quick_cluster, "viewer"), UID, reason="no right")
    for uid, reason, field in (("a@b", "hostile", "uid"), ("", "hostile", "uid"), (UID, "", "reason")):
        with pytest.raises(InvalidInput) as caught:
            act(scope, uid, reason=reason)
        assert field in caught.value.fields
    assert not AuditEntry.objects.exists()
    assert not paths(quick_sim, "/channel/info")


@pytest.mark.django_db(transaction=True)
def test_two_who_restrict_one_person_at_once_do_not_undo_each_other(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reads the entry only when the first has written and remembered: its send ban is kept."""
    read, inside, both = restrictions._read_entry, [], []

    def counted(scope: Scope, uid: str) -> Any:
        inside.append(uid)
        both.append(len(inside))
        try:
            time.sleep(0.1)
            return read(scope, uid)
        finally:
            time.sleep(0.1)
            inside.remove(uid)

    monkeypatch.setattr(restrictions, "_read_entry", counted)
    acts = (restrictions.stop_sending, restrictions.keep_out)
    threads = [threading.Thread(target=lambda act=act: _by_itself(act, scope)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entry = entry_of(quick_sim)
    assert (entry.ban, entry.send_ban, both) == (1, 1, [1, 1])


def _by_itself(act: Any, scope: Scope) -> None:
    try:
        act(scope, UID, reason="both at once")
    finally:
        connection.close()


def test_who_waits_too_long_for_another_is_told_that_nothing_was_done(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial, "WAIT_SECONDS", 0.05)
    with serial.alone(scope.cluster.pk, f"entry {UID}"):
        refused: list[Any] = []

        def other() -> None:
            try:
                restrictions.stop_sending(scope, UID, reason="spam")
            except Busy as error:
                refused.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert "nothing was done" in refused[0].text() and not paths(quick_sim, "/channel/info")
    assert not serial._held and not AuditEntry.objects.exists()


def test_stopping_does_not_lift_a_ban_that_a_node_has_not_heard_of(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    restrictions.keep_out(scope, UID, reason="sells accounts")
    channel, asked = scope.gateway.channel, []

    async def stale_first(ref: Any) -> Any:
        asked.append(ref)
        found = await channel(ref)
        return replace(found, ban=False) if len(asked) == 1 else found

    monkeypatch.setattr(scope.gateway, "channel", stale_first)
    restrictions.stop_sending(scope, UID, reason="spam")
    assert (entry_of(quick_sim).ban, entry_of(quick_sim).send_ban) == (1, 1)


def test_a_record_that_cannot_be_kept_is_a_step_that_failed(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0, 0))
    with locked("INSERT", "directory_restriction"):
        report = restrictions.stop_sending(scope, UID, reason="spam")
    assert results(report) == [("entry", "done"), ("record", "failed")] and report.verdict == "partial"
    assert AuditEntry.objects.get(phase="outcome").outcome == "partial"
