"""Reading channels and making them: what is known, what is missing, what the server's list leaves out."""

from collections.abc import Callable
from typing import Any

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.core.errors import Conflict, Forbidden, InvalidInput
from imadmin.directory.actions.channels import RECORD, create_channel
from imadmin.directory.models import FlagRecord
from imadmin.directory.queries import channels
from imadmin.directory.queries.channels import Sending, detail
from imadmin.directory.queries.lists import ListName, cut, listed
from imadmin.directory.queries.members import list_page
from imadmin.gateway.types import ChannelFlags, ChannelRef
from tests.directory.channel_stage import after_writes, flags_of, group, kill_all, put, stored, wedge

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope(own_cluster: Any, scope_of: Callable[[Any, str], Any]) -> Any:
    return scope_of(own_cluster, "admin")


def results(outcomes: Any) -> dict[str, str]:
    return {item.target: item.result.value for item in outcomes.items}


# -- lists of channels -----------------------------------------------------------------------------------------------


def test_the_record_list_is_walked_by_cursor_each_channel_once(scope: Any, sim: Any) -> None:
    for number in range(7):
        group(sim, f"g{number}")
    group(sim, "c", type=3)
    seen, cursor = [], ""
    while True:
        page = channels.records(scope, type=2, cursor=cursor, limit=3)
        seen += [record.channel.id for record in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert sorted(seen) == [f"g{number}" for number in range(7)]


def test_what_the_record_list_leaves_out_is_on_the_lists_of_the_nodes(scope: Any, sim: Any) -> None:
    group(sim, "unlisted", listed=False)
    sim.call(lambda state: state.add_message("ann", "unlisted"))
    sim.call(lambda state: state.add_message("ann", "ben", channel_type=1))
    assert channels.records(scope).items == ()
    everywhere = [row.channel for node in channels.node_ids(scope) for row in channels.used_on(scope, node).items]
    assert sorted(everywhere) == sorted([ChannelRef("unlisted", 2), ChannelRef.person("ann", "ben")])


# -- one channel -----------------------------------------------------------------------------------------------------


def test_a_channel_tells_who_may_send_and_why_not(scope: Any, sim: Any) -> None:
    channel = group(sim, members=["ann", "ben", "cem"])
    put(sim, "denied", channel, ["ben", "zoe"])
    sim.call(lambda state: state.store.system_uids.update({"robot": None}))
    page = detail(scope, channel)
    assert page.sending is Sending.ALLOWED and page.is_found and not page.missing
    assert [page.sending_of(uid) for uid in ("ann", "ben", "robot", "nobody")] == [
        Sending.ALLOWED, Sending.DENIED, Sending.SYSTEM, Sending.NOT_MEMBER,
    ]  # fmt: skip
    put(sim, "allowed", channel, ["cem"])
    page = detail(scope, channel)
    assert page.sending_of("ann") is Sending.NOT_ALLOWED and page.sending_of("cem") is Sending.ALLOWED


@pytest.mark.parametrize(
    ("flags", "type", "expected"),
    [
        ({"ban": 1, "disband": 1}, 2, Sending.BANNED),
        ({"disband": 1}, 2, Sending.DISBANDED),
        ({"ban": 1}, 3, Sending.EVERYBODY),
        ({}, 6, Sending.EVERYBODY),
        ({"ban": 1}, 10, Sending.ALLOWED),
    ],
)
def test_flags_and_types_decide_first(
    scope: Any, sim: Any, flags: dict[str, int], type: int, expected: Sending
) -> None:
    page = detail(scope, group(sim, type=type, **flags))
    assert page.sending is expected and page.sending_of("ann") is expected


def test_a_person_chat_has_two_members_and_two_denylists(scope: Any, sim: Any) -> None:
    channel = ChannelRef.person("ann", "ben")
    sim.call(lambda state: state.add_message("ann", "ben", channel_type=1))
    put(sim, "denied", ChannelRef.inbox("ben"), ["ann"])
    page = detail(scope, channel)
    assert page.members.value == ("ann", "ben")
    assert sorted(page.pair) == [("ann", "ben", True), ("ben", "ann", False)]


def test_a_channel_nobody_knows_is_not_found(scope: Any) -> None:
    assert not detail(scope, ChannelRef("nothing", 2)).is_found
    assert not detail(scope, ChannelRef.person("ann", "ben")).is_found


def test_with_the_cluster_down_everything_is_unknown_and_nothing_is_zero(scope: Any, sim: Any) -> None:
    channel = group(sim)
    sim.call(kill_all)
    page = detail(scope, channel)
    assert page.members.value is None and page.record.value is None and page.missing
    assert page.sending is Sending.UNKNOWN and page.sending_of("ann") is Sending.UNKNOWN
    assert list_page(scope, page, ListName.MEMBERS) is None


def test_with_one_node_of_three_dead_the_channel_is_still_told(scope: Any, sim: Any) -> None:
    channel = group(sim)
    leader = sim.call(lambda state: state.leader_of(channel.id))
    sim.kill(next(node.id for node in sim.nodes[1:] if node.id != leader))
    page = detail(scope, channel)
    assert page.members.value == ("ann", "ben", "cem") and page.record.value is not None


def test_an_id_the_server_cannot_be_asked_for_leaves_its_lists_unknown(scope: Any, sim: Any) -> None:
    page = detail(scope, group(sim, "a/b"))
    assert page.record.value is not None and page.members.value is None and page.is_found


# -- members ---------------------------------------------------------------------------------------------------------


def test_twenty_thousand_members_are_paged_by_uid_each_once(scope: Any, sim: Any) -> None:
    uids = sorted(f"u{number}" for number in range(20_000))
    channel = group(sim, members=uids)
    page, seen, cursor = detail(scope, channel), [], ""
    while True:
        part = cut(page.members.value or (), cursor=cursor, limit=200)
        assert part.first == len(seen) + 1
        seen += part.uids
        cursor = part.next_cursor
        if not cursor:
            break
    assert seen == uids
    shown = list_page(scope, page, ListName.MEMBERS, q="U1999", limit=50)
    assert shown and (shown.total, shown.matching) == (20_000, 11)


def test_presence_and_our_record_stand_beside_each_member(scope: Any, sim: Any) -> None:
    channel = group(sim, members=["ann", "ben"])
    sim.call(lambda state: [state.add_connection("ann"), state.add_connection("ann", device_flag=0)])
    shown = list_page(scope, detail(scope, channel), ListName.MEMBERS)
    assert shown and [(row.uid, row.devices, row.restriction) for row in shown.rows] == [
        ("ann", (0, 1), None), ("ben", (), None),
    ]  # fmt: skip


def test_a_broken_page_marker_is_refused(scope: Any, sim: Any) -> None:
    channel = group(sim)
    for marker in ("x", "bnVsbA", "eyJhZnRlciI6MX0", "…"):
        with pytest.raises(InvalidInput) as refused:
            listed(scope, channel, ListName.MEMBERS, cursor=marker)
        assert list(refused.value.fields) == ["cursor"]


# -- making one ------------------------------------------------------------------------------------------------------


def test_a_channel_is_made_with_flags_and_members_and_read_back(scope: Any, sim: Any) -> None:
    channel = ChannelRef("新频道 one", 2)
    outcomes = create_channel(scope, channel, ChannelFlags(large=True), "ann, ben\nann", reason="launch")
    assert results(outcomes) == {RECORD: "done", "ann": "done", "ben": "done"}
    assert stored(sim, "members", channel) == {"ann", "ben"} and flags_of(sim, channel)["large"] == 1
    assert FlagRecord.objects.get().large and AuditEntry.objects.get(phase="outcome").outcome == "done"
    assert [record.channel for record in channels.records(scope).items] == [channel]


def test_an_existing_channel_is_not_made_over(scope: Any, sim: Any) -> None:
    channel = group(sim, ban=1)
    with pytest.raises(Conflict):
        create_channel(scope, channel, ChannelFlags(), reason="launch")
    assert flags_of(sim, channel)["ban"] == 1 and not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("channel", "members", "field"),
    [
        (ChannelRef(" ", 2), "", "id"),
        (ChannelRef("a@b", 2), "", "id"),
        (ChannelRef("a\nb", 2), "", "id"),
        (ChannelRef("x" * 501, 2), "", "id"),
        (ChannelRef("tea", 0), "", "type"),
        (ChannelRef("tea", 256), "", "type"),
        (ChannelRef("ann", 1), "", "type"),
        (ChannelRef("tea", 2), "ann b#b", "members"),
    ],
)
def test_what_cannot_be_made_is_named_and_nothing_is_sent(
    scope: Any, sim: Any, channel: ChannelRef, members: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_channel(scope, channel, ChannelFlags(), members, reason="launch")
    assert field in refused.value.fields
    assert not [path for *_, path, _, _ in sim.requests if path in ("/channel", "/channel/subscriber_add")]


def test_making_needs_the_right(own_cluster: Any, scope_of: Any) -> None:
    with pytest.raises(Forbidden):
        create_channel(scope_of(own_cluster, "moderator"), ChannelRef("tea", 2), ChannelFlags(), reason="launch")


def test_a_cluster_that_breaks_between_record_and_members_is_told_apart(scope: Any, sim: Any) -> None:
    channel = ChannelRef("tea", 2)
    after_writes(sim, 2, lambda state: wedge(state, channel))
    many = [f"u{number}" for number in range(300)]
    outcomes = create_channel(scope, channel, ChannelFlags(), many, reason="launch")
    assert outcomes.counts() == {"done": 201, "failed": 100}
