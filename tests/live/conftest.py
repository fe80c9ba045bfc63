"""The door and the sockets in this process, over a database that other threads see."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def shared_cluster(transactional_db: None, demo_cluster: Any) -> Any:
    from tests.factories import store_cluster

    return store_cluster(demo_cluster, slug="demo")


@pytest.fixture
def cast_of() -> Callable[[Any], dict[str, Any]]:
    from tests.factories import make_cast

    return make_cast


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()
