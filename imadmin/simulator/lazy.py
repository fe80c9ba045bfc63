"""Tables whose rows may be computed on first touch, so that a big world costs only what somebody looked at."""

from collections.abc import Callable
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LazyDict(dict[K, V]):
    """A dict that asks `make` for a row it has not; what was taken out is not made again."""

    make: Callable[[K], V | None] | None = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._gone: set[K] = set()

    def get(self, key: K, default: Any = None) -> Any:
        if key in self:
            return self[key]
        made = self.make(key) if self.make is not None and key not in self._gone else None
        if made is None:
            return default
        self[key] = made
        return made

    def setdefault(self, key: K, default: Any = None) -> Any:
        found = self.get(key)
        return found if found is not None else super().setdefault(key, default)

    def pop(self, key: K, *default: Any) -> Any:
        self._gone.add(key)
        return super().pop(key, *default)

    def peek(self, key: K) -> V | None:
        """The row, without keeping it."""
        if key in self:
            return self[key]
        return self.make(key) if self.make is not None and key not in self._gone else None
