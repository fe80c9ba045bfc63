"""A long allowlist: nobody who should stay on it is lost silently, whatever breaks and whoever writes beside us."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from imadmin.audit.models import AuditEntry
from imadmin.core.outcomes import Result
from imadmin.directory.actions import lists
from imadmin.directory.actions.lists import ListChange, Verb, change_list
from imadmin.directory.queries.lists import ListName
from tests.directory.channel_stage import after_writes, group, kill_all, put, stored, wedge

pytestmark = pytest.mark.django_db
MANY = [f"u{number}" for number in range(450)]


@pytest.fixture
def scope(own_cluster: Any, scope_of: Callable[[Any, str], Any]) -> Any:
    return scope_of(own_cluster, "admin")


def change(channel: Any, verb: Verb) -> ListChange:
    return ListChange(channel, ListName.ALLOWLIST, verb)


def test_adding_one_writes_that_one_alone(scope: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "allowed", channel, MANY)
    after_writes(sim, 1, lambda state: wedge(state, channel))
    assert change_list(scope, change(channel, Verb.ADD), ["zoe"], reason="writes").counts() == {"done": 1}
    assert stored(sim, "allowed", channel) == {*MANY, "zoe"}
    assert not [path for *_, path, _, _ in sim.requests if path == "/channel/whitelist_set"]


def test_who_was_lost_when_a_removal_broke_is_put_back(scope: Any, sim: Any, monkeypatch: Any) -> None:
    channel = group(sim)
    put(sim, "allowed", channel, MANY)
    after_writes(sim, 1, lambda state: wedge(state, channel))
    write_whole = scope.gateway.set_allowlist

    async def then_healed(*args: Any) -> None:
        try:
            await write_whole(*args)
        finally:
            sim.call(lambda state: state.wedged.clear())

    monkeypatch.setattr(scope.gateway, "set_allowlist", then_healed)
    outcomes = change_list(scope, change(channel, Verb.REMOVE), ["u7"], reason="left")
    assert outcomes.counts() == {"done": 1} and outcomes.note == lists.MENDED
    assert stored(sim, "allowed", channel) == set(MANY) - {"u7"}


def test_who_could_not_be_put_back_is_an_outcome_of_their_own(scope: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "allowed", channel, MANY)
    after_writes(sim, 1, lambda state: wedge(state, channel))
    outcomes = change_list(scope, change(channel, Verb.REMOVE), ["u7"], reason="left")
    left = stored(sim, "allowed", channel)
    lost = set(MANY) - {"u7"} - left
    assert lost and set(outcomes.of(Result.FAILED)) == lost and outcomes.of(Result.DONE) == ("u7",)
    assert outcomes.items[-1].detail == lists.LOST and outcomes.note == lists.LOST_SOME
    outcome = AuditEntry.objects.get(phase="outcome")
    assert outcome.outcome == "partial" and outcome.detail["size"] == [450, 200]
    assert len(outcome.detail["not_done"]) == len(lost)
    adds = [path for *_, path, _, _ in sim.requests if path == "/channel/whitelist_add"]
    assert len(adds) == 2  # the piece that broke, and one try to put them back


def test_who_may_be_lost_when_nothing_can_be_read_back_is_unknown(scope: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "allowed", channel, MANY)
    after_writes(sim, 1, kill_all)
    outcomes = change_list(scope, change(channel, Verb.REMOVE), ["u7"], reason="left")
    assert outcomes.note == lists.UNREAD and set(outcomes.of(Result.UNKNOWN)) > {"u7"}


@pytest.mark.django_db(transaction=True)
def test_two_who_take_people_off_at_once_do_not_undo_each_other(scope: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "allowed", channel, ["ann", "ben", "cem"])
    meet = threading.Barrier(2, timeout=5)

    def take(uid: str) -> None:
        try:
            meet.wait()
            change_list(scope, change(channel, Verb.REMOVE), [uid], reason="left")
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(uid,)) for uid in ("ann", "ben")]
    sim.slow(sim.call(lambda state: state.leader_of(channel.id)), 0.1)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(sim, "allowed", channel) == {"cem"}
