"""Nodes and the connection test, on every target."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imadmin.gateway.contract import Gateway
from imadmin.gateway.registry import open_gateway
from imadmin.gateway.types import StepResult
from tests.contract.conftest import Target


@pytest.mark.usefixtures("healthy")
async def test_every_node_speaks_for_itself(target: Target, gateway: Gateway):
    answer = await gateway.nodes()
    assert not answer.is_partial
    assert len(answer.value) == len(target.websockets)
    assert [node.id for node in answer.value] == sorted(node.id for node in answer.value)
    for node in answer.value:
        assert node.answers and node.online_by_cluster
        assert node.connections is not None and node.memory and node.goroutines and node.uptime is not None
        assert node.config_version and node.latency is not None
    assert sum(bool(node.is_leader) for node in answer.value) == 1 or len(answer.value) == 1
    assert sum(node.slots_led or 0 for node in answer.value) > 0


@pytest.mark.usefixtures("healthy")
async def test_a_right_connection_passes_every_step(gateway: Gateway):
    report = await gateway.probe()
    assert report.is_usable, [step for step in report.steps if step.result is StepResult.FAILED]
    results = {step.code: step.result for step in report.steps}
    for code in ("address", "token", "manager", "sign-in", "clock", "node"):
        assert results[code] is StepResult.OK, code
    assert results["rights"] in (StepResult.OK, StepResult.WARN), "a read-only account is usable"
    for step in report.steps:
        assert step.tried % step.params and step.found % step.params


async def test_a_wrong_password_is_told_apart(target: Target):
    gateway = open_gateway("wukongim2", replace(target.connection, jwt_password="wrong"))
    report = await gateway.probe()
    await gateway.aclose()
    results = {step.code: step.result for step in report.steps}
    assert results["sign-in"] is StepResult.FAILED
    assert results["address"] is results["token"] is results["manager"] is StepResult.OK


@pytest.mark.usefixtures("healthy")
async def test_every_node_is_seen_by_itself(target: Target, gateway: Gateway):
    views = await gateway.node_views()
    assert len(views) == len(target.websockets)
    for view in views:
        assert view.answers and not view.error
        assert [member.id for member in view.members] == [each.id for each in views]
        assert [slot.id for slot in view.slots] == list(range(len(view.slots))) and view.slots
        assert all(slot.leader and slot.replicas for slot in view.slots)
        assert view.config_version and view.term and view.uptime is not None and view.memory
        assert view.clock_offset is not None and abs(view.clock_offset) < 2 and view.manager_answers
    leaders = [view for view in views if view.is_leader]
    assert len(leaders) == 1 and leaders[0].config is not None
    assert leaders[0].config.slot_count == len(leaders[0].slots)
