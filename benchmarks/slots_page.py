"""The page of 1024 slots, one of them chosen, against a bare Django view that asks one node for them and lists them."""

import statistics
import time

from benchmarks.measure import Figure, paired
from benchmarks.with_product import stage_with_product

ROUNDS = 40
SLOTS = 1024
GOAL = 0.150  # on a machine that does nothing else; the bound is the baseline, which the same load slows down


def run() -> Figure:
    with stage_with_product(slots=SLOTS) as on:
        ours: list[float] = []

        def page() -> None:
            started = time.perf_counter()
            reply = on.product.get("/c/bench/slots/?slot=486")
            ours.append(time.perf_counter() - started)
            assert reply.status_code == 200 and f'data-count="{SLOTS}"' in reply.text, (
                reply.status_code,
                reply.text[:500],
            )

        def bare() -> None:
            reply = on.product.get("/bare/slots/")
            assert reply.text.count("<tr>") == SLOTS

        measured, baseline = paired(page, bare, rounds=ROUNDS)
        size = len(on.product.get("/c/bench/slots/?slot=486").content)
    timed = sorted(ours[-ROUNDS:])
    p95 = timed[int(len(timed) * 0.95) - 1]
    reached = "reached" if statistics.median(timed) <= GOAL else "not reached"
    note = (
        f"p50 {statistics.median(timed) * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms, {size / 1024:.0f} KiB unpacked; "
        f"goal {GOAL * 1000:.0f} ms {reached}"
    )
    return Figure(f"page of {SLOTS} slots vs a bare list of them", measured, baseline, 1.2, 0, ROUNDS, note)
