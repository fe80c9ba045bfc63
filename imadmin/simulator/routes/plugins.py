"""Plugins: what is installed where, who is bound to what, and the way into them."""

from typing import Any

from .. import gojson
from ..gojson import Struct
from ..http import BOTH, OK, Call, Fail, Reply, may_write, routes
from ..ids import rfc3339
from ..model import Plugin, PluginUser

CONFIG = Struct("", {"config": "any", "node_id": "uint64"})
BIND = Struct("", {"plugin_no": "string", "uid": "string"})
UNINSTALL = Struct("", {"plugin_no": "string", "node_id": "uint64"})
UPDATE = Struct("", {"uid": "string", "plugin_no": "string"})
HIDDEN = "******"
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")


def _row(plugin: Plugin) -> dict[str, Any]:
    """Zero values are left out; of secrets only that there is one."""
    secrets = [field["name"] for field in plugin.config_fields if field.get("type") == "secret"]
    config = {name: HIDDEN if name in secrets else value for name, value in plugin.config.items()}
    row = {
        "node_id": plugin.node_id,
        "no": plugin.no,
        "name": plugin.name,
        "config_template": {"fields": plugin.config_fields} if plugin.config_fields else None,
        "config": config,
        "created_at": rfc3339(plugin.created_at),
        "updated_at": rfc3339(plugin.updated_at),
        "status": plugin.status,
        "version": plugin.version,
        "methods": plugin.methods,
        "priority": plugin.priority,
        "is_ai": plugin.is_ai,
    }
    return {name: value for name, value in row.items() if value}


def _check_node(call: Call, node_id: int) -> int:
    if node_id not in call.state.node_ids:
        raise Fail("node not found")
    return node_id


@routes.add("GET", "/plugins", servers=BOTH)
async def plugins(call: Call) -> object:
    node_id = call.number("node_id") or call.node_id
    if _check_node(call, node_id) != call.node_id:
        return await call.forward(node_id)
    found = [one for one in call.state.plugins if one.node_id == node_id]
    if call.text("type").lower() == "ai":
        found = [one for one in found if one.is_ai]
    return [_row(one) for one in found]


@routes.add("POST", "/pluginconfig/:plugin", servers=BOTH)
async def update_config(call: Call) -> object:
    """A plugin that nobody knows takes its config without complaint."""
    may_write(call, "pluginConfigUpdate")
    form = call.decode(CONFIG)
    if not form["node_id"]:
        raise Fail("node_id is required")
    if _check_node(call, form["node_id"]) != call.node_id:
        return await call.forward(form["node_id"])
    for one in call.state.plugins:
        if (one.node_id, one.no) == (call.node_id, call.params["plugin"]):
            given = form["config"] if isinstance(form["config"], dict) else {}
            one.config = {name: one.config.get(name) if value == HIDDEN else value for name, value in given.items()}
            one.updated_at = call.state.now_ns()
    return OK


async def _to_leader_of(call: Call, uid: str) -> object:
    """Asked for as a channel, so a binding gives the uid a channel config."""
    leader = call.state.channel_config((uid, 1)).leader_id
    return None if leader == call.node_id else await call.forward(leader)


async def _bind(call: Call, resource: str, *, add: bool) -> object:
    may_write(call, resource)
    form = call.decode(BIND)
    if not form["plugin_no"] or not form["uid"]:
        raise Fail("plugin_no and uid is required")
    if answer := await _to_leader_of(call, form["uid"]):
        return answer
    key = (form["plugin_no"], form["uid"])
    bound = call.state.plugin_users
    entry = ("CMDUpdateUserPluginNo" if add else "CMDRemovePluginUser", {"plugin_no": key[0], "uid": key[1]})

    def change() -> None:
        if add:
            now = call.state.now_ns()
            bound.setdefault(key, PluginUser(*key, created_at=now, updated_at=now)).updated_at = now
        else:
            bound.pop(key, None)

    await call.propose(call.state.slot_of(form["uid"]), change, entry)
    return OK


@routes.add("POST", "/plugin/bind", servers=BOTH)
async def bind(call: Call) -> object:
    return await _bind(call, "pluginUserAdd", add=True)


@routes.add("POST", "/plugin/unbind", servers=BOTH)
async def unbind(call: Call) -> object:
    return await _bind(call, "pluginUserDelete", add=False)


@routes.add("GET", "/plugin/bind", servers=BOTH)
async def bound(call: Call) -> object:
    """Peers are asked without headers and without the filter, so a cluster shows everybody."""
    uid, plugin_no, node_id = call.text("uid"), call.text("plugin_no"), call.number("node_id")
    rows = list(call.state.plugin_users.values())
    wanted = [one for one in rows if uid in ("", one.uid) and plugin_no in ("", one.plugin_no)]
    if node_id != call.node_id and len(call.state.node_ids) > 1:
        await call.fan_out(target="/plugin/bind", refused="status code: 401")
        if call.state.settings.manager_token:
            raise Fail("status code: 401")
        wanted += [one for one in rows if one not in wanted]
    wanted.sort(key=lambda one: one.created_at, reverse=True)
    return [
        {"plugin_no": one.plugin_no, "uid": one.uid, "created_at": one.created_at, "updated_at": one.updated_at}
        for one in wanted
    ]


@routes.add("POST", "/plugin/uninstall", servers=BOTH)
async def uninstall(call: Call) -> object:
    may_write(call, "pluginUninstall")
    form = call.decode(UNINSTALL)
    if not form["plugin_no"]:
        raise Fail("plugin_no is required")
    node_id = form["node_id"] or call.node_id
    if _check_node(call, node_id) != call.node_id:
        return await call.forward(node_id)
    known = [one for one in call.state.plugins if (one.node_id, one.no) == (node_id, form["plugin_no"])]
    if not known:
        raise Fail("plugin not found")
    call.state.plugins.remove(known[0])
    return OK


@routes.add("POST", "/user/update_plugin_no")
async def update_plugin_no(call: Call) -> object:
    """No check at all: without a plugin it stores a binding to nothing."""
    form = call.decode(UPDATE)
    leader = call.state.leader_of(form["uid"])
    if leader != call.node_id:
        return await call.forward(leader)
    key, now = (form["plugin_no"], form["uid"]), call.state.now_ns()
    users = call.state.plugin_users
    entry = ("CMDUpdateUserPluginNo", {"plugin_no": key[0], "uid": key[1]})
    row = PluginUser(*key, created_at=now, updated_at=now)
    await call.propose(call.state.slot_of(form["uid"]), lambda: users.setdefault(key, row), entry)
    return OK


async def proxy(call: Call) -> object:
    """Into the plugin itself; the simulator has none that would answer more than its own name."""
    found = [one for one in call.state.plugins if (one.node_id, one.no) == (call.node_id, call.params["plugin"])]
    if not found:
        return Reply(400, gojson.dumps({"msg": "plugin not found", "status": 404}))
    if found[0].status != 1:
        return Reply(400, gojson.dumps({"msg": "plugin offline", "status": 503}))
    return {"plugin": found[0].no, "path": call.params["path"]}


for _method in METHODS:
    routes.add(_method, "/plugins/:plugin/*path", servers=BOTH)(proxy)
