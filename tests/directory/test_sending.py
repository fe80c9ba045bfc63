"""What the explainer says and what a live client's server really answers, side by side."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from imadmin.audit.record import Target, event, recorded
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.directory.actions import restrictions
from imadmin.directory.models import Restriction
from imadmin.directory.queries.sending import MaySend, Source, State, last_unsure, may_send
from imadmin.directory.remember import remember
from imadmin.gateway.types import ChannelRef, ChannelType
from imadmin.simulator import SimulatedCluster
from tests.directory.user_stage import cluster_stage, scope_stage, short_waits, sim_stage  # noqa: F401
from tests.directory.wsclient import LiveClient

pytestmark = pytest.mark.django_db
UID, PEER = "anna", "ben"
GROUP = ChannelRef("g", 2)


def setup(sim: SimulatedCluster, channel: ChannelRef, **facts: Any) -> None:
    """facts: flags of the channel, member, denied, allowed (a list), system (uids)."""
    flags = {name: int(name in facts) for name in ("ban", "disband")}

    def apply(state: Any) -> None:
        store = state.store
        place = (PEER, 1) if channel.is_person else (channel.id, int(channel.type))
        if any(flags.values()) or not channel.is_person:
            store.save_channel(channel.id, int(channel.type), flags=flags)
        if facts.get("member"):
            store.add_to(store.members, place, [UID])
        if facts.get("denied"):
            store.add_to(store.denied, place, [UID])
        if facts.get("allowed"):
            store.add_to(store.allowed, place, facts["allowed"])
            store.allowlist_flag[place] = True
        for uid in facts.get("system", ()):
            store.system_uids[uid] = None

    sim.call(apply)


def said_by_server(sim: SimulatedCluster, channel: ChannelRef) -> int | None:
    with LiveClient(sim.nodes[1].ws_url, UID) as client:
        return client.send(PEER if channel.is_person else channel.id, int(channel.type))


def reason_number(answer: MaySend) -> int:
    assert answer.answer is not None
    return 1 if answer.answer else int(answer.reason or 0)


CASES = [
    (GROUP, {"member": True}, 1),
    (GROUP, {}, 3),
    (GROUP, {"denied": True}, 4),  # denied and no member: the denylist comes first
    (GROUP, {"member": True, "denied": True}, 4),
    (GROUP, {"member": True, "allowed": ["carol"]}, 13),
    (GROUP, {"member": True, "allowed": [UID]}, 1),
    (GROUP, {"allowed": [UID]}, 3),  # on the allowlist, but no member
    (GROUP, {"member": True, "denied": True, "allowed": [UID]}, 4),
    (GROUP, {"member": True, "ban": True}, 19),
    (GROUP, {"member": True, "disband": True}, 24),
    (GROUP, {"member": True, "ban": True, "disband": True}, 19),
    (GROUP, {"ban": True, "system": [UID]}, 19),  # system users are not exempt from a ban
    (GROUP, {"denied": True, "system": [UID]}, 1),
    (ChannelRef("c", ChannelType.COMMUNITY), {}, 3),
    (ChannelRef("d", ChannelType.DATA), {"member": True}, 1),
    (ChannelRef("kf", ChannelType.CUSTOMER_SERVICE), {"denied": True, "ban": True, "allowed": ["carol"]}, 1),
    (ChannelRef("i", ChannelType.INFO), {"disband": True}, 1),
    (ChannelRef(UID, ChannelType.VISITORS), {"denied": True}, 1),
    (ChannelRef("v", ChannelType.VISITORS), {"ban": True}, 3),
    (ChannelRef("v", ChannelType.VISITORS), {"member": True, "ban": True}, 1),
    (ChannelRef.person(UID, PEER), {}, 1),
    (ChannelRef.person(UID, PEER), {"denied": True}, 4),
    (ChannelRef.person(UID, PEER), {"ban": True}, 19),
    (ChannelRef.person(UID, PEER), {"ban": True, "denied": True}, 19),
    (ChannelRef.person(UID, PEER), {"denied": True, "system": [PEER]}, 1),
    (ChannelRef.person(UID, PEER), {"denied": True, "system": [UID]}, 1),
    (ChannelRef.person(UID, PEER), {"allowed": ["carol"]}, 1),  # person allowlists count only when set up so
]


@pytest.mark.parametrize(("channel", "facts", "expected"), CASES)
def test_says_what_the_server_answers(
    scope: Scope, quick_sim: SimulatedCluster, channel: ChannelRef, facts: dict[str, Any], expected: int
) -> None:
    setup(quick_sim, channel, **facts)
    asked = ChannelRef(PEER, 1) if channel.is_person else channel
    assert (reason_number(may_send(scope, UID, asked)), said_by_server(quick_sim, channel)) == (expected, expected)


def test_every_mix_of_facts_agrees_with_the_server(scope: Scope, quick_sim: SimulatedCluster) -> None:
    names = ("ban", "member", "denied", "allowed")
    with LiveClient(quick_sim.nodes[1].ws_url, UID) as client:
        for number, chosen in enumerate(itertools.product((False, True), repeat=len(names))):
            channel = ChannelRef(f"mix-{number}", 2)
            facts: dict[str, Any] = {name: True for name, is_on in zip(names, chosen, strict=True) if is_on}
            if "allowed" in facts:
                facts["allowed"] = ["carol"]
            setup(quick_sim, channel, **facts)
            answer = may_send(scope, UID, channel)
            assert reason_number(answer) == client.send(channel.id, 2), facts


def test_a_stopped_sender_is_our_record_and_comes_before_everything(scope: Scope, quick_sim: SimulatedCluster) -> None:
    setup(quick_sim, GROUP, ban=True)
    restrictions.stop_sending(scope, UID, reason="spam")
    answer = may_send(scope, UID, GROUP)
    assert reason_number(answer) == said_by_server(quick_sim, GROUP) == 25
    check = next(one for one in answer.checks if one.code == "send-ban")
    assert (check.source, check.passed, check.rule.reason if check.rule else "") == (Source.RECORD, False, "spam")
    restrictions.allow_sending(scope, UID, reason="sorry")
    assert reason_number(may_send(scope, UID, GROUP)) == said_by_server(quick_sim, GROUP) == 19


def test_the_checks_stand_in_the_servers_order_and_stop_at_the_first_no(
    scope: Scope, quick_sim: SimulatedCluster
) -> None:
    setup(quick_sim, GROUP, denied=True)
    answer = may_send(scope, UID, GROUP)
    assert [check.code for check in answer.checks] == [
        "connected", "send-ban", "plugin", "ban", "disband", "exempt", "denylist", "member", "allowlist",
    ]  # fmt: skip
    assert [check.code for check in answer.checks if not check.is_reached] == ["member", "allowlist"]
    assert answer.checks[6].as_of is not None and answer.checks[6].source is Source.READ


def test_what_nobody_can_read_is_unknown_without_spoiling_the_answer(scope: Scope, quick_sim: SimulatedCluster) -> None:
    setup(quick_sim, GROUP, member=True)
    answer = may_send(scope, UID, GROUP)
    unreadable = [check for check in answer.checks if check.source is Source.UNREADABLE]
    assert [check.code for check in unreadable] == ["send-ban", "plugin"]
    assert all(check.passed is None for check in unreadable)
    assert answer.answer is True


def test_a_flag_change_that_ended_unknown_leaves_the_answer_open(scope: Scope, quick_sim: SimulatedCluster) -> None:
    setup(quick_sim, GROUP, member=True)
    quick_sim.call(lambda state: state.store.save_channel(UID, 1, flags={}))
    quick_sim.wedge_slot(quick_sim.state.slot_of(UID), seconds=0.2)
    restrictions.stop_sending(scope, UID, reason="spam")
    answer = may_send(scope, UID, GROUP)
    assert (answer.answer, answer.is_sure) == (None, False)
    quick_sim.heal_slot(quick_sim.state.slot_of(UID))
    restrictions.stop_sending(scope, UID, reason="spam")
    assert may_send(scope, UID, GROUP).answer is False


def test_the_restriction_behind_a_refusal_is_named(scope: Scope, quick_sim: SimulatedCluster) -> None:
    setup(quick_sim, GROUP, member=True, denied=True)
    remember(scope, Restriction.Kind.DENY, [UID], channel=GROUP, reason="refund phishing")
    check = next(one for one in may_send(scope, UID, GROUP).checks if one.code == "denylist")
    assert check.rule is not None and check.rule.reason == "refund phishing"


def test_a_person_chat_may_be_named_by_its_stored_id(scope: Scope, quick_sim: SimulatedCluster) -> None:
    stored = ChannelRef.person(UID, PEER)
    setup(quick_sim, stored, denied=True)
    answer = may_send(scope, UID, stored)
    assert (answer.peer, answer.channel, reason_number(answer)) == (PEER, stored, 4)


def test_a_broken_cluster_leaves_all_of_it_unknown(scope: Scope, quick_sim: SimulatedCluster) -> None:
    for node in quick_sim.nodes:
        quick_sim.break_node(node.id, "html")
    answer = may_send(scope, UID, GROUP)
    assert answer.answer is None
    assert {check.state for check in answer.checks} == {State.UNKNOWN}
    assert all(check.error for check in answer.checks if check.code in ("ban", "denylist", "member"))


def test_an_id_the_server_cannot_be_asked_for_is_unknown_not_refused(scope: Scope) -> None:
    answer = may_send(scope, UID, ChannelRef("team/one?", 2))
    assert answer.answer is None
    assert next(one for one in answer.checks if one.code == "member").passed is None


@pytest.mark.parametrize(
    ("sender", "channel", "field"),
    [
        ("", GROUP, "uid"),
        ("a@b", GROUP, "uid"),
        (UID, ChannelRef("", 2), "to"),
        (UID, ChannelRef("g", 0), "to"),
        (UID, ChannelRef("g", 256), "to"),
        (UID, ChannelRef("carol@dave", 1), "to"),
        (UID, ChannelRef("a&b", 1), "to"),
        (UID, ChannelRef("x\x00", 1), "to"),
    ],
)
def test_ids_that_nobody_can_have_are_refused(scope: Scope, sender: str, channel: ChannelRef, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        may_send(scope, sender, channel)
    assert field in caught.value.fields


def test_a_viewer_may_ask(
    quick_cluster: Any, scope_of: Callable[[Any, str], Scope], quick_sim: SimulatedCluster
) -> None:
    setup(quick_sim, GROUP, member=True)
    assert may_send(scope_of(quick_cluster, "viewer"), UID, GROUP).answer is True


def test_an_unknown_flag_change_is_found_behind_any_number_of_other_rows(scope: Scope) -> None:
    with recorded(scope.actor, "user.stop-sending", Target("user", UID), "spam", cluster=scope.slug) as entry:
        entry.finish(outcomes=Outcomes((TargetOutcome("entry", Result.UNKNOWN, "no answer"),)))
    for _ in range(120):
        event(scope.actor, "user.looked-up", Target("user", UID), cluster=scope.slug)
    assert last_unsure(scope, UID) is not None
