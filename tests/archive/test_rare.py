"""A rare word beside marks that many messages carry: the few are read alone, with the same answers."""

import json
from typing import Any

import pytest

from imadmin.archive import search
from imadmin.archive.engines import sqlite_index, sqlite_rare
from imadmin.archive.engines.sqlite import SqliteEngine
from imadmin.archive.grammar import parse
from imadmin.gateway.types import ChannelRef
from tests.archive.store_help import message

BIG, SMALL = ChannelRef("big", 2), ChannelRef("small", 2)


@pytest.fixture
def engine(tmp_path: Any) -> Any:
    """Three hundred, two of three in one channel; every hundredth says a rare word."""
    made = SqliteEngine(tmp_path / "1.sqlite3")
    made.ingest(
        [
            message(
                number,
                "common 退款 rare鲸凳" if number % 100 == 0 else "common 退款",
                channel=SMALL if number % 3 == 0 else BIG,
                from_uid=f"u{number % 2}",
                client_msg_no=f"c{number}",
            )
            for number in range(1, 301)
        ]
    )
    yield made
    made.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each scan found to be few: rids, or None where it had to be walked through."""
    found: list[Any] = []

    def few(*args: Any, **options: Any) -> Any:
        found.append(sqlite_rare.few(*args, **options))
        return found[-1]

    monkeypatch.setattr(sqlite_index, "few", few)
    return found


def ids(engine: Any, query: str, **bounds: Any) -> list[int]:
    return [row.id for row in search.find(engine, parse(query), **bounds).rows]


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("鲸凳 in:group:big", [200, 100]),
        ("鲸凳 in:group:small", [300]),
        ("鲸凳 from:u0", [300, 200, 100]),
        ("鲸凳 from:u1", []),
        ("鲸凳 -in:group:big", [300]),
        ("鲸凳 -from:u0", []),
        ("鲸凳 type:text -in:group:small", [200, 100]),
        ("鲸凳 (in:group:small OR from:u1)", [300]),
        ("鲸凳 client:c200", [200]),
        ("鲸凳 client:c201", []),
        ("退款 鲸凳 in:group:big", [200, 100]),
        ("absent in:group:big", []),
    ],
)
def test_the_few_that_hold_a_rare_gram_are_asked_for_their_marks(
    engine: Any, asked: list[Any], query: str, hits: list[int]
) -> None:
    assert ids(engine, query) == hits
    assert len(asked) == 1 and asked[0] is not None


@pytest.mark.parametrize(
    "query", ["退款 in:group:big", "in:group:big", "鲸凳", "-in:group:big", "(鲸凳 OR in:group:big)"]
)
def test_others_are_walked_through(engine: Any, asked: list[Any], query: str) -> None:
    assert ids(engine, query, most=3)
    assert all(rids is None for rids in asked)


def test_pages_go_on_where_the_last_one_ended(engine: Any) -> None:
    query = "鲸凳 type:text"
    first = search.find(engine, parse(query), most=2)
    assert [row.id for row in first.rows] == [300, 200]
    assert ids(engine, query, below=first.next_below) == [100]
    assert ids(engine, query, above=first.rows[-1].rid) == [300]


def test_what_was_too_long_for_its_grams_may_fit_too(engine: Any, asked: list[Any]) -> None:
    long = " ".join(f"w{number}x{number * 7919}" for number in range(9000)) + " 鲸凳"
    engine.ingest([message(1000, channel=BIG, payload=json.dumps({"type": 1, "content": long}).encode())])
    assert ids(engine, "鲸凳 in:group:big") == [1000, 200, 100]
    assert asked[0] is not None


def test_everything_is_looked_at_once(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[tuple[int, int]] = []
    scan = SqliteEngine.scan

    def scanned(self: Any, cover: Any, *, below: int, above: int, **options: Any) -> Any:
        spans.append((above, below))
        return scan(self, cover, below=below, above=above, **options)

    monkeypatch.setattr(SqliteEngine, "scan", scanned)
    assert ids(engine, "absent") == []
    assert len(spans) == 1
