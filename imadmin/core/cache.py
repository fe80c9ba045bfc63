"""The shared cache when it is Redis: while that is away, reads find nothing, writes are forgotten, pages still work.

Nothing is kept here that could not be asked or worked out again.  `add` then says that somebody else was first: what
takes it for a lock waits, what takes it for "once a minute" leaves it out.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
TELL_EVERY = 10.0
_told_at = 0.0


def _or(fallback: Callable[..., Any], name: str) -> Any:
    """The method of that name; `fallback` answers with the same arguments when Redis doesn't."""
    real = getattr(RedisCache, name)

    def ask(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return real(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            _tell(error)
            return fallback(*args, **kwargs)

    ask.__name__ = name
    return ask


def _missing(key: str, delta: int = 1, version: Any = None) -> int:
    raise ValueError(f"Key {key!r} not found")


class ForgivingRedisCache(RedisCache):
    get = _or(lambda key, default=None, version=None: default, "get")
    get_many = _or(lambda *args, **kwargs: {}, "get_many")
    has_key = _or(lambda *args, **kwargs: False, "has_key")
    set = _or(lambda *args, **kwargs: None, "set")
    set_many = _or(lambda data, *args, **kwargs: list(data), "set_many")
    add = _or(lambda *args, **kwargs: False, "add")
    touch = _or(lambda *args, **kwargs: False, "touch")
    delete = _or(lambda *args, **kwargs: False, "delete")
    delete_many = _or(lambda *args, **kwargs: None, "delete_many")
    incr = _or(_missing, "incr")


def _tell(error: Exception) -> None:
    global _told_at
    if time.monotonic() - _told_at > TELL_EVERY:
        _told_at = time.monotonic()
        logger.warning("cache.gone", extra={"error": type(error).__name__})
