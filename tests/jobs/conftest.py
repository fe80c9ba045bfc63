"""Jobs that tests make up, and a site of processes with a data folder of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imadmin.jobs import registry
from tests.jobs.site import Site


@pytest.fixture
def make_job() -> Iterator[Callable[..., str]]:
    """make_job(function, lost="again", ...) registers it and returns its name."""
    made: list[str] = []
    registry.known()

    def make(work: Callable[[Any], Any], **options: Any) -> str:
        name = f"test.{len(made)}"
        registry.job(name, title="A test", **options)(work)
        made.append(name)
        return name

    yield make
    for name in made:
        registry.forget(name)


@pytest.fixture(params=["embedded", "redis"])
def site(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Iterator[Site]:
    """The product's processes, once all in one, once apart with a real Redis between them."""
    redis = request.getfixturevalue("redis_server") if request.param == "redis" else None
    with Site(tmp_path, empty_database, redis) as made:
        yield made
