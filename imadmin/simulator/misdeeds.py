"""What the real server was seen to do to messages and nobody expects, each turned on for one channel.

- wedged: nothing is stored any more; sends by the API answer 200, clients get reason 15 (reference 2.1)
- diverged: the leader appends, the followers don't follow, nothing is delivered; later the extra messages vanish and
  their sequence numbers are given out again (reference 5.9)
"""

from .archive import Archive
from .model import ChannelKey


class Misdeeds:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.wedged: set[ChannelKey] = set()
        self.lost = 0  # messages that were accepted and never stored
        self.diverged: dict[ChannelKey, int] = {}  # where the followers stopped
        self.poisoned_slots: set[int] = set()  # a blank uid is in their log: the next write kills again
        self._poison_stays = False

    def keep_poison(self, keep: bool) -> None:
        self._poison_stays = keep
        if not keep:
            self.poisoned_slots.clear()

    def swallow(self, slot: int) -> None:
        """A deadly command got into the slot's log."""
        if self._poison_stays:
            self.poisoned_slots.add(slot)

    def wedge(self, key: ChannelKey) -> None:
        self.wedged.add(key)

    def diverge(self, key: ChannelKey) -> None:
        self.diverged.setdefault(key, self._archive.last_seq(key))

    def is_quiet(self, key: ChannelKey) -> bool:
        """Messages are appended but reach nobody."""
        return key in self.diverged

    def agree_again(self, key: ChannelKey) -> int:
        """The followers win: how many messages vanished from the channel (the search still finds them)."""
        last = self.diverged.pop(key, None)
        return 0 if last is None else self._archive.cut(key, last)

    def repeat_seq(self, key: ChannelKey, count: int = 1) -> int:
        """The newest messages leave the channel; the next ones get their sequence numbers."""
        return self._archive.cut(key, max(0, self._archive.last_seq(key) - count))
