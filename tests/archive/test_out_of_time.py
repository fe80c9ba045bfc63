"""A scan that takes too long ends a page early, never the search: the next page goes on, and all is found in the end."""

import random
from typing import Any

import pytest

from imadmin.archive import grams
from imadmin.archive import search as searching
from imadmin.archive.engines import sqlite_file
from imadmin.archive.engines.base import OutOfTime
from imadmin.archive.norm import norm
from imadmin.archive.where import Says
from tests.archive.store_help import found, message

DAY = 86_400


class Slow:
    """An engine in which a look for words at more than so many seconds of messages takes too long."""

    def __init__(self, engine: Any, widest: int) -> None:
        self.engine, self.widest = engine, widest
        self.ran_out = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def scan(self, cover: Any, *, seconds: float | None = None, **bounds: Any) -> Any:
        width = bounds["below"] - bounds["above"]
        if cover is not None and seconds is not None and width > self.widest << 14:
            self.ran_out += 1
            raise OutOfTime
        return self.engine.scan(cover, seconds=seconds, **bounds)


@pytest.mark.parametrize("widest", [0, 1, 3600, 400 * DAY], ids=str)
@pytest.mark.parametrize("seconds", [0.0, 2.0], ids=str)
def test_a_scan_that_ran_out_is_a_short_page_and_paging_goes_on(engine: Any, widest: int, seconds: float) -> None:
    dice = random.Random(3)
    rows = [
        message(number, "退款 ok" if number % 7 else "ok", sent_at=1_700_000_000 + dice.randrange(200 * DAY))
        for number in range(1, 120)
    ]
    engine.ingest(rows)
    expected = [row.id for row in engine.scan(None, most=1000) if row.id % 7]
    slow, seen, below, pages = Slow(engine, widest), [], None, 0
    while True:
        page = searching.find(slow, Says("退款"), below=below, most=50, budget=searching.Budget(seconds=seconds))
        seen += [row.id for row in page.rows]
        if page.next_below is None:
            break
        assert below is None or page.next_below < below, "each page gets on"
        below, pages = page.next_below, pages + 1
        assert pages < 2000
    assert seen == expected and slow.ran_out


def test_a_scan_gives_up_when_its_seconds_are_over(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "LOOK_STEPS", 1)
    engine.ingest([message(number, f"word{number} 退款") for number in range(2000)])
    cover = grams.word_cover(norm("退款"))
    with pytest.raises(OutOfTime):
        for _ in range(50):  # the first may be over before anybody looks at the clock
            engine.scan(cover, most=2000, seconds=0.0)
    assert len(found(engine, "退款", most=5000)) == 2000, "the connection serves the next question"
