"""The connection test: each wrong thing told apart, nothing changed, never a crash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imadmin.gateway.contract import Connection
from imadmin.gateway.kinds.wukongim2 import probe_words as say
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import StepResult
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import TOKEN, Open, connection_to

MODES = ("garbage", "html", "empty", "wrong_shape", "gzip_garbage", "reset", "500", "big")


async def results_of(gateway: WuKongIM2) -> dict[str, StepResult]:
    report = await gateway.probe()
    for step in report.steps:
        assert step.tried % step.params and step.found % step.params and "%" not in step.hint % step.params
    return {step.code: step.result for step in report.steps}


async def test_the_probe_tells_a_dead_node_from_a_dead_cluster(cluster: SimulatedCluster, open_to: Open):
    gateway = open_to(connection_to(cluster))
    cluster.kill(cluster.nodes[2].id)
    report = await gateway.probe()
    results = [step.result for step in report.steps if step.code == "node"]
    assert results == [StepResult.OK, StepResult.OK, StepResult.WARN]
    assert report.is_usable


async def test_the_probe_names_every_given_address(cluster: SimulatedCluster, open_to: Open):
    dead, alive = "http://127.0.0.1:9", cluster.nodes[1].api_url
    report = await open_to(connection_to(cluster, node_apis=(dead, alive))).probe()
    nodes = {step.params["url"]: step for step in report.steps if step.code == "node"}
    assert len(nodes) == 4 and nodes[alive].result is StepResult.OK
    assert nodes[dead].result is StepResult.WARN and nodes[dead].hint and nodes[dead].tried == say.AT_ADDRESS
    assert report.is_usable


@pytest.mark.parametrize("given", ["{}", "{id}={}"])
async def test_the_probe_goes_on_through_a_given_address(cluster: SimulatedCluster, open_to: Open, given: str):
    alive = cluster.nodes[1]
    right = connection_to(cluster, node_apis=(given.format(alive.api_url, id=alive.id), "http://127.0.0.1:10"))
    report = await open_to(replace(right, api_url="http://127.0.0.1:9")).probe()
    steps = {step.code: step for step in report.steps}
    assert steps["address"].result is StepResult.WARN and steps["address"].params["other"] == alive.api_url
    assert steps["version"].result is steps["token"].result is StepResult.OK
    nodes = [step.result for step in report.steps if step.code == "node"]
    assert nodes == [StepResult.OK, StepResult.OK, StepResult.OK, StepResult.WARN]
    assert report.is_usable


async def test_the_probe_names_given_addresses_of_a_dead_cluster(open_to: Open):
    dead = Connection("http://127.0.0.1:9", "", node_apis=("http://127.0.0.1:10", "7=http://127.0.0.1:11"))
    report = await open_to(dead).probe()
    nodes = {step.params["url"]: step.result for step in report.steps if step.code == "node"}
    assert nodes == {"http://127.0.0.1:10": StepResult.FAILED, "http://127.0.0.1:11": StepResult.FAILED}
    assert all("  " not in step.tried % step.params for step in report.steps)


async def test_the_probe_names_each_wrong_thing(cluster: SimulatedCluster, open_to: Open):
    wrong = await results_of(open_to(connection_to(cluster, token="no", jwt_password="no")))
    assert (wrong["address"], wrong["token"], wrong["sign-in"]) == (StepResult.OK, StepResult.FAILED, StepResult.FAILED)
    right = connection_to(cluster)
    swapped = await results_of(open_to(Connection(right.manager_url, right.api_url, token=TOKEN)))
    assert (swapped["address"], swapped["manager"]) == (StepResult.FAILED, StepResult.FAILED)
    dead = await results_of(open_to(Connection("http://127.0.0.1:9", "http://127.0.0.1:9")))
    assert (dead["address"], dead["manager"], dead["version"]) == (
        StepResult.FAILED, StepResult.FAILED, StepResult.SKIPPED,
    )  # fmt: skip
    outside = await results_of(open_to(connection_to(cluster, networks=("10.0.0.0/8",))))
    assert outside["address"] is StepResult.FAILED


@pytest.mark.parametrize("mode", MODES)
async def test_the_probe_survives_nonsense(cluster: SimulatedCluster, open_to: Open, mode: str):
    for node in cluster.nodes:
        cluster.break_node(node.id, mode)
    report = await open_to(connection_to(cluster)).probe()
    assert not report.is_usable


async def test_the_probe_warns_of_a_clock_that_is_off(cluster: SimulatedCluster, open_to: Open):
    cluster.clock_skew(cluster.nodes[0].id, -60)
    report = await open_to(connection_to(cluster)).probe()
    (clock,) = (step for step in report.steps if step.code == "clock")
    assert clock.result is StepResult.WARN
    assert -62 < clock.params["seconds"] < -58


async def test_the_probe_warns_of_an_open_server_with_default_secret_and_guest(open_to: Open):
    users = {"guest": ("guest", "*:r")}
    options = {"world": "empty", "users": users, "jwt_secret": "secret_wukongim", "version": "v2.1.9-20240101"}
    with SimulatedCluster(nodes=1, **options) as cluster:
        node = cluster.nodes[0]
        right = Connection(node.api_url, node.manager_url, jwt_user="guest", jwt_password="guest")
        found = await results_of(open_to(right))
        assert cluster.deaths == []
    for code in ("open-api", "default-secret", "guest", "rights", "version"):
        assert found[code] is StepResult.WARN, code


async def test_the_probe_takes_an_empty_version(open_to: Open):
    with SimulatedCluster(nodes=1, world="empty", version="") as cluster:
        found = await results_of(open_to(Connection(cluster.nodes[0].api_url, cluster.nodes[0].manager_url)))
    assert found["version"] is StepResult.SKIPPED


async def test_the_probe_changes_nothing(cluster: SimulatedCluster, open_to: Open, sent):
    await open_to(connection_to(cluster)).probe()
    assert {called for _, _, method, called, _, _ in cluster.requests if method != "GET"} <= {"/manager/login"}
    assert cluster.deaths == []
