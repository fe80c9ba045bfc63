"""Tokens, forced logouts, who is online, and system accounts."""

from typing import Any

from .. import gojson
from ..gojson import Struct
from ..http import OK, TEXT, Call, Crash, Fail, routes
from ..ids import SYSTEM_UID, ChannelType, Reason, has_forbidden, rfc3339
from ..model import Connection
from .channels import to_leader
from .connections import kick_connection

TOKEN = Struct(
    "UpdateTokenReq",
    {"uid": "string", "token": "string", "device_flag": "wkproto.DeviceFlag", "device_level": "wkproto.DeviceLevel"},
)
DEVICE_QUIT = Struct("", {"uid": "string", "device_flag": "int"})
UIDS = Struct("", {"uids": "[]string"})


@routes.add("POST", "/user/token")
async def set_token(call: Call) -> object:
    form = call.decode(TOKEN)
    uid, flag, level = form["uid"], form["device_flag"], form["device_level"]
    if not uid:
        raise Fail("uid不能为空！")
    if not form["token"]:
        raise Fail("token不能为空！")
    if has_forbidden(uid):
        raise Fail("uid不能包含特殊字符！")
    if uid == SYSTEM_UID:
        raise Fail("系统账号不允许更新token！")
    if answer := await to_leader(call, uid):
        return answer
    store = call.state.store
    entry = store.record((uid, int(ChannelType.PERSON)))
    if entry and (entry.ban or entry.disband):
        return {"status": int(Reason.BAN if entry.ban else Reason.DISBANDED)}  # HTTP 200, and nothing is stored
    user: tuple[str, object] = ("CMDAddUser", {"uid": uid, "created_at": rfc3339(call.state.now_ns())})
    entries = [] if uid in store.users else [user]
    entries.append(_device_entry(call, uid, flag, level, form["token"]))
    slot = call.state.slot_of(uid)
    await call.propose(slot, lambda: store.set_device(uid, flag, level, form["token"]), *entries)
    if level == 1:
        for one in list(call.state.online.online_at(call.node_id, uid)):
            if one.device_flag == flag:
                after = call.state.timings.token_detach_after
                kick_connection(call.state, one, "账号在其他设备上登录", after, by=call.node_id)
    return OK


def _device_entry(call: Call, uid: str, flag: int, level: int, token: str) -> tuple[str, object]:
    """The slot's log keeps tokens in plain text, as the real one does."""
    known = call.state.store.devices.get((uid, flag))
    row = {"id": known.id if known else 0, "uid": uid, "token": token, "device_flag": flag, "device_level": level}
    moment = rfc3339(call.state.now_ns())
    cmd = "CMDUpdateDevice" if known else "CMDAddDevice"
    return cmd, {name: value for name, value in row.items() if value} | {"created_at": moment, "updated_at": moment}


@routes.add("POST", "/user/device_quit")
async def device_quit(call: Call) -> object:
    """Always 200; only devices with a row are logged out, and in a cluster not all of their connections."""
    form = call.decode(DEVICE_QUIT)
    uid, wanted = form["uid"], form["device_flag"]
    if answer := await to_leader(call, uid):
        return answer
    if not uid:
        raise Crash
    store = call.state.store
    for flag in (0, 1, 2) if wanted == -1 else (wanted,):
        if (uid, flag) in store.devices:
            entry = _device_entry(call, uid, flag, 1, "")
            await call.propose(call.state.slot_of(uid), lambda flag=flag: store.set_device(uid, flag, 1, ""), entry)  # type: ignore[misc]
            _quit(call, [one for one in call.state.online.online_at(call.node_id, uid) if one.device_flag == flag])
    return OK


def _quit(call: Call, connections: list[Connection]) -> None:
    """Every client is told, but they are closed in one batch."""
    for one in sorted(connections, key=lambda one: (one.node_id != call.node_id, one.node_id, one.id)):
        kick_connection(call.state, one, "", call.state.timings.detach_after, by=call.node_id)


def _online_rows(connections: list[Connection]) -> list[dict[str, Any]]:
    return [{"uid": one.uid, "device_flag": one.device_flag, "online": 1} for one in connections]


@routes.add("POST", "/user/onlinestatus")
async def online_status(call: Call) -> object:
    """One row per live connection, gathered from the slot leaders; nobody is [] here and null elsewhere."""
    try:
        uids = gojson.string_list(call.body)
    except gojson.DecodeError as error:
        raise Fail(str(error), content_type=TEXT) from None
    if not uids:
        return OK
    state = call.state
    by_leader: dict[int, list[str]] = {}
    for uid in uids:
        by_leader.setdefault(state.leader_of(uid), []).append(uid)
    rows: list[dict[str, Any]] = []
    for leader, theirs in sorted(by_leader.items(), key=lambda item: item[0] != call.node_id):
        if leader != call.node_id:
            await call.reach(leader, "/user/onlinestatus")
            if not _peer_accepts_bare_calls(call):
                raise Fail("获取在线用户状态请求状态错误！[401]")
        for uid in theirs:
            rows += _online_rows(state.online.online_at(leader, uid))
    return rows or ([] if call.node_id in by_leader else None)


def _peer_accepts_bare_calls(call: Call) -> bool:
    """Nodes call each other without headers here, so a managerToken cluster refuses itself (reference 1.5)."""
    return not call.state.settings.manager_token


async def _change_system_uids(call: Call, failed: str, *, add: bool) -> object:
    uids = call.decode(UIDS)["uids"]
    leader = call.state.topology.slot_leader(0)
    if leader != call.node_id:
        return await call.forward(leader)
    known = call.state.store.system_uids

    def change() -> None:
        for uid in uids:
            if add:
                known[uid] = None
            else:
                known.pop(uid, None)

    await call.propose(0, change, ("CMDSystemUIDsAdd" if add else "CMDSystemUIDsRemove", {"uids": uids}))
    if call.online_peers() and not _peer_accepts_bare_calls(call):
        raise Fail(failed)  # stored all the same
    return OK


@routes.add("POST", "/user/systemuids_add")
async def system_uids_add(call: Call) -> object:
    return await _change_system_uids(call, "添加系统账号到缓存失败！", add=True)


@routes.add("POST", "/user/systemuids_remove")
async def system_uids_remove(call: Call) -> object:
    return await _change_system_uids(call, "移除系统账号从缓存失败！", add=False)


@routes.add("GET", "/user/systemuids")
async def system_uids(call: Call) -> object:
    leader = call.state.topology.slot_leader(0)
    if leader != call.node_id:
        return await call.forward(leader)
    return list(call.state.store.system_uids) or None


@routes.add("POST", "/user/systemuids_add_to_cache")
async def system_uids_add_to_cache(call: Call) -> object:
    call.decode(UIDS)
    return OK


@routes.add("POST", "/user/systemuids_remove_from_cache")
async def system_uids_remove_from_cache(call: Call) -> object:
    call.decode(UIDS)
    return OK
