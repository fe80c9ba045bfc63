"""Sending the change of one list to the cluster, and looking at what came of it.

Lists grow and shrink in pieces.  Only an allowlist that shrinks is written whole: taking its last entry off by itself
leaves everybody locked out for half an hour (reference 2.5).  A whole write that breaks half way loses people whom
nobody meant, so whoever is missing afterwards is put back at once.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError
from imadmin.directory.actions import pieces
from imadmin.directory.actions.pieces import Sent
from imadmin.directory.queries.lists import ListName, read_list
from imadmin.directory.uids import why_bad
from imadmin.gateway.errors import GatewayError, ListWriteBroken
from imadmin.gateway.types import ChannelRef


@dataclass(frozen=True, slots=True)
class Written:
    """after: the list as read back, None when it can't be.  lost: people who should have stayed and are not on it, or,
    with no list read back, may not be."""

    sent: Sent
    after: list[str] | None
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListWriter:
    """told: hears how many uids are behind us.  is_stopping: asked between two pieces."""

    scope: Scope
    channel: ChannelRef
    name: ListName
    is_adding: bool
    told: Callable[[int], None] = lambda count: None
    is_stopping: Callable[[], bool] = lambda: False

    def write(self, uids: list[str], before: list[str] | None) -> Written:
        """What goes wrong on the way comes back as a value: the list is read back in any case.

        before: the list as it was just now, None when the server can't be asked for it.
        """
        if self.name is ListName.ALLOWLIST and not self.is_adding:
            return self._write_whole(kept(before or (), uids))
        gateway = self.scope.gateway
        change = {
            (ListName.MEMBERS, True): gateway.add_subscribers,
            (ListName.MEMBERS, False): gateway.remove_subscribers,
            (ListName.DENYLIST, True): gateway.add_to_denylist,
            (ListName.DENYLIST, False): gateway.remove_from_denylist,
            (ListName.ALLOWLIST, True): gateway.add_to_allowlist,
        }[self.name, self.is_adding]
        sent = pieces.send(
            lambda piece: run(change(self.channel, piece)), uids, self._missing, self.told, self.is_stopping
        )
        return Written(sent, self.read_back() if before is not None else None)

    def read_back(self) -> list[str] | None:
        try:
            return run(read_list(self.scope.gateway, self.channel, self.name))
        except AppError:
            return None

    def _missing(self, piece: Sequence[str]) -> list[str] | None:
        now = self.read_back()
        listed = frozenset(now or ())
        return None if now is None else [uid for uid in piece if (uid in listed) is not self.is_adding]

    def _write_whole(self, wanted: list[str]) -> Written:
        sent = self._send(lambda: run(self.scope.gateway.set_allowlist(self.channel, wanted)))
        after = self.read_back()
        lost = _lost(wanted, after, sent)
        if lost:
            self._send(lambda: run(self.scope.gateway.add_to_allowlist(self.channel, lost)))
            after = self.read_back()
            lost = _lost(wanted, after, sent)
        return Written(sent, after, lost)

    def _send(self, write: Callable[[], None]) -> Sent:
        try:
            write()
        except ListWriteBroken as error:
            return Sent(error, error.unsent)
        except GatewayError as error:
            return Sent(error)
        return Sent()


def kept(before: Collection[str], leaving: Sequence[str]) -> list[str]:
    """Who stays when these leave.  Entries that can't be uids can't be written again."""
    gone = frozenset(leaving)
    return [uid for uid in dict.fromkeys(before) if uid not in gone and not why_bad(uid)]


def _lost(wanted: list[str], after: list[str] | None, sent: Sent) -> tuple[str, ...]:
    if after is not None:
        listed = frozenset(after)
        return tuple(uid for uid in wanted if uid not in listed)
    if isinstance(sent.failure, ListWriteBroken):
        return (*sent.failure.unsure, *sent.failure.unsent)
    return ()
