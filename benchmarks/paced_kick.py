"""A paced kick against its pace: `make bench` kicks 500 of 2 000 sessions at 50 a second.

`python -m benchmarks.paced_kick --sessions 5000 --of 50000` is the whole size.  What counts is when each kick leaves.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from benchmarks import stage
from benchmarks.measure import Figure

PER_SECOND = 50
WITHIN = 0.10
SHARED = 10  # every so many sessions belong to a user with three of them


def run(sessions: int = 500, of: int = 2000) -> Figure:
    from django.core.management import call_command

    from benchmarks.with_product import make_rows
    from imadmin.clusters.access import enter_by_command
    from imadmin.core import aio
    from imadmin.monitor.actions import kick, operations

    with crowd(of) as sim:
        call_command("migrate", verbosity=0)
        make_rows(sim)
        scope = enter_by_command("bench")
        rows = aio.run(scope.gateway.connections()).rows[:sessions]
        draft = kick.plan(scope, rows, "bench")
        operations.apply(scope, draft.pk, reason="bench", per_second=PER_SECOND)
        left: list[tuple[float, str]] = []
        send = scope.gateway.kick_session

        async def noted(session: Any) -> None:
            left.append((time.monotonic(), session.uid))
            await send(session)

        scope.gateway.kick_session = noted  # type: ignore[method-assign]
        started = time.monotonic()
        ended = operations.carry_out(draft.pk, lambda **told: None, lambda: False)
        took = time.monotonic() - started
    assert ended == {"state": "done", "done": sessions}, ended
    moments = [moment for moment, _uid in left[:sessions]]
    measured, ideal = moments[-1] - moments[0], (sessions - 1) / PER_SECOND
    assert measured >= ideal * (1 - WITHIN), f"too quick: {measured:.1f} s instead of {ideal:.1f} s"
    return Figure(
        f"kicking {sessions} of {of} sessions at {PER_SECOND}/s vs the pace", measured, ideal, 1 + WITHIN, 0, 1,
        note=f"{took:.1f} s in all with reading back; {_quarters(moments)}; same uid at least {_gap(left):.2f} s apart; "
        f"{len(left)} sent",
    )  # fmt: skip


def _quarters(moments: list[float]) -> str:
    """Whether it drifts: the pace of each quarter."""
    size = (len(moments) - 1) // 4
    edges = [moments[number * size] for number in range(5)]
    rates = [size / (later - earlier) for earlier, later in pairwise(edges)]
    return "by quarter " + ", ".join(f"{rate:.1f}/s" for rate in rates)


def _gap(left: list[tuple[float, str]]) -> float:
    by_uid: dict[str, list[float]] = {}
    for moment, uid in left:
        by_uid.setdefault(uid, []).append(moment)
    gaps = [later - earlier for times in by_uid.values() for earlier, later in pairwise(times)]
    return min(gaps, default=float("inf"))


@contextmanager
def crowd(of: int) -> Iterator[stage.Simulated]:
    """So many sessions on three simulated nodes, in a process of its own."""
    command = [sys.executable, "-u", "-m", "benchmarks.paced_kick", "--serve", str(of)]
    process = subprocess.Popen(command, cwd=stage.ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        apis = process.stdout.readline().split()  # type: ignore[union-attr]
        if not apis:
            raise RuntimeError("the simulated cluster did not start")
        yield stage.Simulated(apis[:-1], apis[-1], "")
    finally:
        process.terminate()
        process.wait(10)


def serve(of: int) -> None:
    from imadmin.simulator import SimulatedCluster

    def put(state: Any) -> None:
        nodes = list(state.node_ids)
        for number in range(of):
            person = number // 3 if number % SHARED < 3 else number
            state.add_connection(
                f"u{person}", nodes[number % len(nodes)], device_flag=number % 3, device_id=f"d{number}"
            )

    with SimulatedCluster(nodes=3, seed=1, world="empty", manager_token=stage.TOKEN) as sim:
        sim.call(put)
        print(*(node.api_url for node in sim.nodes), sim.nodes[0].manager_url, flush=True)
        sys.stdin.read()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--of", type=int, default=2000, help="sessions there are in all")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    stage.fresh_data_folder()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    import django

    django.setup()
    figure = run(options.sessions, max(options.of, options.sessions))
    print(figure.line())
    return 0 if figure.holds else 1


if __name__ == "__main__":
    sys.exit(main())
