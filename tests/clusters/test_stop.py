"""The process stops in an order that lets changes under way end well."""

import asyncio
from typing import Any

import pytest

from imadmin.clusters import connect
from imadmin.core import aio
from imadmin.directory.actions import beside
from imadmin.runtime import Gateways, Loop, Runtime


@pytest.mark.django_db
def test_long_changes_may_still_ask_the_cluster_while_they_end(own_cluster: Any, monkeypatch: Any) -> None:
    seen: list[Any] = []

    def ending(seconds: float) -> bool:
        seen.append(aio.run(gateway.node_ids(), seconds=10))
        return True

    monkeypatch.setattr(beside, "stop", ending)
    gateway = connect.gateway_for(own_cluster)

    async def life() -> None:
        runtime = Runtime([Loop(), Gateways()])
        await runtime.start()
        await runtime.stop()

    asyncio.run(life())
    assert seen and len(seen[0]) == 3
    assert not connect._open
