"""Cleaning up after disbanded channels: what is found, what is done, and that a second run finds nothing."""

from datetime import timedelta
from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.core.aio import run
from imadmin.core.errors import Forbidden
from imadmin.directory.actions import cleanup
from imadmin.directory.models import FlagRecord, HiddenConversation
from imadmin.gateway.errors import Unreachable
from imadmin.gateway.types import ChannelFlags, ChannelRef

pytestmark = pytest.mark.django_db
OPEN, CLOSED = ChannelRef("g-open", 2), ChannelRef("g-closed", 2)
NOW = {"since": timedelta(0), "should_stop": lambda: False}


@pytest.fixture
def scope(own_cluster: Any, scope_of: Any) -> Any:
    scope = scope_of(own_cluster, "admin")
    run(scope.gateway.create_channel(OPEN, ChannelFlags(), ["ann", "ben"]))
    run(scope.gateway.create_channel(CLOSED, ChannelFlags(disband=True), ["ann", "ben", "cem"]))
    return scope


def members(scope: Any, channel: ChannelRef) -> set[str]:
    return set(run(scope.gateway.subscribers(channel)))


def test_members_of_disbanded_channels_are_found_and_no_others(scope: Any) -> None:
    found = cleanup.members_found(scope, **NOW)
    assert [(target.uid, target.channel) for target in found.targets] == [
        (uid, CLOSED) for uid in ("ann", "ben", "cem")
    ]
    assert found.is_complete and found.looked_at >= 5
    assert members(scope, CLOSED) == {"ann", "ben", "cem"}, "looking touches nothing"


def test_they_are_removed_and_a_second_run_finds_nothing(scope: Any) -> None:
    found = cleanup.members_found(scope, **NOW)
    outcomes = cleanup.remove_members(scope, found.targets, reason="policy", should_stop=lambda: False)
    assert outcomes.counts() == {"done": 3}
    assert members(scope, CLOSED) == set() and members(scope, OPEN) == {"ann", "ben"}
    assert cleanup.members_found(scope, **NOW).targets == ()
    assert AuditEntry.objects.filter(action="channel.remove_members", phase="outcome", outcome="done").count() == 1


def test_a_channel_disbanded_lately_is_left_alone(scope: Any) -> None:
    assert cleanup.members_found(scope, since=timedelta(days=1), should_stop=lambda: False).targets == ()


def test_a_channel_that_the_servers_list_leaves_out_is_known_from_our_record(scope: Any, sim: Any) -> None:
    unlisted = ChannelRef("g-unlisted", 2)
    run(scope.gateway.create_channel(unlisted, ChannelFlags(disband=True), ["zoe"]))
    FlagRecord.objects.create(
        cluster=scope.cluster, channel_type=2, channel_id="g-unlisted", disband=True, written_by="x"
    )
    FlagRecord.objects.create(cluster=scope.cluster, channel_type=2, channel_id="g-open", disband=True, written_by="x")
    found, _, _ = cleanup.disbanded_channels(scope, since=timedelta(0), should_stop=lambda: False)
    assert set(found) == {CLOSED, unlisted}, "one that was opened again elsewhere is not disbanded"


def test_a_channel_that_cant_be_read_is_left_for_the_next_run_and_the_others_are_found(
    scope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    FlagRecord.objects.create(cluster=scope.cluster, channel_type=2, channel_id="g-far", disband=True, written_by="x")

    async def silent(channel: ChannelRef) -> None:
        raise Unreachable(operation="channel")

    monkeypatch.setattr(scope.gateway, "channel", silent)
    found, _, is_complete = cleanup.disbanded_channels(scope, since=timedelta(0), should_stop=lambda: False)
    assert (found, is_complete) == ([CLOSED], False)


def test_conversations_are_hidden_once_and_come_back_with_a_new_message(scope: Any, sim: Any) -> None:
    run(scope.gateway.remove_subscribers(CLOSED, ["ben"]))  # takes the conversation along
    found = cleanup.conversations_found(scope, **NOW)
    assert [(target.uid, target.channel) for target in found.targets] == [("ann", CLOSED), ("cem", CLOSED)]

    outcomes = cleanup.hide_conversations(scope, found.targets, reason="policy", should_stop=lambda: False)

    assert outcomes.counts() == {"done": 2}
    assert cleanup.conversations_found(scope, **NOW).targets == (), "a second run finds nothing"
    assert AuditEntry.objects.filter(action="conversation.hide", phase="outcome", outcome="done").count() == 2
    HiddenConversation.objects.filter(uid="ann").delete()
    assert [target.uid for target in cleanup.conversations_found(scope, **NOW).targets] == ["ann"]


def test_a_stop_is_heard_between_two(scope: Any) -> None:
    found = cleanup.members_found(scope, **NOW)
    assert cleanup.remove_members(scope, found.targets, reason="policy", should_stop=lambda: True).items == ()
    assert members(scope, CLOSED) == {"ann", "ben", "cem"}


def test_only_who_manages_policies_may(own_cluster: Any, scope_of: Any) -> None:
    with pytest.raises(Forbidden):
        cleanup.members_found(scope_of(own_cluster, "moderator"), **NOW)
