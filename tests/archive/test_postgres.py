"""The archive on PostgreSQL: what only a server's store can do wrong."""

import threading
from typing import Any

import pytest

from imadmin.archive import grams, stores
from imadmin.archive.engines import postgres_pool, postgres_scan
from imadmin.archive.engines.base import OutOfTime, StoreUnavailable
from imadmin.archive.engines.postgres import PostgresEngine
from imadmin.archive.engines.postgres_covers import IndexKind
from imadmin.archive.engines.postgres_keys import is_exact, token_key
from imadmin.archive.engines.postgres_packing import Int4s, Int8s
from imadmin.archive.engines.postgres_schema import month_of
from imadmin.archive.norm import norm
from imadmin.archive.rows import Trait
from imadmin.gateway.types import ChannelRef, ContentKind
from tests.archive.store_help import GROUP, faults, found, message
from tests.postgres_process import PostgresProcess

DAY = 86_400


@pytest.fixture
def url(postgres_server: PostgresProcess) -> str:
    return postgres_server.url


@pytest.fixture
def engine(url: str) -> Any:
    made = PostgresEngine(url, "alone", index=IndexKind.GRAMS)
    yield made
    made.drop()


def test_messages_of_many_months_come_newest_first_page_by_page(engine: Any) -> None:
    engine.ingest(
        [message(number, f"word{number % 2}", sent_at=1_700_000_000 + number * 9 * DAY) for number in range(40)]
    )
    assert len({month_of(row.rid).name for row in engine.scan(None)}) > 10
    odd = grams.word_cover(norm("word1"))
    seen: list[Any] = []
    while page := engine.scan(odd, most=3, **({"below": seen[-1].rid} if seen else {})):
        seen += page
    assert [row.id for row in seen] == list(range(39, 0, -2))


@pytest.mark.parametrize("steps", [0, 1, 7, 1000], ids=str)
def test_a_walk_and_the_index_find_the_same(engine: Any, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    engine.ingest(
        [
            message(number, "退款 ok" if number % 3 else "ok", sent_at=1_700_000_000 + number * DAY)
            for number in range(60)
        ]
    )
    monkeypatch.setattr(postgres_scan, "_to_walk", lambda *_: steps)
    expected = [number for number in range(59, 0, -1) if number % 3]
    assert found(engine, "退款") == expected
    assert found(engine, "退款", most=5) == expected[:5]
    assert found(engine, "退", most=30) == expected[:30]
    assert found(engine, "鲸凳") == []


def test_two_processes_write_at_once(engine: Any, url: str) -> None:
    other = PostgresEngine(url, "alone")
    batches = [
        [message(number, sent_at=1_700_000_000) for number in range(start, start + 40)] for start in range(1, 400, 20)
    ]
    added: list[int] = []

    def write(one: Any) -> None:
        added.extend(one.ingest(batch).added for batch in batches)

    threads = [threading.Thread(target=write, args=(one,)) for one in (engine, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == engine.totals().messages == 420
    assert len({row.rid for row in engine.scan(None, most=1000)}) == 420
    assert faults(engine) == []
    other.close()


def test_a_month_that_another_process_began_is_searched(engine: Any, url: str) -> None:
    engine.ingest([message(1, "退款")])
    assert found(engine, "退款") == [1]
    other = PostgresEngine(url, "alone")
    other.ingest([message(2, "退款", sent_at=1_800_000_000), message(3, "退款", sent_at=1_600_000_000)])
    assert found(engine, "退款") == [2, 1, 3]
    other.close()


def test_an_archive_dropped_by_another_process_begins_anew(engine: Any, url: str) -> None:
    engine.ingest([message(1, channel=ChannelRef("before", 2), from_uid="old")])
    assert [row.channel.id for row in engine.scan(None)] == ["before"]
    other = PostgresEngine(url, "alone")
    other.drop()
    assert list(engine.scan(None)) == []
    other.ingest([message(2, channel=ChannelRef("after", 2), from_uid="new")])
    assert [(row.channel.id, row.from_uid) for row in engine.scan(None)] == [("after", "new")]
    assert engine.ingest([message(3, channel=ChannelRef("before", 2))]).added == 1
    assert [row.channel.id for row in engine.scan(None)] == ["before", "after"]
    assert faults(engine) == []
    other.close()


def test_an_index_of_another_version_is_not_used_until_it_is_built_anew(engine: Any) -> None:
    engine.ingest([message(1, "退款"), message(2, "other")])
    engine._pool.write(lambda cursor: cursor.execute("UPDATE msg SET grams = '{1}' WHERE id = 1"))
    assert found(engine, "退款") == []
    assert [(fault.count, tuple(fault.examples)) for fault in faults(engine)] == [(1, ("1",))]
    engine.note("norm_version", "0")
    assert set(found(engine, "退款")) == {1, 2}  # all are candidates
    assert not engine.reindex(should_stop=lambda: True, tell=lambda done: None)
    told: list[int] = []
    assert engine.reindex(should_stop=lambda: False, tell=told.append)
    assert (told, found(engine, "退款"), faults(engine)) == ([2], [1], [])


def test_a_server_that_dies_loses_nothing_that_was_told_to_be_stored(
    url: str, postgres_server: PostgresProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_pool, "_WAIT_SECONDS", 0.5)
    engine = PostgresEngine(url, "dying")
    engine.ingest([message(1, "退款")])
    postgres_server.kill()
    try:
        with pytest.raises(StoreUnavailable):
            engine._pool.read(lambda cursor: cursor.execute("SELECT 1"))
        with pytest.raises(StoreUnavailable):
            engine.ingest([message(2, "退款")])
    finally:
        postgres_server.start_again()
    monkeypatch.undo()
    assert found(engine, "退款") == [1]
    assert engine.ingest([message(1, "退款"), message(2, "退款")]).added == 1
    assert faults(engine) == []
    engine.drop()


def test_what_takes_too_long_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_pool, "_READ_MS", 50)
    engine = PostgresEngine(url, "slow")
    with pytest.raises(StoreUnavailable, match="timeout"):
        engine._pool.read(lambda cursor: cursor.execute("SELECT pg_sleep(5)"))
    assert list(engine.scan(None)) == []
    monkeypatch.undo()
    engine.drop()


def test_a_scan_with_a_limit_of_its_own_ends_then_and_leaves_none_behind(engine: Any) -> None:
    with pytest.raises(OutOfTime):
        engine._pool.read(lambda cursor: cursor.execute("SELECT pg_sleep(20)"), seconds=0.05)
    assert engine._pool.read(lambda cursor: cursor.execute("SHOW statement_timeout").fetchone()) == ("20s",)


def test_nobody_there_is_told_as_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_pool, "_WAIT_SECONDS", 0.2)
    with pytest.raises(StoreUnavailable):
        PostgresEngine("postgresql://nobody@127.0.0.1:1/none", "x")


def test_a_user_without_rights_is_told_so_and_one_without_the_extension_gets_grams(
    engine: Any, url: str, postgres_server: PostgresProcess
) -> None:
    def admin(*statements: str) -> None:
        for statement in statements:
            engine._pool.alone(statement)

    admin("CREATE ROLE guest LOGIN", "DROP EXTENSION IF EXISTS pg_bigm CASCADE")
    guest = url.replace("imadmin@", "guest@")
    with pytest.raises(StoreUnavailable, match="permission denied"):
        PostgresEngine(guest, "forbidden")
    admin("CREATE SCHEMA theirs AUTHORIZATION guest")
    theirs = PostgresEngine(guest, "theirs")
    assert theirs.name == "postgresql"
    theirs.close()
    admin("DROP OWNED BY guest", "DROP ROLE guest")


# What the release before kept otherwise.
_LAYOUT_1 = """
ALTER TABLE chan DROP COLUMN recent;
CREATE INDEX chan_behind ON chan (last_at, number) WHERE behind > 0;
CREATE INDEX chan_touched ON chan (last_at, number);
UPDATE msg SET expire = coalesce(expire, 0);
ALTER TABLE msg ALTER COLUMN expire SET NOT NULL;
UPDATE note SET value = '1' WHERE name = 'layout';
"""


def test_an_archive_of_the_release_before_is_brought_up_to_date_and_keeps_all(engine: Any, url: str) -> None:
    engine.ingest([message(1, "退款", sent_at=1_700_000_000, seq=1), message(2, "ok", sent_at=1_700_000_009, seq=9)])
    before = list(engine.scan(None)), engine.behind(), engine.touched(since=1_700_000_009)
    engine._pool.write(lambda cursor: cursor.connection.execute(_LAYOUT_1))
    again = PostgresEngine(url, "alone")
    assert (list(again.scan(None)), again.behind(), again.touched(since=1_700_000_009)) == before
    assert before[1] and before[2] and again.touched(since=1_700_000_010) == []
    assert again.ingest([message(2), message(3, "退款")]).added == 1
    assert set(found(again, "退款")) == {1, 3} and faults(again) == []
    again.close()


@pytest.mark.parametrize("count", [0, 1, 512, 513, 5000], ids=str)
def test_arrays_of_numbers_arrive_as_they_are(engine: Any, count: int) -> None:
    small = Int4s([(-1) ** number * (2**31 - 1 - number) for number in range(count)])
    large = Int8s([(-1) ** number * (2**63 - 1 - number) for number in range(count)])
    query = "SELECT %s::int4[], %s::int8[]"
    assert engine._pool.read(lambda cursor: cursor.execute(query, (small, large)).fetchone()) == (small, large)


def test_kinds_and_traits_have_numbers_of_their_own() -> None:
    tokens = [
        *map(grams.kind_token, ContentKind),
        *map(grams.trait_token, Trait),
        *map(grams.kind_of_channel_token, range(256)),
        grams.CAPPED,
    ]
    assert len({token_key(token.text) for token in tokens}) == len(tokens)
    assert all(map(is_exact, tokens))
    others = [token_key(grams.sender_token(f"u{number}").text) for number in range(5000)]
    assert not {token_key(token.text) for token in tokens} & set(others)
    assert not is_exact(grams.sender_token("u1"))
    assert not is_exact(grams.channel_token(GROUP))


def test_the_archive_lies_where_the_settings_say(settings: Any, url: str) -> None:
    settings.ARCHIVE_URL = url
    engine = stores.engine_of(7)
    engine.ingest([message(1, "退款")])
    assert engine.name.startswith("postgresql")
    assert found(engine, "退款") == [1]
    engine.drop()
