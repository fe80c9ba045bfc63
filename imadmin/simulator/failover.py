"""What a cluster does when a node dies, hangs or returns, at the times that were observed (reference 5.9).

Nothing here knows HTTP; `faults` closes and opens the doors, this module only moves leaders and views.
"""

import time
from collections.abc import Callable

from .moves import Moves
from .topology import Topology

LEADER_IS_MISSED = 1.5  # seconds until the others look for a new config leader
LEADER_IS_FOUND = 0.5  # and how long that takes
OFFLINE = 6.0
OFFLINE_OF_LEADER = 8.0
SLOTS_MOVE = 0.5
CAUGHT_UP = 0.8  # after a return: its view is the common one again
ONLINE_AGAIN = 1.2
SLOTS_RETURN = 0.5
LEADER_AFTER_QUORUM = 1.7
FAILED_ELECTION = 2.0  # seconds a term lasts while nobody can win


class Failover:
    def __init__(self, topology: Topology, moves: Moves) -> None:
        self._topology = topology
        self._moves = moves
        self._leaderless_since = 0.0
        self.on_restarted: Callable[[int], None] = lambda node_id: None

    def went_away(self, node_id: int, *, hung: bool) -> None:
        """A node died or hangs: the others find out later."""
        topology = self._topology
        one = topology.live[node_id]
        one.alive, one.hung = hung and one.alive, hung
        one.gone_at, one.epoch = time.time(), one.epoch + 1
        one.stale_view = topology.view.copy()
        topology.later(LEADER_IS_MISSED, self._lose_config_leader, node_id, one.epoch)
        after = OFFLINE_OF_LEADER if node_id == topology.view.leader else OFFLINE
        topology.later(after, self._mark_offline, node_id, one.epoch)

    def came_back(self, node_id: int, *, restarted: bool) -> None:
        """A node answers again, with an old view at first; it is online a little later and gets its slots back."""
        topology = self._topology
        one = topology.live[node_id]
        one.alive, one.hung, one.epoch = True, False, one.epoch + 1
        if restarted:
            one.started_at = time.time()
        topology.later(CAUGHT_UP, self._catch_up, node_id, one.epoch)
        topology.later(ONLINE_AGAIN, self._mark_online, node_id, one.epoch, restarted)
        self._look_for_missing()
        if not topology.view.leader:
            topology.later(LEADER_AFTER_QUORUM, self._elect_config_leader)

    def _is_current(self, node_id: int, epoch: int) -> bool:
        return self._topology.live[node_id].epoch == epoch

    # -- the configuration's leader ------------------------------------------------------------------------------

    def _lose_config_leader(self, node_id: int, epoch: int) -> None:
        topology = self._topology
        view = topology.view
        if not self._is_current(node_id, epoch) or not view.leader:
            return
        if not topology.answers(view.leader):  # one that lives goes on calling itself leader, quorum or not
            view.leader = 0
            self._leaderless_since = 0.0 if topology.has_quorum() else time.time()
            topology.later(LEADER_IS_FOUND, self._elect_config_leader)

    def _elect_config_leader(self) -> None:
        topology = self._topology
        view = topology.view
        if view.leader or not topology.has_quorum():
            return
        waited = time.time() - self._leaderless_since if self._leaderless_since else 0.0
        view.term += 1 + int(waited / topology.pace / FAILED_ELECTION)
        view.leader = min(node for node, one in topology.live.items() if one.answers and view.nodes[node].status == 3)
        self._look_for_missing()
        self._moves.go_on()

    # -- nodes ---------------------------------------------------------------------------------------------------

    def _look_for_missing(self) -> None:
        """A cluster without quorum notices no death; once it has one again, it does."""
        topology = self._topology
        for node_id, one in topology.live.items():
            if not one.answers and topology.view.nodes[node_id].online:
                topology.later(OFFLINE, self._mark_offline, node_id, one.epoch)

    def _mark_offline(self, node_id: int, epoch: int) -> None:
        topology = self._topology
        node = topology.view.nodes[node_id]
        if not self._is_current(node_id, epoch) or not topology.has_quorum() or not topology.has_config_leader:
            return
        if not node.online:
            return
        node.online = False
        node.offline_count += 1
        node.last_offline = int(time.time())
        topology.log_config("CMDTypeNodeOnlineStatusChange", {"nodeId": node_id, "online": False})
        self._moves.orphan(node_id)
        topology.later(SLOTS_MOVE, self._moves.adopt_orphans)

    def _catch_up(self, node_id: int, epoch: int) -> None:
        if self._is_current(node_id, epoch):
            self._topology.live[node_id].stale_view = None

    def _mark_online(self, node_id: int, epoch: int, restarted: bool) -> None:
        topology = self._topology
        if not self._is_current(node_id, epoch):
            return
        if not topology.has_quorum():
            return
        if not topology.view.nodes[node_id].online:
            topology.view.nodes[node_id].online = True
            topology.log_config("CMDTypeNodeOnlineStatusChange", {"nodeId": node_id, "online": True})
        if restarted:
            self.on_restarted(node_id)
        topology.later(SLOTS_RETURN, self._moves.welcome_back, node_id)
