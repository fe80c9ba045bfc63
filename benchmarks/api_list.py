"""A list by our JSON API against the raw upstream call that it makes."""

import os

from benchmarks.measure import Figure, paired
from benchmarks.with_product import stage_with_product

ROUNDS = 60


def run() -> Figure:
    with stage_with_product() as on:
        api = os.environ["BENCH_API"]

        def ours() -> None:
            reply = on.product.get(
                "/api/v1/clusters/bench/channels?limit=50", headers={"Authorization": f"Bearer {on.token}"}
            )
            assert len(reply.json()["items"]) == 50, reply.text[:500]

        def raw() -> None:
            assert len(on.upstream.get(f"{api}/cluster/channels", params={"limit": 50}).json()["data"]) == 50

        measured, baseline = paired(ours, raw, rounds=ROUNDS)
    return Figure("API list vs the raw upstream call", measured, baseline, 1.5, 0.005, ROUNDS)
