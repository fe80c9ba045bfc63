"""Flags: all five written together, two read back, three from our own record or unknown."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from imadmin.audit.models import AuditEntry
from imadmin.core.errors import Conflict, Forbidden, InvalidInput, Unsupported
from imadmin.directory import patience
from imadmin.directory.actions.flags import MOVED, set_flags
from imadmin.directory.models import FlagRecord
from imadmin.directory.queries.flags import read_flags
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.types import ChannelFlags, ChannelRef
from tests.directory.channel_stage import flags_of, group, kill_all, wedge
from tests.directory.locked import locked

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope(own_cluster: Any, scope_of: Callable[[Any, str], Any]) -> Any:
    return scope_of(own_cluster, "admin")


def results(outcomes: Any) -> dict[str, str]:
    return {item.target: item.result.value for item in outcomes.items}


def sources(scope: Any, channel: ChannelRef) -> dict[str, tuple[bool | None, str]]:
    return {value.name: (value.value, value.source) for value in read_flags(scope, channel).values}


def test_what_the_server_does_not_tell_is_unknown_until_we_wrote_it(scope: Any, sim: Any) -> None:
    channel = group(sim, send_ban=1)
    assert sources(scope, channel) == {
        "ban": (False, "server"), "disband": (False, "server"), "send_ban": (None, "unknown"),
        "allow_stranger": (None, "unknown"), "large": (None, "unknown"),
    }  # fmt: skip
    set_flags(scope, channel, ChannelFlags(large=True), reason="grows")
    assert sources(scope, channel)["large"] == (True, "record")
    assert FlagRecord.objects.get().written_by == "admin"


def test_all_five_are_written_and_each_has_its_outcome(scope: Any, sim: Any) -> None:
    channel = group(sim)
    outcomes = set_flags(scope, channel, ChannelFlags(ban=True, large=True), reason="closed for the night")
    assert flags_of(sim, channel) == {"ban": 1, "disband": 0, "send_ban": 0, "allow_stranger": 0, "large": 1}
    assert results(outcomes) == {
        "ban": "done", "disband": "already", "send_ban": "done", "allow_stranger": "done", "large": "done",
    }  # fmt: skip
    intent, outcome = AuditEntry.objects.order_by("id")
    assert intent.action == "channel.set_flags" and outcome.outcome == "done"
    assert (outcome.before["ban"], outcome.after["ban"], outcome.before["large"]) == (False, True, None)


def test_disband_is_undone_by_writing_it_off(scope: Any, sim: Any) -> None:
    channel = group(sim)
    set_flags(scope, channel, ChannelFlags(disband=True), reason="project ended")
    assert flags_of(sim, channel)["disband"] == 1
    set_flags(scope, channel, ChannelFlags(), reason="undo")
    assert flags_of(sim, channel)["disband"] == 0


def test_our_record_ends_when_somebody_else_wrote_since(scope: Any, sim: Any) -> None:
    channel = group(sim)
    set_flags(scope, channel, ChannelFlags(large=True), reason="grows")
    sim.call(lambda state: state.store.save_channel("tea", 2, {"ban": 1}))
    state = read_flags(scope, channel)
    assert state.is_record_outdated and state.unknown == ("send_ban", "allow_stranger", "large")


def test_flags_that_moved_since_they_were_shown_are_not_overwritten(scope: Any, sim: Any) -> None:
    channel = group(sim)
    shown = read_flags(scope, channel).state
    sim.call(lambda state: state.store.save_channel("tea", 2, {"ban": 1}))
    with pytest.raises(Conflict, match=MOVED[:20]):
        set_flags(scope, channel, ChannelFlags(), reason="because", state=shown)
    assert flags_of(sim, channel)["ban"] == 1 and not AuditEntry.objects.exists()


def test_a_person_chat_is_closed_by_its_stored_pair(scope: Any, sim: Any) -> None:
    channel = ChannelRef.person("ann", "ben")
    assert results(set_flags(scope, channel, ChannelFlags(ban=True), reason="quarrel"))["ban"] == "done"
    assert flags_of(sim, channel)["ban"] == 1


def test_a_persons_own_entry_is_left_to_the_users_page(scope: Any) -> None:
    with pytest.raises(Unsupported):
        set_flags(scope, ChannelRef.inbox("ann"), ChannelFlags(ban=True), reason="because")


def test_flags_need_the_right_and_a_reason(sim: Any, own_cluster: Any, scope_of: Any) -> None:
    channel = group(sim)
    with pytest.raises(Forbidden):
        set_flags(scope_of(own_cluster, "moderator"), channel, ChannelFlags(ban=True), reason="because")
    with pytest.raises(InvalidInput):
        set_flags(scope_of(own_cluster, "admin"), channel, ChannelFlags(ban=True), reason="")
    assert flags_of(sim, channel)["ban"] == 0


def test_a_slot_that_gives_up_is_read_back_and_the_unreadable_stay_unknown(scope: Any, sim: Any) -> None:
    channel = group(sim)
    sim.call(wedge, channel)
    outcomes = set_flags(scope, channel, ChannelFlags(ban=True), reason="because")
    assert results(outcomes) == {
        "ban": "failed", "disband": "already", "send_ban": "unknown", "allow_stranger": "unknown", "large": "unknown",
    }  # fmt: skip
    assert not FlagRecord.objects.exists()


def test_a_dead_cluster_is_said_before_anything_is_recorded(scope: Any, sim: Any) -> None:
    channel = group(sim)
    sim.call(kill_all)
    with pytest.raises(GatewayError):
        set_flags(scope, channel, ChannelFlags(ban=True), reason="because")
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_write_the_flags_they_saw_only_one_writes(scope: Any, sim: Any) -> None:
    channel = group(sim)
    shown = read_flags(scope, channel).state
    sim.slow(sim.call(lambda state: state.leader_of(channel.id)), 0.1)
    ends: list[str] = []

    def write(flags: ChannelFlags) -> None:
        try:
            set_flags(scope, channel, flags, reason="both at once", state=shown)
            ends.append("done")
        except Conflict:
            ends.append("moved")
        finally:
            connection.close()

    threads = [
        threading.Thread(target=write, args=(flags,)) for flags in (ChannelFlags(ban=True), ChannelFlags(disband=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["done", "moved"]


def test_a_record_of_the_flags_that_cannot_be_kept_is_told(scope: Any, sim: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0, 0))
    with locked("INSERT", "directory_flagrecord"):
        outcomes = set_flags(scope, group(sim), ChannelFlags(ban=True), reason="closed")
    assert results(outcomes)["ban"] == "done" and outcomes.note == patience.NOT_REMEMBERED
