"""The search page over an archive of a million messages, as a browser asks for it: the whole page, and htmx's part.

IMADMIN_BENCH_MESSAGES sets the size (1 000 000).  The bound is on the clock, network and template included.
"""

import os
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx

from benchmarks.archive_corpus import DAYS, START, Corpus
from benchmarks.measure import Figure
from benchmarks.with_product import stage_with_product

ROUNDS = 5
GOAL = 0.300  # of the slowest twentieth
OLDER = 4  # pages further that are read of a search with many hits
PART = {"HX-Request": "true"}
_NEXT = re.compile(r"cursor=([a-z2-7]+)")
_ROW = re.compile(r"<tr\b")


@dataclass(frozen=True, slots=True)
class Slowest(Figure):
    """measured: the 95th of a hundred; baseline: the median of a bare view."""

    typical: float = 0.0

    @property
    def holds(self) -> bool:
        return self.measured <= self.limit

    def line(self) -> str:
        verdict = "holds" if self.holds else "MISSED"
        text = (
            f"{self.name:<44} p95 {self.measured * 1000:7.1f} ms  p50 {self.typical * 1000:7.1f} ms  "
            f"bare view {self.baseline * 1000:7.1f} ms, p50 {self.typical / self.baseline:.2f}x of it  "
            f"(p95 <= {self.limit * 1000:g} ms; {verdict}; {self.rounds} requests)"
        )
        return f"{text}\n{'':<44} {self.note}"


def run() -> tuple[Figure, ...]:
    size = int(os.environ.get("IMADMIN_BENCH_MESSAGES", "1000000"))
    with stage_with_product() as on:
        corpus = Corpus(size)
        fill(corpus)
        queries = _queries(corpus)
        expected = {query: _rows(on.product, _address(query)) for query in queries}  # and each was asked once
        right = _by_engine(queries)
        assert expected == right, {query: (expected[query], right[query]) for query in queries}
        return tuple(_figures(on.product, queries, size))


def fill(corpus: Corpus) -> None:
    """The archive of the served product's one cluster; not open, so that nothing else is read into it."""
    from imadmin.archive.models import Archive
    from imadmin.archive.stores import engine_of
    from imadmin.clusters.models import Cluster

    cluster = Cluster.objects.get(slug="bench")
    now = datetime.now(UTC)
    Archive.objects.update_or_create(
        cluster=cluster, defaults={"whole_at": now, "round_started_at": now, "round_ended_at": now}
    )
    engine = engine_of(cluster.pk)
    for batch in corpus.batches():
        engine.ingest(batch)


def _queries(corpus: Corpus) -> tuple[str, ...]:
    channel, sender = f"in:group:{corpus.busiest.id}", f"from:{corpus.busy_sender}"
    first, last = (f"{datetime.fromtimestamp(START + day * 86_400, UTC):%Y-%m-%d}" for day in (DAYS // 3, DAYS // 2))
    return (
        "", "the", "支付", "error", "发票审核单", "红桥", "支",  # many
        "糖山", "银河巡检", "xq7zv", "云南海鲜节", "zebrafinch", "鲸凳", "qzxkvj",  # few, or none
        "支付 error", "红桥 OR 糖山", "支付 -error", "type:text 发票审核单",
        f"支付 {channel}", f"糖山 {channel}", f"the {sender}", f"{channel} {sender}", f"红桥 after:{first} before:{last}",
    )  # fmt: skip


def _by_engine(queries: tuple[str, ...]) -> dict[str, int]:
    """How many rows each page must have."""
    from imadmin.archive import search
    from imadmin.archive.grammar import parse
    from imadmin.archive.stores import engine_of
    from imadmin.clusters.models import Cluster

    engine = engine_of(Cluster.objects.get(slug="bench").pk)
    return {query: len(search.find(engine, parse(query)).rows) for query in queries}


def _figures(client: httpx.Client, queries: tuple[str, ...], size: int) -> Iterator[Figure]:
    whole: list[float] = []
    part: list[float] = []
    counts: list[float] = []
    bare: list[float] = []
    slowest = (0.0, "")
    for _ in range(ROUNDS):
        for query in queries:
            for times, headers in ((whole, {}), (part, PART)):
                for address, reply in _walked(client, query, headers):
                    times.append(reply.elapsed.total_seconds())
                    slowest = max(slowest, (times[-1], f"{address} {'part' if headers else 'page'}"))
                    bare.append(_asked(client, "/bare/messages/", {}).elapsed.total_seconds())
            counts.append(_asked(client, _address(query, path="narrow/"), PART).elapsed.total_seconds())
    beside = f"counts and facets, asked after the page: p50 {_ms(counts, 50)}, p95 {_ms(counts, 95)}"
    longest = f"the slowest {slowest[0] * 1000:.0f} ms: {slowest[1]}"
    for name, times in (("page", whole), ("htmx part", part)):
        yield Slowest(
            f"search {name}, {size:,} messages", _percentile(times, 95), statistics.median(bare), GOAL,
            rounds=len(times), typical=statistics.median(times), note=beside if times is whole else longest,
        )  # fmt: skip


def _walked(client: httpx.Client, query: str, headers: dict[str, str]) -> Iterator[tuple[str, httpx.Response]]:
    """A search and, where there are older ones, a few pages on."""
    address = _address(query)
    for _ in range(1 + OLDER):
        reply = _asked(client, address, headers)
        yield address, reply
        found = _NEXT.search(reply.text)
        if found is None or (query and " " not in query and len(query) > 2):
            return  # of few searches more than the first page is read
        address = _address(query, cursor=found[1])


def _address(query: str, *, cursor: str = "", path: str = "") -> str:
    given = {"q": query, "cursor": cursor} if cursor else {"q": query}
    return f"/c/bench/messages/{path}?{urlencode(given)}"


def _rows(client: httpx.Client, address: str) -> int:
    return max(0, len(_ROW.findall(_asked(client, address, {}).text)) - 1)  # one is the head


def _asked(client: httpx.Client, address: str, headers: dict[str, str]) -> httpx.Response:
    reply = client.get(address, headers=headers)
    assert reply.status_code == 200, (address, reply.status_code, reply.text[:500])
    return reply


def _percentile(times: list[float], share: int) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def _ms(times: list[float], share: int) -> str:
    return f"{_percentile(times, share) * 1000:.1f} ms"
