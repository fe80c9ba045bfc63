"""Events of stream messages: appending one, and the latest state of each key."""

from typing import Any

from .. import gojson
from ..events import FINISH, MAIN, KeyState, StreamClosed
from ..gojson import Struct
from ..http import BOTH, Call, Fail, routes
from ..ids import SYSTEM_UID, ChannelType, stored_id
from ..model import ChannelKey
from .channels import to_leader

APPEND = Struct(
    "eventAppendReq",
    {
        "channel_id": "string",
        "channel_type": "uint8",
        "from_uid": "string",
        "message_id": "int64",
        "client_msg_no": "string",
        "event_id": "string",
        "event_type": "string",
        "event_key": "string",
        "visibility": "string",
        "occurred_at": "int64",
        "payload": "any",
        "headers": "any",
    },
)
SYNC = Struct(
    "eventSyncReq",
    {
        "channel_id": "string",
        "channel_type": "uint8",
        "from_uid": "string",
        "client_msg_no": "string",
        "event_key": "string",
        "from_msg_event_seq": "uint64",
        "limit": "int",
        "include_private": "uint8",
    },
)
DEFAULT_LIMIT, MAX_LIMIT = 200, 2000


def _need(form: dict[str, Any], *names: str) -> None:
    for name in names:
        if not form[name].strip():
            raise Fail(f"{name}不能为空！")


@routes.add("POST", "/message/event")
async def append(call: Call) -> object:
    """Nothing checks that the message exists, is a stream, or still open."""
    form = call.decode(APPEND)
    events = call.state.events
    sender, message_id = events.sender_of(form["client_msg_no"])
    form["from_uid"] = form["from_uid"].strip() or sender
    form["message_id"] = form["message_id"] or message_id
    _need(form, "channel_id", "client_msg_no", "event_id", "event_type")
    form["from_uid"] = form["from_uid"] or SYSTEM_UID
    key = (stored_id(form["channel_id"], form["channel_type"], form["from_uid"]), form["channel_type"])
    if answer := await to_leader(call, key[0]):
        return answer
    kind = form["event_type"].strip().lower()
    event_key = FINISH if kind == "stream.finish" else form["event_key"].strip() or MAIN
    occurred = form["occurred_at"] or int(call.state.now(call.node_id) * 1000)
    event = {**form, "event_type": kind, "event_key": event_key, "occurred_at": occurred}
    if kind == "stream.delta":
        try:
            state = events.delta(key, form["client_msg_no"], event)
        except StreamClosed:
            raise Fail("stream closed") from None
    else:
        entry = ("CMDAppendMessageEvent", {"client_msg_no": form["client_msg_no"], "event_id": form["event_id"]})
        slot = call.state.slot_of(key[0])
        state = await call.propose(slot, lambda: events.store(key, form["client_msg_no"], event), entry)
    _push(call, key, form, event_key, state.seq, state.status)
    told = {
        "client_msg_no": form["client_msg_no"],
        "event_key": event_key,
        "event_id": form["event_id"],
        "msg_event_seq": state.seq,
        "stream_status": state.status,
        "channel_id": form["channel_id"],
        "channel_type": form["channel_type"],
        "from_uid": form["from_uid"],
    }
    return {"data": told, "status": 200}


def _push(call: Call, key: ChannelKey, form: dict[str, Any], event_key: str, seq: int, status: str) -> None:
    """To whoever is online in the channel, the sender's other devices too."""
    data = {
        "client_msg_no": form["client_msg_no"],
        "channel_id": form["channel_id"],
        "channel_type": form["channel_type"],
        "from_uid": form["from_uid"],
        "message_id": form["message_id"],
        "event_key": event_key,
        "msg_event_seq": seq,
        "stream_status": status,
    }
    if form["visibility"]:
        data["visibility"] = form["visibility"]
    if form["payload"] is not None:
        data["payload"] = form["payload"]
    params = {
        "id": form["event_id"],
        "type": form["event_type"],
        "timestamp": form["occurred_at"],
        "data": gojson.dumps(data).decode(),
    }
    uids = key[0].split("@") if key[1] == ChannelType.PERSON else list(call.state.members(key))
    for uid in dict.fromkeys(uids):
        for one in call.state.online.receivers(uid):
            if one.socket is not None and call.state.topology.answers(one.node_id):
                one.socket.push({"jsonrpc": "2.0", "method": "event", "params": params})


@routes.add("POST", "/message/eventsync")
@routes.add("POST", "/cluster/message/eventsync", servers=BOTH)
async def sync(call: Call) -> object:
    """Not a log of events: what each key came to, without the texts that are still open."""
    form = call.decode(SYNC)
    _need(form, "channel_id", "client_msg_no")
    if form["limit"] < 0:
        raise Fail("limit不能为负数！")
    channel_id = form["channel_id"]
    if form["channel_type"] == ChannelType.PERSON and form["from_uid"].strip():
        channel_id = stored_id(channel_id, form["channel_type"], form["from_uid"])
    if answer := await to_leader(call, channel_id):
        return answer
    limit = min(form["limit"] or DEFAULT_LIMIT, MAX_LIMIT)
    found = [
        one
        for one in call.state.events.stored((channel_id, form["channel_type"]), form["client_msg_no"])
        if one.seq > form["from_msg_event_seq"] and (not form["event_key"] or one.key == form["event_key"])
    ][: limit + 1]
    if form["include_private"] != 1:
        found = [one for one in found if one.visibility not in ("private", "restricted")]
    page = found[:limit]
    data = {
        "client_msg_no": form["client_msg_no"],
        "events": [_event_row(one) for one in page],
        "filtered_by_event_key": form["event_key"],
        "from_msg_event_seq": form["from_msg_event_seq"],
        "more": int(len(found) > limit),
        "next_msg_event_seq": page[-1].seq if page else form["from_msg_event_seq"],
    }
    return {"data": data, "status": 200}


def _event_row(state: KeyState) -> dict[str, Any]:
    payload = state.snapshot
    if payload is None:
        payload = {"end_reason": state.end_reason}
        if state.error:
            payload["error"] = state.error
        payload["status"] = state.status
    return {
        "event_id": state.event_id,
        "event_key": state.key,
        "event_type": state.event_type,
        "msg_event_seq": state.seq,
        "occurred_at": state.occurred_at,
        "payload": payload,
        "visibility": state.visibility,
    }
