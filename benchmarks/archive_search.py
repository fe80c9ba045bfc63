"""The archive against a plain table and LIKE, by turns, through the product's own parser and query function.

IMADMIN_BENCH_MESSAGES sets the size (1 000 000), IMADMIN_BENCH_GROWTH a second, larger size for how latency grows.
"""

import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.archive_corpus import Corpus
from benchmarks.archive_plain import PlainTable
from benchmarks.measure import Figure, paired
from imadmin.archive import search
from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.archive.grammar import parse
from imadmin.archive.rows import Incoming

ROUNDS, SLOW_ROUNDS = 15, 7
RATE = 2000  # messages a second that are written while it is read
RARE = {
    "1 of a million, Chinese": "云南海鲜节",
    "1 of a million, Latin": "zebrafinch",
    "100 of a million, two characters": "糖山",
    "100 of a million, four characters": "银河巡检",
    "100 of a million, inside a Latin word": "xq7zv",
    "absent, two characters": "鲸凳",
    "absent, Latin": "qzxkvj",
}
SHORT = {"absent, one character": "鼹", "absent, two Latin letters": "zq"}
PAGES = {"10 000 of a million": "发票审核单", "common, Chinese": "支付", "common, Latin": "the", "error": "error"}


@dataclass(frozen=True, slots=True)
class Share(Figure):
    """A ratio that isn't one of times."""

    unit: str = ""

    def line(self) -> str:
        verdict = "holds" if self.holds else "MISSED"
        text = f"{self.name:<52} {self.measured:12,.1f} {self.unit} to {self.baseline:12,.1f}  {self.ratio:6.3f}x"
        return f"{text}  (<= {self.limit:g}x; {verdict})" + (f"\n{'':<52} {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True)
class Faster(Figure):
    """At least `times` as fast as the baseline, and within `most` seconds where that is set."""

    times: float = 1.0
    most: float = float("inf")

    @property
    def holds(self) -> bool:
        return self.baseline >= self.measured * self.times and self.measured <= self.most

    def line(self) -> str:
        verdict = "holds" if self.holds else "MISSED"
        limit = f">= {self.times:g}x" + (f", <= {self.most * 1000:g} ms" if self.most < 9 else "")
        text = (
            f"{self.name:<52} {self.measured * 1000:8.2f} ms  LIKE {self.baseline * 1000:8.2f} ms  "
            f"{self.baseline / self.measured:7.1f}x  ({limit}; {verdict}; median of {self.rounds})"
        )
        return f"{text}\n{'':<52} {self.note}" if self.note else text


class Bench:
    def __init__(self, folder: Path, size: int) -> None:
        self.corpus = Corpus(size)
        self.engine = SqliteEngine(folder / f"archive-{size}.sqlite3")
        self.plain = PlainTable(folder / f"plain-{size}.sqlite3")
        self.seconds = [0.0, 0.0]

    def fill(self, *, with_plain: bool = True) -> None:
        """Each batch into both, by turns; ten messages of each come twice, as a webhook's do."""
        again: list[Incoming] = []
        for batch in self.corpus.batches():
            started = time.perf_counter()
            self.engine.ingest(batch + again)
            between = time.perf_counter()
            if with_plain:
                self.plain.insert(batch + again)
            self.seconds[0] += between - started
            self.seconds[1] += time.perf_counter() - between
            again = batch[:10]

    def find(self, query: str, **options: Any) -> search.Found:
        return search.find(self.engine, parse(query), **options)

    def bytes(self) -> int:
        self.engine.measure()
        with self.engine._file.writing() as link:
            pass
        link.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.engine.totals().bytes


def run() -> tuple[Figure, ...]:
    size = int(os.environ.get("IMADMIN_BENCH_MESSAGES", "1000000"))
    growth = int(os.environ.get("IMADMIN_BENCH_GROWTH", "0"))
    with tempfile.TemporaryDirectory(prefix="archive-bench-") as folder:
        bench = Bench(Path(folder), size)
        bench.fill()
        figures = [*_taking(bench), *_right(bench), *_rare(bench), *_pages(bench), _count(bench)]
        if growth:
            figures.append(_growing(bench, Path(folder), growth))
        figures += _beside_writing(bench)
        return tuple(figures)


def _taking(bench: Bench) -> Iterator[Figure]:
    ours, plain = bench.seconds
    size = bench.corpus.size
    yield Share("ingest: seconds to a plain table's", ours, plain, 1 / 0.30, unit="s",
                note=f"{size / ours:,.0f} messages/s, plain {size / plain:,.0f} ({plain / ours:.2f}x, >= 0.30x)")  # fmt: skip
    bytes_ours, bytes_plain = bench.bytes(), bench.plain.bytes()
    lean = bytes_plain - bench.plain.bytes_of_text()
    yield Share("bytes a message, to a plain table", bytes_ours / size, bytes_plain / size, 2.2, unit="B",
                note=f"{bytes_ours / lean:.2f}x of a plain table that kept its text in the payload alone; "
                     f"the index is {bench.engine.totals().index_bytes / size:.0f} B a message")  # fmt: skip


def _right(bench: Bench) -> Iterator[Figure]:
    """Ids, order and the borders of pages against what the plain table holds: 0 may differ."""
    wrong = checked = 0
    for query in (*RARE.values(), *SHORT.values(), *PAGES.values(), "支付 error", "银", "ze", "款 an"):
        texts = query.split()
        ids = _paged(bench, query, pages=6)
        truth = bench.plain.all_ids(*texts)[: len(ids) if len(ids) >= 300 else None]
        checked += 1
        wrong += ids != truth
    yield Share("queries answered otherwise than by brute force", wrong, checked, 0, unit="of")


def _paged(bench: Bench, query: str, *, pages: int) -> list[int]:
    ids: list[int] = []
    below: int | None = None
    for _ in range(pages):
        found = bench.find(query, below=below)
        ids += [row.id for row in found.rows]
        if found.next_below is None:
            break
        below = found.next_below
    return ids


def _faster(
    name: str, thing: Callable[[], object], baseline: Callable[[], object], times: float, *, rounds: int = SLOW_ROUNDS,
    most: float = float("inf"), note: str = "",
) -> Faster:  # fmt: skip
    ours, theirs = paired(thing, baseline, rounds=rounds, warm_up=2)
    return Faster(name, ours, theirs, 1 / times, rounds=rounds, times=times, most=most, note=note)


def _rare(bench: Bench) -> Iterator[Figure]:
    plain, channel = bench.plain, bench.corpus.busiest
    figures = [
        _faster(f"rare: {name}", lambda text=text: bench.find(text), lambda text=text: plain.like(text), 20)
        for name, text in RARE.items()
    ]
    yield from figures
    ours = statistics.geometric_mean(figure.measured for figure in figures)
    theirs = statistics.geometric_mean(figure.baseline for figure in figures)
    yield Faster("rare: geometric mean", ours, theirs, 1 / 80, rounds=SLOW_ROUNDS, times=80)
    yield _faster("two terms", lambda: bench.find("支付 error"), lambda: plain.like("支付", "error"), 30)
    chan, where = plain.number_of("chan", channel.id), f"in:group:{channel.id}"
    yield _faster("a rare term in the biggest channel", lambda: bench.find(f"糖山 {where}"),
                  lambda: plain.like("糖山", chan=chan), 30)  # fmt: skip
    for name, text in SHORT.items():
        yield _faster(name, lambda text=text: bench.find(text), lambda text=text: plain.like(text), 50)


def _pages(bench: Bench) -> Iterator[Figure]:
    plain, channel, sender = bench.plain, bench.corpus.busiest, bench.corpus.busy_sender
    chan, uid = plain.number_of("chan", channel.id), plain.number_of("sender", sender)
    for name, text in PAGES.items():
        yield _faster(f"newest fifty: {name}", lambda text=text: bench.find(text), lambda text=text: plain.like(text),
                      0.3, rounds=ROUNDS, most=0.005)  # fmt: skip
    middle = _middle(bench)
    for name, text in (("10 000 of a million", "发票审核单"), ("common", "支付")):
        rid, at = middle
        yield _faster(f"a page in the middle: {name}", lambda text=text, rid=rid: bench.find(text, below=rid),
                      lambda text=text, at=at: plain.like(text, below=at), 0.3, rounds=ROUNDS, most=0.005)  # fmt: skip
    yield _faster("common in the biggest channel", lambda: bench.find(f"支付 in:group:{channel.id}"),
                  lambda: plain.like("支付", chan=chan), 0.3, rounds=ROUNDS, most=0.005)  # fmt: skip
    yield _faster("common from a busy sender", lambda: bench.find(f"the from:{sender}"),
                  lambda: plain.like("the", sender=uid), 0.3, rounds=ROUNDS, most=0.005)  # fmt: skip
    yield _faster("everything, newest fifty", lambda: bench.find(""), plain.like, 0.1, rounds=ROUNDS, most=0.005)
    yield _faster("one common character", lambda: bench.find("支"), lambda: plain.like("支"), 0.0001, rounds=ROUNDS,
                  most=0.020)  # fmt: skip


def _middle(bench: Bench) -> tuple[int, int]:
    """(rid, id) of a message half way."""
    half = bench.plain.db.execute("SELECT id FROM msg ORDER BY id LIMIT 1 OFFSET ?", (bench.corpus.size // 2,))
    one = int(half.fetchone()[0])
    return bench.engine.by_ids([one])[one].rid, one


def _count(bench: Bench) -> Figure:
    where = parse("发票审核单")
    return _faster("counting to a thousand", lambda: search.count(bench.engine, where, most=1000),
                   lambda: bench.plain.count("发票审核单", 10**9), 10)  # fmt: skip


def _growing(bench: Bench, folder: Path, size: int) -> Figure:
    """The same queries at two sizes: the median of how much longer each takes."""
    large = Bench(folder, size)
    large.fill(with_plain=False)
    channel = bench.corpus.busiest
    queries = [
        *RARE.values(),
        *PAGES.values(),
        "支付 error",
        f"糖山 in:group:{channel.id}",
        f"支付 in:group:{channel.id}",
    ]
    ratios = []
    for query in queries:
        ours, small = paired(
            lambda query=query: large.find(query), lambda query=query: bench.find(query), rounds=ROUNDS
        )
        ratios.append(ours / small)
    note = ", ".join(f"{query} {ratio:.1f}" for query, ratio in zip(queries, ratios, strict=True))
    return Share(
        f"growth from {bench.corpus.size:,} to {size:,}", statistics.median(ratios), 1.0, 2.0, unit="x", note=note
    )


def _beside_writing(bench: Bench) -> Iterator[Figure]:
    """Reading while so many messages a second come in, against reading alone: as several processes, and as one."""
    queries = ("糖山", "支付", "the", "银河巡检", "支付 error")

    def read() -> None:
        for query in queries:
            bench.find(query)

    context = multiprocessing.get_context("fork")
    writers: tuple[tuple[str, Any, Any], ...] = (
        ("another process", context.Process, context.Event()),
        ("the same process", threading.Thread, threading.Event()),
    )
    for seed, (where, kind, done) in enumerate(writers, start=7):
        fresh = Corpus(10**6, seed=seed).batches(RATE // 20)
        idle = _medians(read)
        before, started = bench.engine.totals().messages, time.monotonic()
        writer = kind(target=_write_paced, args=(bench.engine, fresh, done))
        writer.start()
        try:
            busy = _medians(read)
        finally:
            done.set()
            writer.join()
        rate = (bench.engine.totals().messages - before) / (time.monotonic() - started)
        yield Figure(f"reading while {where} writes {RATE}/s, to alone", busy, idle, 2.0, rounds=400,
                     note=f"{rate:,.0f} messages/s were stored meanwhile")  # fmt: skip


def _medians(call: Callable[[], None]) -> float:
    times = []
    for _ in range(400):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _write_paced(engine: SqliteEngine, batches: Iterator[list[Incoming]], done: Any) -> None:
    ids, due = count(time.time_ns()), time.monotonic()
    while not done.is_set():
        batch = next(batches)
        engine.ingest([_moved(one, next(ids)) for one in batch])
        due += len(batch) / RATE
        done.wait(max(0.0, due - time.monotonic()))


def _moved(one: Incoming, new_id: int) -> Incoming:
    """A message of another time: new to this archive."""
    return one._replace(id=new_id, sent_at=one.sent_at + 10**7, seq=0)
