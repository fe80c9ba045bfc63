"""One channel as the cluster keeps it: config and replicas, starting, stopping and moving it."""

from typing import Any

from ..gojson import Struct
from ..http import BOTH, OK, TEXT, Call, Crash, Fail, may_write, routes
from ..ids import channel_hash, duration
from ..model import ChannelConfig, ChannelKey
from ..shapes import stored_config
from .channels import to_leader
from .node_channels import is_running
from .people import NANO
from .slots import MIGRATE

STATUS = Struct("", {"channels": "any"})
ONE_STATUS = Struct("channelBase", {"channel_id": "string", "channel_type": "uint8"})
PLACE = "/cluster/channels/:channel_id/:channel_type"
TRANSFER = 0.3  # seconds of the real server


def key_of(call: Call) -> ChannelKey:
    kind = call.params["channel_type"]
    return call.params["channel_id"], int(kind) if kind.isdigit() and int(kind) < 256 else 0


@routes.add("GET", f"{PLACE}/config", servers=BOTH)
async def channel_config(call: Call) -> object:
    """Zero values are omitted; works only on the slot leader."""
    node_id = call.number("node_id")
    if node_id and node_id != call.node_id:
        if node_id not in call.state.node_ids:
            raise Crash
        return await call.forward(node_id)
    key = key_of(call)
    if call.state.leader_of(key[0]) != call.node_id:
        raise Fail("slot leader is not current node")
    config = call.state.store.configs.get(key)
    if config is None:
        raise Fail("not found")
    own = {} if config.written_by == call.node_id else {"id": channel_hash(*key)}
    return own | stored_config(config)


@routes.add("GET", f"{PLACE}/replicas", servers=BOTH)
async def channel_replicas(call: Call) -> object:
    state, key = call.state, key_of(call)
    if answer := await to_leader(call, key[0]):
        return answer
    config = state.store.configs.get(key)
    if config is None:
        raise Fail("not found")
    rows = []
    for node in [*config.replicas, *config.learners]:
        known = state.topology.view.nodes.get(node)
        if known is None or not known.online:
            continue
        if node != call.node_id:
            await call.reach(node, f"/cluster/channels/{key[0]}/{key[1]}/localReplica")
            if not call.token_passes:
                raise Fail("status code: 401")
        row, leads = _replica(call, config, node), node == config.leader_id
        elapsed = duration(state.now() - row["last_msg_time"] / NANO) if row["last_msg_time"] else ""
        role = (3, "leader") if leads else (1, "follower")
        rows.append({**row, "role": role[0], "role_format": role[1], "last_msg_time_format": elapsed})
    return rows


def _replica(call: Call, config: ChannelConfig, node: int) -> dict[str, Any]:
    running, last_seq, last_time = is_running(call.state, config, node), *_last(call, config, node)
    return {
        "replica_id": node,
        "leader_id": config.leader_id if running else 0,
        "running": int(running),
        "last_msg_seq": last_seq,
        "last_msg_time": last_time,
        "term": config.term if running else 0,
        "conf_version": config.conf_version if running else 0,
    }


def _last(call: Call, config: ChannelConfig, node: int) -> tuple[int, int]:
    """Where the node's copy ends; followers of a channel that diverged stay where they were."""
    key = (config.channel_id, config.channel_type)
    last = call.state.archive.last_seq(key)
    diverged = call.state.misdeeds.diverged.get(key)
    if diverged is not None and node != config.leader_id:
        last = min(last, diverged)
    message = call.state.archive.at(key, last)
    exact = config.last_append if last == call.state.archive.last_seq(key) else 0
    return last, exact or (message.timestamp * NANO if message else 0)


@routes.add("GET", f"{PLACE}/localReplica", servers=BOTH)
async def local_replica(call: Call) -> object:
    """Of a channel that was never used: all zero."""
    key = key_of(call)
    config = call.state.store.configs.get(key) or ChannelConfig(*key, [], 0, 0, 0, term=0, conf_version=0)
    return _replica(call, config, call.node_id)


async def _at_channel_leader(call: Call, resource: str) -> tuple[ChannelConfig | None, object]:
    may_write(call, resource)
    key = key_of(call)
    slot_leader = call.state.leader_of(key[0])
    if not call.state.topology.live[slot_leader].alive:
        raise Fail("connect not authed")
    config = call.state.store.configs.get(key)
    if config is None:
        raise Fail("not found" if call.state.leader_of(key[0]) == call.node_id else "leader not found")
    if config.leader_id != call.node_id:
        return None, await call.forward(config.leader_id)
    return config, OK


@routes.add("POST", f"{PLACE}/start", servers=BOTH)
async def start(call: Call) -> object:
    config, answer = await _at_channel_leader(call, "clusterchannelStart")
    if config is not None:
        config.running, config.started_at = True, call.state.now_ns()
        config.stopped_on.clear()
    return answer


@routes.add("POST", f"{PLACE}/stop", servers=BOTH)
async def stop(call: Call) -> object:
    """Ends the leader's instance, not the followers'; a wedged channel works again afterwards."""
    config, answer = await _at_channel_leader(call, "clusterchannelStop")
    if config is not None:
        config.stopped_on.add(config.leader_id)
        call.state.misdeeds.wedged.discard((config.channel_id, config.channel_type))
    return answer


@routes.add("POST", f"{PLACE}/migrate", servers=BOTH)
async def migrate(call: Call) -> object:
    """No permission is asked for, and equal, zero or unknown targets are taken: that move never ends."""
    if not call.body.strip():
        raise Fail("EOF")
    form, key, state = call.decode(MIGRATE), key_of(call), call.state
    source, target = form["migrate_from"], form["migrate_to"]
    if answer := await to_leader(call, key[0]):
        return answer
    config = state.store.configs.get(key)
    if config is None:
        raise Fail("not found")
    if source not in config.replicas:
        raise Fail("MigrateFrom not in replicas")
    if target in config.replicas and source != config.leader_id:
        raise Fail("transition between followers is not supported")
    if config.migrate_from or config.migrate_to:
        raise Fail("migrate is in progress")

    def begin() -> None:
        config.migrate_from, config.migrate_to = source, target
        if target not in config.replicas:
            config.learners = [*config.learners, target]
        state.save_config(config)
        if source != target:
            state.topology.later(TRANSFER, _end_migration, call, config)

    await call.propose(state.slot_of(key[0]), begin)
    return OK


def _end_migration(call: Call, config: ChannelConfig) -> None:
    """A target that is not there is never reached."""
    state, target, source = call.state, config.migrate_to, config.migrate_from
    if not target or target not in state.node_ids or not state.topology.is_live(target):
        return
    if target not in config.replicas:
        config.replicas = [*(node for node in config.replicas if node != source), target]
    if source == config.leader_id:
        config.leader_id, config.term = target, config.term + 1
    config.migrate_from = config.migrate_to = 0
    config.learners = []
    state.save_config(config)


@routes.add("POST", "/cluster/channel/status", servers=BOTH)
async def channel_status(call: Call) -> object:
    form = call.decode(STATUS, content_type=TEXT)
    rows = []
    for one in form["channels"] or []:
        named = one if isinstance(one, dict) else {}
        key = (str(named.get("channel_id", "")), int(named.get("channel_type") or 0))
        config = call.state.store.configs.get(key)
        running = config is not None and is_running(call.state, config, call.node_id)
        last_seq, last_time = _last(call, config, call.node_id) if config else (0, 0)
        rows.append(
            {
                "channel_id": key[0],
                "channel_type": key[1],
                "running": int(running),
                "last_msg_seq": last_seq,
                "last_msg_time": last_time,
            }
        )
    return rows
