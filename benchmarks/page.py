"""A page of 50 rows against a bare Django view that makes the same call and renders a plain table."""

from benchmarks.measure import Figure, paired
from benchmarks.with_product import stage_with_product

ROUNDS = 60


def run() -> Figure:
    with stage_with_product() as on:

        def ours() -> None:
            reply = on.product.get("/c/bench/channels/?limit=50")
            assert reply.status_code == 200 and reply.text.count("<tr") >= 50, (reply.status_code, reply.text[:500])

        def bare() -> None:
            reply = on.product.get("/bare/channels/")
            assert reply.text.count("<tr>") == 50

        measured, baseline = paired(ours, bare, rounds=ROUNDS)
    return Figure("page of 50 rows vs a bare Django view", measured, baseline, 2.0, 0, ROUNDS)
