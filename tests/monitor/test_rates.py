"""Rates from two readings: differences, a restart that is no spike, and nothing made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.gateway.node_types import NodeMetrics
from imadmin.monitor import rates

AT = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
BEFORE = NodeMetrics(
    node=1, answers=True, as_of=AT, started_at=AT - timedelta(hours=1), sends_total=1000, recvacks_total=5000,
    cpu_seconds_total=20.0,
)  # fmt: skip


def later(seconds: float = 10, **changes: object) -> NodeMetrics:
    return replace(BEFORE, as_of=AT + timedelta(seconds=seconds), **changes)  # type: ignore[arg-type]


def test_a_rate_is_the_difference_over_the_time_between() -> None:
    found = rates.between(BEFORE, later(sends_total=1050, recvacks_total=5000, cpu_seconds_total=25.0))
    assert found is not None
    assert (found.sends, found.recvacks, found.cpu_seconds, found.seconds) == (5.0, 0.0, 0.5, 10.0)
    assert not found.is_after_restart


def test_after_a_restart_the_counter_is_all_there_is() -> None:
    found = rates.between(BEFORE, later(sends_total=40, recvacks_total=0, started_at=AT + timedelta(seconds=2)))
    assert found is not None
    assert found.is_after_restart
    assert (found.sends, found.seconds) == (5.0, 8.0)


def test_a_restart_shows_by_a_fallen_counter_where_no_start_is_told() -> None:
    before, after = replace(BEFORE, started_at=None), later(sends_total=40, started_at=None)
    found = rates.between(before, after)
    assert found is not None
    assert found.is_after_restart
    assert found.sends == 4.0


def test_a_restart_that_overtook_the_old_count_is_seen_by_its_start() -> None:
    after = later(sends_total=2000, started_at=AT + timedelta(seconds=5))
    found = rates.between(BEFORE, after)
    assert found is not None
    assert found.sends == 400.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, later()),
        (replace(BEFORE, answers=False), later()),
        (BEFORE, later(answers=False)),
        (BEFORE, later(0.05)),
        (BEFORE, later(-5)),
        (replace(BEFORE, node=2), later()),
    ],
)
def test_without_two_readings_apart_there_is_no_rate(before: NodeMetrics | None, after: NodeMetrics) -> None:
    assert rates.between(before, after) is None


def test_a_counter_that_is_not_told_has_no_rate_the_others_do() -> None:
    found = rates.between(replace(BEFORE, recvacks_total=None), later(sends_total=1010))
    assert found is not None
    assert (found.sends, found.recvacks) == (1.0, None)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.floats(0.2, 86400))
def test_no_rate_is_ever_negative(old: int, new: int, seconds: float) -> None:
    found = rates.between(replace(BEFORE, sends_total=old), later(seconds, sends_total=new))
    assert found is not None
    assert found.sends is not None
    assert found.sends >= 0
