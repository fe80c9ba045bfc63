"""The list of connections: filters, facets, orders, pages, what is missing, and that one reading serves all."""

import threading
import time
from collections import Counter
from typing import Any

import pytest

from imadmin.core import events
from imadmin.core.errors import Forbidden, InvalidInput
from imadmin.gateway.errors import GatewayError
from imadmin.monitor import connections
from imadmin.monitor.connections import Filter, hidden, kept, queries, read, read_query
from imadmin.monitor.connections.index import SORTS

pytestmark = pytest.mark.django_db

ANYTIME = 1000.0


@pytest.fixture
def scope(own_cluster: Any, scope_of: Any) -> Any:
    return scope_of(own_cluster, "support")


@pytest.fixture
def nodes(sim: Any) -> list[int]:
    return [node.id for node in sim.nodes]


@pytest.fixture
def crowd(sim: Any, nodes: list[int]) -> int:
    """Sixty connections: a third on each node, apps, browsers and PCs, in three networks, of several ages."""

    def connect(state: Any) -> None:
        for number in range(60):
            now = state.now()
            state.add_connection(
                f"u{number:02d}", nodes[number % 3],
                device_flag=number % 4 if number % 4 < 3 else 7, device_level=number % 2,
                ip=("203.0.113.", "198.51.100.", "2001:db8::")[number % 3] + str(number + 1),
                connected_at=now - 60 * number - 30, last_activity=now - number * 20, in_msgs=number, out_msgs=2 * number,
                version=4 + number % 2,
            )  # fmt: skip

    sim.call(connect)
    return 60


def uids(found: connections.Listing) -> list[str]:
    return [row.uid for row in found.rows]


def numbers(found: connections.Listing) -> set[int]:
    return {int(row.uid[1:]) for row in found.rows}


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("u0", lambda n: n < 10),
        ("uid:=u07", lambda n: n == 7),
        ("-u0", lambda n: n < 0),  # a word that begins with - is looked for as it is
        ("-uid:u0", lambda n: n >= 10),
        ("uid:u01 uid:u02", lambda n: n in (1, 2)),
        ("device:app", lambda n: n % 4 == 0),
        ("device:other", lambda n: n % 4 == 3),
        ("-device:app -device:web", lambda n: n % 4 > 1),
        ("level:master", lambda n: n % 2 == 1),
        ("version:5", lambda n: n % 2 == 1),
        ("ip:203.0.113.0/24", lambda n: n % 3 == 0),
        ("ip:198.51.100.2", lambda n: n == 1),
        ("ip:2001:db8::/64", lambda n: n % 3 == 2),
        ("idle:>=10m", lambda n: n >= 30),
        ("age:<10m", lambda n: n < 10),
        ("idle:5m-10m device:app", lambda n: 15 <= n < 30 and n % 4 == 0),
        ("rate:<=0", lambda n: n == 0),
        ("idle:>5h", lambda n: False),
    ],
)
def test_filters_narrow_by_field_and_widen_within(scope: Any, crowd: int, query: str, fits: Any) -> None:
    found = connections.listing(scope, read_query(query), limit=100)
    assert numbers(found) == {n for n in range(crowd) if fits(n)}
    assert found.matching == len(found.rows) and found.of == crowd


def test_by_node(scope: Any, crowd: int, nodes: list[int]) -> None:
    found = connections.listing(scope, read({"node": [str(nodes[1])]}), limit=100)
    assert {row.node_id for row in found.rows} == {nodes[1]} and found.matching == 20


def test_each_facet_counts_with_the_filters_of_all_other_fields(scope: Any, crowd: int) -> None:
    found = connections.listing(scope, read_query("device:app idle:>=10m"))
    facets = {facet.name: {value.term.value: value.count for value in facet.values} for facet in found.facets}
    idle_ones = Counter(("app", "web", "pc", "other")[n % 4] for n in range(crowd) if n >= 30)
    assert facets["device"] == dict(idle_ones)
    apps = [n for n in range(crowd) if n % 4 == 0]
    assert facets["idle"] == {
        "<1m": sum(n < 3 for n in apps), "1m-10m": sum(3 <= n < 30 for n in apps), ">=10m": sum(n >= 30 for n in apps),
    }  # fmt: skip
    both = [n for n in apps if n >= 30]
    assert sum(facets["node"].values()) == sum(facets["ip"].values()) == len(both) == found.matching
    chosen = {(facet.name, value.term.value) for facet in found.facets for value in facet.values if value.is_chosen}
    assert chosen == {("device", "app"), ("idle", ">=10m")}


def test_networks_are_counted_as_a_person_thinks_of_them(scope: Any, crowd: int) -> None:
    found = connections.listing(scope, Filter())
    networks = next(facet for facet in found.facets if facet.name == "ip")
    assert {value.term.value: value.count for value in networks.values} == {
        "203.0.113.0/24": 20, "198.51.100.0/24": 20, "2001:db8::/64": 20,
    }  # fmt: skip


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_is_total_and_pages_join_without_gap_or_double(scope: Any, crowd: int, sort: str) -> None:
    for descending in (False, True):
        whole = connections.listing(scope, Filter(), sort=sort, descending=descending, limit=100, max_age=ANYTIME)
        by_offset = [
            row.key
            for start in range(0, crowd, 7)
            for row in connections.listing(
                scope, Filter(), sort=sort, descending=descending, offset=start, limit=7, max_age=ANYTIME
            ).rows
        ]
        cursor, by_cursor = "", []
        while True:
            page = connections.listing(
                scope, Filter(), sort=sort, descending=descending, cursor=cursor, limit=7, max_age=ANYTIME
            )
            by_cursor += [row.key for row in page.rows]
            if not (cursor := page.next_cursor):
                break
        assert [row.key for row in whole.rows] == by_offset == by_cursor
        assert len(set(by_cursor)) == crowd


def test_a_cursor_goes_on_where_it_was_though_rows_left(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    first = connections.listing(scope, Filter(), limit=10)
    gone = [row.key for row in first.rows[:5]]
    sim.call(lambda state: [state.online.left(state.online.get(*key)) for key in gone])
    second = connections.listing(scope, Filter(), cursor=first.next_cursor, limit=100, max_age=0)
    assert second.of == crowd - 5
    assert len(second.rows) == crowd - 10 and not {row.key for row in second.rows} & {row.key for row in first.rows}


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "eyJhIjoxfQ"])
def test_a_broken_cursor_is_told(scope: Any, crowd: int, cursor: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        connections.listing(scope, Filter(), cursor=cursor)
    assert list(raised.value.fields) == ["cursor"]


def test_a_cursor_of_another_order_is_told(scope: Any, crowd: int) -> None:
    cursor = connections.listing(scope, Filter(), sort="idle", limit=5).next_cursor
    with pytest.raises(InvalidInput):
        connections.listing(scope, Filter(), sort="uid", cursor=cursor)


def test_a_page_behind_the_end_is_the_last_one(scope: Any, crowd: int) -> None:
    found = connections.listing(scope, Filter(), offset=5000, limit=50)
    assert (found.offset, len(found.rows)) == (50, 10)


def test_an_unknown_order_is_told(scope: Any) -> None:
    with pytest.raises(InvalidInput):
        connections.listing(scope, Filter(), sort="colour")


# -- what is missing --------------------------------------------------------------------------------------------------


def test_a_dead_node_is_a_gap_with_what_it_had_and_what_others_remember(
    scope: Any, crowd: int, sim: Any, nodes: list[int]
) -> None:
    connections.listing(scope, Filter())
    sim.kill(nodes[2])
    found = connections.listing(scope, Filter(), limit=100, max_age=0)
    assert found.of == 40 and {row.node_id for row in found.rows} == set(nodes[:2])
    assert [node.id for node in found.silent] == [nodes[2]]
    by_node = {value.term.value: value.count for value in found.facets[0].values}
    assert by_node == {str(nodes[0]): 20, str(nodes[1]): 20, str(nodes[2]): None}
    assert found.known[nodes[2]][0] == 20
    assert found.without_row is None

    remembered = connections.listing(scope, Filter(is_remembered=True), limit=100)
    assert {row.node_id for row in remembered.rows} == {nodes[2]}
    assert remembered.matching == found.remembered > 0


def test_nobody_answering_is_an_error_not_an_empty_list(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    connections.listing(scope, Filter())
    for node in nodes:
        sim.kill(node)
    with pytest.raises(GatewayError):
        connections.listing(scope, Filter(), max_age=0)


def test_without_a_role_nothing_is_asked(own_cluster: Any, scope_of: Any, sim: Any) -> None:
    asked = len(sim.requests)
    scope = scope_of(own_cluster, "stranger")
    for question in (lambda: connections.listing(scope, Filter()), lambda: connections.ghosts(scope),
                     lambda: connections.select(scope, Filter())):  # fmt: skip
        with pytest.raises(Forbidden):
            question()
    assert len(sim.requests) == asked


# -- selections -------------------------------------------------------------------------------------------------------


def test_a_filter_or_marked_rows_select_what_they_mean_now(scope: Any, crowd: int, nodes: list[int]) -> None:
    rows = connections.select(scope, read_query("device:app"))
    assert {int(row.uid[1:]) for row in rows} == set(range(0, crowd, 4))
    keys = frozenset(row.key for row in rows[:3]) | {(nodes[0], 99_999)}
    assert [row.key for row in connections.select(scope, keys)] == [row.key for row in rows[:3]]
    session = rows[0].session()
    assert (session.node_id, session.id, session.uid, session.leader_id) == (
        rows[0].node_id, rows[0].id, rows[0].uid, rows[0].leader_id,
    )  # fmt: skip


def test_too_many_at_once_are_refused(scope: Any, crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_SELECTED", 10)
    with pytest.raises(InvalidInput):
        connections.select(scope, Filter())


# -- one reading for all ----------------------------------------------------------------------------------------------


def test_who_asks_at_the_same_time_shares_one_reading(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    scope.gateway  # noqa: B018 - made here, so that the threads need no database
    sim.slow(nodes[0], 0.2)
    asked = len([one for one in sim.requests if one[3] == "/connz"])
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(connections.snapshot(scope))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 1
    assert len([one for one in sim.requests if one[3] == "/connz"]) - asked == len(nodes)


def test_a_list_is_kept_for_seconds_and_read_anew_on_demand(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    first = connections.snapshot(scope)
    sim.call(lambda state: state.add_connection("newcomer", nodes[0]))
    assert connections.snapshot(scope) is first
    assert len(connections.snapshot(scope, max_age=0).listing.rows) == crowd + 1


def test_who_was_told_of_a_change_reads_anew(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    first = connections.snapshot(scope)
    first.took = 0.0  # cheap
    sim.call(lambda state: state.add_connection("newcomer", nodes[0]))
    assert connections.listing(scope, Filter(), after_signal=True).of == crowd + 1


def test_where_readings_are_dear_the_signal_comes_again(
    scope: Any, crowd: int, sim: Any, nodes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    stop = events.listen(lambda signal: told.append(signal.topic))
    monkeypatch.setattr(kept, "REMIND_AFTER", -1.0)
    monkeypatch.setattr(kept, "KEEP_SECONDS", 0.2)
    monkeypatch.setattr(kept, "COST_FACTOR", 0.1)
    connections.snapshot(scope).took = 1.0
    sim.call(lambda state: state.add_connection("newcomer", nodes[0]))
    try:
        connections.listing(scope, Filter(), after_signal=True)
        deadline = time.monotonic() + 10
        while "own/connections" not in told and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        stop()
    assert told.count("own/connections") == 1
    assert connections.listing(scope, Filter()).of == crowd + 1, "by then the kept list is no longer good"


def test_what_a_reading_cost_decides_how_long_it_is_good(scope: Any, crowd: int) -> None:
    found = connections.snapshot(scope)
    found.took = 0.001
    assert found.good_for == kept.KEEP_SECONDS
    found.took = 1.0
    assert found.good_for == kept.COST_FACTOR
    found.took = 60.0
    assert found.good_for == kept.MOST_SECONDS


def test_a_list_that_nobody_uses_is_forgotten(scope: Any, crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "UNUSED_SECONDS", 0.05)
    connections.snapshot(scope)
    holder = kept._holder(scope.gateway)
    deadline = time.monotonic() + 5
    while holder.snapshot is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert holder.snapshot is None


# -- ghosts and deaf clients ------------------------------------------------------------------------------------------


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question is a new look, and what two looks saw has lasted."""
    monkeypatch.setattr(hidden, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(kept, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(kept, "COST_FACTOR", 0.0)
    monkeypatch.setattr(hidden, "LASTS_SECONDS", 0.0001)


@pytest.mark.usefixtures("quick_looks")
def test_a_ghost_counts_soon_after_it_came_also_where_there_was_none(
    scope: Any, crowd: int, sim: Any, nodes: list[int]
) -> None:
    assert by_node(connections.ghosts(scope))[nodes[0]].ghosts == 0
    sim.haunt(nodes[0], 3)
    assert by_node(connections.ghosts(scope))[nodes[0]].ghosts == 0, "it may be gone by the next look"
    assert by_node(connections.ghosts(scope))[nodes[0]].ghosts == 3


def by_node(found: connections.Ghosts) -> dict[int, connections.NodeGhosts]:
    return {node.id: node for node in found.nodes}


@pytest.mark.usefixtures("quick_looks")
def test_open_sockets_beyond_the_counted_ones_are_ghosts(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.haunt(nodes[0], 7)
    connections.ghosts(scope)
    found = by_node(connections.ghosts(scope))
    assert (found[nodes[0]].sockets, found[nodes[0]].total, found[nodes[0]].ghosts) == (27, 20, 7)
    assert [found[node].state for node in nodes] == ["found", "ok", "ok"]


def test_one_look_doesnt_tell_ghosts_from_newcomers(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.haunt(nodes[0], 7)
    found = by_node(connections.ghosts(scope))[nodes[0]]
    assert (found.open_unserved, found.ghosts, found.state) == (7, None, "watching")


@pytest.mark.usefixtures("quick_looks")
def test_counted_sockets_without_a_row_are_deaf_only_when_that_lasts(
    scope: Any, crowd: int, sim: Any, nodes: list[int]
) -> None:
    sim.loiter(nodes[1], 2)
    connections.ghosts(scope)
    sim.loiter(nodes[1], 3)
    found = by_node(connections.ghosts(scope))[nodes[1]]
    assert (found.without_row, found.deaf) == (5, 2), "the least of all looks: who comes and goes isn't deaf"
    sim.loiter(nodes[1], -5)
    connections.ghosts(scope)
    assert by_node(connections.ghosts(scope))[nodes[1]].deaf == 0


@pytest.mark.usefixtures("quick_looks")
def test_deaf_clients_show_as_a_lasting_difference(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    deaf = sim.deafen(nodes[0], 0.5)
    connections.ghosts(scope)
    found = by_node(connections.ghosts(scope))[nodes[0]]
    assert deaf == 10 and (found.ghosts or 0) + (found.deaf or 0) == 10
    assert found.state == "found"


@pytest.mark.usefixtures("quick_looks")
def test_without_metrics_ghosts_are_unknown_not_zero(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.haunt(nodes[0], 7)
    sim.break_metrics(nodes[0])
    connections.ghosts(scope)
    found = connections.ghosts(scope)
    broken = by_node(found)[nodes[0]]
    assert (broken.sockets, broken.ghosts, broken.state) == (None, None, "unknown")
    assert broken.why and broken.listed == 20
    assert found.ghosts is None


@pytest.mark.usefixtures("quick_looks")
def test_a_silent_node_is_unknown_and_others_are_judged(scope: Any, crowd: int, sim: Any, nodes: list[int]) -> None:
    connections.ghosts(scope)
    sim.kill(nodes[2])
    found = by_node(connections.ghosts(scope))
    assert (found[nodes[2]].state, found[nodes[2]].total) == ("unknown", None)
    assert found[nodes[0]].state == "ok"
