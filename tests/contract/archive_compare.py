"""Everything a cluster holds against everything its archive holds: ids per channel, then searches by brute force."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from tests.contract.archive_proof import Stage


def compare(slug: str, stage: Stage, searches: tuple[str, ...]) -> None:
    """Prints a line a channel that differs and a line a search; ends with status 1 when anything differs."""
    import django

    django.setup()
    from imadmin.archive.rows import Incoming
    from imadmin.archive.stores import engine_of
    from imadmin.clusters.connect import gateway_for
    from imadmin.clusters.models import Cluster
    from imadmin.core.aio import run

    cluster = Cluster.objects.get(slug=slug)
    engine = engine_of(cluster.pk)
    began = time.monotonic()
    truth: list[Incoming] = run(_read_all(gateway_for(cluster)))
    print(f"server: {len(truth)} messages read in {time.monotonic() - began:.1f} s", flush=True)
    differing = _compare_channels(engine, truth)
    wrong = _compare_searches(engine, truth, stage, searches)
    print(f"{differing} channels and {wrong} searches differ", flush=True)
    raise SystemExit(1 if differing or wrong else 0)


async def _read_all(gateway: Any) -> list[Any]:
    from imadmin.archive.rows import Incoming
    from imadmin.gateway.types import ChannelRef

    channels: list[tuple[ChannelRef, int]] = []
    walk = gateway.iter_channels()
    async for row in walk:
        channels.append((row.channel, row.last_seq))
    print(f"server: {len(channels)} channels, complete: {walk.is_complete}", flush=True)
    found: list[Incoming] = []
    for channel, last_seq in channels:
        if not last_seq:
            continue
        messages = gateway.iter_all_messages(channel)
        async for one in messages:
            found.append(
                Incoming(
                    one.id, one.seq, one.channel, one.from_uid, int(one.sent_at.timestamp()), one.payload,
                    client_msg_no=one.client_msg_no, expire=one.expire, topic=one.topic, is_stream=one.is_stream,
                )
            )  # fmt: skip
        if messages.gaps or messages.failed:
            print(f"server: {channel}: gaps {messages.gaps[:3]} failed {messages.failed[:1]}", flush=True)
    return found


def _compare_channels(engine: Any, truth: list[Any]) -> int:
    theirs: dict[Any, set[int]] = defaultdict(set)
    newest: dict[Any, int] = defaultdict(int)
    for one in truth:
        theirs[one.channel].add(one.id)
        newest[one.channel] = max(newest[one.channel], one.seq)
    differing = full = 0
    for channel, ids in theirs.items():
        ours = {row.id for row in engine.newest_in(channel, most=10_000_000)}
        hold = engine.hold(channel)
        full += hold is not None and hold.spans == ((1, newest[channel]),)
        if ours != ids:
            differing += 1
            print(f"  {channel}: {len(ids - ours)} not in the archive, {len(ours - ids)} only there", flush=True)
    total = engine.totals()
    print(
        f"archive: {total.messages} messages in {total.channels} channels; {len(theirs)} channels with messages on the "
        f"server, {full} of them held whole from 1 to the server's newest number",
        flush=True,
    )
    if total.messages != len(truth):
        print(f"  the archive has {total.messages - len(truth):+d} messages", flush=True)
    return differing


def _compare_searches(engine: Any, truth: list[Any], stage: Stage, searches: tuple[str, ...]) -> int:
    from imadmin.archive import search
    from imadmin.archive.grammar import parse
    from tests.archive.oracle import Oracle

    oracle = Oracle()
    oracle.ingest(truth)
    one, two = stage.pair(0)
    names = {
        "sender": stage.uid(1), "group": stage.group(0), "one": stage.uid(one), "two": stage.uid(two),
        "prefix": f"g{stage.run}-1",
    }  # fmt: skip
    wrong, now = 0, datetime.now(UTC)
    for template in searches:
        query = template.format(**names)
        where = parse(query, zone=UTC, now=now)
        expected = oracle.find(where)
        found, below, first = [], None, 0.0
        while True:
            began = time.perf_counter()
            page = search.find(engine, where, below=below, most=500)
            first = first or time.perf_counter() - began
            found += [row.id for row in page.rows]
            below = page.next_below
            if below is None:
                break
        same = set(found) == expected and len(found) == len(set(found))
        wrong += not same
        print(f"  {'same ' if same else 'WRONG'} {len(expected):6d} hits, first page {first * 1000:6.1f} ms: {query}")
        if not same:
            print(f"        {len(expected - set(found))} missing, {len(set(found) - expected)} too many", flush=True)
    return wrong
