"""Ending connections: what is sent, what is read back, and what is told when a part of it fails."""

from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.clusters.access import Scope
from imadmin.core.errors import AppError, Forbidden, InvalidInput, NotFound
from imadmin.core.outcomes import Result
from imadmin.directory.actions import sessions
from imadmin.directory.steps import Report
from imadmin.gateway.errors import TimedOut
from imadmin.simulator import SimulatedCluster
from tests.directory.user_stage import cluster_stage, scope_stage, short_waits, sim_stage  # noqa: F401
from tests.directory.wsclient import LiveClient

pytestmark = pytest.mark.django_db


def results(report: Report) -> list[tuple[str, str]]:
    return [(step.code, step.result.value) for step in report.steps]


def connect(sim: SimulatedCluster, uid: str, *nodes: int, **fields: Any) -> list[Any]:
    return [sim.call(lambda state, node=node: state.add_connection(uid, node, **fields)) for node in nodes]


def elsewhere(sim: SimulatedCluster, uid: str) -> list[int]:
    """The nodes that don't lead this uid's slot."""
    leader = sim.state.leader_of(uid)
    return [node.id for node in sim.nodes if node.id != leader]


def paths(sim: SimulatedCluster, prefix: str) -> list[str]:
    return [request[3] for request in sim.requests if request[3].startswith(prefix)]


def test_kicks_one_session_and_only_that(scope: Scope, quick_sim: SimulatedCluster) -> None:
    first, second = connect(quick_sim, "anna", 1001, 1002)
    report = sessions.kick(scope, "anna", node_id=first.node_id, session_id=first.id, reason="stuck client")
    assert results(report) == [("kick", "done")]
    assert report.remaining is not None
    assert [(one.node_id, one.id) for one in report.remaining] == [(second.node_id, second.id)]
    intent, outcome = AuditEntry.objects.order_by("id")
    assert (intent.action, intent.target, intent.reason) == ("user.kick", "anna", "stuck client")
    assert outcome.outcome == "done"
    assert (len(outcome.before), len(outcome.after)) == (2, 1)


def test_a_session_that_is_gone_is_not_found_and_nothing_is_sent(scope: Scope, quick_sim: SimulatedCluster) -> None:
    report = sessions.kick(scope, "anna", node_id=1001, session_id=77, reason="stuck client")
    assert results(report) == [("kick", "not_found")]
    assert not paths(quick_sim, "/conn/kick")


def test_a_session_of_a_similar_uid_is_never_kicked(scope: Scope, quick_sim: SimulatedCluster) -> None:
    (other,) = connect(quick_sim, "anna-2", 1001)
    report = sessions.kick(scope, "anna", node_id=1001, session_id=other.id, reason="stuck client")
    assert results(report) == [("kick", "not_found")]
    assert not paths(quick_sim, "/conn/kick")


def test_a_session_on_a_dead_node_is_unknown(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.kill(1003)
    report = sessions.kick(scope, "anna", node_id=1003, session_id=5, reason="stuck client")
    assert results(report) == [("kick", "unknown")]


def test_a_kick_that_did_nothing_is_told_as_failed(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = connect(quick_sim, "anna", 1001)

    async def pretend(session: Any) -> None:
        """The real server answers 200 and does nothing."""

    monkeypatch.setattr(scope.gateway, "kick_session", pretend)
    report = sessions.kick(scope, "anna", node_id=1001, session_id=one.id, reason="stuck client")
    assert results(report) == [("kick", "failed")]
    assert AuditEntry.objects.get(phase="outcome").outcome == "failed"


def test_a_live_client_hears_of_its_kick_and_gets_no_answers_after(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_group("g", ["anna"]))
    with LiveClient(quick_sim.nodes[0].ws_url, "anna") as client:
        assert client.send("g", 2) == 1
        (row,) = sessions.read_sessions(scope, "anna").value
        report = sessions.kick(scope, "anna", node_id=row.node_id, session_id=row.id, reason="stuck client")
        assert results(report) == [("kick", "done")]
        client.listen(0.2)
        assert client.disconnects[0]["reasonCode"] == 12
        assert client.send("g", 2, wait=0.3) is None
    assert sessions.GHOST in report.notes


def test_signs_a_device_out_and_blanks_its_token(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_user("anna", token="tok-secret-1", flag=1))
    quick_sim.call(lambda state: state.add_user("anna", token="tok-secret-0", flag=0))
    report = sessions.sign_out(scope, "anna", flag=1, reason="lost laptop")
    assert results(report) == [("sign-out", "done"), ("read-sessions", "done")]
    assert report.steps[1].found == sessions.NONE_OF_DEVICE  # sessions of other devices may go on
    assert quick_sim.state.store.devices["anna", 1].token == ""
    assert quick_sim.state.store.devices["anna", 0].token == "tok-secret-0"
    outcome = AuditEntry.objects.get(phase="outcome")
    assert outcome.before == {"WEB": "token stored"}
    assert outcome.after == {"APP": "token stored", "WEB": "no token"}


def test_a_sign_out_names_the_sessions_it_did_not_reach(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_user("anna", flag=1))
    far = elsewhere(quick_sim, "anna")
    connect(quick_sim, "anna", quick_sim.state.leader_of("anna"), *far)
    report = sessions.sign_out(scope, "anna", flag=1, reason="lost laptop")
    assert results(report) == [("sign-out", "done"), ("read-sessions", "failed")]
    assert report.remaining is not None and len(report.remaining) == 1
    assert sessions.label_of(report.remaining[0]) in report.steps[1].params["sessions"]


def test_a_device_without_a_row_is_not_signed_out(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_user("anna", flag=1))
    with pytest.raises(NotFound):
        sessions.sign_out(scope, "anna", flag=2, reason="lost laptop")
    assert not paths(quick_sim, "/user/device_quit")


def test_logs_out_of_three_nodes_though_the_sign_out_reaches_some(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_user("anna", flag=1))
    connect(quick_sim, "anna", 1001, 1002, 1003)
    report = sessions.log_out(scope, "anna", reason="stolen phone")
    kicks = [step for step in report.steps if step.code == "kick"]
    assert results(report)[:2] == [("sign-out", "done"), ("read-sessions", "done")]
    assert kicks and all(step.result is Result.DONE for step in kicks)
    assert results(report)[-1] == ("online", "done")
    assert report.remaining == ()
    assert not list(quick_sim.state.online.all())
    kicked = [request for request in quick_sim.requests if request[3] == "/conn/kick"]
    assert all(
        f'"op_node_id":{quick_sim.state.leader_of("anna")}'.encode() in request[5].replace(b" ", b"")
        for request in kicked
    )
    outcome = AuditEntry.objects.get(phase="outcome")
    assert (outcome.outcome, len(outcome.before), outcome.after) == ("done", 3, [])


def test_somebody_without_device_rows_is_logged_out_by_kicks(scope: Scope, quick_sim: SimulatedCluster) -> None:
    connect(quick_sim, "anna", 1001, 1002)
    report = sessions.log_out(scope, "anna", reason="stolen phone")
    assert results(report) == [
        ("sign-out", "already"), ("read-sessions", "done"), ("kick", "done"), ("kick", "done"), ("online", "done"),
    ]  # fmt: skip
    assert not paths(quick_sim, "/user/device_quit")


def test_logging_out_somebody_offline_changes_nothing(scope: Scope) -> None:
    report = sessions.log_out(scope, "anna", reason="stolen phone")
    assert results(report) == [
        ("sign-out", "already"),
        ("read-sessions", "done"),
        ("kick", "already"),
        ("online", "done"),
    ]
    assert AuditEntry.objects.get(phase="outcome").outcome == "done"


def test_a_client_that_is_back_at_once_is_told(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(quick_sim, "anna", 1001)
    kick = scope.gateway.kick_session

    async def kick_and_return(session: Any) -> None:
        await kick(session)
        quick_sim.call(lambda state: state.add_connection("anna", 1002))

    monkeypatch.setattr(scope.gateway, "kick_session", kick_and_return)
    report = sessions.log_out(scope, "anna", reason="stolen phone")
    assert ("kick", "done") in results(report)
    assert ("returned", "failed") in results(report)
    assert results(report)[-1] == ("online", "failed")
    assert AuditEntry.objects.get(phase="outcome").outcome == "partial"


def test_what_a_kick_left_behind_is_kicked_once_more(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real server loses kicks that arrive together, and answers 200 to them."""
    connect(quick_sim, "anna", 1001, 1002, 1003)
    kick, lost = scope.gateway.kick_session, {1002}

    async def lose_one(session: Any) -> None:
        if session.node_id in lost:
            lost.discard(session.node_id)
        else:
            await kick(session)

    monkeypatch.setattr(scope.gateway, "kick_session", lose_one)
    report = sessions.log_out(scope, "anna", reason="stolen phone")
    assert report.verdict == "done" and report.remaining == ()


def test_more_sessions_than_one_round_takes_are_counted_not_forgotten(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "KICK_MAX", 2)
    connect(quick_sim, "anna", 1001, 1001, 1002)
    report = sessions.log_out(scope, "anna", reason="stolen phone")
    assert [step.result.value for step in report.steps if step.code == "kick"] == ["done", "done"]
    rest = next(step for step in report.steps if step.code == "kick-rest")
    assert (rest.result, rest.params["count"]) == (Result.FAILED, 1)
    assert report.remaining is not None and len(report.remaining) == 1


def test_one_node_of_three_dead_the_rest_is_logged_out_and_the_gap_named(
    scope: Scope, quick_sim: SimulatedCluster
) -> None:
    uid = next(name for name in map("u{}".format, range(99)) if quick_sim.state.leader_of(name) != 1003)
    connect(quick_sim, uid, 1001, 1002)
    quick_sim.kill(1003)
    report = sessions.log_out(scope, uid, reason="stolen phone")
    read = next(step for step in report.steps if step.code == "read-sessions")
    assert read.result is Result.UNKNOWN
    assert "1003" in read.params["missing"]
    assert [step.result for step in report.steps if step.code == "kick"] == [Result.DONE, Result.DONE]


def test_the_server_dies_half_way_and_the_report_says_which_half(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_sim.call(lambda state: state.add_user("anna", flag=1))
    far = elsewhere(quick_sim, "anna")
    connect(quick_sim, "anna", quick_sim.state.leader_of("anna"), *far)
    quit_device = scope.gateway.quit_device

    async def quit_and_die(uid: str, flag: int) -> None:
        await quit_device(uid, flag)
        for node in quick_sim.nodes:
            quick_sim.kill(node.id)

    monkeypatch.setattr(scope.gateway, "quit_device", quit_and_die)
    report = sessions.log_out(scope, "anna", reason="stolen phone")
    assert results(report) == [
        ("sign-out", "unknown"), ("read-sessions", "unknown"), ("kick", "failed"), ("online", "failed"),
    ]  # fmt: skip
    assert report.remaining is None
    assert report.steps[2].found == "Not tried, because the step before it failed."
    assert AuditEntry.objects.get(phase="outcome").outcome == "partial"


def test_a_cluster_that_is_down_changes_nothing_and_says_so(scope: Scope, quick_sim: SimulatedCluster) -> None:
    for node in quick_sim.nodes:
        quick_sim.kill(node.id)
    with pytest.raises(AppError):
        sessions.kick(scope, "anna", node_id=1001, session_id=1, reason="stuck client")
    assert AuditEntry.objects.get(phase="outcome").outcome == "failed"


def test_a_wedged_slot_leaves_the_token_and_that_is_read_back(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_user("anna", flag=1))
    quick_sim.wedge_slot(quick_sim.state.slot_of("anna"), seconds=0.2)
    report = sessions.sign_out(scope, "anna", flag=1, reason="lost laptop")
    assert results(report)[0] == ("sign-out", "failed")
    assert report.steps[0].params["kept"] == "WEB"
    assert report.steps[0].why is not None and report.steps[0].why.code == "upstream_uncertain"
    assert AuditEntry.objects.get(phase="outcome").outcome == "partial"


def test_a_write_that_gave_up_but_happened_is_done(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_user("anna", flag=1))
    quick_sim.wedge_slot(quick_sim.state.slot_of("anna"), written=True, seconds=0.2)
    report = sessions.sign_out(scope, "anna", flag=1, reason="lost laptop")
    assert results(report)[0] == ("sign-out", "done")


@pytest.mark.parametrize("uid", ["", "   ", "a@b", "a#b", "a&b", "a\nb", "a\x00b", "x" * 201, "\ud800"])
def test_ids_that_no_user_can_have_are_refused_before_anything_is_sent(
    scope: Scope, quick_sim: SimulatedCluster, uid: str
) -> None:
    before = len(quick_sim.requests)
    for act in (
        lambda: sessions.kick(scope, uid, node_id=1001, session_id=1, reason="hostile"),
        lambda: sessions.sign_out(scope, uid, flag=1, reason="hostile"),
        lambda: sessions.log_out(scope, uid, reason="hostile"),
    ):
        with pytest.raises(InvalidInput) as caught:
            act()
        assert "uid" in caught.value.fields
    assert len(quick_sim.requests) == before


@pytest.mark.parametrize("uid", ["a/b?c%d", "张三", "a b", '"><script>', "\u202etxt"])
def test_strange_but_possible_ids_work(scope: Scope, quick_sim: SimulatedCluster, uid: str) -> None:
    connect(quick_sim, uid, 1002)
    report = sessions.log_out(scope, uid, reason="hostile")
    assert ("kick", "done") in results(report)
    assert AuditEntry.objects.get(phase="intent").target == uid


def test_no_reason_no_change(scope: Scope, quick_sim: SimulatedCluster) -> None:
    connect(quick_sim, "anna", 1001)
    with pytest.raises(InvalidInput) as caught:
        sessions.log_out(scope, "anna", reason=" ")
    assert "reason" in caught.value.fields
    assert len(list(quick_sim.state.online.all())) == 1


def test_a_viewer_is_refused(quick_cluster: Any, scope_of: Any) -> None:
    viewer = scope_of(quick_cluster, "viewer")
    for act in (
        lambda: sessions.kick(viewer, "anna", node_id=1, session_id=1, reason="no right"),
        lambda: sessions.sign_out(viewer, "anna", flag=1, reason="no right"),
        lambda: sessions.log_out(viewer, "anna", reason="no right"),
    ):
        with pytest.raises(Forbidden):
            act()
    assert not AuditEntry.objects.exists()


def test_a_log_out_that_could_not_read_the_devices_before_claims_nothing_about_them(
    scope: Scope, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_sim.call(lambda state: state.add_user("anna", flag=1, token="tok"))
    devices, asked = scope.gateway.devices, []

    async def silent_first(uid: str) -> Any:
        asked.append(uid)
        if len(asked) == 1:
            raise TimedOut(node="1001")
        return await devices(uid)

    monkeypatch.setattr(scope.gateway, "devices", silent_first)
    step = sessions.log_out(scope, "anna", reason="stolen phone").steps[0]
    assert step.code == "sign-out" and step.result is Result.DONE
    assert "isn't known" in step.found_text() and "before either" not in step.found_text()
