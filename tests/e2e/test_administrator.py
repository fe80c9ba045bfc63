"""An administrator changes who is in a group, whether it is open, and who may send; connected clients feel each of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.hands import row_of
from tests.e2e.live import LiveClient
from tests.e2e.stages import Stage


@pytest.fixture
def page(sign_in: Callable[..., Any]) -> Page:
    admin: Page = sign_in("admin1")
    return admin


@pytest.fixture
def clients(stage: Stage) -> list[LiveClient]:
    """Ann, Ben and Chen, each on a node of their own."""
    return [stage.client(name, node=node) for node, name in enumerate(("ann", "ben", "chen"))]


def open_group(page: Page, stage: Stage) -> None:
    """By its exact id, from the list of channels."""
    page.goto(stage.page("channels/"))
    panel = page.get_by_role("region", name="Open by exact id")
    panel.get_by_label("Kind").select_option("Group")
    panel.get_by_label("Exact channel id, or a uid").fill(stage.group.id)
    panel.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(stage.group.id)


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Channel").get_by_role("link", name=name).click()


def preview(page: Page, uids: str, *, remove: bool = False) -> None:
    page.get_by_label("Uids, one a line or separated by commas").fill(uids)
    page.get_by_role("button", name="Preview removing…" if remove else "Preview adding…").click()
    expect(page.get_by_label("Preview of the change", exact=True)).to_be_visible()


def apply(page: Page) -> None:
    page.get_by_label("Reason, kept in the audit").fill("asked for by the group's owner")
    page.get_by_role("button", name=re.compile(r": \d+$")).click()  # says what, and to how many


def outcome(page: Page, uid: str) -> Any:
    """What the page says became of this uid."""
    return page.get_by_role("list", name="What became of each").get_by_role("listitem").filter(has_text=uid)


def test_a_pasted_list_is_previewed_applied_and_told_uid_by_uid(
    page: Page, stage: Stage, clients: list[LiveClient]
) -> None:
    dora, emil = stage.uid("dora"), stage.uid("emil")
    newcomer = stage.client("dora")
    assert newcomer.send(stage.group, "let me in") == 3
    open_group(page, stage)

    preview(page, f"{dora}\n{stage.uid('ben')}, {emil}\nbroken@{stage.run}\n{dora}")
    lines = page.get_by_role("list", name="Preview of the change").get_by_role("listitem")
    expect(lines.filter(has_text="broken")).to_contain_text("line 3: @, # and & can't be in a uid")
    expect(lines.filter(has_text=dora)).to_contain_text("added:")
    expect(lines.filter(has_text=emil)).to_contain_text("added:")
    expect(lines.filter(has_text=stage.uid("ben"))).to_contain_text("already in")
    expect(page.get_by_text("3 → 5")).to_be_visible()
    assert newcomer.send(stage.group, "a preview changes nothing") == 3
    apply(page)

    expect(outcome(page, dora)).to_contain_text("done")
    expect(outcome(page, emil)).to_contain_text("done")
    expect(outcome(page, stage.uid("ben"))).to_contain_text("already so")
    expect(row_of(page, "Members", dora)).to_be_visible()
    assert newcomer.send(stage.group, "thank you") == 1

    row = row_of(page, "Members", dora)
    row.get_by_role("checkbox").check()
    page.get_by_role("form", name="Selection").get_by_role("button", name="Remove from channel…").click()
    expect(page.get_by_text("5 → 4")).to_be_visible()
    apply(page)
    expect(outcome(page, dora)).to_contain_text("done")
    expect(row_of(page, "Members", emil)).to_be_visible()
    expect(row_of(page, "Members", dora)).to_have_count(0)
    assert newcomer.send(stage.group, "hello?") == 3


def test_closing_and_opening_a_group_is_felt_at_the_next_message(
    page: Page, stage: Stage, clients: list[LiveClient]
) -> None:
    ann, ben, _chen = clients
    open_group(page, stage)
    assert ann.send(stage.group, "open") == 1

    page.get_by_role("link", name="Close the channel…").click()
    expect(page.get_by_label("Close the channel (ban)")).to_have_value("1")
    write_flags(page)
    expect(page.get_by_role("definition").filter(has_text="Closed: nobody may send")).to_be_visible()
    assert ann.send(stage.group, "closed") == 19
    assert ben.send(stage.group, "closed") == 19

    page.get_by_label("Close the channel (ban)").select_option("Off")
    write_flags(page)
    expect(page.get_by_role("definition").filter(has_text="Open to members")).to_be_visible()
    assert ann.send(stage.group, "open again") == 1


def write_flags(page: Page) -> None:
    """What nobody knows has to be chosen."""
    for label in ("Stop sending (send_ban)", "Strangers may write (allow_stranger)", "Large group (large)"):
        if not page.get_by_label(label).input_value():
            page.get_by_label(label).select_option("Off")
    page.get_by_label("Reason, kept in the audit").fill("quarrel in the group")
    page.get_by_role("button", name="Write all five flags").click()
    expect(page.get_by_role("region", name="What became of each flag")).to_be_visible()


def test_with_an_allowlist_only_those_on_it_send_until_it_is_empty(
    page: Page, stage: Stage, clients: list[LiveClient]
) -> None:
    ann = clients[0]
    open_group(page, stage)

    tab(page, "Allowlist")
    preview(page, ann.uid)
    expect(page.get_by_text("This switches the allowlist on")).to_be_visible()
    apply(page)
    expect(outcome(page, ann.uid)).to_contain_text("done")
    assert [client.send(stage.group, "who may?") for client in clients] == [1, 13, 13]

    preview(page, ann.uid, remove=True)
    expect(page.get_by_text("This empties the allowlist")).to_be_visible()
    apply(page)
    expect(outcome(page, ann.uid)).to_contain_text("done")
    expect(page.get_by_role("heading", name="The allowlist is off")).to_be_visible()
    assert [client.send(stage.group, "everybody") for client in clients] == [1, 1, 1]


def test_a_denied_member_is_refused_until_taken_off_the_denylist(
    page: Page, stage: Stage, clients: list[LiveClient]
) -> None:
    ann, ben, _chen = clients
    open_group(page, stage)

    row_of(page, "Members", ann.uid).get_by_role("link", name="Deny…").click()
    expect(page.get_by_label("Uids, one a line or separated by commas")).to_have_value(ann.uid)
    page.get_by_role("button", name="Preview adding…").click()
    apply(page)
    expect(outcome(page, ann.uid)).to_contain_text("done")
    expect(row_of(page, "Denylist", ann.uid)).to_contain_text("admin1")
    expect(row_of(page, "Denylist", ann.uid)).to_contain_text("asked for by the group's owner")
    assert ann.send(stage.group, "denied") == 4
    assert ben.send(stage.group, "not me") == 1

    row_of(page, "Denylist", ann.uid).get_by_role("link", name="Take off…").click()
    page.get_by_role("button", name="Preview removing…").click()
    apply(page)
    expect(outcome(page, ann.uid)).to_contain_text("done")
    expect(page.get_by_role("heading", name="Nobody is denied here")).to_be_visible()
    assert ann.send(stage.group, "back") == 1


def test_what_another_did_meanwhile_is_shown_before_anything_is_written(
    page: Page, stage: Stage, clients: list[LiveClient]
) -> None:
    dora, emil = stage.uid("dora"), stage.uid("emil")
    open_group(page, stage)
    preview(page, f"{dora}\n{emil}")
    stage.post("/channel/subscriber_add", channel_id=stage.group.id, channel_type=2, subscribers=[dora])

    apply(page)
    expect(page.get_by_role("alert")).to_contain_text("The list has changed since the preview")
    expect(row_of(page, "Members", stage.uid("ben"))).to_be_visible()
    lines = page.get_by_role("list", name="Preview of the change").get_by_role("listitem")
    expect(lines.filter(has_text=dora)).to_contain_text("already in")
    expect(page.get_by_label("Reason, kept in the audit")).to_have_value("asked for by the group's owner")
    page.get_by_role("button", name="Add members: 1").click()
    expect(outcome(page, emil)).to_contain_text("done")
