"""What every page promises: keys, a session that ends without losing what was typed, the back button, no JavaScript."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.hands import CAST_PASSWORD, Keyboard, row_of, sign_in_here
from tests.e2e.stages import Stage
from tests.product import OWNER_PASSWORD, Product

REASON = "typed before the session ended"
UIDS = "Uids, one a line or separated by commas"


def test_letters_open_the_sections_and_the_list_of_keys(sign_in: Callable[..., Any]) -> None:
    page: Page = sign_in("admin")
    keys = Keyboard(page)
    page.goto("/c/demo/")

    for letter, path in (("c", "channels/"), ("u", "users/"), ("m", "messages/"), ("o", "")):
        keys.press("g", letter)
        page.wait_for_url(lambda url, path=path: url.endswith(f"/c/demo/{path}"))  # type: ignore[misc]
    keys.press("g", "a")
    page.wait_for_url("**/audit/")
    keys.press("g", "h")
    page.wait_for_url(lambda url: "/audit/" not in url)

    page.goto("/c/demo/messages/")
    keys.press("?")
    listed = page.get_by_role("dialog", name="Keyboard")
    expect(listed).to_contain_text("find anything")
    expect(listed).to_contain_text("No single key ever changes a cluster.")
    keys.press("Escape")
    expect(listed).to_have_count(0)

    keys.press("/")
    search = page.get_by_role("combobox", name="Search messages")
    expect(search).to_be_focused()
    page.keyboard.type("gc/?")
    expect(search).to_have_value("gc/?")
    keys.press("Escape")
    expect(search).to_have_attribute("aria-expanded", "false")
    search.blur()
    keys.press("g", "u")
    page.wait_for_url("**/users/")
    keys.press("/")
    expect(page.get_by_label("Uid, or several")).to_be_focused()


def test_the_palette_opens_a_user_a_channel_and_a_page_by_name(sign_in: Callable[..., Any]) -> None:
    page: Page = sign_in("admin")
    keys = Keyboard(page)
    page.goto("/c/demo/")
    options = page.locator("#palette").get_by_role("option")

    keys.press("Control+k")
    page.keyboard.type("guo.fang")
    expect(options.first).to_contain_text("open this uid")
    expect(options.first).to_have_attribute("aria-selected", "true")
    keys.press("Enter")
    page.wait_for_url("**/users/guo.fang/")

    keys.press("Control+k")
    page.keyboard.type("g2204")
    expect(options.filter(has_text="g2204").nth(1)).to_contain_text("group")
    keys.press("ArrowDown", "Enter")
    page.wait_for_url("**/channels/2/g2204/**")

    keys.press("Control+k")
    page.keyboard.type("in-a-hurry")
    keys.press("Enter")  # before the results have come: those on show are for something else
    page.wait_for_url("**/users/in-a-hurry/")

    keys.press("Control+k")
    page.keyboard.type("peo")
    expect(options.filter(has_text="peo").first).to_be_visible()
    keys.press("Escape")
    expect(page.locator("#palette")).not_to_be_visible()


def test_rows_are_walked_opened_and_left_by_keys(sign_in: Callable[..., Any]) -> None:
    page: Page = sign_in("admin")
    keys = Keyboard(page)
    page.goto("/c/demo/channels/")
    rows = page.get_by_role("table").locator("tbody tr")

    keys.press("j")
    expect(rows.nth(0).get_by_role("link").first).to_be_focused()
    keys.press("j", "j", "k")
    expect(rows.nth(1).get_by_role("link").first).to_be_focused()
    wanted = rows.nth(1).get_by_role("link").first.inner_text()
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(wanted)

    page.goto("/audit/?action=session.sign_in")
    keys.press("j", "Enter")
    drawer = page.get_by_role("complementary", name="Row")
    expect(drawer).to_be_visible()
    first = drawer.get_by_role("heading", level=2).inner_text()
    expect(page).to_have_url(re.compile(r"/audit/\d+/"))
    keys.press("j")
    expect(drawer.get_by_role("heading", level=2)).not_to_have_text(first)
    keys.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/audit/\?action=session\.sign_in$"))


def end_sessions(product: Product, name: str, password: str = CAST_PASSWORD) -> None:
    """A new password ends a person's sessions; here it is the old one again."""
    product.manage("person", "password", name, "--password-file", "-", stdin=password)


def sign_in_again(page: Page, name: str) -> None:
    """In the new tab that the notice offers; then back to the page where things were typed."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Sign in in a new tab").click()
    sign_in_here(opened.value, name)
    opened.value.close()


def look_again(page: Page) -> None:
    """A browser without a screen hides no tab, so the page has to be told that it is looked at again."""
    token = page.locator("meta[name=csrf]")
    before = token.get_attribute("content")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(token).not_to_have_attribute("content", before or "")


def test_a_session_that_ends_in_the_middle_of_a_change_loses_nothing(
    sign_in: Callable[..., Any], product: Product, stage: Stage
) -> None:
    newcomer = stage.uid("dora")
    page: Page = sign_in("admin1")
    page.goto(stage.page(f"channels/2/{stage.group.id}/"))
    page.get_by_label(UIDS).fill(newcomer)
    page.get_by_role("button", name="Preview adding…").click()
    page.get_by_label("Reason, kept in the audit").fill(REASON)
    end_sessions(product, "admin1")

    page.get_by_role("button", name="Add members: 1").click()
    expect(page.get_by_role("dialog", name="Signed out meanwhile")).to_be_visible()
    sign_in_again(page, "admin1")
    look_again(page)
    expect(page.get_by_role("dialog", name="Signed out meanwhile")).to_have_count(0)
    expect(page.get_by_label("Reason, kept in the audit")).to_have_value(REASON)
    page.get_by_role("button", name="Add members: 1").click()

    became = page.get_by_role("list", name="What became of each").get_by_role("listitem")
    expect(became.filter(has_text=newcomer)).to_contain_text("done")


def test_a_session_that_ends_before_a_plain_form_is_sent_loses_nothing(
    sign_in: Callable[..., Any], product: Product
) -> None:
    page: Page = sign_in("admin")
    page.goto("/settings/people/add/")
    page.get_by_label("Name", exact=True).fill("late-shift")
    page.get_by_role("group", name="Demo").get_by_label("Support").check()
    page.get_by_label("Reason").fill(REASON)
    end_sessions(product, "admin", OWNER_PASSWORD)

    page.get_by_role("button", name="Add the person").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed out meanwhile")
    expect(page.get_by_text("late-shift")).to_have_count(1)
    sign_in_again(page, "admin")
    page.get_by_role("button", name="Send it again").click()

    expect(page.locator("#secret")).to_be_visible()
    page.goto("/settings/people/late-shift/edit/")
    expect(page.get_by_role("group", name="Demo").get_by_label("Support")).to_be_checked()


def test_going_back_brings_the_list_as_it_was_left(sign_in: Callable[..., Any]) -> None:
    page: Page = sign_in("moderator1")
    page.goto("/c/demo/channels/")
    page.get_by_role("search", name="Which channels").get_by_label("Kind").select_option("Group")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**cursor=**")
    listed = page.get_by_role("table").locator("tbody th").all_inner_texts()
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("navigation", name="Channel")).to_be_visible()

    page.go_back()
    expect(page.get_by_role("search", name="Which channels").get_by_label("Kind")).to_have_value("2")
    assert page.get_by_role("table").locator("tbody th").all_inner_texts() == listed


def test_going_back_to_a_search_brings_its_hits_and_its_fields(sign_in: Callable[..., Any], stage: Stage) -> None:
    ann = stage.client("ann")
    for text in ("一只苹果", "一只梨", "another apple"):
        assert ann.send(stage.group, text) == 1
    page: Page = sign_in("moderator1")
    page.goto(stage.page("messages/server/"))
    page.get_by_label("Kind of channel").select_option("Group")
    page.get_by_label("Channel id").fill(stage.group.id)
    page.get_by_label("Text, inside one channel").fill("一只")
    page.get_by_role("button", name="Search").click()
    hits = page.get_by_role("table", name="Messages, newest first").locator("tbody tr")
    expect(hits).to_have_count(2)
    page.get_by_role("link", name="一只梨").click()
    expect(page.get_by_role("region", name="In its conversation")).to_be_visible()

    page.go_back()
    expect(hits).to_have_count(2)
    expect(page.get_by_label("Channel id")).to_have_value(stage.group.id)
    expect(page.get_by_label("Text, inside one channel")).to_have_value("一只")
    page.go_back()
    expect(page.get_by_label("Text, inside one channel")).to_have_value("")


def test_searching_and_changing_work_without_javascript(sign_in: Callable[..., Any], stage: Stage) -> None:
    ann = stage.client("ann")
    assert ann.send(stage.group, "没有脚本也能找到") == 1
    moderator: Page = sign_in("moderator1", java_script_enabled=False)
    moderator.goto(stage.page("messages/server/"))
    moderator.get_by_label("Kind of channel").select_option("Group")
    moderator.get_by_label("Channel id").fill(stage.group.id)
    moderator.get_by_label("Text, inside one channel").fill("没有脚本")
    moderator.get_by_role("button", name="Search").click()
    moderator.get_by_role("link", name="没有脚本也能找到").click()
    expect(moderator.get_by_role("region", name="In its conversation")).to_contain_text("没有脚本也能找到")

    page: Page = sign_in("admin1", java_script_enabled=False)
    page.goto(stage.page(f"channels/2/{stage.group.id}/denylist/"))
    page.get_by_label(UIDS).fill(ann.uid)
    page.get_by_role("button", name="Preview adding…").click()
    page.get_by_label("Reason, kept in the audit").fill("no script needed")
    page.get_by_role("button", name="Deny: 1").click()
    expect(row_of(page, "Denylist", ann.uid)).to_contain_text("no script needed")
    assert ann.send(stage.group, "denied") == 4

    page.get_by_role("navigation", name="Channel").get_by_role("link", name="Flags").click()
    page.get_by_label("Close the channel (ban)").select_option("On")
    for label in ("Stop sending (send_ban)", "Strangers may write (allow_stranger)", "Large group (large)"):
        page.get_by_label(label).select_option("Off")
    page.get_by_label("Reason, kept in the audit").fill("no script needed")
    page.get_by_role("button", name="Write all five flags").click()
    expect(page.get_by_role("definition").filter(has_text="Closed: nobody may send")).to_be_visible()
    assert ann.send(stage.group, "closed") == 19


def test_a_user_is_kicked_without_javascript(sign_in: Callable[..., Any], stage: Stage) -> None:
    ann = stage.client("ann")
    page: Page = sign_in("support1", java_script_enabled=False)
    page.goto(stage.page(f"users/{ann.uid}/"))

    page.get_by_role("link", name="Kick…").click()
    page.get_by_label("Reason, kept in the audit").fill("no script needed")
    page.get_by_role("button", name="Kick session").click()

    expect(page.locator("#report")).to_contain_text("Kick: done")
    assert ann.wait_for("disconnect")["params"]["reasonCode"] == 12
