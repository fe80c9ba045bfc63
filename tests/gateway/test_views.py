"""Node views: every node asked itself, by few cheap calls; silence is an answer, whoever is silent."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from imadmin.gateway import http as http_module
from imadmin.gateway.contract import Connection
from imadmin.gateway.http import Timeouts
from imadmin.gateway.kinds.wukongim2 import link as link_module
from imadmin.gateway.kinds.wukongim2 import views as views_module
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import TOKEN, Open, Sent, connection_to

QUICK = Timeouts(connect=0.5, read=0.5, write=0.5, pool=0.5, total=0.5)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "WATCHING", QUICK)


async def test_each_node_tells_of_itself_and_of_all(gateway: WuKongIM2, cluster: SimulatedCluster):
    views = await gateway.node_views()
    assert [view.id for view in views] == [node.id for node in cluster.nodes]
    for view, node in zip(views, cluster.nodes, strict=True):
        assert view.answers and not view.error and view.api_url == node.api_url
        assert view.manager_url == node.manager_url and view.manager_answers
        assert len(view.members) == 3 and len(view.slots) == 64
        assert view.uptime is not None and view.memory and view.goroutines and view.connections == 0
        assert view.config_version and view.term and abs(view.clock_offset) < 2
        assert all(len(slot.replicas) == 3 and slot.leader for slot in view.slots)
    leaders = [view for view in views if view.is_leader]
    assert len(leaders) == 1 and leaders[0].config.slot_count == 64
    assert [view.config for view in views if not view.is_leader] == [None, None]


async def test_a_look_costs_a_node_few_local_calls(gateway: WuKongIM2, cluster: SimulatedCluster):
    await gateway.node_views()
    sent = Sent(cluster)
    await gateway.node_views()
    calls = [(node, path) for node, _, _, path, _, _ in list(cluster.requests)[-len(sent("")) :]]
    a_node = Counter(node for node, _ in calls)
    assert sorted(a_node.values()) == [4, 4, 5], "and the config leader one more"
    allowed = {"/cluster/node", "/cluster/simpleNodes", "/cluster/slots", "/varz", "/cluster/info"}
    assert {path for _, path in calls} == allowed


async def test_slots_are_left_out_when_nobody_needs_them(gateway: WuKongIM2, cluster: SimulatedCluster):
    await gateway.node_views()
    sent = Sent(cluster)
    views = await gateway.node_views(slots=False)
    assert all(view.answers and view.slots == () for view in views) and not sent("/cluster/slots")


async def test_a_dead_node_is_a_view_and_costs_one_question(gateway: WuKongIM2, cluster: SimulatedCluster):
    await gateway.node_views()
    dead = cluster.nodes[1].id
    cluster.kill(dead)
    one, two, three = await gateway.node_views()
    assert one.answers and three.answers and not two.answers
    assert (two.id, two.error, two.error_code) == (dead, http_module.REFUSED, "upstream_unreachable")
    assert two.members == two.slots == () and two.connections is None and two.manager_answers is None


async def test_a_node_that_returns_is_seen_at_once_also_after_many_failures(
    gateway: WuKongIM2, cluster: SimulatedCluster
):
    await gateway.node_views()
    cluster.kill(cluster.nodes[1].id)
    for _ in range(8):
        await gateway.node_views()
    cluster.revive(cluster.nodes[1].id)
    assert all(view.answers for view in await gateway.node_views()), "a breaker rests, a watcher doesn't"


async def test_a_hung_node_is_silent_and_delays_nobody_elses_answer(gateway: WuKongIM2, cluster: SimulatedCluster):
    await gateway.node_views()
    cluster.hang(cluster.nodes[0].id)
    sent = Sent(cluster)
    one, two, three = await gateway.node_views()
    assert one.error_code == "upstream_timeout" and two.answers and three.answers
    assert len([call for call in sent("") if call[0] == cluster.nodes[0].id]) <= 1
    cluster.resume(cluster.nodes[0].id)
    assert all(view.answers for view in await gateway.node_views())


async def test_a_crowd_of_other_questions_makes_no_node_look_dead(
    gateway: WuKongIM2, cluster: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(link_module, "WATCHING", http_module.WATCHING)
    await gateway.node_views()
    cluster.slow(cluster.nodes[0].id, 0.2)
    crowd = [asyncio.create_task(gateway.devices(f"u{number}")) for number in range(40)]
    await asyncio.sleep(0.05)
    views = await gateway.node_views()
    assert all(view.answers for view in views)
    cluster.slow(cluster.nodes[0].id, 0)
    await asyncio.gather(*crowd, return_exceptions=True)


async def test_when_all_are_silent_each_says_why(gateway: WuKongIM2, cluster: SimulatedCluster):
    await gateway.node_views()
    for node in cluster.nodes:
        cluster.kill(node.id)
    views = await gateway.node_views()
    assert [view.id for view in views] == [node.id for node in cluster.nodes]
    assert all(not view.answers and view.error == http_module.REFUSED for view in views)


async def test_when_nobody_ever_answered_the_given_addresses_are_named(open_to: Open, cluster: SimulatedCluster):
    for node in cluster.nodes:
        cluster.kill(node.id)
    first, second, third = (node.api_url for node in cluster.nodes)
    gateway = open_to(connection_to(cluster, node_apis=(second, f"1003={third}")))
    views = await gateway.node_views()
    assert [(view.id, view.api_url, view.answers) for view in views] == [
        (0, min(first, second), False), (0, max(first, second), False), (1003, third, False),
    ]  # fmt: skip


async def test_any_given_address_leads_to_all_nodes(open_to: Open, cluster: SimulatedCluster):
    cluster.kill(cluster.nodes[0].id)
    gateway = open_to(connection_to(cluster, node_apis=(cluster.nodes[2].api_url,)))
    views = await gateway.node_views()
    assert [view.answers for view in views] == [False, True, True]


async def test_a_survivor_tells_its_slots_without_anybody_to_count_them(open_to: Open, cluster: SimulatedCluster):
    for node in cluster.nodes[1:]:
        cluster.kill(node.id)
    gateway = open_to(connection_to(cluster))
    views = await gateway.node_views()
    assert [view.answers for view in views] == [True, False, False] and len(views[0].slots) == 64
    assert all(slot.leader for slot in views[0].slots), "it goes on naming dead leaders"


@pytest.mark.parametrize("mode", ["garbage", "html", "reset", "empty", "500", "wrong_shape"])
async def test_a_node_that_answers_nonsense_is_silent_for_a_reason(
    gateway: WuKongIM2, cluster: SimulatedCluster, mode: str
):
    await gateway.node_views()
    cluster.break_node(cluster.nodes[2].id, mode)
    views = await gateway.node_views()
    assert [view.answers for view in views] == [True, True, False] and views[2].error


async def test_a_wrong_token_is_told_apart_from_silence(open_to: Open, cluster: SimulatedCluster):
    gateway = open_to(connection_to(cluster, token="wrong"))
    views = await gateway.node_views()
    assert views and all(view.error_code == "upstream_unauthorised" for view in views)


async def test_a_manager_api_that_hangs_or_refuses_sign_in_delays_no_look(
    cluster: SimulatedCluster, open_to: Open, monkeypatch: pytest.MonkeyPatch
):
    """The manager API signs us in; watching goes by the token alone."""
    hung, target, _ = cluster.nodes
    cluster.hang(hung.id)
    gateway = open_to(Connection(target.api_url, hung.manager_url, token=TOKEN, jwt_user="a", jwt_password="b"))
    monkeypatch.setattr(views_module, "MANAGER_PATIENCE", 0.01)
    views = await gateway.node_views()
    assert [view.answers for view in views] == [False, True, True]
    assert views[1].manager_answers is None, "nobody knows yet"
    assert not [call for call in cluster.requests if call[2] == "POST"], "nobody signed in"
    await gateway.manager_checks.under_way[hung.manager_url]
    assert (await gateway.node_views())[1].manager_answers is False


async def test_another_node_at_a_nodes_address_is_not_taken_for_it(cluster: SimulatedCluster, open_to: Open):
    first, second, _ = cluster.nodes
    gateway = open_to(connection_to(cluster, node_apis=(f"{second.id}={first.api_url}",)))
    views = await gateway.node_views()
    assert [view.answers for view in views] == [True, False, True]


async def test_a_clock_that_is_off_is_measured(gateway: WuKongIM2, cluster: SimulatedCluster):
    cluster.clock_skew(cluster.nodes[1].id, -90)
    views = await gateway.node_views()
    assert abs(views[1].clock_offset + 90) < 2 and abs(views[0].clock_offset) < 2
