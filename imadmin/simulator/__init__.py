"""A WuKongIM-v2-compatible cluster on loopback for demos, tests and benchmarks.

Imports nothing else of imadmin and shares no code with the gateway, so that neither can hide the other's mistakes.

    with SimulatedCluster(nodes=3, world="demo", manager_token="t", offline_after=0.5) as sim:
        sim.nodes[0].api_url, .manager_url, .ws_url; sim.call(lambda state: state.add_message("ann", "tea", "hi"))

Worlds: demo, empty, large (50 000 connections, 100 000 channels, a million messages), or a WorldSpec (slot_count up to
1024, replica_count, seeded_channels, seeded_messages ...). All times follow `offline_after`: 6 is the real server.

Knobs, all methods of SimulatedCluster and by POST to the control port:
- nodes: kill, revive (restart), hang, resume, slow, break_node, clock_skew, heal, join(stuck=), close_door and
  open_door (main, manager or ws alone), break_metrics (missing, garbage, empty)
- slots: wedge_slot, heal_slot, lag, unlag, stick_moves; a move to an unknown node stays pending by itself
- clients: haunt (ghosts), loiter (unauthenticated), deafen, end_deafness, hit_bystanders, storm (many reconnect at
  once);
  clinging= (share of kicked clients that stay as ghosts), deaf_share= (of clients after a restart elsewhere)
- messages: wedge_channel, diverge_channel, heal_channel, repeat_seq (a sequence number given out twice), keep_poison
- webhook: use_webhook(url, focus), lose_batch
"""

from .cluster import SimulatedCluster, SimulatedNode
from .ids import ChannelType, Reason, person_id
from .state import Death, SimState
from .topology import Timings
from .world import DEMO, EMPTY, LARGE, WorldSpec

__all__ = [
    "DEMO",
    "EMPTY",
    "LARGE",
    "ChannelType",
    "Death",
    "Reason",
    "SimState",
    "SimulatedCluster",
    "SimulatedNode",
    "Timings",
    "WorldSpec",
    "person_id",
]
