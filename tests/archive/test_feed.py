"""From what the webhook tells to rows: whose channel it is, what is a command about others, what a stream says."""

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from imadmin.archive import feed, grams, orders, reading, streams, writer
from imadmin.archive.matching import matcher
from imadmin.archive.rows import Incoming, Trait
from imadmin.archive.stores import engine_of
from imadmin.archive.where import Says
from imadmin.core.aio import run
from imadmin.gateway.errors import Unreachable
from imadmin.gateway.hook_types import ToldMessage
from imadmin.gateway.message_types import StreamEvent
from imadmin.gateway.types import ChannelFlags, ChannelRef

HIGH, LOW = "fd9", "fd13"  # by their CRC32: the first half and the second of what they have together
_numbers = itertools.count()
TALK = ChannelRef("talk", 2)
PAIR = ChannelRef("fd9@fd13", 1)


def told(sender: str, target: str, kind: int = 1, **others: Any) -> ToldMessage:
    return ToldMessage(7, 3, "c", sender, target, kind, 100, b"x", **others)


@pytest.mark.parametrize(
    ("message", "channel", "seq"),
    [
        (told(HIGH, LOW), PAIR, 3),
        (told(LOW, HIGH), PAIR, 3),
        (told(HIGH, f"{LOW}____cmd"), ChannelRef("fd9@fd13____cmd", 1), 3),
        (told(LOW, f"{LOW}____cmd"), ChannelRef("fd13____cmd", 1), 0),  # the server names the sender's own half
        (told("____system", LOW), ChannelRef("____system@fd13", 1), 3),
        (told("____system", "____system"), ChannelRef("____system", 1), 0),
        (told("____system", f"{LOW}____cmd"), ChannelRef("____system@fd13____cmd", 1), 3),
        (told("____system", "____system____cmd"), ChannelRef("____system____cmd", 1), 0),
        (told("____system", ""), ChannelRef("____system", 1), 0),
        (told(HIGH, f"{HIGH}@{HIGH}"), ChannelRef("fd9@fd9", 1), 3),
        (told(HIGH, "fdg", 2), ChannelRef("fdg", 2), 3),
        (told(HIGH, "fdg____cmd", 2), ChannelRef("fdg____cmd", 2), 3),
        (told(HIGH, "fd9@fd13", 11), ChannelRef("fd9@fd13", 11), 3),
    ],
)  # as a real server told them
def test_a_message_is_kept_in_the_channel_it_was_sent_to(message: ToldMessage, channel: ChannelRef, seq: int) -> None:
    (found,) = feed.told([message])

    assert (found.channel, found.seq) == (channel, seq)


def test_what_the_server_does_not_store_is_left_out() -> None:
    fleeting = told(HIGH, LOW, is_stored=False)

    assert feed.told([fleeting, told(HIGH, LOW)._replace(seq=0)]) == []


def test_a_reading_of_the_channel_puts_a_message_into_its_place() -> None:
    engine = engine_of(1)
    feed.take(1, feed.told([told("____system", "____system")._replace(payload=b'"hello"')]))
    whole = ChannelRef("wb@____system", 1)

    taken = feed.take(1, [Incoming(7, 3, whole, "____system", 100, b'"hello"')])
    feed.take(1, feed.told([told("____system", "____system")]))  # told once more

    assert (taken.added, taken.known) == (0, 1)
    assert [(row.channel, row.seq) for row in engine.scan(None)] == [(whole, 3)]
    assert engine.hold(whole).spans == ((3, 3),)
    assert engine.hold(ChannelRef("____system", 1)).gaps == ()
    assert not list(engine.verify())


def command(number: int, payload: Any, channel: str = "g____cmd", by: str = "anna") -> Incoming:
    return Incoming(number, number, ChannelRef(channel, 2), by, 100, json.dumps(payload).encode())


@pytest.mark.parametrize(
    "payload",
    [
        {"type": 1, "content": 'write "cmd": "revoke"'},
        {"type": 99, "cmd": "typing", "param": {"message_id": 1}},
        {"type": 99, "cmd": "messageRevoke", "param": {}},
        {"type": 99, "cmd": "messageRevoke", "param": {"message_id": "abc"}},
        {"type": 99, "cmd": ["messageRevoke"], "param": {"message_id": 1}},
        {"type": 99, "cmd": "messageRevoke", "param": {"message_id": -1}},
        {"type": 99, "cmd": "messageRevoke", "param": {"message_id": 2**70}},
        {"type": 99, "cmd": "messageReadDelete", "param": {"message_id": 1}},
    ],
)
def test_what_is_no_order(payload: Any) -> None:
    assert orders.among([command(2, payload)]) == []


def test_a_text_that_looks_like_a_command_is_none_outside_of_the_command_channel() -> None:
    payload = {"type": 1, "content": "x", "cmd": "revoke", "message_id": 1}

    assert orders.among([command(2, payload, channel="g")]) == []
    assert orders.among([command(2, payload)])[0].ids == (1,)


@pytest.mark.parametrize(
    "payload",
    [
        {"type": 99, "cmd": "messageRevoke", "param": {"message_id": "1"}},
        {"type": "99", "cmd": "messageRevoke", "param": {"message_ids": [1, "1"]}},
        {"type": 99, "cmd": "revoke_message", "param": json.dumps({"message_id": 1})},
        {"type": 99, "cmd": "recall", "message_id": 1},
        {"type": 99, "cmd": "messageDelete", "data": {"messageId": 1}},
    ],
)
def test_the_ways_to_name_a_message(payload: Any) -> None:
    (found,) = orders.among([command(2, payload)])

    assert (found.what, found.ids, found.by) == ("revoke", (1,), "anna")


def test_an_order_about_a_message_that_never_comes_is_given_up() -> None:
    engine, at = engine_of(1), int(time.time())
    feed.take(1, [command(2, {"type": 99, "cmd": "revoke", "param": {"message_id": 1}})])

    orders.sweep(engine, at)
    assert len(engine.notes(orders.PREFIX)) == 1
    orders.sweep(engine, at + orders.KEPT_SECONDS + 10)
    assert engine.notes(orders.PREFIX) == {}


def test_only_so_many_orders_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "KEPT_MOST", 3)
    engine = engine_of(1)
    for number in range(10, 20):
        feed.take(1, [command(number, {"type": 99, "cmd": "revoke", "param": {"message_id": 1}})])

    orders.sweep(engine, int(time.time()))

    assert waiting(engine) == [17, 18, 19]


def waiting(engine: Any) -> list[int]:
    return sorted(int(name.rpartition("/")[2]) for name in engine.notes(orders.PREFIX))


def revoke(number: int, by: str = "anna", **names: Any) -> Incoming:
    return command(number, {"type": 99, "cmd": "revoke", "param": names or {"message_id": 1}}, by=by)


def test_an_order_is_carried_out_before_it_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "KEPT_MOST", 1)
    engine = engine_of(1)
    feed.take(1, [revoke(number, message_id=number - 10) for number in (11, 12, 13)])
    writer.write(1, [Incoming(1, 1, ChannelRef("g", 2), "anna", 100, b"x")])  # what the first is about, read later

    assert orders.sweep(engine, int(time.time())) == 1

    assert Trait.REVOKED in engine.by_ids([1])[1].traits
    assert waiting(engine) == [13]


def test_none_is_dropped_while_the_archive_is_being_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "KEPT_MOST", 1)
    monkeypatch.setattr(orders, "SENDER_MOST", 1)
    engine, at = engine_of(1), int(time.time())
    feed.take(1, [revoke(number) for number in range(10, 20)])

    orders.sweep(engine, at, is_filling=True)
    assert len(waiting(engine)) == 10

    orders.sweep(engine, at + 60)
    assert waiting(engine) == [19]


def test_one_sender_can_not_take_the_room_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "SENDER_MOST", 3)
    engine = engine_of(1)
    feed.take(1, [revoke(5, "ben"), *(revoke(number, "mallory") for number in range(10, 20)), revoke(6, "____system")])

    orders.sweep(engine, int(time.time()))

    assert waiting(engine) == [5, 6, 17, 18, 19]


def test_a_sweep_looks_at_a_slice_and_the_next_at_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "PAGE", 2)
    monkeypatch.setattr(orders, "SLICE_NUMBERS", 4)
    engine, at = engine_of(1), int(time.time())
    feed.take(1, [revoke(number, client_msg_nos=[f"{number}-{each}" for each in range(2)]) for number in range(10, 17)])
    asked: list[str] = []
    by_number = orders._by_number

    def counting(engine: Any, order: Any, number: str) -> Any:
        asked.append(number)
        return by_number(engine, order, number)

    monkeypatch.setattr(orders, "_by_number", counting)
    rounds = []
    for _ in range(5):
        asked.clear()
        orders.sweep(engine, at)
        rounds.append(sorted({int(number[:2]) for number in asked}))

    assert rounds == [[10, 11], [12, 13], [14, 15], [16], []]  # and rests when nothing came of it
    orders.sweep(engine, at + 5)
    assert asked


def test_a_command_names_only_so_many_numbers() -> None:
    (order,) = orders.among([revoke(2, client_msg_nos=[str(number) for number in range(500)])])

    assert len(order.numbers) == orders.NUMBERS_MOST


def test_a_note_by_another_name_is_kept_by_its_own() -> None:
    engine = engine_of(1)
    feed.take(1, [revoke(12)])
    (text,) = engine.notes(orders.PREFIX).values()
    engine.note(next(iter(engine.notes(orders.PREFIX))), "")
    engine.note("order/12", text)

    orders.sweep(engine, int(time.time()))

    assert waiting(engine) == [12] and "order/12" not in engine.notes(orders.PREFIX)


def test_an_edit_does_not_hide_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Incoming(1, 1, ChannelRef("g", 2), "anna", 100, b'{"type": 1, "content": "scamword"}')
    feed.take(1, [sent, command(2, {"type": 99, "cmd": "edit", "param": {"message_id": 1, "content": "hello"}})])

    for words in ("scamword", "hello"):
        found = engine_of(1).scan(grams.word_cover(words))
        assert [row.id for row in found if matcher(Says(words))(row) and row.id == 1] == [1]
    assert engine_of(1).by_ids([1])[1].text == "hello"


def test_a_note_that_somebody_broke_is_no_reason_to_stop() -> None:
    engine = engine_of(1)
    engine.note(f"{orders.PREFIX}1", "{broken")

    assert orders.sweep(engine, 0) == 0


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stream(make_cluster: Any, scope_of: Any) -> Iterator[tuple[Any, int]]:
    """A stream message on a single node, stored as it was told: its text is yet to come."""
    from imadmin.simulator import SimulatedCluster

    with SimulatedCluster(nodes=1, seed=7, world="empty", manager_token="sim-token") as single:
        scope = scope_of(make_cluster(single, slug="single"), "admin")
        run(scope.gateway.create_channel(TALK, ChannelFlags(), ["anna", "ben"]))
        body = b'{"type": 1, "content": ""}'
        sent = run(scope.gateway.send_message(TALK, body, from_uid="anna", client_msg_no="s1", is_stream=True))
        one = Incoming(sent.id, 1, TALK, "anna", int(time.time()), body, "s1", is_stream=True, is_finished=False)
        writer.write(scope.cluster.pk, [one])
        yield scope, sent.id


def say(scope: Any, word: str, payload: Any = None) -> None:
    event = StreamEvent(f"e{next(_numbers)}", word, payload=payload)
    run(scope.gateway.send_event(TALK, "s1", event, from_uid="anna"))


def test_the_text_of_a_stream_is_read_until_it_is_complete(stream: tuple[Any, int]) -> None:
    scope, message_id = stream
    engine = engine_of(scope.cluster.pk)
    assert streams.refresh(scope) == 0  # nothing is said yet

    say(scope, "stream.delta", {"kind": "text", "delta": "您好，refund"})
    assert streams.refresh(scope) == 1
    row = engine.by_ids([message_id])[message_id]
    assert (row.text, Trait.UNFINISHED in row.traits, Trait.STREAM in row.traits) == ("您好，refund", True, True)
    assert streams.refresh(scope) == 0  # nothing new

    say(scope, "stream.delta", {"kind": "text", "delta": " is on its way"})
    say(scope, "stream.close")
    assert streams.refresh(scope) == 1
    row = engine.by_ids([message_id])[message_id]
    assert (row.text, Trait.UNFINISHED in row.traits) == ("您好，refund is on its way", False)
    assert streams.unfinished(engine) == []
    assert not list(engine.verify())


def test_an_edit_says_more_than_the_stream(stream: tuple[Any, int]) -> None:
    scope, message_id = stream
    edit = {"type": 99, "cmd": "messageEdit", "param": {"message_id": message_id, "content": "never mind"}}
    say(scope, "stream.delta", {"kind": "text", "delta": "long talk"})
    feed.take(scope.cluster.pk, [command(message_id + 1, edit, channel="talk____cmd")])
    say(scope, "stream.close")

    streams.refresh(scope)

    row = engine_of(scope.cluster.pk).by_ids([message_id])[message_id]
    assert (row.text, Trait.UNFINISHED in row.traits) == ("never mind", False)


def test_a_stream_that_is_open_after_an_hour_is_read_no_more(stream: tuple[Any, int]) -> None:
    scope, message_id = stream
    engine = engine_of(scope.cluster.pk)

    assert [one.id for one in streams.unfinished(engine)] == [message_id]
    assert streams.unfinished(engine, at=time.time() + streams.YOUNG_SECONDS + 5) == []
    assert Trait.UNFINISHED in engine.by_ids([message_id])[message_id].traits


def open_stream(number: int, ago: int = 60) -> Incoming:
    """One that is never closed: the message was told, and nothing of it is on the server."""
    channel = ChannelRef("dead", 2)
    return Incoming(number, number, channel, "mallory", int(time.time()) - ago, b"", is_stream=True, is_finished=False)


def test_streams_that_are_never_closed_keep_no_other_from_being_read(stream: tuple[Any, int]) -> None:
    scope, message_id = stream
    older = [open_stream(number, ago=600) for number in range(1, 61)]
    newer = [open_stream(number, ago=-10) for number in range(61, 121)]
    writer.write(scope.cluster.pk, [*older, *newer])
    say(scope, "stream.delta", {"kind": "text", "delta": "hello"})

    assert sum(streams.refresh(scope) for _ in range(8)) == 1

    assert engine_of(scope.cluster.pk).by_ids([message_id])[message_id].text == "hello"


def test_all_open_streams_get_their_turn() -> None:
    engine = engine_of(1)
    writer.write(1, [open_stream(number) for number in range(1, 101)])

    turns = [streams._turn(engine) for _ in range(10)]

    assert {one.id for turn in turns for one in turn} == set(range(1, 101))
    assert all(len(turn) <= streams.MOST for turn in turns)


def test_a_stream_that_can_not_be_read_costs_the_others_nothing(
    stream: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    scope, _ = stream
    writer.write(scope.cluster.pk, [open_stream(1, ago=-10)])
    say(scope, "stream.delta", {"kind": "text", "delta": "hello"})
    ask = scope.gateway.messages_around

    async def failing(channel: ChannelRef, *args: Any, **options: Any) -> Any:
        if channel.id == "dead":
            raise Unreachable("away")
        return await ask(channel, *args, **options)

    monkeypatch.setattr(scope.gateway, "messages_around", failing, raising=False)

    assert streams.refresh(scope) == 1


def test_streams_are_read_within_the_budget_of_the_archive(stream: tuple[Any, int]) -> None:
    scope, _ = stream
    before = reading.pace_of(scope.cluster.pk).calls

    streams.refresh(scope)

    assert reading.pace_of(scope.cluster.pk).calls > before
