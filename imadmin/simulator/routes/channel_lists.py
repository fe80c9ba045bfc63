"""Deny and allow lists (the server says black and white), and reading members and lists back."""

from collections.abc import Awaitable, Callable
from typing import Any

from ..gojson import Struct
from ..http import BOTH, OK, Call, Crash, Fail, routes
from ..ids import has_forbidden, hash64, rfc3339
from ..model import ChannelKey
from ..store import Store, Table
from .channels import BAD_ID, members_entry, refuse_blank, to_leader

LIST = Struct("blacklistReq", {"channel_id": "string", "channel_type": "uint8", "uids": "[]string"})
ALLOW_LIST = Struct("whitelistReq", LIST.fields)
Change = Callable[[Call, ChannelKey, list[str]], Awaitable[None]]


async def _change(
    call: Call, shape: Struct, change: Change, *, set_or_clear: str = "", check_id: bool = False
) -> object:
    """The common part of the eight list routes. set_or_clear: `set` takes an empty list and any type."""
    form = call.decode(shape)
    if not form["channel_id"]:
        raise Fail("channel_id不能为空！")
    if check_id and has_forbidden(form["channel_id"]):
        raise Fail(BAD_ID)
    if not form["channel_type"] and set_or_clear != "set":
        raise Fail("频道类型不能为0！")
    if not form["uids"] and not set_or_clear:
        raise Fail("uids不能为空！")
    if answer := await to_leader(call, form["channel_id"]):
        return answer
    await change(call, (form["channel_id"], form["channel_type"]), form["uids"])
    return OK


async def _write(call: Call, key: ChannelKey, change: Callable[[Store], object], *entries: tuple[str, object]) -> None:
    await call.propose(call.state.slot_of(key[0]), lambda: change(call.state.store), *entries)


def _count(store: Store, key: ChannelKey, name: str, by: int) -> None:
    """The stored counters grow by what was sent, not by what was new; clearing zeroes them."""
    if record := store.record(key):
        setattr(record, name, getattr(record, name) + by if by else 0)


# -- denylist ------------------------------------------------------------------------------------------------------


async def _deny(call: Call, key: ChannelKey, uids: list[str]) -> None:
    refuse_blank(call, uids, call.path)

    def add(store: Store) -> None:
        store.add_to(store.denied, key, uids)
        _count(store, key, "denylist_count", len(uids))

    await _write(call, key, add, members_entry("CMDAddDenylist", key, uids))
    await call.propose_each(
        uids, lambda uid: call.state.store.drop_conversations([uid], key), "CMDDeleteConversation", key
    )


async def _deny_exactly(call: Call, key: ChannelKey, uids: list[str]) -> None:
    refuse_blank(call, uids, call.path)

    def replace(store: Store) -> None:
        store.clear(store.denied, key)
        _count(store, key, "denylist_count", 0)
        if uids:
            store.add_to(store.denied, key, uids)
            _count(store, key, "denylist_count", len(uids))

    added = [members_entry("CMDAddDenylist", key, uids)] if uids else []
    await _write(call, key, replace, members_entry("CMDRemoveAllDenylist", key), *added)
    await call.propose_each(
        uids, lambda uid: call.state.store.drop_conversations([uid], key), "CMDDeleteConversation", key
    )


async def _undeny(call: Call, key: ChannelKey, uids: list[str]) -> None:
    if "" in uids:
        raise Crash
    entry = members_entry("CMDRemoveDenylist", key, uids)
    await _write(call, key, lambda store: store.remove_from(store.denied, key, uids), entry)
    members = [uid for uid in uids if uid in call.state.store.members.get(key, {})]
    await call.propose_each(
        members, lambda uid: call.state.store.add_conversations([uid], key), "CMDAddOrUpdateConversations", key
    )


async def _undeny_all(call: Call, key: ChannelKey, uids: list[str]) -> None:
    await _deny_exactly(call, key, [])


@routes.add("POST", "/channel/blacklist_add")
async def blacklist_add(call: Call) -> object:
    return await _change(call, LIST, _deny)


@routes.add("POST", "/channel/blacklist_set")
async def blacklist_set(call: Call) -> object:
    return await _change(call, LIST, _deny_exactly, set_or_clear="set")


@routes.add("POST", "/channel/blacklist_remove")
async def blacklist_remove(call: Call) -> object:
    return await _change(call, LIST, _undeny)


@routes.add("POST", "/channel/blacklist_remove_all")
async def blacklist_remove_all(call: Call) -> object:
    return await _change(call, LIST, _undeny_all, set_or_clear="clear")


# -- allowlist -----------------------------------------------------------------------------------------------------


async def _allow(call: Call, key: ChannelKey, uids: list[str]) -> None:
    named = [uid for uid in uids if uid.strip()]
    if not named:
        raise Fail("uids不能为空！")

    def add(store: Store) -> None:
        store.add_to(store.allowed, key, named)
        store.allowlist_flag[key] = True
        _count(store, key, "allowlist_count", len(named))

    await _write(call, key, add, members_entry("CMDAddAllowlist", key, named))


async def _disallow(call: Call, key: ChannelKey, uids: list[str]) -> None:
    """Leaves the cached flag alone: an allowlist emptied this way goes on keeping everybody out."""
    named = [uid for uid in uids if uid.strip()]
    if not named:
        raise Fail("uids不能为空！")

    def remove(store: Store) -> None:
        store.allowlist_flag.setdefault(key, bool(store.allowed.get(key)))
        store.remove_from(store.allowed, key, named)

    await _write(call, key, remove, members_entry("CMDRemoveAllowlist", key, named))


async def _allow_exactly(call: Call, key: ChannelKey, uids: list[str]) -> None:
    def replace(store: Store) -> None:
        store.clear(store.allowed, key)
        _count(store, key, "allowlist_count", 0)
        if uids:
            store.add_to(store.allowed, key, uids)
            _count(store, key, "allowlist_count", len(uids))
        store.allowlist_flag[key] = bool(uids)

    added = [members_entry("CMDAddAllowlist", key, uids)] if uids else []
    await _write(call, key, replace, members_entry("CMDRemoveAllAllowlist", key), *added)


async def _disallow_all(call: Call, key: ChannelKey, uids: list[str]) -> None:
    await _allow_exactly(call, key, [])


@routes.add("POST", "/channel/whitelist_add")
async def whitelist_add(call: Call) -> object:
    return await _change(call, ALLOW_LIST, _allow, check_id=True)


@routes.add("POST", "/channel/whitelist_set")
async def whitelist_set(call: Call) -> object:
    return await _change(call, ALLOW_LIST, _allow_exactly, set_or_clear="set")


@routes.add("POST", "/channel/whitelist_remove")
async def whitelist_remove(call: Call) -> object:
    return await _change(call, ALLOW_LIST, _disallow, check_id=True)


@routes.add("POST", "/channel/whitelist_remove_all")
async def whitelist_remove_all(call: Call) -> object:
    return await _change(call, ALLOW_LIST, _disallow_all, set_or_clear="clear")


# -- reading back --------------------------------------------------------------------------------------------------


def _in_hash_order(table: Table, key: ChannelKey) -> list[str]:
    return sorted(table.get(key, {}), key=hash64)


@routes.add("GET", "/channel/whitelist")
async def whitelist(call: Call) -> object:
    key = (call.text("channel_id"), call.number("channel_type"))
    if answer := await to_leader(call, key[0]):
        return answer
    entries = call.state.store.allowed.get(key, {})
    rows = [entries[uid] for uid in _in_hash_order(call.state.store.allowed, key)]
    return [
        {
            "id": hash64(row.uid),
            "uid": row.uid,
            "created_at": rfc3339(row.created_at),
            "updated_at": rfc3339(row.updated_at),
        }
        for row in rows
    ]


async def _members_of(call: Call, table: Table) -> Any:
    channel_id, kind = call.params["channel_id"], call.params["channel_type"]
    if answer := await to_leader(call, channel_id):
        return answer
    return _in_hash_order(table, (channel_id, int(kind) if kind.isdigit() else 0))


@routes.add("GET", "/cluster/channels/:channel_id/:channel_type/subscribers", servers=BOTH)
async def subscribers(call: Call) -> object:
    return await _members_of(call, call.state.store.members)


@routes.add("GET", "/cluster/channels/:channel_id/:channel_type/denylist", servers=BOTH)
async def denylist(call: Call) -> object:
    return await _members_of(call, call.state.store.denied)


@routes.add("GET", "/cluster/channels/:channel_id/:channel_type/allowlist", servers=BOTH)
async def allowlist(call: Call) -> object:
    return await _members_of(call, call.state.store.allowed)
