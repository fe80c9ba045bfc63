"""Which cluster each recording was made on, and how to put a simulated one into that state."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from imadmin.simulator import SimState, SimulatedCluster
from imadmin.simulator.tokens import make
from tests.simulator.replay import SECRET, Recording, all_names, set_stage
from tests.simulator.test_auth import GUARDED, OPEN, USERS
from tests.simulator.test_recordings import NAMES as REPLAYED

GROUPS = ("auth", "channels", "cluster", "connections", "conversations", "messages", "system", "users")
SCENARIOS = {"node-dead": 1003, "config-leader-dead": 1002, "node-hung": 1001, "two-of-three-dead": 1002}
ELSEWHERE = {f"auth/{name}" for name in (*OPEN, *GUARDED)} | set(REPLAYED)
WITHOUT_TOKEN = {  # asked without credentials of a cluster that wants them
    "messages/message-send-no-token",
    "system/health-no_token",
    "system/main-no_token",
    "system/manager-no_auth",
}
TOLD_OTHERWISE = {
    "cluster/channel-replicas-diverged": "test_misdeeds: a diverged channel",
    "cluster/messages-divergent-after-failover": "test_misdeeds: a diverged channel",
    "cluster/zombie-connz-node2": "test_ghosts: a restart leaves clients elsewhere deaf",
    "cluster/channel-config-during-migrate": "test_channel_cluster",
    "cluster/channel-config-after-migrate": "test_channel_cluster",
    "system/metrics": "test_ghosts: families and types",
}
DEADLY = ("server_dies",)
JOINING = ("cluster/node-join",)


def recordings(*starts: str) -> list[str]:
    return [name for name in all_names(*GROUPS) if name.startswith(starts)]


# -- faults ----------------------------------------------------------------------------------------------------------


def fault_of(name: str) -> str:
    short = name.removeprefix("cluster/")
    return next((scenario for scenario in SCENARIOS if short.startswith(scenario + "-")), "")


def is_early(recording: Recording, note: str) -> bool:
    """Before the others have noticed: told by the seconds in its note."""
    seconds = re.match(r"([0-9.]+)s after", note)
    return seconds is not None and (float(seconds[1]) < 5.5 or fault_of(recording.name) == "two-of-three-dead")


def set_fault_stage(state: SimState, scenario: str) -> None:
    """The recordings' channels and slots: `tled` ones are led by the node that fails, `own` ones by the asked node."""
    set_stage(state)
    target, slots = SCENARIOS[scenario], state.topology.view.slots
    channels = {"h0", "h1", "g5"}
    for name in channels:
        state.add_group(name, ["u0", "u2"])
        state.add_message("u0", name, "old")
        state.add_message("u0", name, "newer")
    for uid in ("u0", "u1", "u2"):
        state.add_user(uid)
    state.add_message("u0", "g8", "idle")
    for name in recordings(f"cluster/{scenario}-"):
        request = Recording.load(name).request
        leader = target if "tled" in name else 1000 + request["node"]
        body = request["json"] if isinstance(request["json"], dict) else {}
        if number := re.search(r"/slots/(\d+)/", request["path"]):
            slots[int(number[1])].leader = leader
        if "tled" in name and body:
            slots[state.slot_of(body.get("channel_id") or body["uid"])].leader = target
    slots[state.slot_of("g8")].leader = 1001
    slots[state.slot_of("u2")].leader = 1001
    for config in state.store.configs.values():
        config.leader_id = slots[state.slot_of(config.channel_id)].leader
    state.store.configs["g8", 2].leader_id = target
    for index in range(9):
        state.add_connection(f"u{index}", (1001, 1002, 1003)[index % 3])


def break_it(cluster: SimulatedCluster, scenario: str) -> None:
    target = SCENARIOS[scenario]
    if scenario == "node-hung":
        cluster.hang(target)
        return
    cluster.kill(target)
    if scenario == "two-of-three-dead":
        cluster.kill(1003)


def comparable(body: Any) -> str:
    """An error text without addresses, node numbers and lists of slots."""
    text = re.sub(r"127\.0\.0\.1:\d+", "A", json.dumps(body, ensure_ascii=False))
    return re.sub(r"node_id=\d+", "node_id=N", re.sub(r"ids=[0-9%C]*", "ids=", re.sub(r"nodes/\d+/", "nodes/N/", text)))


# -- credentials -----------------------------------------------------------------------------------------------------


def bearer(user: str, secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {make(user, secret, 3600)[0]}"}


def odd_bearer(**claims: Any) -> dict[str, str]:
    """A token with exactly these claims."""

    def pack(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    head = f"{pack({'alg': 'HS256', 'typ': 'JWT'})}.{pack(claims)}"
    digest = hmac.new(SECRET.encode(), head.encode(), hashlib.sha256).digest()
    return {"Authorization": f"Bearer {head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"}


def headers_of(name: str, wanted: dict[str, str]) -> dict[str, str]:
    """The credentials that the recording's name speaks of."""
    headers = {"token": "secret"} if "token" in wanted else {}
    if "Authorization" not in wanted:
        return headers
    if name.startswith("auth/default-forged"):
        return bearer("____manager", "secret_wukongim")
    if name.startswith("auth/default-"):
        return bearer("guest", "secret_wukongim")
    if "no-exp" in name:
        return odd_bearer(username="admin", iss="wukongim")
    if "wrong-iss" in name:
        return odd_bearer(username="admin", iss="somebody", exp=4_000_000_000)
    if "expired" in name:
        return odd_bearer(username="admin", exp=1_000_000_000)
    user = next((one for one in ("viewer", "managerUID", "unknown-user") if one in name), "admin")
    user = "op" if name.endswith("-op") else {"managerUID": "____manager", "unknown-user": "nobody"}.get(user, user)
    return headers | bearer(user)


def options_of(name: str) -> dict[str, Any]:
    if name.startswith("auth/default-"):
        return {"users": {}, "jwt_secret": "secret_wukongim"}
    return {"users": USERS, "manager_token": "secret" if name.startswith("auth/mt-") else ""}


def lead(text: str, node: int) -> Callable[[SimState], None]:
    def prepare(state: SimState) -> None:
        state.topology.view.slots[state.slot_of(text)].leader = node

    return prepare
