"""Health, login, addresses and what a node says of itself."""

from .. import gojson, tokens
from ..gojson import Struct
from ..http import BOTH, Call, Fail, Reply, routes
from ..ids import MANAGER_UID, duration
from ..state import SimState
from .connections import connection_rows, sorted_connections

LOGIN = Struct("managerLoginReq", {"username": "string", "password": "string"})


@routes.add("GET", "/health")
async def health(call: Call) -> object:
    """Looks at this node's view alone: it says ok while peers are dead and the quorum is gone."""
    slots = call.state.topology.view_of(call.node_id).slots
    problem = "no slots" if not slots else ""
    if any(not slot.leader for slot in slots):
        problem = "slot leader not found"
    elif any(slot.status for slot in slots):
        problem = "slot not ready"
    if problem:
        return Reply(500, gojson.dumps({"message": problem, "status": "error"}))
    return {"status": "ok"}


@routes.add("POST", "/manager/login", servers=BOTH)
async def login(call: Call) -> object:
    """Wrong password and unknown user get the same 400."""
    form = call.decode(LOGIN, content_type="text/plain; charset=utf-8")
    if not form["username"] and form["password"]:
        raise Fail("用户名不能为空")
    if not form["password"]:
        raise Fail("密码不能为空")
    settings = call.state.settings
    known = settings.users or {"guest": ("guest", "*:r")}
    password, permissions = known.get(form["username"], ("", ""))
    if not password or password != form["password"] or form["username"] == MANAGER_UID:
        raise Fail("用户名或密码错误")
    token, expires = tokens.make(form["username"], settings.jwt_secret, settings.jwt_lifetime)
    return {"exp": expires, "permissions": permissions, "token": token, "username": form["username"]}


def _addresses(state: SimState, node_id: int) -> dict[str, str]:
    address = state.addresses[node_id]
    return {"tcp_addr": address.tcp_addr, "ws_addr": f"ws://{address.host}:{address.ws_port}", "wss_addr": ""}


@routes.add("GET", "/route")
async def route(call: Call) -> object:
    if call.number("intranet") == 1:
        return {"tcp_addr": "", "ws_addr": "", "wss_addr": ""}
    return _addresses(call.state, call.node_id)


@routes.add("POST", "/route/batch")
async def route_batch(call: Call) -> object:
    try:
        uids = gojson.string_list(call.body)
    except gojson.DecodeError:
        raise Fail("数据格式有误！", content_type="text/plain; charset=utf-8") from None
    return [{**_addresses(call.state, call.node_id), "uids": uids}]


@routes.add("GET", "/varz", servers=BOTH)
async def varz(call: Call) -> object:
    wanted = call.number("node_id")
    if wanted and wanted != call.node_id:
        if wanted not in call.state.node_ids:
            raise Fail("node not found")
        return await call.forward(wanted)
    values = _varz(call.state, call.node_id)
    if call.text("show") == "conn":
        rows = sorted_connections(list(call.state.online.by_node[call.node_id].values()), "inMsgDesc", call.state)
        shown = rows[: call.number("conn_limit") or 20]
        blank = {"ip": "", "port": 0, "proxy_type_format": "", "leader_id": 0}
        if shown:
            values["conns"] = [{**row, **blank} for row in connection_rows(call.state, call.node_id, shown)]
    values["conversation_cache_count"] = 0
    return values


def _varz(state: SimState, node_id: int) -> dict[str, object]:
    address, counters = state.addresses[node_id], state.counters[node_id]
    connections = state.online.count(node_id)
    uptime = state.now(node_id) - state.topology.live[node_id].started_at
    wobble = int(uptime) % 17
    users = state.online.user_count(node_id)
    return {
        "server_id": str(node_id),
        "server_name": "WuKongIM",
        "version": state.settings.version,
        "connections": connections,
        "user_handler_count": users,
        "user_handler_conn_count": len(state.online.listed_by(node_id)),
        "uptime": duration(uptime),
        "goroutine": 1040 + connections + wobble,
        "mem": state.memory(node_id),
        "cpu": 1 + wobble % 5,
        "in_msgs": counters.get("send", 0) + counters.get("ping", 0) + counters.get("recvack", 0),
        "out_msgs": counters.get("recv", 0) + counters.get("ping", 0) + counters.get("send", 0),
        "in_bytes": counters.get("send_bytes", 0),
        "out_bytes": counters.get("recv_bytes", 0),
        "slow_clients": 0,
        "retry_queue": 0,
        **_addresses(state, node_id),
        "manager_addr": f"{address.host}:{address.manager_port}",
        "manager_on": 1,
        "commit": "a888f89533d0e7d1b2030e06504ca97f1ad891d4" if state.settings.version else "",
        "commit_date": "1776854405" if state.settings.version else "",
        "tree_state": "clean" if state.settings.version else "",
        "api_url": f"http://{address.api}",
        "manager_uid": MANAGER_UID,
        "manager_token_on": int(bool(state.settings.manager_token)),
    }


@routes.add("GET", "/varz/setting", servers=BOTH)
async def varz_setting(call: Call) -> object:
    return {"logger": {"trace_on": 0, "loki_on": 0}, "prometheus_on": 0, "stress_on": 0}


@routes.add("GET", "/migrate/result")
async def migrate_result(call: Call) -> object:
    return {"status": "running", "step": "", "last_err": None, "try_count": 0}


@routes.add("GET", "/cluster/devtools/checkLogConflict", servers=BOTH)
async def check_log_conflict(call: Call) -> object:
    return Reply(content_type=None)


@routes.add("GET", "/docs/health")
async def docs_health(call: Call) -> object:
    return {
        "description": "Documentation service is disabled in release mode",
        "mode": "release",
        "service": "docs",
        "status": "disabled",
    }


@routes.add("GET", "/docs")
@routes.add("GET", "/docs/")
@routes.add("GET", "/docs/openapi.json")
async def docs(call: Call) -> object:
    return Reply(
        403,
        gojson.dumps(
            {
                "error": "Documentation endpoints are disabled in release mode",
                "message": "API documentation is only available in development mode for security reasons",
                "mode": "release",
                "suggestion": "To access documentation, run the server in debug mode or check the static"
                " documentation files",
            }
        ),
    )
