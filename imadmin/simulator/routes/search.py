"""Reading messages: lookups, paging through a channel, and the cluster-wide search with its faults."""

import asyncio
from collections.abc import Sequence
from typing import Any

from .. import gojson
from ..archive import MessageQuery
from ..gojson import Struct
from ..http import BOTH, NOT_FOUND_BODY, Call, Crash, Fail, routes
from ..ids import ChannelType, minute_text, stored_id
from ..model import ChannelKey, Message
from ..shapes import message_object
from ..state import SimState

_ONE = {"login_uid": "string", "channel_id": "string", "channel_type": "uint8"}
MESSAGE = Struct("", {**_ONE, "message_id": "int64", "client_msg_no": "string"})
MESSAGES = Struct("", {**_ONE, "message_seqs": "[]uint32", "message_ids": "[]int64", "client_msg_nos": "[]string"})
SYNC = Struct(
    "",
    {
        **_ONE,
        "start_message_seq": "uint64",
        "end_message_seq": "uint64",
        "limit": "int",
        "pull_mode": "int",
        "event_summary_mode": "string",
    },
)
MAX_PAGE = 10_000
STREAM = 0x02
NO_LEADER = "获取频道所在节点失败！"
NOT_CONNECTED = "connect not authed"


def page_objects(state: SimState, rows: Sequence[Message], *, full: bool = True) -> list[dict[str, Any]]:
    """A page; its stream messages come with what their events amount to."""
    shown = []
    for index, row in enumerate(rows):
        is_stream = row.setting & STREAM
        events = state.events.summary(row.key, row.client_msg_no, full=full) if is_stream else None
        shown.append(message_object(row, with_header=index > 0, events=events))
    return shown


def _key(form: dict[str, Any], *, empty: str = "channel_id不能为空！") -> ChannelKey:
    if not form["channel_id"]:
        raise Fail(empty)
    if form["channel_type"] == ChannelType.PERSON and not form["login_uid"]:
        raise Fail("login_uid不能为空！")
    return stored_id(form["channel_id"], form["channel_type"], form["login_uid"]), form["channel_type"]


async def _to_slot_leader(call: Call, channel_id: str) -> object:
    leader = call.state.leader_of(channel_id)
    return None if leader == call.node_id else await call.forward(leader)


class NeverUsed(Exception):
    """A read of a channel without a config; only the leader of its slot takes that for an error."""

    def __init__(self, *, is_told: bool) -> None:
        super().__init__("not found")
        self.is_told = is_told


async def to_channel_leader(call: Call, key: ChannelKey, *, create: bool, bare: bool = False) -> object:
    """Forward to the node leading the channel. An unknown one gets its config, or raises NeverUsed.

    bare: a slot leader that is gone is told in the words of the connection to it.
    """
    state = call.state
    slot_leader = state.leader_of(key[0])
    if not state.topology.answers(slot_leader):
        is_hung = state.topology.live[slot_leader].hung
        if is_hung:
            await asyncio.sleep(state.timings.propose_timeout)
        raise Fail(NO_LEADER if not bare else "context deadline exceeded" if is_hung else NOT_CONNECTED)
    if not create and key not in state.store.configs:
        raise NeverUsed(is_told=call.node_id == slot_leader)
    leader = state.channel_config(key).leader_id
    if leader == call.node_id:
        return None
    if not state.topology.live[leader].alive:
        raise Fail(NO_LEADER)
    return await call.forward(leader)


@routes.add("POST", "/messages")
async def find_messages(call: Call) -> object:
    form = call.decode_or(MESSAGES, "数据格式有误！")
    key = _key(form)
    if answer := await _to_slot_leader(call, key[0]):
        return answer
    archive = call.state.archive
    found = [message_object(one, with_header=False) for seq in form["message_seqs"] if (one := archive.at(key, seq))]
    by_id = (archive.find(message_id) for message_id in form["message_ids"])
    found += [message_object(one, with_header=False) for one in by_id if one]  # ids ignore the channel
    for client_msg_no in form["client_msg_nos"]:
        if hits := archive.by_client_no(key, client_msg_no):
            found.append(message_object(hits[-1], with_header=True))
    return {"start_message_seq": 0, "end_message_seq": 0, "more": 0, "messages": found}


@routes.add("POST", "/message")
async def find_message(call: Call) -> object:
    """By client_msg_no nothing is ever found: the real search runs with limit 0."""
    form = call.decode(MESSAGE)
    if not form["channel_id"]:
        raise Fail("channel_id不能为空！")
    if not form["channel_type"]:
        raise Fail("channel_type不能为0")
    key = _key(form)
    if answer := await _to_slot_leader(call, key[0]):
        return answer
    found = call.state.archive.find(form["message_id"])
    return message_object(found, with_header=False) if found else NOT_FOUND_BODY


@routes.add("GET", "/message/byclientmsgno")
async def by_client_msg_no(call: Call) -> object:
    for name in ("channel_id", "channel_type", "client_msg_no"):
        if not call.text(name):
            raise Fail(f"{name}不能为空")
    key = (call.text("channel_id"), call.number("channel_type"))
    if answer := await _to_slot_leader(call, key[0]):
        return answer
    found = call.state.archive.by_client_no(key, call.text("client_msg_no"))
    return message_object(found[0], with_header=False) if found else NOT_FOUND_BODY


@routes.add("POST", "/channel/messagesync")
async def message_sync(call: Call) -> object:
    form = call.decode(SYNC)
    if not form["login_uid"]:
        raise Fail("login_uid不能为空！")
    key = _key(form)
    if answer := await to_channel_leader(call, key, create=True):
        return answer
    limit = min(form["limit"], MAX_PAGE)
    start, end = form["start_message_seq"], form["end_message_seq"]
    rows = call.state.archive.page(key, start, end, limit, newer=form["pull_mode"] == 1)
    if limit <= 0 and form["pull_mode"] != 1:
        rows = []
    return {
        "start_message_seq": start,
        "end_message_seq": end,
        "more": int(len(rows) >= limit),
        "messages": page_objects(call.state, rows, full=form["event_summary_mode"] != "basic"),
    }


def _query_key(call: Call) -> ChannelKey:
    channel_id, channel_type, login_uid = call.text("channel_id"), call.number("channel_type"), call.text("login_uid")
    if not channel_id:
        raise Fail("channel_id不能为空")
    if channel_type != ChannelType.PERSON:
        return channel_id, channel_type
    if "@" in channel_id and call.path.endswith("max_message_seq"):
        return channel_id, channel_type  # last_message pairs a stored id again and finds nothing
    if not login_uid:
        raise Fail("login_uid不能为空")
    return stored_id(channel_id, channel_type, login_uid), channel_type


@routes.add("GET", "/channel/max_message_seq")
async def max_message_seq(call: Call) -> object:
    key = _query_key(call)
    try:
        answer = await to_channel_leader(call, key, create=False, bare=True)
    except NeverUsed as missing:
        if missing.is_told:
            raise Fail("not found") from None
        return {"message_seq": 0}
    if answer:
        return answer
    return {"message_seq": call.state.archive.last_seq(key)}


@routes.add("GET", "/channel/last_message")
async def last_message(call: Call) -> object:
    key = _query_key(call)
    try:
        answer = await to_channel_leader(call, key, create=False)
    except NeverUsed as missing:
        if missing.is_told:
            raise Fail(NO_LEADER) from None
        return NOT_FOUND_BODY
    if answer:
        return answer
    last = call.state.archive.last(key)
    return message_object(last, with_header=False) if last else NOT_FOUND_BODY


def cluster_row(message: Message) -> dict[str, Any]:
    return {
        "message_id": str(message.id),
        "message_seq": message.seq,
        "client_msg_no": message.client_msg_no,
        "timestamp": message.timestamp,
        "timestamp_format": minute_text(message.timestamp),
        "channel_id": message.channel_id,
        "channel_type": message.channel_type,
        "topic": message.topic,
        "from_uid": message.from_uid,
        "payload": gojson.to_base64(message.payload),
        "expire": message.expire,
        "term": message.term,
        "is_stream": int(bool(message.setting & 0x02)),
    }


@routes.add("GET", "/cluster/messages", servers=BOTH)
async def cluster_messages(call: Call) -> object:
    node_id = call.number("node_id")
    if node_id and node_id != call.node_id:
        if node_id not in call.state.node_ids:
            raise Crash
        return await call.forward(node_id)
    try:
        payload = gojson.from_base64(call.text("payload"))
    except gojson.DecodeError as error:
        raise Fail(str(error)) from None
    query = MessageQuery(
        from_uid=call.text("from_uid"),
        channel_id=call.text("channel_id"),
        channel_type=call.number("channel_type"),
        message_id=call.number("message_id"),
        client_msg_no=call.text("client_msg_no"),
        payload=payload,
        offset_id=call.number("offset_message_id"),
        offset_seq=call.number("offset_message_seq"),
        pre=call.number("pre") == 1,
        limit=call.limit(),
    )
    if not node_id:
        await call.fan_out()
    rows = await _search(call, query)
    if node_id and query.pre and query.channel_id and query.channel_type:
        rows.sort(key=lambda row: row.seq)  # the own node's page is not sorted again
    return {"total": 0, "data": [cluster_row(row) for row in rows]}


async def _search(call: Call, query: MessageQuery) -> list[Message]:
    """A scan of a million computed messages takes its time and must not stop the node from answering others."""
    archive = call.state.archive
    is_scan = not (query.message_id or query.client_msg_no or (query.channel_id and query.channel_type))
    if archive.seeded and is_scan:
        return await asyncio.to_thread(archive.search, query)
    return archive.search(query)
