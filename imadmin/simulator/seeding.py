"""Puts a computed world into a state: records and configs of its channels, everything else on first touch."""

from typing import TYPE_CHECKING

from .chatter import Cast
from .ids import SNOWFLAKE_EPOCH_MS, hash64
from .model import ChannelConfig, ChannelKey, ChannelRecord, Conversation, ListEntry
from .seeded import Seeded
from .state import SimState

if TYPE_CHECKING:
    from .world import WorldSpec

AGE_DAYS, ENDS_DAYS_AGO = 30.0, 5.2  # it ends before the history of the other worlds begins
DAY_MS = 86_400_000


def add_seeded(state: SimState, spec: "WorldSpec", cast: Cast) -> None:
    now_ms = int(state.origin * 1000)
    start, end = now_ms - int(AGE_DAYS * DAY_MS), now_ms - int(ENDS_DAYS_AGO * DAY_MS)
    step = max(1, (end - start) // max(1, spec.seeded_messages))
    seeded = Seeded(
        tuple(cast.uids), spec.seeded_channels, spec.seeded_messages, start, step, node_id=state.node_ids[0]
    )
    state.archive.add_seeded(seeded)
    _add_channels(state, seeded)
    store, born = state.store, state.store.stamp()

    def members(key: ChannelKey) -> dict[str, ListEntry] | None:
        channel = seeded.channel_of(key)
        if channel is None:
            return None
        return {uid: ListEntry(uid, born, born) for uid in seeded.members(channel)}

    def conversations(uid: str) -> dict[ChannelKey, Conversation] | None:
        channels = seeded.channels_of(uid)
        return {seeded.key(one): _conversation(seeded, uid, one, born) for one in channels} or None

    store.members.make, store.conversations.make = members, conversations
    store.computed_uids = seeded.uids


def _conversation(seeded: Seeded, uid: str, channel: int, born: int) -> Conversation:
    key = seeded.key(channel)
    number = hash64(f"{uid}/{key[0]}")
    last, second = seeded.count(channel), born // 1_000_000_000
    read_to = last if number % 3 else max(0, last - number % 7)
    row_id = ((second * 1000 - SNOWFLAKE_EPOCH_MS) << 22) | (number & 0x3FFFFF)
    return Conversation(row_id, uid, *key, created_at=second, updated_at=second, read_to=read_to, changed=born)


def _add_channels(state: SimState, seeded: Seeded) -> None:
    store, slots = state.store, state.topology.view.slots
    orders: dict[int, list[int]] = {}
    for channel, key in enumerate(seeded.keys()):
        slot = slots[state.slot_of(key[0])]
        created = store.stamp()
        store.channels[key] = ChannelRecord(*key, created_at=created, updated_at=created)
        replicas = orders.get(slot.id)
        if replicas is None:
            replicas = [slot.leader, *(node for node in slot.replicas if node != slot.leader)]
            orders[slot.id] = replicas
        count = seeded.count(channel)
        store.configs[key] = ChannelConfig(
            *key,
            replicas=replicas,
            leader_id=slot.leader,
            created_at=created,
            updated_at=created,
            conf_version=state.topology.log_slot(
                slot.id, created, "CMDChannelClusterConfigSave", {"channel_id": key[0], "channel_type": key[1]}
            ),
            last_append=seeded.at(channel, count).timestamp * 1_000_000_000 if count else 0,
            written_by=slot.leader,
        )
