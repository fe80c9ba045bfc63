"""The pace: absolute, so that it doesn't drift; late is caught up with gently; equal keys stay apart."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from imadmin.monitor.actions.pace import HASTE, SLACK, Pace, spread


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_each_takes_does_not_add_up() -> None:
    clock = Clock()
    pace = Pace(50, clock=clock)
    first = last = pace.due()
    for _ in range(499):
        clock.now = last + 0.015  # the sending itself takes most of the step
        last = pace.due()

    assert abs((last - first) - 499 / 50) < 0.02


def test_a_short_halt_is_caught_up_with_at_a_slightly_higher_pace() -> None:
    clock = Clock()
    pace = Pace(10, clock=clock)
    pace.due()
    clock.now += 5
    moments = []
    for _ in range(300):
        moments.append(pace.due())
        clock.now = moments[-1]

    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(steps) >= 0.1 / HASTE - 1e-9
    assert abs(moments[-1] - (100 + 300 / 10)) < 0.2


def test_a_long_halt_is_not_made_up_for() -> None:
    clock = Clock()
    pace = Pace(10, clock=clock)
    pace.due()
    clock.now += SLACK * 3
    first = pace.due()
    later = [pace.due() for _ in range(10)][-1]

    assert first == clock.now and later - first >= 10 * 0.1 - 1e-9


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=60))
def test_equal_keys_are_never_closer_than_the_gap(keys: list[str]) -> None:
    clock = Clock()
    pace = Pace(100, gap=0.3, clock=clock)
    moments: dict[str, list[float]] = {}
    for key in keys:
        moments.setdefault(key, []).append(pace.due(key))
        clock.now += 0.001

    for times in moments.values():
        assert all(later - earlier >= 0.3 - 1e-9 for earlier, later in pairwise(times))


@given(st.lists(st.sampled_from("abcde"), max_size=40))
def test_spreading_keeps_everything_once_and_takes_turns(items: list[str]) -> None:
    order = spread(list(items))

    assert sorted(order) == list(range(len(items)))
    turns: dict[str, int] = {}
    seen = []
    for position in order:
        seen.append(turns.get(items[position], 0))
        turns[items[position]] = seen[-1] + 1
    assert seen == sorted(seen)
