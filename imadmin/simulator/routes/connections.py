"""connz and the two ways to get rid of a connection."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from ..gojson import Struct
from ..http import BOTH, OK, Call, Crash, Fail, routes
from ..ids import DEVICE_LEVEL_TEXT, DEVICE_TEXT, Reason, duration, rfc3339
from ..model import Connection
from ..state import SimState

CONN = Struct("", {"uid": "string", "conn_id": "int64", "node_id": "uint64", "op_node_id": "uint64"})


def device_text(connection: Connection) -> str:
    name = DEVICE_TEXT.get(connection.device_flag)
    if name is None:
        name = "未知"
    return f"{name}({DEVICE_LEVEL_TEXT.get(connection.device_level, '从')})"


def connection_rows(state: SimState, node_id: int, connections: list[Connection]) -> list[dict[str, Any]]:
    now, skew = state.now(), state.faults[node_id].clock_skew
    return [_row(state, node_id, one, now, skew) for one in connections]


def _row(state: SimState, node_id: int, one: Connection, now: float, skew: float) -> dict[str, Any]:
    """One row as `node_id` shows it; a socket elsewhere has the peer's cluster address and no byte counts."""
    remote = one.node_id != node_id
    host, _, port = state.addresses[one.node_id].cluster_addr.partition(":") if remote else ("", "", 0)
    return {
        "id": one.id,
        "uid": one.uid,
        "ip": host if remote else one.ip,
        "port": int(port) if remote else one.port,
        "last_activity": rfc3339(int(one.last_activity + skew) * 1_000_000_000),
        "uptime": duration(now - one.connected_at),
        "idle": duration(now - one.last_activity),
        "pending_bytes": 0,
        "in_msgs": one.in_msgs,
        "out_msgs": one.out_msgs,
        "in_msg_bytes": 0 if remote else one.in_msg_bytes,
        "out_msg_bytes": 0 if remote else one.out_msg_bytes,
        "in_packets": one.in_packets,
        "out_packets": one.out_packets,
        "in_packet_bytes": one.in_packet_bytes,
        "out_packet_bytes": 0 if remote else one.out_packet_bytes,
        "device": device_text(one),
        "device_id": one.device_id,
        "version": one.version,
        "proxy_type_format": f"源节点：{one.node_id}" if remote else "本地连接",
        "leader_id": state.leader_of(one.uid),
        "node_id": one.node_id,
    }


_SORTS: dict[str, Callable[[Connection], float]] = {
    "id": attrgetter("id"),
    "inMsg": attrgetter("in_msgs"),
    "outMsg": attrgetter("out_msgs"),
    "inMsgBytes": attrgetter("in_msg_bytes"),
    "outMsgBytes": attrgetter("out_msg_bytes"),
    "inPacket": attrgetter("in_packets"),
    "outPacket": attrgetter("out_packets"),
    "inPacketBytes": attrgetter("in_packet_bytes"),
    "outPacketBytes": attrgetter("out_packet_bytes"),
    # the time sorts read backwards: `uptime` puts the longest connected first, `uptimeDesc` the newest
    "uptime": attrgetter("connected_at"),
    "idle": attrgetter("last_activity"),
    "protoVersion": attrgetter("version"),
}


def sorted_connections(rows: list[Connection], sort: str, state: SimState) -> list[Connection]:
    key = _SORTS.get(sort.removesuffix("Desc"))
    if key is None:
        return rows
    return sorted(rows, key=key, reverse=sort.endswith("Desc"))


@routes.add("GET", "/connz", servers=BOTH)
async def connz(call: Call) -> object:
    wanted = call.number("node_id")
    if wanted and wanted != call.node_id:
        if wanted not in call.state.node_ids:
            raise Fail("节点不存在！")
        return await call.forward(wanted)
    offset, limit = call.number("offset"), call.limit(deadly=False)
    if offset < 0:
        raise Crash
    rows = call.state.online.listed_by(call.node_id)
    if uid := call.text("uid"):
        rows = [one for one in rows if uid in one.uid]
    rows = sorted_connections(rows, call.text("sort") or "id", call.state)[offset : offset + limit]
    return {
        "connections": connection_rows(call.state, call.node_id, rows),
        "now": rfc3339(call.state.now_ns(call.node_id)),
        "total": call.state.online.count(call.node_id),
        "offset": offset,
        "limit": limit,
    }


async def _find(call: Call) -> tuple[Connection | None, object]:
    """The connection a kick or remove means, or the answer of the node that shall execute it."""
    form = call.decode(CONN)
    if not form["conn_id"]:
        raise Fail("conn_id is 0")
    executor = form["op_node_id"]
    if executor and executor != call.node_id:
        if executor not in call.state.node_ids:
            raise Fail("node not found")
        return None, await call.forward(executor)
    one = call.state.online.get(form["node_id"] or call.node_id, form["conn_id"])
    if one is None or one.uid != form["uid"]:
        return None, OK  # nothing was done, and the answer does not say so
    knows = call.node_id in (one.node_id, call.state.leader_of(one.uid))
    return (one if knows else None), OK


def disconnect_frame(reason: str = "") -> dict[str, object]:
    params: dict[str, object] = {"reasonCode": int(Reason.KICKED)}
    if reason:
        params["reason"] = reason
    return {"jsonrpc": "2.0", "method": "disconnect", "params": params}


def kick_connection(state: SimState, one: Connection, reason: str, after: float, *, by: int) -> None:
    """Tell the client to go; the node `by` forgets it after a while, its socket stays open."""
    if one.socket is not None:
        one.socket.push(disconnect_frame(reason))
    state.closings.add(one, by=by, after=after, window=state.timings.close_window)


@routes.add("POST", "/conn/kick", servers=BOTH)
async def kick(call: Call) -> object:
    one, answer = await _find(call)
    if one is not None:
        kick_connection(call.state, one, "server kick", call.state.timings.detach_after, by=call.node_id)
    return answer


@routes.add("POST", "/conn/remove", servers=BOTH)
async def remove(call: Call) -> object:
    one, answer = await _find(call)
    if one is not None:
        call.state.online.detach(one, by_leader=call.node_id == call.state.leader_of(one.uid), told=False)
    return answer
