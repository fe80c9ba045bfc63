"""Creating, changing and disbanding channels, and their subscribers."""

from typing import Any

from ..gojson import Struct
from ..http import OK, Call, Dies, Fail, Reply, routes
from ..ids import ChannelType, has_forbidden, rfc3339
from ..model import ChannelKey

FLAGS = ("large", "ban", "disband", "send_ban", "allow_stranger")
_INFO = {"channel_id": "string", "channel_type": "uint8", **dict.fromkeys(FLAGS, "int")}
CREATE = Struct("channelCreateReq", {**_INFO, "reset": "int", "subscribers": "[]string"}, via="channelInfoReq")
INFO = Struct("channelInfoReq", _INFO)
CHANNEL = Struct("", {"channel_id": "string", "channel_type": "uint8"})
TEMPORARY = Struct("tmpSubscriberSetReq", {"channel_id": "string", "uids": "[]string"})
SUBSCRIBERS_ADD = Struct(
    "subscriberAddReq",
    {
        "channel_id": "string",
        "channel_type": "uint8",
        "reset": "int",
        "temp_subscriber": "int",
        "subscribers": "[]string",
    },
)
SUBSCRIBERS_REMOVE = Struct(
    "subscriberRemoveReq",
    {"channel_id": "string", "channel_type": "uint8", "temp_subscriber": "int", "subscribers": "[]string"},
)
BAD_DATA = "数据格式有误！: "
BAD_ID = "频道ID不能包含特殊字符！"
NO_PERSON_MEMBERS = "个人频道不支持添加订阅者！"


async def to_leader(call: Call, channel_id: str) -> Reply | None:
    """Forward to the node that leads the slot of the channel, unless that is this one."""
    leader = call.state.leader_of(channel_id)
    return None if leader == call.node_id else await call.forward(leader)


def members_entry(cmd: str, key: ChannelKey, uids: list[str] | None = None) -> tuple[str, object]:
    """A list command as the slot's log shows it."""
    data: dict[str, object] = {"channelId": key[0], "channelType": key[1]}
    return cmd, data if uids is None else {**data, "uids": list(uids)}


def _channel_entry(call: Call, key: ChannelKey, form: dict[str, Any]) -> tuple[str, object]:
    cmd = "CMDUpdateChannelInfo" if call.state.store.record(key) else "CMDAddChannelInfo"
    flags = {name: True for name in FLAGS if form.get(name) == 1}
    moment = rfc3339(call.state.now_ns())
    return cmd, {"channel_id": key[0], "channel_type": key[1], **flags, "created_at": moment, "updated_at": moment}


def _flags(form: dict[str, int]) -> dict[str, int]:
    return {name: int(form[name] == 1) for name in FLAGS}


@routes.add("POST", "/channel")
async def create(call: Call) -> object:
    form = call.decode(CREATE, prefix=BAD_DATA)
    channel_id, channel_type, members = form["channel_id"], form["channel_type"], form["subscribers"]
    if not channel_id:
        raise Fail("频道ID不能为空！")
    if has_forbidden(channel_id):
        raise Fail(BAD_ID)
    if not channel_type:
        raise Fail("频道类型错误！")
    if channel_type == ChannelType.PERSON and members:
        raise Fail("不支持个人频道添加订阅者！")
    if answer := await to_leader(call, channel_id):
        return answer
    key = (channel_id, channel_type)
    store = call.state.store

    def save() -> None:
        store.save_channel(*key, flags=_flags(form), lag=call.state.timings.replica_lag)
        if form["reset"] == 1:
            store.clear(store.members, key)
        store.add_to(store.members, key, members)

    entries = [_channel_entry(call, key, form)]
    if form["reset"] == 1:
        entries.append(members_entry("CMDRemoveAllSubscriber", key))
    if members:
        entries.append(members_entry("CMDAddSubscribers", key, members))
    await call.propose(call.state.slot_of(channel_id), save, *entries, failed="创建或更新频道失败")
    await _add_conversations(call, key, members)
    return OK


@routes.add("POST", "/channel/info")
async def info(call: Call) -> object:
    """No validation at all: an empty object makes a channel without id."""
    form = call.decode_or(INFO, "数据格式有误！")
    if answer := await to_leader(call, form["channel_id"]):
        return answer
    store, key = call.state.store, (form["channel_id"], form["channel_type"])
    slot, lag = call.state.slot_of(form["channel_id"]), call.state.timings.replica_lag
    await call.propose(
        slot,
        lambda: store.save_channel(*key, flags=_flags(form), lag=lag),
        _channel_entry(call, key, form),
        failed="添加或更新频道信息失败！",
    )
    return OK


@routes.add("POST", "/channel/delete")
async def delete(call: Call) -> object:
    """Deletes nothing: sets disband, keeps the other flags."""
    form = call.decode(CHANNEL)
    if form["channel_type"] == ChannelType.PERSON:
        raise Fail(NO_PERSON_MEMBERS)
    if answer := await to_leader(call, form["channel_id"]):
        return answer
    store, key = call.state.store, (form["channel_id"], form["channel_type"])

    def disband() -> None:
        record = store.record(key)
        flags = {name: getattr(record, name) for name in FLAGS} if record else {}
        store.save_channel(*key, flags={**flags, "disband": 1}, lag=call.state.timings.replica_lag)

    await call.propose(call.state.slot_of(key[0]), disband, _channel_entry(call, key, {"disband": 1}))
    return OK


async def _add_conversations(call: Call, key: ChannelKey, uids: list[str]) -> None:
    if any(not uid for uid in uids):
        raise Fail("uid不能为空！")  # the members are stored all the same
    if key[1] != ChannelType.LIVE:
        await call.propose_each(
            uids, lambda uid: call.state.store.add_conversation(uid, key), "CMDAddOrUpdateConversations", key
        )


@routes.add("POST", "/channel/subscriber_add")
async def subscriber_add(call: Call) -> object:
    form = call.decode(SUBSCRIBERS_ADD, prefix=BAD_DATA)
    channel_id, members = form["channel_id"], form["subscribers"]
    if not channel_id:
        raise Fail("频道ID不能为空！")
    if has_forbidden(channel_id):
        raise Fail(BAD_ID)
    if form["channel_type"] == ChannelType.PERSON:
        raise Fail(NO_PERSON_MEMBERS)
    if not any(members):
        raise Fail("订阅者不能为空！")
    if form["temp_subscriber"] == 1:
        raise Fail("新版本临时订阅者已不支持！")
    if answer := await to_leader(call, channel_id):
        return answer
    store, key = call.state.store, (channel_id, form["channel_type"] or int(ChannelType.GROUP))

    def add() -> None:
        store.touch_channel(key)
        if form["reset"] == 1:
            store.clear(store.members, key)
        store.add_to(store.members, key, members)

    entry = members_entry("CMDAddSubscribers", key, members)
    await call.propose(call.state.slot_of(channel_id), add, entry, failed="添加频道失败！")
    await _add_conversations(call, key, members)
    return OK


@routes.add("POST", "/channel/subscriber_remove")
async def subscriber_remove(call: Call) -> object:
    form = call.decode(SUBSCRIBERS_REMOVE, prefix=BAD_DATA)
    channel_id, members = form["channel_id"], form["subscribers"]
    if not channel_id:
        raise Fail("频道ID不能为空！")
    if form["channel_type"] == ChannelType.PERSON:
        raise Fail(NO_PERSON_MEMBERS)
    if not members:
        raise Fail("订阅者不能为空！")
    if answer := await to_leader(call, channel_id):
        return answer
    if not form["channel_type"]:
        return OK  # works on type 0, where nobody is
    refuse_blank(call, members, "/channel/subscriber_remove")
    store, key = call.state.store, (channel_id, form["channel_type"])
    entry = members_entry("CMDRemoveSubscribers", key, members)
    await call.propose(call.state.slot_of(channel_id), lambda: store.remove_from(store.members, key, members), entry)
    await call.propose_each(members, lambda uid: store.drop_conversations([uid], key), "CMDDeleteConversation", key)
    return OK


def refuse_blank(call: Call, uids: list[str], route: str) -> None:
    """A blank uid is proposed to slot 0 (crc32 of nothing) and ends the node that leads it.

    The real command stays in that slot's log and kills every later leader too; here only by the knob `keep_poison`.
    """
    if "" in uids:
        call.state.misdeeds.swallow(call.state.slot_of(""))
        raise Dies(call.state.leader_of(""), f"blank uid in {route}")


@routes.add("POST", "/channel/subscriber_remove_all")
async def subscriber_remove_all(call: Call) -> object:
    form = call.decode(CHANNEL)
    if not form["channel_id"]:
        raise Fail("频道ID不能为空！")
    if not form["channel_type"]:
        raise Fail("频道类型不能为0！")
    if answer := await to_leader(call, form["channel_id"]):
        return answer
    store, key = call.state.store, (form["channel_id"], form["channel_type"])
    entry = members_entry("CMDRemoveAllSubscriber", key)
    await call.propose(call.state.slot_of(key[0]), lambda: store.clear(store.members, key), entry)
    return OK


@routes.add("POST", "/tmpchannel/subscriber_set")  # noqa: S108 - a route, no folder
async def temporary_subscribers(call: Call) -> object:
    """Between nodes: who gets the messages of a temporary channel; kept as a tag only."""
    form = call.decode(TEMPORARY, prefix=BAD_DATA)
    if not form["channel_id"]:
        raise Fail("channel_id不能为空！")
    if not form["uids"]:
        raise Fail("uids不能为空！")
    key = (form["channel_id"], int(ChannelType.TEMP))
    leader = call.state.channel_config(key).leader_id
    if leader != call.node_id:
        return await call.forward(leader)
    call.state.temporary[key] = tuple(form["uids"])
    call.state.touch_tag(key)
    return OK
