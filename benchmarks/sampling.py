"""What a minute's sampling of ten nodes costs us in CPU, people counted, against its bound of one second."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from benchmarks import stage
from benchmarks.measure import Figure

NODES = 10
CROWD = 20_000  # connections: as many as a minute lists (sampling.ROWS_A_MINUTE)
ROUNDS = 7
BOUND = 1.0


def run() -> Figure:
    from django.core.management import call_command

    from benchmarks.with_product import make_rows
    from imadmin.clusters.models import Cluster
    from imadmin.core.aio import run as wait_for
    from imadmin.gateway.contract import Connection
    from imadmin.gateway.registry import open_gateway
    from imadmin.monitor import sampling
    from imadmin.monitor.sample_models import Minute

    call_command("migrate", verbosity=0)
    sampled, counted = [], []
    with stage.simulated(["--nodes", str(NODES)]) as sim:
        make_rows(sim)
        cluster = Cluster.objects.get(slug="bench")
        at = datetime.now(UTC)
        for number in range(ROUNDS + 1):
            started = time.process_time()
            report = sampling.sample(cluster, at=at + timedelta(minutes=number))
            sampled.append(time.process_time() - started)
            assert (report.nodes, report.answered) == (NODES, NODES), report
        few = Minute.objects.filter(cluster=cluster, node=0).latest("minute").rows
    with _crowd() as api:
        gateway = open_gateway("wukongim2", Connection(api_url=api, manager_url=""))
        wait_for(gateway.node_ids())
        for _ in range(ROUNDS):
            started = time.process_time()
            people = wait_for(gateway.people(range(1, NODES + 1)))
            counted.append(time.process_time() - started)
            assert sum(one.rows or 0 for one in people) == CROWD, people
        wait_for(gateway.aclose())
    asked, listed = statistics.median(sampled[1:]), statistics.median(counted)
    return Figure(
        f"CPU of a minute of {NODES} nodes vs its bound", asked + listed, BOUND, 1.0, 0, ROUNDS,
        note=f"{asked * 1000:.0f} ms with {few} connections, and {listed * 1000:.0f} ms more to list {CROWD}",
    )  # fmt: skip


@contextmanager
def _crowd() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.crowd", str(CROWD), str(NODES)],
        cwd=stage.ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process.stdout.readline().strip()  # type: ignore[union-attr]
    finally:
        process.terminate()
        process.wait(10)
