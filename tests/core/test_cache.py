"""Without Redis the shared cache is an empty one: nothing breaks, and nobody gets a lock by it."""

from typing import Any

import pytest

from imadmin.core.cache import ForgivingRedisCache


def test_while_redis_is_away_reads_find_nothing_and_locks_are_not_given() -> None:
    cache: Any = ForgivingRedisCache("redis://127.0.0.1:1", {"OPTIONS": {"socket_connect_timeout": 1}})

    assert cache.get("a") is None and cache.get("a", 5) == 5 and cache.get_many(["a", "b"]) == {}
    assert cache.set("a", 1) is None and cache.set_many({"a": 1}) == ["a"]
    assert not cache.add("lock", 1) and not cache.has_key("a") and not cache.delete("a")
    assert cache.get_or_set("a", 7) == 7
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")


def test_with_redis_it_is_a_cache(redis_server: Any) -> None:
    cache: Any = ForgivingRedisCache(redis_server.url, {})

    assert cache.add("t", 1) and not cache.add("t", 1)
    assert cache.incr("t") == 2 and cache.get_many(["t", "u"]) == {"t": 2}
    cache.delete("t")
