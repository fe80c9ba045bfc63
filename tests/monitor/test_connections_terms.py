"""Filters of the list of connections: what can be written, what it means, and what is told when it can't be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imadmin.core.errors import InvalidInput
from imadmin.monitor.connections import Filter, read, read_query, read_term
from imadmin.monitor.connections.terms import FIELDS


@pytest.mark.parametrize(
    ("field", "text", "low", "high"),
    [
        ("idle", "<1m", 0, 60), ("idle", ">=10m", 600, float("inf")), ("idle", "1m-10m", 60, 600),
        ("age", "1h30m-2d", 5400, 172_800), ("age", ">=90", 90, float("inf")), ("rate", "<30/m", 0, 0.5),
        ("rate", "0.5-2", 0.5, 2), ("age", "1min-2min", 60, 120),
    ],
)  # fmt: skip
def test_spans_are_from_a_bound_to_below_the_other(field: str, text: str, low: float, high: float) -> None:
    term = read_term(field, text)
    assert (term.low, term.high) == (low, high)


def test_more_than_leaves_the_bound_itself_out_and_at_most_takes_it_in() -> None:
    assert not read_term("rate", ">0").low <= 0
    assert read_term("idle", "<=10m").high > 600


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("idle", "10m"), ("idle", ">ten"), ("idle", "10m-1m"), ("age", ">5w"), ("rate", ">1/y"), ("rate", ""),
        ("node", "three"), ("node", "9" * 25), ("version", "256"), ("device", "fridge"), ("level", "2"),
        ("idle", f">{'1' * 150}x"), ("age", f">{'1.5' * 50}"),  # told at once, however it could be cut
        ("ip", "203.0.113"), ("ip", "203.0.113.0/33"), ("ip", "anna"), ("uid", "x" * 300), ("uid", "-"),
    ],
)  # fmt: skip
def test_what_cant_be_read_is_told_at_its_field(field: str, text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_term(field, text)
    assert list(raised.value.fields) == [field]


def test_a_query_has_as_many_conditions_as_an_address_at_most() -> None:
    assert len(read_query(" ".join(f"u{number}" for number in range(20))).terms) == 20
    with pytest.raises(InvalidInput) as raised:
        read_query(" ".join(f"u{number}" for number in range(21)))
    assert list(raised.value.fields) == ["q"]


def test_all_wrong_fields_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as raised:
        read({"idle": ["soon"], "ip": ["here"], "device": ["app"]})
    assert set(raised.value.fields) == {"idle", "ip"}


def test_a_typed_query_is_the_same_filter_as_its_address() -> None:
    typed = read_query("anna -device:pc idle:>10m ip:203.0.113.7/24")
    assert typed.words() == "uid:anna -device:pc idle:>10m ip:203.0.113.0/24"
    assert typed.pairs() == (("uid", "anna"), ("device", "-pc"), ("ip", "203.0.113.0/24"), ("idle", ">10m"))
    values: dict[str, list[str]] = {}
    for name, value in typed.pairs():
        values.setdefault(name, []).append(value)
    assert set(read(values).terms) == set(typed.terms)


def test_an_unknown_name_in_a_query_is_told_beside_the_box() -> None:
    with pytest.raises(InvalidInput) as raised:
        read_query("colour:red")
    assert list(raised.value.fields) == ["q"]


def test_at_most_twenty_conditions() -> None:
    with pytest.raises(InvalidInput):
        read({"uid": [f"u{number}" for number in range(21)]})


def test_toggling_a_span_takes_the_place_of_the_one_before() -> None:
    first, second = read_term("idle", "<1m"), read_term("idle", ">=10m")
    wanted = Filter().toggled(first).toggled(read_term("device", "app")).toggled(second)
    assert wanted.words() == "device:app idle:>=10m"
    assert wanted.toggled(second).words() == "device:app"


@given(st.text(min_size=1, max_size=60))
def test_any_uid_survives_the_way_through_an_address(uid: str) -> None:
    text = uid.strip()
    if not text:
        return
    for is_negated in (False, True):
        term = read_term("uid", f"\\{text}")._replace(is_negated=is_negated)
        assert read_term("uid", term.text()) == term


@given(st.sampled_from(FIELDS), st.text(max_size=40))
def test_nothing_else_than_a_term_or_a_told_problem(field: str, text: str) -> None:
    try:
        term = read_term(field, text)
    except InvalidInput as error:
        assert list(error.fields) == [field]
    else:
        assert read_term(field, term.text()) == term
