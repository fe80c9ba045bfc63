"""Ten clusters of ten nodes for a year, with the retention as it is: the size of the database and a year's chart.

Minutes of 14 days are made up and rolled up by the product's own statement; older hours are copies of those, moved back
in time.  Nothing is extrapolated: the file holds every row that an installation of that size would have.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.measure import Figure

CLUSTERS, NODES = 10, 10
MINUTE_DAYS, HOUR_DAYS = 14, 400
MOST_BYTES = 1_000_000_000
BOUND = 0.200
ROUNDS = 9
ZONE = "Asia/Shanghai"


def run() -> Figure:
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from imadmin.clusters.models import Cluster
    from imadmin.monitor import series, windows
    from imadmin.monitor.sample_models import Day, Hour, Minute

    call_command("migrate", verbosity=0)
    path = Path(settings.DATABASES["default"]["NAME"])
    before = _bytes(path)
    clusters = [
        Cluster.objects.create(
            slug=f"year{number}", name=f"year{number}", api_url="http://x:1", manager_url="http://x:2"
        )
        for number in range(CLUSTERS)
    ]
    now = datetime.now(UTC)
    fill(clusters, now)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = _bytes(path) - before
    assert size < MOST_BYTES, f"{size} bytes"

    def year(figures: tuple[str, ...], node: int | None) -> Callable[[], series.Chart]:
        window = windows.window(now - timedelta(days=365), now, zone=ZoneInfo(ZONE), now=now)
        return lambda: series.chart(clusters[0], window, figures, node=node)

    from django.core.cache import cache

    assert len(year(("connections",), None)().nodes) == NODES
    by_node, first = _medians(year(("connections",), None), cache.clear)
    _, whole = _medians(year(("users",), 0), cache.clear)
    _, again = _medians(year(("connections",), None), lambda: None)
    counts = {"minutes": Minute, "hours": Hour, "days": Day}
    held = ", ".join(f"{model.objects.filter(cluster__in=clusters).count():,} {word}" for word, model in counts.items())
    with connection.cursor() as cursor:  # the other figures want a small database
        for model in counts.values():
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
    return Figure(
        f"CPU of a year's chart of {NODES} nodes vs its bound", by_node, BOUND, 1.0, 0, ROUNDS,
        note=f"the least of them; days of {ZONE} out of hours, {first * 1000:.0f} ms on the clock and {again * 1000:.0f} ms when asked again; "
        f"of the whole cluster {whole * 1000:.0f} ms; "
        f"{CLUSTERS} x {NODES} for a year: {size / 1e6:.0f} MB of at most 1000 ({held})",
    )  # fmt: skip


def fill(clusters: list[object], now: datetime) -> None:
    """Minutes by one statement, their hours by the product, older hours as copies of those, days by the product."""
    from django.db import connection

    from imadmin.monitor import rollup
    from imadmin.monitor.sample_models import FIGURES, PARTS

    end = int(now.timestamp()) // 60
    nodes = ", ".join(f"({1001 + number})" for number in range(NODES))
    noise = "abs((m.x * 7919 + n.x * 104729) % 9000)"
    values = {
        "connections": noise, "sockets": f"{noise} + 3", "rows": noise, "users": f"{noise} * 9 / 10",
        "sends": "(m.x % 997) * 3", "incoming": "(m.x % 997) * 30", "outgoing": "(m.x % 997) * 70", "retries": "m.x % 7",
        "memory": "4000 + m.x % 900", "goroutines": "8000 + m.x % 3000", "cpu": "300 + m.x % 400",
        "latency": "3 + m.x % 20", "lag": "m.x % 3", "answered": f"CASE n.x WHEN 0 THEN {NODES} ELSE 1 END",
        "nodes": f"CASE n.x WHEN 0 THEN {NODES} ELSE 1 END", "verdict": "CASE n.x WHEN 0 THEN 0 END",
    }  # fmt: skip
    columns = ", ".join(f'"{figure}"' for figure in FIGURES)
    rolled = ", ".join(f"{figure}_{part}" for figure in FIGURES for part in PARTS)
    hours = end // 60
    whose = ", ".join(f"({cluster.pk})" for cluster in clusters)  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        # In the order in which they would come: all clusters of a minute, then the next minute.
        cursor.execute(
            f"WITH RECURSIVE m(x) AS (SELECT {end - MINUTE_DAYS * 1440} UNION ALL SELECT x + 1 FROM m WHERE x < {end}), "
            f"n(x) AS (VALUES (0), {nodes}), c(x) AS (VALUES {whose}) "
            f"INSERT INTO monitor_minute (cluster_id, minute, node, {columns}) "
            f"SELECT c.x, m.x, n.x, {', '.join(values[figure] for figure in FIGURES)} FROM m CROSS JOIN c CROSS JOIN n"
        )
        for cluster in clusters:
            rollup.roll(cluster, at=now)  # type: ignore[arg-type]
        for back in range(1, HOUR_DAYS // MINUTE_DAYS + 1):
            cursor.execute(
                f"INSERT OR IGNORE INTO monitor_hour (cluster_id, hour, node, {rolled}) "
                f"SELECT cluster_id, hour - {back * MINUTE_DAYS * 24}, node, {rolled} FROM monitor_hour "
                f"WHERE hour > {hours - MINUTE_DAYS * 24} ORDER BY hour, cluster_id, node"
            )
        for cluster in clusters:
            cursor.execute(rollup.DAYS, [cluster.pk, 0])  # type: ignore[attr-defined]


def _medians(call: Callable[[], object], before: Callable[[], None]) -> tuple[float, float]:
    """The least CPU (the database works in our process, others may not) and the median of the clock, in seconds."""
    cpu, wall = [], []
    for _ in range(ROUNDS + 1):
        before()
        began, started = time.process_time(), time.perf_counter()
        call()
        cpu.append(time.process_time() - began)
        wall.append(time.perf_counter() - started)
    return min(cpu[1:]), statistics.median(wall[1:])


def _bytes(path: Path) -> int:
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))
