"""A moderator, without a mouse: from what somebody wrote to stopping them; and an administrator who reads one body."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from imadmin.gateway.types import ChannelRef
from tests.e2e.hands import CAST_PASSWORD, Keyboard, row_of
from tests.e2e.stages import Stage

CHINESE = "群主在吗？我这里低价出售二手相机，加我微信"
ENGLISH = "Cheap watches, click here before midnight"
REASON = "sells things in the group"


@pytest.fixture
def talk(stage: Stage) -> Stage:
    """Ann sells things in the group, Ben and Chen talk around her; she writes to Ben alone too."""
    ann, ben, chen = (stage.client(name, node=node) for node, name in enumerate(("ann", "ben", "chen")))
    said = [
        (ben, "早上好"), (chen, "Good morning"), (ann, CHINESE), (ben, "这里不是市场"), (ann, ENGLISH),
        (chen, "Please don't"),
    ]  # fmt: skip
    for client, text in said:
        assert client.send(stage.group, text) == 1
    assert ann.send(ChannelRef(stage.uid("ben"), 1), "要不要买相机？") == 1
    return stage


@pytest.fixture
def keys(open_page: Callable[..., Any]) -> Keyboard:
    """The moderator at the keyboard, signed in."""
    page: Page = open_page()
    keys = Keyboard(page)
    page.goto("/accounts/login/")
    keys.write(page.get_by_label("User name"), "moderator1")
    keys.write(page.get_by_label("Password"), CAST_PASSWORD)
    keys.press("Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)
    return keys


def search(keys: Keyboard, stage: Stage, text: str) -> None:
    """Into the server's own search, from wherever one is in the cluster: this cluster has no archive."""
    page = keys.page
    keys.press("Escape", "g", "m")
    page.wait_for_url(lambda url: url.endswith(stage.page("messages/")))
    keys.push(page.get_by_role("region", name="Results").get_by_role("link", name="Search the server"))
    page.wait_for_url(lambda url: url.endswith(stage.page("messages/server/")))
    keys.choose(page.get_by_label("Kind of channel"), "Group")
    keys.write(page.get_by_label("Channel id"), stage.group.id)
    keys.write(page.get_by_label("Text, inside one channel"), text)
    keys.press("Enter")


def hits(page: Page) -> Any:
    return page.get_by_role("table", name="Messages, newest first").get_by_role("row")


def test_finding_a_text_and_denying_its_sender_takes_no_mouse(keys: Keyboard, talk: Stage) -> None:
    page, stage = keys.page, talk
    page.goto(stage.page())

    for text, part in ((CHINESE, "二手相机"), (ENGLISH, "Cheap watches")):
        search(keys, stage, part)
        expect(hits(page)).to_have_count(2)  # its head, and the one message
        expect(hits(page).nth(1)).to_contain_text(text)
        expect(hits(page).nth(1).locator("mark")).to_have_text(part)
    keys.press("Escape", "j", "Enter")

    page.wait_for_url(lambda url: stage.page("m/") in url)
    around = page.get_by_role("region", name="In its conversation").get_by_role("listitem")
    expect(around.filter(has_text=ENGLISH)).to_have_attribute("aria-current", "true")
    for text in ("早上好", CHINESE, "这里不是市场", "Please don't"):
        expect(around.filter(has_text=text)).to_have_count(1)

    keys.push(page.get_by_role("button", name="Deny sender…"))
    dialog = page.get_by_role("dialog", name="Deny the sender?")
    expect(dialog).to_contain_text(f"{stage.uid('ann')} can no longer send in {stage.group.id}")
    page.keyboard.insert_text(REASON)
    keys.press("Enter")
    expect(page.get_by_role("status").filter(has_text=f"Deny: {stage.uid('ann')}: done")).to_be_visible()

    ann, ben, _chen = stage.clients
    assert ann.send(stage.group, "still here?") == 4
    assert ben.send(stage.group, "she is quiet now") == 1


def test_the_chat_of_two_people_is_found_by_their_uids(keys: Keyboard, talk: Stage) -> None:
    page, stage = keys.page, talk
    page.goto(stage.page("messages/server/"))

    keys.write(page.get_by_label("Person chat of"), stage.uid("ben"))
    keys.write(page.get_by_label("and of"), stage.uid("ann"))
    keys.write(page.get_by_label("Text, inside one channel"), "要不要")
    keys.press("Enter")

    expect(hits(page)).to_have_count(2)
    expect(hits(page).nth(1)).to_contain_text("要不要买相机？")
    expect(hits(page).nth(1)).to_contain_text(stage.uid("ann"))


def test_a_text_without_a_channel_is_refused_with_the_reason(keys: Keyboard, talk: Stage) -> None:
    page, stage = keys.page, talk
    page.goto(stage.page("messages/server/"))

    keys.press("/")
    page.keyboard.insert_text("相机")
    keys.press("Enter")

    field = page.get_by_label("Text, inside one channel")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("Name a channel too. Without one the server reads every"))
    expect(field).to_have_value("相机")


def filled(page: Page, q: str) -> Any:
    """The hits of a search in the demo's archive, which fills for a while after the start."""
    for _ in range(60):
        page.goto(f"/c/demo/messages/?q={q}")
        if hits(page).count() > 2:
            return hits(page)
        page.wait_for_timeout(1000)
    raise AssertionError("the archive of the demo stays empty")


def test_a_search_is_written_by_suggestions_and_a_mistake_is_pointed_at(keys: Keyboard) -> None:
    page = keys.page
    filled(page, "退款")
    page.goto("/c/demo/messages/")
    field, options = page.get_by_role("combobox", name="Search messages"), page.get_by_role("option")

    keys.press("/")
    page.keyboard.insert_text("退款 typ")
    expect(options).to_have_count(1)
    keys.press("ArrowDown", "Enter")
    expect(field).to_have_value("退款 type:")
    page.keyboard.insert_text("tex")
    expect(options).to_have_text([re.compile("type:text")])
    keys.press("ArrowDown", "Tab")
    expect(field).to_have_value("退款 type:text ")
    expect(field).to_be_focused()
    keys.press("Escape", "Enter")

    expect(page.locator("[data-chip]")).to_have_attribute("data-chip", "type:text")
    expect(hits(page).nth(1).locator("mark").first).to_have_text("退款")
    expect(page.locator("#narrow").get_by_role("link").first).to_be_visible()

    keys.press("End")
    page.keyboard.insert_text(" afer:-9d")
    keys.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("Did you mean after:"))
    expect(page.locator(".fault-at")).to_have_text("afer:")
    expect(field).to_have_value("type:text 退款 afer:-9d")

    keys.press("Control+a")
    page.keyboard.insert_text("退款 type:text after:-90d")
    keys.press("Enter")
    expect(hits(page).nth(1)).to_contain_text("退款")
    keys.press("Escape", "j", "Enter")
    page.wait_for_url(lambda url: "/c/demo/m/" in url)
    around = page.get_by_role("region", name="In its conversation").get_by_role("listitem")
    expect(around.locator("xpath=self::*[@aria-current='true']").locator("mark").first).to_have_text("退款")


def test_tab_completes_a_word_and_escape_keeps_it(keys: Keyboard) -> None:
    page = keys.page
    filled(page, "退款")
    page.goto("/c/demo/messages/")
    field, options = page.get_by_role("combobox", name="Search messages"), page.get_by_role("option")

    keys.press("/")
    page.keyboard.insert_text("玉兰花 typ")
    expect(options).to_have_count(1)
    keys.press("Tab")
    expect(field).to_have_value("玉兰花 type:")
    expect(field).to_be_focused()
    page.keyboard.insert_text("tex")
    expect(options).to_have_text([re.compile("type:text")])
    keys.press("Shift+Tab")
    expect(field).not_to_be_focused()
    expect(field).to_have_value("玉兰花 type:tex")
    keys.press("/", "End", "ArrowDown")
    expect(options).to_have_count(1)
    expect(field).to_have_attribute("aria-expanded", "true")
    keys.press("Tab")
    expect(field).to_have_value("玉兰花 type:text ")
    keys.press("Tab")
    expect(field).not_to_be_focused()
    expect(field).to_have_value("玉兰花 type:text ")
    expect(field).to_have_attribute("aria-expanded", "false")

    keys.press("/", "End", "ArrowDown")
    expect(field).to_have_attribute("aria-expanded", "true")
    keys.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_be_focused()
    keys.press("Escape")
    expect(field).to_have_value("玉兰花 type:text ")

    field.fill("node:")
    expect(options.filter(has_text="node:1001")).to_have_count(1)


def test_a_conversation_is_opened_with_one_reason(sign_in: Callable[..., Any]) -> None:
    page = sign_in("admin1")
    found = filled(page, "退款 in:group:售后支持群")  # one with many around it
    assert "退款" not in found.nth(1).inner_text()
    found.nth(1).get_by_role("link", name="Reveal…").click()
    around = page.get_by_role("region", name="In its conversation")
    expect(around).to_contain_text("characters")
    around.get_by_label("Why do you read the conversation?").fill("a member complained")
    around.get_by_role("button", name=re.compile("Reveal these")).click()
    expect(around.locator("#hit")).to_contain_text("退款")
    expect(around.get_by_label("Why do you read the conversation?")).to_have_count(0)


def test_an_administrator_reads_one_masked_body_with_a_reason_and_the_trail_tells(
    sign_in: Callable[..., Any], talk: Stage
) -> None:
    stage = talk
    moderator = sign_in("moderator1")
    moderator.goto(stage.page(f"messages/server/?channel_type=2&channel_id={stage.group.id}"))
    moderator.get_by_role("link", name=CHINESE).click()
    moderator.get_by_role("button", name="Deny sender…").click()
    moderator.get_by_role("dialog").get_by_label("Reason").fill(REASON)
    moderator.get_by_role("button", name="Deny sender", exact=True).click()
    expect(moderator.get_by_role("status").filter(has_text="done")).to_be_visible()

    page = sign_in("admin1")
    page.goto(stage.page("messages/server/"))
    page.get_by_label("Kind of channel").select_option("Group")
    page.get_by_label("Channel id").fill(stage.group.id)
    page.get_by_role("button", name="Search").click()
    row = row_of(page, "Messages, newest first", stage.uid("ann")).filter(has_text=f"{len(CHINESE)} characters")
    expect(row).to_have_count(1)
    assert CHINESE not in page.content()
    row.get_by_role("link", name="Reveal…").click()
    reveal = page.get_by_role("region", name="Payload")
    expect(reveal).to_contain_text(f"{len(CHINESE)} characters")
    assert CHINESE not in page.content()
    expect(reveal.get_by_label("Why do you read it?")).to_be_focused()
    reveal.get_by_label("Why do you read it?").fill("a member complained")
    reveal.get_by_role("button", name="Reveal").click()
    expect(reveal).to_contain_text(CHINESE)

    page.goto(f"/audit/?cluster={stage.slug}")
    page.get_by_role("table", name="Audit rows").get_by_role("link", name="Reveal a message body").first.click()
    entry = page.get_by_role("complementary", name="Row")
    expect(entry).to_contain_text("a member complained")
    expect(entry).to_contain_text("admin1")
    page.get_by_role("link", name="Close (Esc)").click()
    page.get_by_label("Target").fill(f"2/{stage.group.id}")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("table", name="Audit rows").get_by_role("link", name="Add to denylist").click()
    expect(entry).to_contain_text(REASON)
    expect(entry).to_contain_text("moderator1")
    expect(entry.get_by_role("listitem").filter(has_text=stage.uid("ann"))).to_be_visible()
    assert CHINESE not in page.content()
