"""Every connection of a cluster: read from all nodes, kept for seconds, filtered, counted and sorted here."""

from imadmin.monitor.connections.hidden import Ghosts, NodeGhosts, ghosts
from imadmin.monitor.connections.kept import Snapshot, snapshot, snapshot_of
from imadmin.monitor.connections.queries import MOST_SELECTED, Keys, Listing, connection, listing, select
from imadmin.monitor.connections.terms import Filter, Term, read, read_query, read_term

__all__ = [
    "MOST_SELECTED", "Filter", "Ghosts", "Keys", "Listing", "NodeGhosts", "Snapshot", "Term", "connection", "ghosts",
    "listing", "read", "read_query", "read_term", "select", "snapshot", "snapshot_of",
]  # fmt: skip
