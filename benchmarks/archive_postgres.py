"""The archive on PostgreSQL against one plain table there and ILIKE, by turns, for both kinds of index.

A server of its own is started for it.  IMADMIN_BENCH_MESSAGES sets the size (200 000 here).
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from benchmarks.archive_corpus import Corpus
from benchmarks.archive_search import PAGES, RARE, ROUNDS, SHORT, SLOW_ROUNDS, Faster, Share
from benchmarks.measure import Figure, paired
from imadmin.archive import search
from imadmin.archive.engines.postgres import PostgresEngine
from imadmin.archive.engines.postgres_covers import IndexKind
from imadmin.archive.grammar import parse
from imadmin.archive.rows import Incoming
from imadmin.gateway import payload
from tests.postgres_process import PostgresProcess

_LAYOUT = """
CREATE TABLE plain (id bigint PRIMARY KEY, seq bigint, chan text, sender text, kind int, at bigint, traits int,
    client text, payload bytea, text text);
CREATE INDEX plain_chan ON plain (chan, id);
CREATE INDEX plain_sender ON plain (sender, id);
"""
_INSERT = """INSERT INTO plain SELECT * FROM unnest(%s::int8[], %s::int8[], %s::text[], %s::text[], %s::int4[],
    %s::int8[], %s::int4[], %s::text[], %s::bytea[], %s::text[]) ON CONFLICT DO NOTHING"""


class Bench:
    def __init__(self, server: PostgresProcess, size: int, kinds: Sequence[IndexKind]) -> None:
        self.corpus = Corpus(size)
        self.engines = {kind: PostgresEngine(server.url, f"bench_{kind}", index=kind) for kind in kinds}
        self.db = psycopg.connect(server.url, autocommit=True, prepare_threshold=None)
        self.db.execute("SET max_parallel_workers_per_gather = 0")
        self.db.execute(_LAYOUT)
        self.seconds = dict.fromkeys([*kinds, "plain"], 0.0)

    def fill(self) -> None:
        """Each batch into all, by turns; ten messages of each come twice, as a webhook's do."""
        again: list[Incoming] = []
        for batch in self.corpus.batches():
            for kind, engine in self.engines.items():
                self.seconds[kind] += _seconds(lambda engine=engine, both=batch + again: engine.ingest(both))  # type: ignore[misc]
            self.seconds["plain"] += _seconds(lambda both=batch + again: self._insert(both))  # type: ignore[misc]
            again = batch[:10]
        self.db.execute("VACUUM ANALYZE")

    def ilike(self, *texts: str, also: str = "", values: Sequence[Any] = ()) -> list[Any]:
        """The newest fifty."""
        wheres = " AND ".join(["text ILIKE %s" for _ in texts] or ["TRUE"])
        sql = f"SELECT * FROM plain WHERE {wheres} {also} ORDER BY id DESC LIMIT 50"
        return self.db.execute(sql, [*(f"%{text}%" for text in texts), *values]).fetchall()

    def all_ids(self, *texts: str) -> list[int]:
        wheres = " AND ".join("text ILIKE %s" for _ in texts)
        sql = f"SELECT id FROM plain WHERE {wheres} ORDER BY id DESC"
        return [row[0] for row in self.db.execute(sql, [f"%{text}%" for text in texts])]

    def _insert(self, batch: Sequence[Incoming]) -> None:
        rows = [
            (one.id, one.seq, str(one.channel), one.from_uid, 1, one.sent_at, 0, one.client_msg_no, one.payload,
             payload.decode(one.payload).text)
            for one in batch
        ]  # fmt: skip
        self.db.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])


def run() -> tuple[Figure, ...]:
    if why_not := PostgresProcess.why_not():
        print(f"archive_postgres: not measured: {why_not}", flush=True)
        return ()
    size = int(os.environ.get("IMADMIN_BENCH_MESSAGES", "200000"))
    with PostgresProcess(shared_buffers="1GB", fsync="on", synchronous_commit="on", full_page_writes="on") as server:
        kinds = [IndexKind.GRAMS, *([IndexKind.BIGM] if server.has_extension("pg_bigm") else [])]
        bench = Bench(server, size, kinds)
        bench.fill()
        figures: list[Figure] = []
        for kind, engine in bench.engines.items():
            figures += [*_taking(bench, kind, engine), _right(bench, kind, engine), *_reading(bench, kind, engine)]
        for engine in bench.engines.values():
            engine.close()
        bench.db.close()
    return tuple(figures)


def _taking(bench: Bench, kind: IndexKind, engine: PostgresEngine) -> Iterator[Figure]:
    ours, plain, size = bench.seconds[kind], bench.seconds["plain"], bench.corpus.size
    note = f"{size / ours:,.0f} messages/s, plain {size / plain:,.0f} ({plain / ours:.2f}x)"
    yield Share(f"{kind}: ingest, seconds to a plain table's", ours, plain, 5, unit="s", note=note)
    row = bench.db.execute("SELECT pg_total_relation_size('plain')").fetchone()
    assert row
    note = f"the index is {engine.totals().index_bytes / size:.0f} B a message"
    yield Share(
        f"{kind}: bytes a message, to a plain table",
        engine.totals().bytes / size,
        row[0] / size,
        3,
        unit="B",
        note=note,
    )


def _right(bench: Bench, kind: IndexKind, engine: PostgresEngine) -> Figure:
    """Ids and order against what the plain table holds: 0 may differ."""
    queries = (*RARE.values(), *SHORT.values(), *PAGES.values(), "支付 error", "银", "ze", "款 an")
    wrong = 0
    for query in queries:
        ids = [row.id for row in search.find(engine, parse(query), most=300).rows]
        wrong += ids != bench.all_ids(*query.split())[:300]
    return Share(f"{kind}: queries answered otherwise than by brute force", wrong, len(queries), 0, unit="of")


def _reading(bench: Bench, kind: IndexKind, engine: PostgresEngine) -> Iterator[Figure]:
    def figure(
        name: str, query: str, baseline: Callable[[], object], times: float, most: float = float("inf"), **options: Any
    ) -> Faster:
        where, rounds = parse(query), SLOW_ROUNDS if times > 1 else ROUNDS
        ours, theirs = paired(lambda: search.find(engine, where, **options), baseline, rounds=rounds, warm_up=2)
        return Faster(f"{kind}: {name}", ours, theirs, 1 / times, rounds=rounds, times=times, most=most)

    rare = [figure(f"rare: {name}", text, lambda text=text: bench.ilike(text), 20) for name, text in RARE.items()]  # type: ignore[misc]
    yield from rare
    means = [statistics.geometric_mean(getattr(one, side) for one in rare) for side in ("measured", "baseline")]
    yield Faster(f"{kind}: rare: geometric mean", means[0], means[1], 1 / 80, rounds=SLOW_ROUNDS, times=80)
    yield figure("two terms", "支付 error", lambda: bench.ilike("支付", "error"), 30)
    channel, sender = bench.corpus.busiest, bench.corpus.busy_sender
    in_channel = {"also": "AND chan = %s", "values": [str(channel)]}
    where = f"in:group:{channel.id}"
    yield figure("a rare term in the biggest channel", f"糖山 {where}", lambda: bench.ilike("糖山", **in_channel), 3)
    for name, text in SHORT.items():
        yield figure(name, text, lambda text=text: bench.ilike(text), 50)  # type: ignore[misc]
    for name, text in PAGES.items():
        yield figure(f"newest fifty: {name}", text, lambda text=text: bench.ilike(text), 0.3, 0.020)  # type: ignore[misc]
    yield figure(
        "common in the biggest channel", f"支付 {where}", lambda: bench.ilike("支付", **in_channel), 0.3, 0.020
    )
    by_sender = {"also": "AND sender = %s", "values": [sender]}
    yield figure("common from a busy sender", f"the from:{sender}", lambda: bench.ilike("the", **by_sender), 0.3, 0.020)
    yield figure("everything, newest fifty", "", bench.ilike, 0.3, 0.020)
    yield figure("one common character", "支", lambda: bench.ilike("支"), 0.1, 0.040)


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
