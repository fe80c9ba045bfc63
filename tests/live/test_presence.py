"""Who came and went: each change once, whoever tells it first; what isn't known is not told as gone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from imadmin.core.errors import InvalidInput
from imadmin.gateway.connection_types import ConnectionList, ConnectionRow, NodeConnections
from imadmin.gateway.hook_types import OnlineChange
from imadmin.gateway.types import NodeFailure, now
from imadmin.live import presence
from imadmin.live.presence import Difference, FeedFilter
from imadmin.monitor.models import Presence


def listed(*rows: tuple[int, int, str], silent: tuple[int, ...] = (), cut: tuple[int, ...] = ()) -> ConnectionList:
    """(node, connection, uid) rows of nodes 1 and 2."""
    return ConnectionList(
        rows=tuple(ConnectionRow(node, key, node, uid, 0, "", "", "", 1, 1, 1, 0, 0, 0, 0, 5) for node, key, uid in rows),
        remembered=(),
        nodes=tuple(NodeConnections(node, node not in silent, 0, 0) for node in (1, 2)),
        failed=tuple(NodeFailure(str(node), "no answer", "unreachable") for node in (*silent, *cut)),
        as_of=now(),
    )  # fmt: skip


def changes(before: ConnectionList, after: ConnectionList) -> list[tuple[str, bool, int, int, int]]:
    found = presence.differences(presence.seen_in(before), presence.seen_in(after))
    return [(one.uid, one.is_online, one.node, one.connection, one.left) for one in found]


def test_two_looks_tell_who_came_and_who_went() -> None:
    before = listed((1, 1, "anna"), (1, 2, "ben"), (2, 1, "anna"))
    after = listed((1, 1, "anna"), (1, 3, "carl"))

    assert changes(before, after) == [("ben", False, 1, 2, 0), ("anna", False, 2, 1, 1), ("carl", True, 1, 3, 1)]


def test_the_connections_of_a_silent_node_are_not_told_as_gone() -> None:
    assert changes(listed((1, 1, "anna"), (2, 1, "ben")), listed((1, 1, "anna"), silent=(2,))) == []


def test_a_list_that_was_cut_off_tells_nothing() -> None:
    assert changes(listed((1, 1, "anna"), (2, 1, "ben")), listed((1, 1, "anna"), cut=(2,))) == []


def test_a_node_seen_for_the_first_time_is_where_counting_begins() -> None:
    assert changes(listed((1, 1, "anna"), silent=(2,)), listed((1, 1, "anna"), (2, 1, "ben"))) == []


def test_a_number_given_out_again_is_another_connection() -> None:
    assert changes(listed((1, 1, "anna")), listed((1, 1, "ben"))) == [
        ("anna", False, 1, 1, 0), ("ben", True, 1, 1, 1),
    ]  # fmt: skip


def seen(uid: str, *, online: bool = True, connection: int = 7) -> Difference:
    return Difference(uid, 0, online, 1, connection, 1)


def told(uid: str, *, online: bool = True, connection: int = 7, left: int = 1) -> OnlineChange:
    return OnlineChange(uid, 0, online, connection, 1, left)


def rows() -> list[tuple[str, bool, str]]:
    return list(Presence.objects.order_by("at", "id").values_list("uid", "is_online", "source"))


def test_what_the_webhook_told_the_comparison_does_not_tell_again(cluster: Any) -> None:
    at = now()
    presence.record_told(cluster.pk, [told("anna")], at)

    presence.record_differences(cluster.pk, "demo", [seen("anna"), seen("ben")], at + timedelta(seconds=3))

    assert rows() == [("anna", True, "webhook"), ("ben", True, "poller")]


def test_what_the_comparison_saw_first_becomes_the_webhooks_row(cluster: Any) -> None:
    at = now()
    presence.record_differences(cluster.pk, "demo", [seen("anna")], at)

    assert presence.record_told(cluster.pk, [told("anna", left=3)], at + timedelta(seconds=2)) == 1

    row = Presence.objects.get()
    assert (row.source, row.left, row.node, row.at) == ("webhook", 3, 1, at)


def test_a_call_that_comes_twice_is_told_once(cluster: Any) -> None:
    at = now()
    presence.record_told(cluster.pk, [told("anna"), told("anna", online=False, left=0)], at)

    assert (
        presence.record_told(cluster.pk, [told("anna"), told("anna", online=False, left=0)], at + timedelta(seconds=1))
        == 0
    )
    assert rows() == [("anna", True, "webhook"), ("anna", False, "webhook")]


def test_coming_going_and_coming_back_in_one_call_are_three_rows_in_order(cluster: Any) -> None:
    presence.record_told(
        cluster.pk,
        [told("a", connection=1), told("a", online=False, connection=1, left=0), told("a", connection=2)],
        now(),
    )

    assert [online for _, online, _ in rows()] == [True, False, True]


def test_a_cluster_keeps_its_newest_rows_only(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "KEPT", 5)
    presence.record_told(cluster.pk, [told(f"u{n}", connection=n) for n in range(1, 13)], now())

    presence.trim(cluster.pk)

    assert [uid for uid, _, _ in rows()] == ["u8", "u9", "u10", "u11", "u12"]


def test_more_changes_than_are_kept_of_one_comparison_are_counted(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "DIFFERENCES_MAX", 3)

    presence.record_differences(cluster.pk, "demo", [seen(f"u{n}", connection=n) for n in range(10)], now())

    assert Presence.objects.count() == 3
    assert presence.dropped(cluster.pk)["count"] == 7  # type: ignore[index]


def test_the_feed_pages_newest_first_and_each_row_once(cluster: Any, scope_of: Callable[[Any, str], Any]) -> None:
    scope = scope_of(cluster, "viewer")
    presence.record_told(cluster.pk, [told(f"u{n}", connection=n) for n in range(1, 8)], now())

    found, cursor = [], ""
    while True:
        page = presence.feed(scope, FeedFilter(), cursor=cursor, limit=3)
        found += [row.uid for row in page.items]
        cursor = page.next_cursor
        if not cursor:
            break

    assert found == [f"u{n}" for n in range(7, 0, -1)]


@pytest.mark.parametrize(
    ("wanted", "uids"),
    [
        (FeedFilter(uid="ann*"), ["anna"]),
        (FeedFilter(uid="Ann*"), []),
        (FeedFilter(uid="ann"), []),
        (FeedFilter(uid="Anna"), []),
        (FeedFilter(is_online=False), ["ben"]),
        (FeedFilter(source="poller"), ["carl"]),
        (FeedFilter(device_flag=1), []),
    ],
)
def test_the_feed_filters(
    cluster: Any, scope_of: Callable[[Any, str], Any], wanted: FeedFilter, uids: list[str]
) -> None:
    presence.record_told(cluster.pk, [told("anna"), told("ben", online=False)], now())
    presence.record_differences(cluster.pk, "demo", [seen("carl", connection=9)], now())

    assert [row.uid for row in presence.feed(scope_of(cluster, "viewer"), wanted).items] == uids


@pytest.mark.parametrize(
    "marker", ["x", "eyJhdCI6MX0", "eyJhdCI6IngiLCJpZCI6MX0", "eyJhdCI6IjIwMjYtMDEtMDEiLCJpZCI6MX0"]
)
def test_a_page_marker_of_somebody_elses_making_is_named(
    cluster: Any, scope_of: Callable[[Any, str], Any], marker: str
) -> None:
    with pytest.raises(InvalidInput):
        presence.feed(scope_of(cluster, "viewer"), FeedFilter(), cursor=marker)
