"""Adding 5 000 uids to a channel by the product's action against the bare calls with the same chunks and pauses."""

import os
import time

import httpx

from benchmarks import stage
from benchmarks.measure import Figure

UIDS = 5000
ROUNDS = 3


def run() -> Figure:
    from django.core.management import call_command

    from benchmarks.with_product import make_rows
    from imadmin.clusters.access import enter_by_command
    from imadmin.core.outcomes import Result
    from imadmin.directory.actions.lists import ListChange, Verb, change_list
    from imadmin.directory.queries.lists import ListName
    from imadmin.gateway.kinds.wukongim2.guards import LIST_CHUNK, LIST_PAUSE
    from imadmin.gateway.types import ChannelRef

    ours, bare = [], []
    with stage.simulated(["--world", "empty"]) as sim:
        call_command("migrate", verbosity=0)
        make_rows(sim)
        scope = enter_by_command("bench")
        with httpx.Client(base_url=sim.apis[0], headers={"token": stage.TOKEN}, timeout=30) as client:
            for number in range(ROUNDS):
                names = [f"u{number}x{one:05d}" for one in range(UIDS)]
                for kind, times in (("a", ours), ("b", bare)):
                    channel = ChannelRef(f"bench-{kind}-{number}", 2)
                    client.post("/channel", json={"channel_id": channel.id, "channel_type": 2}).raise_for_status()
                    started = time.perf_counter()
                    if kind == "a":
                        change = ListChange(channel, ListName.MEMBERS, Verb.ADD)
                        outcomes = change_list(scope, change, names, reason="bench")
                        assert len(outcomes.of(Result.DONE)) == UIDS, outcomes.counts()
                    else:
                        for first in range(0, UIDS, LIST_CHUNK):
                            if first:
                                time.sleep(LIST_PAUSE)
                            body = {"channel_id": channel.id, "channel_type": 2}
                            chunk = names[first : first + LIST_CHUNK]
                            client.post(
                                "/channel/subscriber_add", json={**body, "subscribers": chunk}
                            ).raise_for_status()
                    times.append(time.perf_counter() - started)
    os.environ.pop("BENCH_API", None)
    middle = ROUNDS // 2
    return Figure(
        f"adding {UIDS} uids vs the bare paced calls", sorted(ours)[middle], sorted(bare)[middle], 1.1, 0, ROUNDS,
        note="ours reads the list before and after, and writes the audit trail",
    )  # fmt: skip
