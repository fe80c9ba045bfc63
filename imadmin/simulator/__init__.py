"""A WuKongIM-v2-compatible cluster on loopback for demos, tests and benchmarks.

Imports nothing else of imadmin and shares no code with the gateway, so that neither can hide the other's mistakes.
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
