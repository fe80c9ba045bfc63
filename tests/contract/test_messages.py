"""Finding and reading messages, on every target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imadmin.gateway.contract import Gateway
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.types import ChannelRef, ContentKind, Message, MessageQuery
from tests.contract.conftest import Target, eventually

Unique = Callable[[str], str]


async def spoken(target: Target, gateway: Gateway, channel: ChannelRef, sender: str, texts: list[str]) -> list[int]:
    """Say these, one after the other, and wait until all are stored; their ids in order."""
    ids = []
    for text in texts:
        ids.append(await target.say(channel, sender, text))
        await eventually(lambda wanted=ids[-1]: gateway.message(wanted))
    return ids


def texts(messages: tuple[Message, ...]) -> list[str]:
    return [message.content.text for message in messages]


async def test_a_message_is_found_by_its_id_with_every_digit(target, gateway: Gateway, group, unique: Unique):
    sender = unique("sender")
    (number,) = await spoken(target, gateway, group, sender, ["你好，世界"])
    assert number > 2**53
    found = await gateway.message(number)
    assert found is not None
    assert (found.id, found.channel, found.from_uid, found.content.text) == (number, group, sender, "你好，世界")
    assert found.content.kind is ContentKind.TEXT
    assert found.sent_at.tzinfo is not None


async def test_an_unknown_message_id_is_nothing(gateway: Gateway):
    assert await gateway.message(2**60 + 1) is None


async def test_a_channel_is_paged_newest_first_each_message_once(target, gateway: Gateway, group: ChannelRef):
    ids = await spoken(target, gateway, group, "anna", [f"line {number}" for number in range(7)])
    seen: list[int] = []
    cursor = ""
    while True:
        page = await gateway.search_messages(MessageQuery(channel=group), cursor=cursor, limit=3)
        assert len(page.items) <= 3
        seen += [message.id for message in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == ids[::-1]


async def test_an_exact_fit_has_no_next_page(target, gateway: Gateway, group: ChannelRef):
    await spoken(target, gateway, group, "anna", ["one", "two", "three"])
    page = await gateway.search_messages(MessageQuery(channel=group), limit=3)
    assert len(page.items) == 3
    assert page.next_cursor == ""


async def test_text_is_found_inside_a_channel(target, gateway: Gateway, group: ChannelRef):
    await spoken(target, gateway, group, "anna", ["加我微信 spam-88", "hello there", '说 "好" 吧', "再见"])
    found = await gateway.search_messages(MessageQuery(channel=group, text="微信"))
    assert texts(found.items) == ["加我微信 spam-88"]
    assert found.scanned == 4
    assert {"case-sensitive", "raw-bytes"} <= set(found.limits)
    quoted = await gateway.search_messages(MessageQuery(channel=group, text='"好"'))
    assert texts(quoted.items) == ['说 "好" 吧']
    assert (await gateway.search_messages(MessageQuery(channel=group, text="HELLO"))).items == ()


async def test_text_is_found_however_the_sender_escaped_it(target, gateway: Gateway, group: ChannelRef):
    await spoken(target, gateway, group, "anna", ["大写 plain"])
    escaped = await target.say(group, "anna", "", payload=rb'{"type":1,"content":"\u5927\u5199 escaped"}')
    await eventually(lambda: gateway.message(escaped))
    page = await gateway.search_messages(MessageQuery(channel=group, text="大写"), limit=5)
    assert texts(page.items) == ["大写 escaped", "大写 plain"]
    first = await gateway.search_messages(MessageQuery(channel=group, text="大写"), limit=1)
    second = await gateway.search_messages(MessageQuery(channel=group, text="大写"), limit=1, cursor=first.next_cursor)
    assert texts(first.items + second.items) == ["大写 escaped", "大写 plain"]
    assert second.next_cursor == ""


async def test_text_without_a_channel_is_refused(gateway: Gateway):
    with pytest.raises(RefusedLocally) as refused:
        await gateway.search_messages(MessageQuery(text="anything"))
    assert "text" in refused.value.fields


async def test_a_sender_is_found_across_channels_and_says_what_it_cannot_promise(
    target, gateway: Gateway, group: ChannelRef, unique: Unique
):
    sender = unique("sender")
    person = ChannelRef.person(sender, unique("friend"))
    ids = await spoken(target, gateway, group, sender, ["in the group"])
    ids += await spoken(target, gateway, person, sender, ["to a friend"])
    page = await gateway.search_messages(MessageQuery(from_uid=sender), limit=1)
    assert {message.id for message in page.items} == set(ids)
    assert page.next_cursor == ""
    assert "sender-index-order" in page.limits


async def test_a_sender_inside_a_channel_is_paged(target, gateway: Gateway, group: ChannelRef, unique: Unique):
    sender = unique("sender")
    await spoken(target, gateway, group, "other", ["noise"])
    await spoken(target, gateway, group, sender, ["a", "b", "c"])
    first = await gateway.search_messages(MessageQuery(channel=group, from_uid=sender), limit=2)
    rest = await gateway.search_messages(
        MessageQuery(channel=group, from_uid=sender), limit=2, cursor=first.next_cursor
    )
    assert texts(first.items + rest.items) == ["c", "b", "a"]


async def test_a_client_number_is_found_without_a_channel(target, gateway: Gateway, group: ChannelRef, unique: Unique):
    number = unique("no")
    wanted = await target.say(group, "anna", "numbered", client_msg_no=number)
    await eventually(lambda: gateway.message(wanted))
    page = await gateway.search_messages(MessageQuery(client_msg_no=number))
    assert [message.id for message in page.items] == [wanted]


async def test_the_latest_messages_are_paged_without_repeats(target, gateway: Gateway, group: ChannelRef):
    ids = await spoken(target, gateway, group, "anna", ["x", "y", "z"])
    first = await gateway.search_messages(MessageQuery(), limit=2)
    second = await gateway.search_messages(MessageQuery(), limit=2, cursor=first.next_cursor)
    seen = [message.id for message in first.items + second.items]
    assert len(set(seen)) == 4 or not second.next_cursor
    assert seen == sorted(seen, reverse=True)
    assert max(seen) >= ids[-1]


async def test_an_id_with_another_filter_must_fit_both(target, gateway: Gateway, group: ChannelRef):
    (number,) = await spoken(target, gateway, group, "anna", ["here"])
    fits = await gateway.search_messages(MessageQuery(message_id=number, channel=group))
    assert [message.id for message in fits.items] == [number]
    other = await gateway.search_messages(MessageQuery(message_id=number, from_uid="somebody-else"))
    assert other.items == ()


async def test_a_broken_cursor_is_refused(gateway: Gateway, group: ChannelRef):
    latest = await gateway.search_messages(MessageQuery(), limit=1)
    for cursor in ("???", "AAAA", latest.next_cursor or "W10"):
        with pytest.raises(RefusedLocally) as refused:
            await gateway.search_messages(MessageQuery(channel=group), cursor=cursor)
        assert "cursor" in refused.value.fields


async def test_a_message_is_read_with_its_neighbours(target, gateway: Gateway, group: ChannelRef):
    await spoken(target, gateway, group, "anna", [f"m{number}" for number in range(1, 8)])
    around = await gateway.messages_around(group, 4, before=2, after=1)
    assert [message.seq for message in around] == [2, 3, 4, 5]
    assert texts(around) == ["m2", "m3", "m4", "m5"]
    assert {message.channel for message in around} == {group}
    assert [message.seq for message in await gateway.messages_around(group, 1, before=5, after=1)] == [1, 2]
    assert [message.seq for message in await gateway.messages_around(group, 7, before=0, after=5)] == [7]


async def test_a_person_chat_is_read_by_its_stored_id(target, gateway: Gateway, unique: Unique):
    anna, ben = unique("anna"), unique("ben")
    chat = ChannelRef.person(anna, ben)
    await spoken(target, gateway, chat, anna, ["hi ben"])
    await spoken(target, gateway, chat, ben, ["hi anna"])
    around = await gateway.messages_around(chat, 1)
    assert [(message.from_uid, message.content.text) for message in around] == [(anna, "hi ben"), (ben, "hi anna")]
    assert {message.channel for message in around} == {chat}
    found = await gateway.search_messages(MessageQuery(channel=chat))
    assert {message.id for message in found.items} == {message.id for message in around}
    assert await gateway.max_seq(chat) == 2


@pytest.mark.parametrize("is_person", [False, True])
async def test_commands_are_read_by_their_stored_id(target, gateway: Gateway, group, unique: Unique, is_person: bool):
    anna = unique("anna")
    channel = ChannelRef.person(anna, unique("ben")) if is_person else group
    number = await target.say(channel, anna, "a command", header={"sync_once": 1})
    command = await eventually(lambda: gateway.message(number))
    assert command.is_command
    assert command.channel == ChannelRef(f"{channel.id}____cmd", channel.type)
    assert texts(await gateway.messages_around(command.channel, command.seq)) == ["a command"]


async def test_a_never_used_channel_stays_never_used(gateway: Gateway, unique: Unique):
    for number in range(8):  # led by different nodes: only a slot's leader says "not found", the others say 0
        unknown = ChannelRef(unique(f"never-{number}"), 2)
        assert await gateway.messages_around(unknown, 1) == ()
        assert await gateway.max_seq(unknown) is None
        assert await gateway.runtime_channel(unknown) is None


async def test_the_red_dot_of_a_message_is_true_wherever_it_stands(target, gateway: Gateway, group: ChannelRef):
    for number in range(3):
        sent = await target.say(group, "anna", f"dot {number}", header={"red_dot": 1})
        await eventually(lambda wanted=sent: gateway.message(wanted))
    around = await gateway.messages_around(group, 2, before=0, after=1)
    assert [message.has_red_dot for message in around] == [True, True]


async def test_what_stands_under_one_seq_is_found(target, gateway: Gateway, group: ChannelRef):
    ids = await spoken(target, gateway, group, "anna", ["first", "second", "third"])
    assert [message.id for message in await gateway.messages_at(group, 2)] == [ids[1]]
    assert await gateway.messages_at(group, 9) == ()
