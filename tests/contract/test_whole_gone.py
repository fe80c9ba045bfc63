"""What older texts and the SDK name and this version doesn't have: the proof, on every target."""

from __future__ import annotations

import httpx
import pytest

from imadmin.gateway.errors import NoSuch
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from tests.contract.conftest import Target
from tests.contract.whole import living

GONE = (
    ("POST", "/event"), ("POST", "/stream"), ("POST", "/stream/open"), ("POST", "/stream/chunk"),
    ("POST", "/stream/close"), ("GET", "/channel/blacklist"), ("GET", "/conversations"),
    ("POST", "/streammessage/start"), ("GET", "/cluster/message/trace"), ("GET", "/cluster/logs/tail"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), GONE)
async def test_routes_that_older_texts_name_are_gone(target: Target, method: str, path: str):
    headers = {"token": target.connection.token} if target.connection.token else {}
    async with httpx.AsyncClient(base_url=target.connection.api_url, headers=headers, trust_env=False) as client:
        reply = await client.request(method, path, json={} if method == "POST" else None)
    assert reply.status_code == 404


async def test_the_search_of_the_sdk_is_a_plugins(gateway: WuKongIM2):
    node = (await living(gateway))[0]
    with pytest.raises(NoSuch):
        await gateway.call_plugin("wk.plugin.search", node, "usersearch", method="POST", body=b"{}")
