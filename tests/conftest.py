"""The cast and the stage: one simulated cluster for the session, people of every role, clients signed in as them."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ahead import LongestAhead
from tests.postgres_process import PostgresProcess
from tests.product import migrated_database
from tests.redis_process import RedisProcess

_numbers = itertools.count()
CAST = ("owner", "admin", "moderator", "support", "viewer", "stranger")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return LongestAhead(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def demo_cluster() -> Iterator[Any]:
    """A living demo cluster shared by read-only tests; tests that break nodes or lists start their own (`sim`)."""
    from imadmin.simulator import SimulatedCluster

    with SimulatedCluster(nodes=3, seed=1, world="demo", manager_token="sim-token", offline_after=0.5) as running:
        yield running


@pytest.fixture
def sim() -> Iterator[Any]:
    """A small simulated cluster of one's own: three nodes, empty world."""
    from imadmin.simulator import SimulatedCluster

    with SimulatedCluster(nodes=3, seed=7, world="empty", manager_token="sim-token", offline_after=0.5) as running:
        yield running


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisProcess]:
    """A real Redis of our own on a free port; a test that stops it starts it again."""
    why_not = RedisProcess.why_not()
    if why_not:
        pytest.skip(why_not)
    with RedisProcess() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresProcess]:
    """A real PostgreSQL of our own on a free port; a test that stops it starts it again."""
    why_not = PostgresProcess.why_not()
    if why_not:
        pytest.skip(why_not)
    with PostgresProcess() as running:
        yield running


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database in a data folder, for processes of the product: made once for all workers, to be copied."""
    own = tmp_path_factory.getbasetemp()
    return migrated_database(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture
def work_off(db: None) -> Callable[[], int]:
    """work_off() carries out what is queued, here and now, and returns how many runs that were: no worker needed."""
    from imadmin.jobs.models import JobRun
    from imadmin.jobs.work import execute

    def work() -> int:
        waiting = JobRun.objects.filter(state="queued").order_by("queued_at").values_list("pk", flat=True)
        return sum(execute(run_id) for run_id in list(waiting))

    return work


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's transaction lives on its connection: what is carried out inside of it must not close that as too old."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    look = BaseDatabaseWrapper.close_if_unusable_or_obsolete
    monkeypatch.setattr(
        BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda self: self.in_atomic_block or look(self)
    )


@pytest.fixture(autouse=True)
def _closed_gateways() -> Iterator[None]:
    """What a test leaves behind: open gateways, and looks at a cluster whose key the next one has again."""
    yield
    from django.core.cache import cache

    from imadmin.clusters import connect
    from imadmin.core import aio

    if connect._open:
        aio.run(connect.close_all())
    cache.clear()


@pytest.fixture(autouse=True)
def _own_archive(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Archives are kept outside the database that is rolled back: each test has its own folder, made when it is used."""
    base = tmp_path_factory.getbasetemp() / f"archive-{next(_numbers)}"
    settings.ARCHIVE_URL, settings.ARCHIVE_DIR, settings.EXPORT_DIR = "", base, base / "exports"
    yield
    from imadmin.archive import stores

    stores.close_all()


@pytest.fixture
def make_cluster(db: None) -> Callable[..., Any]:
    """A stored cluster that points at a running simulated (or any) one."""
    from tests.factories import store_cluster

    return store_cluster


@pytest.fixture
def cluster(demo_cluster: Any, make_cluster: Callable[..., Any]) -> Any:
    return make_cluster(demo_cluster, slug="demo")


@pytest.fixture
def own_cluster(sim: Any, make_cluster: Callable[..., Any]) -> Any:
    return make_cluster(sim, slug="own")


@pytest.fixture
def people(db: None) -> Callable[[Any], dict[str, Any]]:
    """people(cluster) -> {role: user}: owner of the site, admin to viewer on this cluster, stranger with nothing."""
    from tests.factories import make_cast

    return make_cast


@pytest.fixture
def scope_of(people: Callable[[Any], dict[str, Any]]) -> Callable[[Any, str], Any]:
    """scope_of(cluster, "moderator") -> the Scope that person would get by a page."""
    from imadmin.accounts.permissions import permissions_of
    from imadmin.audit.record import Actor
    from imadmin.clusters import access

    def make(cluster: Any, role: str) -> Any:
        user = people(cluster)[role]
        return access.Scope(
            actor=Actor("user", user.username, "page"),
            permissions=permissions_of(access.roles_on(user, cluster)),
            cluster=cluster,
        )

    return make


@pytest.fixture
def client_of(people: Callable[[Any], dict[str, Any]]) -> Callable[[Any, str], Any]:
    """client_of(cluster, "viewer") -> a Django test client signed in as that person."""
    from django.test import Client

    def make(cluster: Any, role: str) -> Any:
        client = Client()
        client.force_login(people(cluster)[role])
        return client

    return make
