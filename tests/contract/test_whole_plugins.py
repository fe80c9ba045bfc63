"""Plugins and tags, on every target; what needs a plugin that answers, on the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from imadmin.gateway.contract import Connection
from imadmin.gateway.enums import PluginStatus
from imadmin.gateway.errors import NoSuch
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.gateway.types import ChannelRef
from imadmin.simulator import SimulatedCluster
from imadmin.simulator.model import Plugin as SimulatedPlugin
from tests.contract.conftest import Connect, Target, eventually
from tests.contract.whole import BAD_UIDS, NOBODY, Unique, allowed, living, refused, said, unless

TOKEN, AT = "plugin-token", 1_795_218_520_000_000_000


@pytest.fixture(scope="module")
def plugged() -> Iterator[SimulatedCluster]:
    """Two nodes; the first has a plugin that runs, the second one that doesn't."""
    with SimulatedCluster(nodes=2, seed=7, world="empty", manager_token=TOKEN) as cluster:
        first, second = (node.id for node in cluster.nodes)
        cluster.state.plugins += [
            SimulatedPlugin(
                "wk.robot", first, "Robot", AT, AT, {"key": "s3cret", "speed": 2},
                [{"name": "key", "type": "secret"}, {"name": "speed", "type": "number"}], version="1.2",
                methods=["Receive"], priority=3, is_ai=1,
            ),
            SimulatedPlugin("wk.search", second, "Search", AT, AT, status=3),
        ]  # fmt: skip
        yield cluster


@pytest.fixture
async def robots(plugged: SimulatedCluster) -> AsyncIterator[WuKongIM2]:
    node = plugged.nodes[0]
    gateway = WuKongIM2(Connection(node.api_url, node.manager_url, token=TOKEN, jwt_user="admin", jwt_password="pwd"))
    yield gateway
    await gateway.aclose()


async def test_plugins_are_listed_node_by_node(robots: WuKongIM2, plugged: SimulatedCluster):
    first, second = (node.id for node in plugged.nodes)
    found = await robots.plugins()
    assert not found.is_partial
    robot, search = found.value
    assert (robot.no, robot.node, robot.version, robot.status) == ("wk.robot", first, "1.2", PluginStatus.NORMAL)
    assert (robot.is_ai, robot.methods, robot.priority) == (True, ("Receive",), 3)
    assert robot.created_at is not None and robot.created_at.tzinfo is not None
    assert robot.config == {"key": "******", "speed": 2}, "a secret is not told"
    assert (search.no, search.node, search.status) == ("wk.search", second, PluginStatus.OFFLINE)
    assert [plugin.no for plugin in (await robots.plugins(ai_only=True)).value] == ["wk.robot"]
    assert await robots.plugin("wk.robot", first) == robot
    assert await robots.plugin("wk.robot", second) is None


async def test_a_plugin_is_configured_and_keeps_its_secret(robots: WuKongIM2, plugged: SimulatedCluster):
    first = plugged.nodes[0].id
    await robots.set_plugin_config("wk.robot", first, {"key": "******", "speed": 5})
    plugin = await robots.plugin("wk.robot", first)
    assert plugin is not None and plugin.config == {"key": "******", "speed": 5}
    assert plugged.state.plugins[0].config["key"] == "s3cret"


async def test_a_plugin_is_called(robots: WuKongIM2, plugged: SimulatedCluster):
    first, second = (node.id for node in plugged.nodes)
    answer = await robots.call_plugin("wk.robot", first, "/some/path", method="POST", params={"a": "b"}, body=b"[1]")
    assert answer.status == 200 and b"wk.robot" in answer.body
    with pytest.raises(NoSuch):
        await robots.call_plugin("wk.search", second, "x")


async def test_a_plugin_is_uninstalled(robots: WuKongIM2, plugged: SimulatedCluster):
    node = plugged.nodes[1].id
    plugged.state.plugins.append(SimulatedPlugin("wk.old", node, "Old", AT, AT))
    await robots.uninstall_plugin("wk.old", node)
    assert await robots.plugin("wk.old", node) is None
    with pytest.raises(NoSuch):
        await robots.uninstall_plugin("wk.old", node)


# -- every target ------------------------------------------------------------------------------------------------------


async def test_plugins_that_are_not_there(gateway: WuKongIM2, unique: Unique):
    """The server takes a configuration for them all the same; we look first."""
    node, nobody = (await living(gateway))[0], unique("plugin")
    assert nobody not in [plugin.no for plugin in (await gateway.plugins()).value]
    assert await gateway.plugin(nobody, node) is None
    for question in (
        gateway.set_plugin_config(nobody, node, {"a": 1}), gateway.uninstall_plugin(nobody, node),
        gateway.call_plugin(nobody, node, "x"), gateway.plugin(nobody, NOBODY),
    ):  # fmt: skip
        with pytest.raises(NoSuch):
            await question


async def test_a_user_is_bound_and_unbound(gateway: WuKongIM2, target: Target, unique: Unique):
    uid, plugin = unique("anna"), unique("plugin")
    may_bind = await allowed(gateway, target, "pluginUserAdd")
    with unless(may_bind):
        await gateway.bind_plugin(plugin, uid)
    if not may_bind:
        with unless(await allowed(gateway, target, "pluginUserDelete")):
            await gateway.unbind_plugin(plugin, uid)
        return

    async def bound() -> tuple:
        return (await gateway.plugin_bindings(uid=uid)).value

    (binding,) = await eventually(bound)
    assert (binding.no, binding.uid) == (plugin, uid) and binding.created_at and binding.created_at.tzinfo
    assert (await gateway.plugin_bindings(no=plugin)).value == (binding,)
    assert binding in (await gateway.plugin_bindings()).value
    await gateway.unbind_plugin(plugin, uid)

    async def free() -> bool:
        return not await bound()

    await eventually(free)
    await gateway.unbind_plugin(plugin, uid)  # answered the same when there is none


async def test_bad_names_and_paths_are_refused(gateway: WuKongIM2):
    node = (await living(gateway))[0]
    for name in ("", " ", "a/b", "../x", "a?b", "名"):
        for question in (
            gateway.bind_plugin(name, "anna"), gateway.unbind_plugin(name, "anna"),
            gateway.set_plugin_config(name, node, {}), gateway.uninstall_plugin(name, node),
            gateway.call_plugin(name, node, "x"),
        ):  # fmt: skip
            await refused(question, "plugin_no")
    for path in ("../x", "a/../b", "a?b", "a#b", "a\nb"):
        await refused(gateway.call_plugin("p", node, path), "path")
    await refused(gateway.call_plugin("p", node, "x", method="TRACE"), "method")
    for uid in BAD_UIDS:
        await refused(gateway.bind_plugin("p", uid), "uid")


# -- tags --------------------------------------------------------------------------------------------------------------


async def test_a_message_leaves_a_tag_that_can_be_taken_away(
    gateway: WuKongIM2, group: ChannelRef, live_client: Connect
):
    client = await live_client()
    await gateway.add_subscribers(group, [client.uid])
    await said(gateway, group, client.uid, "hello")
    config = await gateway.channel_config(group)
    assert config is not None

    async def tagged() -> tuple:
        return await gateway.tags(config.leader, channel=group)

    (tag,) = await eventually(tagged)
    assert (tag.channel, tag.created_at) == (group, None) and tag.created_text and tag.expires_text
    assert client.uid in [uid for node in tag.nodes for uid in node.uids]
    one = await gateway.tag(config.leader, channel=group)
    assert one is not None and one.key == tag.key and one.created_at and one.created_at.tzinfo
    assert (await gateway.tag(config.leader, key=tag.key)) is not None
    assert tag.key in [each.key for each in await gateway.tags(config.leader)]
    await gateway.remove_tag(config.leader, channel=group)
    assert await tagged() == ()


async def test_tags_that_are_not_there(gateway: WuKongIM2, unique: Unique):
    node, unknown = (await living(gateway))[0], ChannelRef(unique("never"), 2)
    assert await gateway.tags(node, channel=unknown) == ()
    assert await gateway.tag(node, channel=unknown) is None
    assert await gateway.tag(node, key=unique("key")) is None
    await gateway.remove_tag(node, channel=unknown)  # answered the same
    for question in (gateway.tags(NOBODY), gateway.tag(NOBODY, key="k"), gateway.remove_tag(NOBODY, key="k")):
        with pytest.raises(NoSuch):
            await question
    await refused(gateway.tag(node), "tag")
    await refused(gateway.remove_tag(node, key=" "), "tag")
    await refused(gateway.remove_tag(node, channel=ChannelRef("g", 0)), "channel")
