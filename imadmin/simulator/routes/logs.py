"""The raft logs of the configuration and of the slots, newest first."""

from collections.abc import Sequence

from .. import gojson
from ..http import BOTH, Call, Crash, routes
from ..ids import Snowflake, second_text
from ..topology import LogEntry

CONFIG, SLOT = 1, 2


def _log_of(call: Call) -> tuple[Sequence[LogEntry], int]:
    """The entries that are kept, oldest first, and the last index of this node's copy."""
    kind = call.number("log_type") or CONFIG
    topology = call.state.topology
    if kind == CONFIG:
        version = topology.view_of(call.node_id).version
        return topology.config_log[:version], version
    number = call.number("slot")
    if kind != SLOT or number >= len(topology.view.slots):
        return (), 0
    last = topology.log_index(call.node_id, number)
    return [one for one in topology.slot_logs.get(number, ()) if one.index <= last], last


def _row(entry: LogEntry) -> dict[str, object]:
    return {
        "id": str(Snowflake().next(1, int(entry.at * 1000))),
        "index": entry.index,
        "term": entry.term,
        "cmd": entry.cmd,
        "data": gojson.dumps(entry.data).decode(),
        "time_format": second_text(entry.at),
    }


@routes.add("GET", "/cluster/logs", servers=BOTH)
async def logs(call: Call) -> object:
    """`more` is 0 only when the newest row shown has index 1: an empty page says there is more."""
    node_id = call.number("node_id")
    if node_id != call.node_id:
        if node_id not in call.state.node_ids:
            raise Crash
        return await call.forward(node_id)
    entries, last = _log_of(call)
    limit, older, newer = call.limit(deadly=False), call.number("next"), call.number("pre")
    if older:
        page = [one for one in entries if one.index < older][-limit:]
    elif newer:
        page = [one for one in entries if one.index > newer][:limit]
    else:
        page = list(entries)[-limit:]
    page.reverse()
    first = page[0].index if page else 0
    return {
        "next": page[-1].index if page else 0,
        "pre": first,
        "applied": last,
        "last": last,
        "more": int(first != 1),
        "logs": [_row(one) for one in page],
    }
