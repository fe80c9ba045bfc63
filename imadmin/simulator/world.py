"""Builds a world: people, groups, chats and days of history, the same for the same seed.

Every time lies a fixed span before the start and ids derive from those times, so two starts with one seed differ
only by the moment they began; uids, channels, members, senders and texts are equal.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from .chatter import Cast, Chat, Chatter, some_hex
from .corpus import CHINESE_UIDS, ENGLISH, GIVEN, SURNAMES
from .ids import SYSTEM_UID, ChannelType
from .seeding import add_seeded
from .state import SimState

DAY = 86_400.0
HISTORY_DAYS = 5.0
IP_RANGES = ("192.0.2", "198.51.100", "203.0.113")  # reserved for documentation
DEVICE_NAMES = {0: ("iphone", "android", "huawei", "mi", "pad"), 1: ("chrome", "firefox", "edge"), 2: ("win", "mac")}


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """How much of everything; zeros make an empty world."""

    users: int = 0
    groups: int = 0
    person_chats: int = 0
    messages: int = 0
    connections: int = 0
    traffic_per_second: float = 0.0
    slot_count: int = 64
    replica_count: int = 3
    seeded_channels: int = 0  # computed from the seed instead of held: see `seeded`
    seeded_messages: int = 0

    @property
    def is_alive(self) -> bool:
        return self.traffic_per_second > 0 or self.connections > 0


DEMO = WorldSpec(users=300, groups=60, person_chats=140, messages=6000, connections=200, traffic_per_second=1.6)
EMPTY = WorldSpec()
LARGE = WorldSpec(
    users=50_000,
    groups=60,
    person_chats=140,
    messages=6000,
    connections=50_000,
    traffic_per_second=2.0,
    slot_count=256,
    seeded_channels=100_000,
    seeded_messages=1_000_000,
)
WORLDS = {"demo": DEMO, "empty": EMPTY, "large": LARGE}

NAMED_GROUPS: tuple[tuple[str, str, str, int], ...] = (
    ("shanghai-office", "office", "zh", 64),
    ("berlin-office", "office", "en", 38),
    ("all-hands", "office", "en", 180),
    ("售后支持群", "shop", "zh", 46),
    ("g-coffee-lovers", "family", "en", 24),
    ("龙之谷公会", "gaming", "zh", 90),
    ("guild-nightwatch", "gaming", "en", 72),
    ("仓储调度", "logistics", "zh", 33),
    ("freight-desk-eu", "logistics", "en", 21),
    ("sdk-users", "tech", "en", 110),
    ("产品需求评审", "office", "zh", 18),
    ("幸福一家人", "family", "zh", 7),
    ("the-millers", "family", "en", 6),
    ("双十一大促作战室", "shop", "zh", 41),
    ("vip-customers", "shop", "en", 55),
    ("release-train", "tech", "en", 27),
)


def build_world(state: SimState, spec: WorldSpec) -> Cast:
    """Fill an empty state; leaves the cast in `state.cast` for the traffic."""
    rng = random.Random(f"world-{state.seed}")
    cast = Cast()
    state.cast = cast
    if not spec.users:
        return cast
    state.written_at = state.origin - HISTORY_DAYS * DAY - 3600
    for live in state.topology.live.values():
        live.started_at = state.written_at
    _add_people(state, spec, rng, cast)
    if spec.seeded_channels:
        add_seeded(state, spec, cast)
    _add_groups(state, spec, rng, cast)
    _add_person_chats(state, spec, rng, cast)
    _add_special_channels(state, rng, cast)
    _add_restrictions(state, rng, cast)
    _write_history(state, spec, rng, cast)
    _read_some(state, rng)
    _count_history(state, spec)
    state.written_at = None
    for _ in range(spec.connections):
        connect_somebody(state, rng, cast, since=rng.expovariate(1 / 5400))
    return cast


def _tick(state: SimState, seconds: float) -> None:
    state.written_at = (state.written_at or state.origin) + seconds


# -- people --------------------------------------------------------------------------------------------------------


def _new_uid(rng: random.Random, taken: set[str]) -> str:
    while True:
        style = rng.random()
        if style < 0.45:
            uid = f"u{rng.randrange(600000, 629999)}"
        elif style < 0.72:
            uid = f"{rng.choice(SURNAMES)}.{rng.choice(GIVEN)}"
        elif style < 0.9:
            uid = f"{rng.choice(ENGLISH)}{rng.choice(('', '_', '-'))}{rng.randrange(2, 99)}"
        else:
            uid = some_hex(rng, 32)
        if uid not in taken:
            taken.add(uid)
            return uid


def _add_people(state: SimState, spec: WorldSpec, rng: random.Random, cast: Cast) -> None:
    taken = set(CHINESE_UIDS)
    cast.uids = list(CHINESE_UIDS[: spec.users])
    cast.uids += [_new_uid(rng, taken) for _ in range(spec.users - len(cast.uids))]
    rng.shuffle(cast.uids)
    for uid in cast.uids:
        _tick(state, rng.uniform(1, 9))
        for flag, share in ((0, 0.86), (1, 0.4), (2, 0.22)):
            if rng.random() < share:
                state.add_user(uid, token=some_hex(rng, 32), flag=flag, level=int(flag == 0))
    for uid in ("sys-notice", "helpdesk-bot", "订单助手"):
        state.store.system_uids[uid] = None
    cast.spammers = rng.sample(cast.uids, min(4, len(cast.uids)))


# -- channels ------------------------------------------------------------------------------------------------------


def _group_names(spec: WorldSpec, rng: random.Random) -> Iterator[tuple[str, str, str, int]]:
    yield from NAMED_GROUPS[: spec.groups]
    themes = ("office", "shop", "gaming", "family", "logistics", "tech")
    for index in range(spec.groups - len(NAMED_GROUPS)):
        yield f"g{2001 + index * 7}", rng.choice(themes), rng.choice(("zh", "zh", "en")), int(rng.triangular(3, 60, 9))


def _add_groups(state: SimState, spec: WorldSpec, rng: random.Random, cast: Cast) -> None:
    for index, (channel_id, theme, language, size) in enumerate(_group_names(spec, rng)):
        _tick(state, rng.uniform(5, 40))
        members = rng.sample(cast.uids, min(size, len(cast.uids)))
        listed = index % 20 != 19  # a few came by subscriber_add and are in no list
        state.add_group(channel_id, members, listed=listed)
        weight = len(members) ** 0.7 * rng.lognormvariate(0, 0.8)
        cast.chats.append(Chat(channel_id, int(ChannelType.GROUP), members, theme, language, weight))


def _add_person_chats(state: SimState, spec: WorldSpec, rng: random.Random, cast: Cast) -> None:
    for _ in range(spec.person_chats):
        pair = rng.sample(cast.uids, 2)
        theme = rng.choice(("family", "office", "shop", "gaming"))
        chat = Chat(pair[1], int(ChannelType.PERSON), pair, theme, rng.choice(("zh", "en")), rng.lognormvariate(0, 0.7))
        cast.chats.append(chat)


def _add_special_channels(state: SimState, rng: random.Random, cast: Cast) -> None:
    """Customer service, community, topic, info, live and visitor channels, and the notices of system accounts."""
    kinds = (
        ("kf-desk-01", 3, "shop", "zh", 5),
        ("kf-desk-02", 3, "shop", "en", 4),
        ("community-makers", 4, "tech", "en", 40),
        ("community-makers-printing", 5, "tech", "en", 22),
        ("city-news", 6, "office", "zh", 60),
        ("live-8801", 9, "gaming", "zh", 50),
        ("v-770123", 10, "shop", "en", 3),
    )
    for channel_id, kind, theme, language, size in kinds:
        _tick(state, 20)
        members = rng.sample(cast.uids, min(size, len(cast.uids)))
        state.add_group(channel_id, members, kind)
        cast.chats.append(Chat(channel_id, kind, members, theme, language, 1.5))
    for uid in rng.sample(cast.uids, min(12, len(cast.uids))):
        cast.chats.append(Chat(uid, int(ChannelType.PERSON), [SYSTEM_UID], "notice", rng.choice(("zh", "en")), 0.3))


def _add_restrictions(state: SimState, rng: random.Random, cast: Cast) -> None:
    """Something of every kind for moderators to find: bans, disbanded groups, deny and allow lists."""
    store = state.store
    groups = [chat for chat in cast.chats if chat.channel_type == ChannelType.GROUP]
    if len(groups) < 12 or len(cast.uids) < 20:
        return
    for chat, flags in zip(groups[-4:], ({"ban": 1}, {"ban": 1}, {"disband": 1}, {"disband": 1}), strict=True):
        store.save_channel(chat.channel_id, 2, flags)
        chat.weight = 0.25
        chat.is_closed = True
    for chat in (groups[3], groups[5], groups[9], groups[11]):
        denied = [*cast.spammers[:2], *rng.sample(chat.members, min(2, len(chat.members)))]
        store.add_to(store.denied, chat.key, denied)
        if record := store.record(chat.key):
            record.denylist_count = len(denied)
        chat.members = [uid for uid in chat.members if uid not in denied]
    for chat in (groups[2], groups[15 % len(groups)]):
        writers = rng.sample(chat.members, min(4, len(chat.members)))
        store.add_to(store.allowed, chat.key, writers)
        store.allowlist_flag[chat.key] = True
        if record := store.record(chat.key):
            record.allowlist_count = len(writers)
        chat.members = writers
    quiet = [uid for uid in cast.uids if uid not in cast.spammers]
    restricted = ((quiet[0], {"ban": 1, "send_ban": 1}), (quiet[1], {"ban": 1}), (cast.spammers[3], {"send_ban": 1}))
    for uid, flags in restricted:
        store.save_channel(uid, int(ChannelType.PERSON), flags)
    store.add_to(store.denied, (quiet[2], 1), cast.spammers[:1])


# -- history -------------------------------------------------------------------------------------------------------


def _write_history(state: SimState, spec: WorldSpec, rng: random.Random, cast: Cast) -> None:
    chatter = Chatter(rng, cast.chats, cast.spammers)
    start = state.origin - HISTORY_DAYS * DAY
    moments = sorted(start + _daily(rng) for _ in range(spec.messages))
    for moment in moments:
        state.written_at = moment
        line = chatter.next_line()
        state.add_message(
            line.from_uid,
            line.channel_id,
            line.payload,
            line.channel_type,
            at=moment,
            client_msg_no=some_hex(rng, 32) + "0",
            red_dot=line.red_dot,
        )


def _count_history(state: SimState, spec: WorldSpec) -> None:
    """Counters since the nodes' start, as if the history had passed through them."""
    share = spec.messages // len(state.node_ids)
    for node_id in state.node_ids:
        counted = {"send": share, "send_bytes": share * 190, "recv": share * 9, "recv_bytes": share * 1600}
        counted |= {"recvack": share * 9, "append": spec.messages}
        for name, amount in {**counted, "ping": share * 20}.items():
            state.count(node_id, name, amount)


def _daily(rng: random.Random) -> float:
    """Seconds after the start of history; more in recent days, few at night."""
    while True:
        offset: float = HISTORY_DAYS * DAY * rng.random() ** 0.7
        hour = offset / 3600 % 24
        if rng.random() < (1.0 if 1 <= hour <= 15 else 0.15):
            return offset


def _read_some(state: SimState, rng: random.Random) -> None:
    for mine in state.store.conversations.values():
        for key, one in mine.items():
            last = state.archive.last_seq(key)
            one.read_to = last if rng.random() < 0.6 else rng.randrange(last + 1)


# -- connections ---------------------------------------------------------------------------------------------------


def connect_somebody(state: SimState, rng: random.Random, cast: Cast, since: float = 0.0) -> None:
    """One more simulated client on a living node."""
    nodes = [node for node in state.node_ids if state.topology.answers(node)]
    if not nodes:
        return
    uid, flag = rng.choice(cast.uids), rng.choices((0, 1, 2), (6, 3, 1))[0]
    entry = state.store.record((uid, int(ChannelType.PERSON)))
    if entry and entry.ban:
        return
    busy = min(since, 7200) / 60
    received, sent = int(busy * rng.uniform(0, 3)), int(busy * rng.uniform(0, 0.4))
    idle = min(since, rng.expovariate(1 / 40))
    state.add_connection(
        uid,
        rng.choice(nodes),
        device_flag=flag,
        device_level=int(flag == 0 and rng.random() < 0.8),
        device_id=f"{rng.choice(DEVICE_NAMES[flag])}-{some_hex(rng, 8)}",
        version=rng.choice((3, 4, 4, 5, 5, 5)),
        ip=f"{rng.choice(IP_RANGES)}.{rng.randrange(1, 255)}",
        port=rng.randrange(20000, 65000),
        connected_at=state.now() - since,
        last_activity=state.now() - idle,
        in_msgs=sent,
        out_msgs=received,
        in_packets=sent + received + int(busy),
        out_packets=sent + received + int(busy),
        in_msg_bytes=sent * 60,
        out_msg_bytes=received * 60,
        in_packet_bytes=sent * 140 + received * 17,
        out_packet_bytes=received * 140,
    )
