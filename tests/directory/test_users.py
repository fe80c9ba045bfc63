"""What is known of a user, part by part, and several looked up at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imadmin.clusters.access import Scope
from imadmin.core.errors import AppError, Forbidden, InvalidInput
from imadmin.directory.actions import restrictions as acts
from imadmin.directory.models import Restriction
from imadmin.directory.queries import users
from imadmin.directory.remember import forget, remember
from imadmin.gateway.types import ChannelRef
from imadmin.simulator import SimulatedCluster
from tests.directory.user_stage import cluster_stage, scope_stage, short_waits, sim_stage  # noqa: F401

pytestmark = pytest.mark.django_db


def led_by(sim: SimulatedCluster, node_id: int, prefix: str = "u") -> str:
    """A uid whose slot this node leads."""
    return next(uid for uid in map(f"{prefix}{{}}".format, range(999)) if sim.state.leader_of(uid) == node_id)


def test_puts_together_all_that_is_known(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_user("anna", token="tok-secret", flag=1, level=1))
    quick_sim.call(lambda state: state.add_group("g", ["anna"]))
    quick_sim.call(lambda state: [state.add_connection("anna", node) for node in (1001, 1003)])
    view = users.user(scope, "anna")
    assert view.is_online is True
    assert view.record.value is not None and view.record.value.uid == "anna"
    assert [(one.flag, one.level, one.has_token) for one in view.devices.value] == [(1, 1, True)]
    assert [one.node_id for one in view.sessions.value] == [1001, 1003]
    assert [row.channel for row in view.conversations.value] == [ChannelRef("g", 2)]
    assert view.may_log_in is True and view.leader_id == quick_sim.state.leader_of("anna")
    assert not view.has_nothing
    assert "tok-secret" not in repr(view)


def test_somebody_online_without_a_row_is_not_called_unknown(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.add_connection("guest", 1002))
    view = users.user(scope, "guest")
    assert (view.record.value, view.is_online, view.has_nothing) == (None, True, False)


def test_a_uid_nobody_ever_used_is_no_error(scope: Scope) -> None:
    view = users.user(scope, "nobody")
    assert view.has_nothing and view.is_online is False and view.record.is_known


def test_sessions_of_similar_uids_are_not_mixed_in(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: [state.add_connection(uid, 1001) for uid in ("anna", "anna2", "joanna")])
    assert [one.uid for one in users.user(scope, "anna").sessions.value] == ["anna"]


def test_one_node_of_three_dead_offline_becomes_unknown(scope: Scope, quick_sim: SimulatedCluster) -> None:
    uid = led_by(quick_sim, 1001)
    quick_sim.kill(1003)
    view = users.user(scope, uid)
    assert view.is_online is None
    assert [failure.node for failure in view.sessions.failed] == ["1003"]
    assert not view.has_nothing


def test_one_node_of_three_dead_what_is_known_is_told(scope: Scope, quick_sim: SimulatedCluster) -> None:
    uid = led_by(quick_sim, 1001)
    quick_sim.call(lambda state: state.add_connection(uid, 1002))
    quick_sim.kill(1003)
    view = users.user(scope, uid)
    assert view.is_online is True and len(view.sessions.value) == 1


def test_a_dead_cluster_leaves_every_part_unknown(scope: Scope, quick_sim: SimulatedCluster) -> None:
    for node in quick_sim.nodes:
        quick_sim.kill(node.id)
    view = users.user(scope, "anna")
    parts = (view.record, view.devices, view.sessions, view.online_rows, view.conversations, view.entry)
    assert all(isinstance(one.error, AppError) for one in parts)
    assert (view.is_online, view.may_log_in, view.has_nothing) == (None, None, False)


@pytest.mark.parametrize("mode", ["garbage", "html", "empty", "500", "wrong_shape"])
def test_garbage_from_the_cluster_is_never_taken_for_an_answer(
    scope: Scope, quick_sim: SimulatedCluster, mode: str
) -> None:
    for node in quick_sim.nodes:
        quick_sim.break_node(node.id, mode)
    view = users.user(scope, "anna")
    assert view.is_online is None and not view.has_nothing
    assert view.sessions.error is not None


def test_a_login_ban_of_somebody_else_is_seen(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.store.save_channel("anna", 1, flags={"ban": 1}))
    view = users.user(scope, "anna")
    assert (view.may_log_in, view.is_kept_out_by_us) == (False, False)


def test_disband_on_the_entry_refuses_tokens_but_not_logins(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: state.store.save_channel("anna", 1, flags={"disband": 1}))
    view = users.user(scope, "anna")
    assert (view.may_log_in, view.may_take_tokens) == (True, False)


def test_our_restrictions_are_shown_newest_first(scope: Scope) -> None:
    acts.stop_sending(scope, "anna", reason="spam")
    remember(scope, Restriction.Kind.DENY, ["anna"], channel=ChannelRef("g", 2), reason="spam")
    view = users.user(scope, "anna")
    assert [row.kind for row in view.restrictions] == ["deny", "stop_sending"]
    assert view.is_stopped_by_us and view.flags is not None and view.flags.send_ban


def test_staff_actions_are_for_those_who_may_read_the_trail(quick_cluster: Any, scope_of: Any, scope: Scope) -> None:
    acts.stop_sending(scope, "anna", reason="spam")
    assert users.user(scope, "anna").staff is None
    seen = users.user(scope_of(quick_cluster, "admin"), "anna").staff
    assert seen is not None and [row.entry.action for row in seen] == ["user.stop-sending"]
    with pytest.raises(Forbidden):
        users.staff_actions(scope, "anna")


@pytest.mark.parametrize("uid", ["", "a@b", "a#b", "a&b", "a\x00b", "x" * 201, "\ud800"])
def test_ids_nobody_can_have_are_refused(scope: Scope, uid: str) -> None:
    for ask in (users.user, users.devices, users.sessions, users.conversations):
        with pytest.raises(InvalidInput):
            ask(scope, uid)


# -- several ------------------------------------------------------------------------------------------------------


def test_looks_several_up_in_the_order_pasted(scope: Scope, quick_sim: SimulatedCluster) -> None:
    quick_sim.call(lambda state: [state.add_connection("ben", 1001), state.add_connection("ben", 1002, device_flag=0)])
    remember(scope, Restriction.Kind.KEEP_OUT, ["anna"], reason="spam")
    found = users.look_up(scope, "carol\nben, anna;ben")
    assert [(row.uid, row.is_online, row.flags) for row in found.rows] == [
        ("carol", False, ()), ("ben", True, (0, 1)), ("anna", False, ()),
    ]  # fmt: skip
    assert [row.kind for row in found.rows[2].restrictions] == ["keep_out"]


def test_bad_lines_are_named_and_the_rest_is_looked_up(scope: Scope) -> None:
    found = users.look_up(scope, "anna\na@b\nben")
    assert [row.uid for row in found.rows] == ["anna", "ben"]
    assert [(bad.text, bad.line) for bad in found.bad] == [("a@b", 2)]


def test_a_dead_slot_leader_makes_offline_unknown(scope: Scope, quick_sim: SimulatedCluster) -> None:
    here, there = led_by(quick_sim, 1001), led_by(quick_sim, 1003)
    quick_sim.call(lambda state: state.add_connection(here, 1001))
    quick_sim.kill(1003)
    found = users.look_up(scope, [here, there])
    assert [row.is_online for row in found.rows] == [True, None]


@pytest.mark.parametrize("text", ["", "  \n ", "\n".join(f"u{n}" for n in range(201))])
def test_none_and_too_many_are_refused(scope: Scope, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        users.look_up(scope, text)
    assert "uids" in caught.value.fields


# -- restrictions -------------------------------------------------------------------------------------------------


def test_restrictions_page_by_cursor_and_filter(scope: Scope) -> None:
    remember(scope, "stop_sending", [f"u{n}" for n in range(5)], reason="spam")
    forget(scope, "stop_sending", ["u1"])
    first = users.restrictions(scope, limit=3)
    rest = users.restrictions(scope, limit=3, cursor=first.next_cursor)
    assert [row.uid for row in (*first.rows, *rest.rows)] == ["u4", "u3", "u2", "u0"]
    assert rest.next_cursor == ""
    assert [row.uid for row in users.restrictions(scope, state="lifted").rows] == ["u1"]
    assert len(users.restrictions(scope, state="all").rows) == 5
    assert [row.uid for row in users.restrictions(scope, uid="u2").rows] == ["u2"]
    assert users.restrictions(scope, kind="deny").rows == ()


def test_restrictions_of_another_cluster_are_not_shown(
    scope: Scope, make_cluster: Any, quick_sim: Any, scope_of: Any
) -> None:
    other = scope_of(make_cluster(quick_sim, slug="other"), "support")
    remember(other, "keep_out", ["anna"], until=datetime.now(UTC) + timedelta(days=1), reason="spam")
    assert users.restrictions(scope, state="all").rows == ()
    assert users.user(scope, "anna").restrictions == ()


@pytest.mark.parametrize("cursor", ["x", "eyJiZWZvcmUiOi0xfQ", "eyJiZWZvcmUiOnRydWV9"])
def test_a_broken_cursor_is_refused(scope: Scope, cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        users.restrictions(scope, cursor=cursor)
    assert "cursor" in caught.value.fields
