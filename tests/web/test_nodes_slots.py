"""The pages of nodes and slots: whole, as a part, of a cluster in trouble; nothing unknown is ever shown as zero."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from imadmin.clusters import access
from imadmin.clusters.models import Cluster
from imadmin.gateway.node_types import LogEntry
from imadmin.gateway.types import now
from imadmin.monitor import events, nodes, watch
from imadmin.monitor.health_types import ClusterState, SlotState
from imadmin.monitor.models import SlotChange
from imadmin.monitor.nodes import Step
from imadmin.monitor.slots import Day
from imadmin.web import slotmap
from imadmin.web.slotmap import Cell
from imadmin.web.views import nodes_log, slots_days
from tests.monitor.waiting import until

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
BASE = "/c/own"


@pytest.fixture
def viewer(own_cluster: Cluster, client_of: Callable[..., Client]) -> Client:
    return client_of(own_cluster, "viewer")


def look(cluster: Cluster) -> ClusterState:
    return watch.state(access.enter_by_command(cluster.slug), fresh=0)


def words(answer: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text)


# -- slots ------------------------------------------------------------------------------------------------------------


def test_all_slots_in_one_picture_of_few_elements(viewer: Client) -> None:
    answer = viewer.get(f"{BASE}/slots/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'data-count="64"' in page
    assert page.count("<path") < 60
    assert "All slots are healthy" in page
    assert "64 slots: Healthy 64" in page


def test_the_part_alone_for_htmx(viewer: Client) -> None:
    answer = viewer.get(f"{BASE}/slots/?slot=5", headers=HTMX)
    assert answer.content.decode().lstrip().startswith('<div class="stack" id="slots"')
    assert 'data-live="slots"' in answer.content.decode()
    assert "Slot 5: Healthy" in answer.content.decode()


@pytest.mark.parametrize("by", ["writes", "leader", "lag", "nonsense"])
def test_the_map_by_each_way(viewer: Client, by: str) -> None:
    assert viewer.get(f"{BASE}/slots/?by={by}").status_code == 200


def test_a_chosen_slot_shows_its_replicas_and_is_marked(viewer: Client, sim: Any) -> None:
    answer = viewer.get(f"{BASE}/slots/?slot=5")
    assert 'class="cur"' in answer.content.decode()
    for node in sim.nodes:
        assert str(node.id) in words(answer)
    assert "Leader Follows" not in words(answer)
    assert "Follows" in words(answer)


@pytest.mark.parametrize("slot", ["64", "-1", "seven", "1" * 30])
def test_a_slot_that_is_not_there_is_told_beside_the_field_and_the_map_stays(viewer: Client, slot: str) -> None:
    answer = viewer.get(f"{BASE}/slots/", {"slot": slot})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert 'data-count="64"' in answer.content.decode()


def test_a_dead_node_leaves_its_slots_without_leader_then_short_of_a_replica(
    viewer: Client, own_cluster: Cluster, sim: Any
) -> None:
    look(own_cluster)
    dead = sim.nodes[2].id
    sim.kill(dead)
    state = look(own_cluster)
    assert state.slots_in(SlotState.LEADERLESS)
    page = words(viewer.get(f"{BASE}/slots/"))
    assert "No leader" in page
    assert f"A node doesn’t answer: {dead}" in page
    until(lambda: look(own_cluster), lambda found: not found.slots_in(SlotState.LEADERLESS))
    page = words(viewer.get(f"{BASE}/slots/"))
    assert "Replica missing" in page
    assert "2 of 3" in page


def test_nobody_answers_is_no_empty_map(viewer: Client, own_cluster: Cluster, sim: Any) -> None:
    for node in sim.nodes:
        sim.kill(node.id)
    answer = viewer.get(f"{BASE}/slots/")
    assert answer.status_code == 200
    assert "Nobody tells the slots" in words(answer)
    assert '<svg class="slotmap"' not in answer.content.decode()
    assert viewer.get(f"{BASE}/slots/5/").status_code == 404


def test_one_slot_by_itself(viewer: Client, own_cluster: Cluster) -> None:
    at = now()
    SlotChange.objects.create(cluster=own_cluster, slot=5, leader=1001, before=None, term=1, at=at - timedelta(days=2))
    SlotChange.objects.create(cluster=own_cluster, slot=5, leader=1002, before=1001, term=2, at=at - timedelta(hours=1))
    events.write(own_cluster, "lagging", slot=5, count=1)
    page = words(viewer.get(f"{BASE}/slots/5/"))
    assert "first seen" in page
    assert "1 h" in page
    assert "1 slot has a replica behind" in page


def test_moves_are_offered_only_where_they_can_end(own_cluster: Cluster, sim: Any, client_of: Any) -> None:
    state = look(own_cluster)
    slot = next(one for one in state.slots if one.leader == sim.nodes[0].id)
    dead = sim.nodes[2].id
    sim.kill(dead)
    look(own_cluster)
    page = client_of(own_cluster, "admin").get(f"{BASE}/slots/{slot.id}/").content.decode()
    offered = re.findall(r'<option value="(\d+)"', page.split('name="to"')[1].split("</select>")[0])
    assert offered == [str(sim.nodes[1].id)]
    assert f"Node {dead} is not online" in page


def test_who_may_not_move_sees_no_form(viewer: Client) -> None:
    page = viewer.get(f"{BASE}/slots/?slot=5").content.decode()
    assert "Preview plan" not in page
    assert "Plan a balance" not in page


def test_writes_show_after_two_looks(viewer: Client, own_cluster: Cluster) -> None:
    before = look(own_cluster)
    earlier = replace(before, as_of=before.as_of - timedelta(seconds=60))
    from django.core.cache import cache

    from imadmin.monitor import writes

    assert "All log entries ever written" in viewer.get(f"{BASE}/slots/").content.decode()
    cache.delete(f"slot-logs:{own_cluster.pk}")
    writes.note(own_cluster.pk, earlier)
    grown = replace(
        before, slots=(replace(before.slots[0], log_index=(before.slots[0].log_index or 0) + 30), *before.slots[1:])
    )
    found = writes.writes(own_cluster.pk, grown)
    assert found.per_minute[0] == pytest.approx(30.0)
    assert found.per_minute[1] == 0
    assert "Log entries a minute" in viewer.get(f"{BASE}/slots/").content.decode()


def test_a_log_that_got_shorter_says_nothing(own_cluster: Cluster) -> None:
    from imadmin.monitor import writes

    state = look(own_cluster)
    longer = replace(state, as_of=state.as_of - timedelta(seconds=60),
                     slots=tuple(replace(slot, log_index=99) for slot in state.slots))  # fmt: skip
    writes.note(own_cluster.pk + 1000, longer)
    assert (
        writes.writes(own_cluster.pk + 1000, replace(state, slots=(replace(state.slots[0], log_index=5),))).per_minute
        == {}
    )


# -- nodes ------------------------------------------------------------------------------------------------------------


def test_every_node_with_what_it_does(viewer: Client, sim: Any) -> None:
    page = words(viewer.get(f"{BASE}/nodes/"))
    for node in sim.nodes:
        assert f"{node.id}" in page
    assert "All answer" in page
    assert "cluster leader" in page
    assert "v2.2.5-20260422" in page


def test_a_dead_nodes_figures_are_unknown_and_its_way_out_is_told(
    viewer: Client, own_cluster: Cluster, sim: Any
) -> None:
    look(own_cluster)
    dead = sim.nodes[2].id
    sim.kill(dead)
    look(own_cluster)
    page = words(viewer.get(f"{BASE}/nodes/"))
    assert "2 of 3 answer" in page
    assert "Stopped answering" in page
    row = page.split(f" {dead} ")[1]
    assert row.count("unknown") >= 5
    until(lambda: look(own_cluster).node(dead), lambda node: node is not None and node.slots_led == 0)
    one = words(viewer.get(f"{BASE}/nodes/{dead}/"))
    assert "Declared offline by the cluster" in one
    assert "64 slots still count on it" in one
    assert "Its counters are unknown" in one
    assert "Its log is unknown" in one


def test_a_hung_node_does_not_hold_up_the_page(viewer: Client, own_cluster: Cluster, sim: Any) -> None:
    look(own_cluster)
    hung = sim.nodes[2].id
    sim.hang(hung)
    look(own_cluster)
    before = len(sim.requests)
    assert "No answer" in words(viewer.get(f"{BASE}/nodes/"))
    asked = [call for call in list(sim.requests)[before:] if call[0] == hung]
    sim.resume(hung)
    assert not asked


def test_one_node_before_there_are_samples(viewer: Client, sim: Any) -> None:
    page = words(viewer.get(f"{BASE}/nodes/{sim.nodes[0].id}/"))
    assert "No samples yet" in page
    assert "What the others believe of it" in page
    assert "No events yet" in page


@pytest.mark.parametrize("path", ["nodes/7/", "nodes/0/", "slots/64/", "slots/99999999999999999999/"])
def test_what_is_not_there_is_a_404(viewer: Client, path: str) -> None:
    assert viewer.get(f"{BASE}/{path}").status_code == 404


@pytest.mark.parametrize("marker", ["x", "-1", "9" * 40])
def test_a_broken_marker_of_the_log_is_told(viewer: Client, sim: Any, marker: str) -> None:
    assert viewer.get(f"{BASE}/nodes/{sim.nodes[0].id}/", {"log": marker}).status_code == 422


def test_a_joining_node_is_shown_step_by_step(viewer: Client, own_cluster: Cluster, sim: Any) -> None:
    look(own_cluster)
    new = sim.join(stuck=True)
    until(lambda: look(own_cluster).node(new), lambda node: node is not None)
    page = words(viewer.get(f"{BASE}/nodes/{new}/"))
    assert "Learns the configuration" in page
    assert "On its way in" in page
    row = nodes.row(access.enter_by_command("own"), new)
    assert [one.step for one in row.passage][:2] == [Step.WILL_JOIN, Step.JOINING]
    assert not row.passage[-1].is_done


# -- pieces -----------------------------------------------------------------------------------------------------------


def test_a_thousand_slots_are_a_handful_of_elements() -> None:
    shapes = ["", "", "", "none", "elect", "move", "behind", "unknown", "noq"]
    cells = [Cell(slot, "h2", shapes[slot % len(shapes)], is_thin=slot % 5 == 0) for slot in range(1024)]
    drawn = slotmap.picture(cells, "a map", chosen=486)
    assert drawn.count("<path") <= 12
    assert 'data-columns="32"' in drawn
    assert drawn.count("M") >= 1024


def test_shapes_are_told_apart_without_colour() -> None:
    outlines = {shape: re.findall(r' d="([^"]+)"', slotmap.legend(shape, "h2")) for shape in (*slotmap.SHAPES, "")}
    assert len({tuple(found) for found in outlines.values()}) == len(outlines)


def test_words_of_a_picture_are_escaped() -> None:
    assert "<b>" not in slotmap.picture([Cell(0)], '"><b>x</b>')


def test_a_day_nobody_watched_is_hatched_not_zero() -> None:
    today = now().date()
    drawn = slots_days.chart([Day(today - timedelta(days=2), None), Day(today - timedelta(days=1), 0), Day(today, 361)])
    assert drawn.wide.count('class="hole"') == 1
    assert drawn.known == 2
    assert "361" in drawn.wide


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([{"id": 9, "leader": 1, "term": 2, "replicas": [1, 2]}], "slot 9 led by 1, term 2"),
        ([{"leader": 3, "term": 1, "migrateFrom": 3, "migrateTo": 2}], "slot 0 led by 3, term 1 (3 to 2)"),
        ({"fromNodeId": 1, "slotId": 51, "toNodeId": 2}, "slot 51 from 1 to 2"),
        ({"nodeId": 3, "online": False}, "node 3 offline"),
        ({"slotId": 16, "status": 1}, "slot 16"),
        ({"token": "secret", "uid": "u"}, ""),
        (None, ""),
        ([1, "x", None], ""),
        ("text", ""),
    ],
)
def test_only_known_fields_of_a_log_entry_are_shown(data: Any, said: str) -> None:
    entry = LogEntry(index=5, term=2, id="1", command="CMDTypeSlotUpdate", data=data, at_text="2026-11-21 15:01:46")
    assert nodes_log.log_words(entry) == said


def test_a_long_entry_is_cut_with_how_many_more() -> None:
    data = [{"id": slot, "leader": 1, "term": 2} for slot in range(20)]
    shown = nodes_log.log_words(LogEntry(1, 1, "1", "CMDTypeSlotUpdate", data, ""))
    assert shown.endswith("and 12 more")


def test_without_a_config_leader_no_move_is_offered(own_cluster: Cluster, sim: Any, client_of: Any) -> None:
    state = look(own_cluster)
    assert state.leader is not None
    left = next(
        node.id for node in sim.nodes if node.id != state.leader
    )  # a leader left alone goes on saying that it is
    for node in sim.nodes:
        if node.id != left:
            sim.kill(node.id)
    until(lambda: look(own_cluster), lambda found: not any(node.view.is_leader for node in found.answering))
    page = client_of(own_cluster, "admin").get(f"{BASE}/slots/?slot=5")
    assert "No node leads the configuration" in words(page)
    assert 'name="to"' not in page.content.decode()
