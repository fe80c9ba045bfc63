"""Support answers "why can't this user send, why are they online": sessions, kicks, keeping out, stopping, explaining."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.hands import row_of
from tests.e2e.live import LiveClient
from tests.e2e.stages import Stage

KICKED = 12
REASON = "lost phone, ticket 4711"


class Desk:
    """The support page of one user. secret: the user's device token, which no page may ever hold."""

    def __init__(self, page: Page, stage: Stage, name: str, secret: str) -> None:
        self.page, self.stage, self.uid, self.secret = page, stage, stage.uid(name), secret

    def look_up(self) -> None:
        self.page.goto(self.stage.page("users/"))
        self.page.get_by_label("Uid, or several").fill(self.uid)
        self.page.get_by_role("button", name="Look up").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(self.uid)
        self.hides_the_token()

    def rows(self) -> Locator:
        """The user's sessions."""
        return row_of(self.page, "Sessions", "Kick…")

    def do(self, verb: str, button: str, *, within: Locator | None = None) -> Locator:
        """Press the verb, give the reason in its dialog, confirm. Returns the report."""
        (within or self.page.get_by_role("main")).get_by_role("link", name=verb).first.click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Reason, kept in the audit").fill(REASON)
        dialog.get_by_role("button", name=button, exact=True).click()
        expect(dialog).to_have_count(0)
        self.hides_the_token()
        return self.page.locator("#report")

    def may_send_to(self, target: str, kind: str) -> Locator:
        """The explainer's answer."""
        panel = self.page.get_by_role("region", name="Can this user send to…")
        panel.get_by_label("Channel id, or the uid of a person").fill(target)
        panel.get_by_label("Kind").select_option(kind)
        panel.get_by_role("button", name="Check").click()
        return panel

    def hides_the_token(self) -> None:
        assert self.secret not in self.page.content()


@pytest.fixture
def desk(sign_in: Callable[..., Any], stage: Stage) -> Desk:
    secret = f"device-secret-{stage.run}"
    for flag in (0, 1, 2):
        stage.post("/user/token", uid=stage.uid("ann"), token=secret, device_flag=flag, device_level=0)
    return Desk(sign_in("support1"), stage, "ann", secret)


def connect(desk: Desk) -> list[LiveClient]:
    """Ann on a phone, in a browser and on a PC, each at another node."""
    return [
        desk.stage.client("ann", node=number, device_flag=number, token=desk.secret)
        for number in range(min(3, len(desk.stage.sockets)))
    ]


def test_one_session_is_kicked_and_then_all_are(desk: Desk) -> None:
    phone, *others = connect(desk)
    desk.look_up()
    expect(desk.rows()).to_have_count(3)
    expect(desk.page.get_by_role("complementary", name="About this user")).to_contain_text("token stored, never shown")

    report = desk.do("Kick…", "Kick session", within=desk.rows().filter(has_text="APP"))
    expect(report).to_contain_text("Kick: done")
    assert phone.wait_for("disconnect")["params"]["reasonCode"] == KICKED
    expect(desk.rows()).to_have_count(2)
    expect(desk.rows().filter(has_text="APP")).to_have_count(0)
    assert [client.send(desk.stage.group, "still here") for client in others] == [1, 1]

    report = desk.do("Log out…", "Log out now")
    expect(report).to_contain_text("Log out: done")
    for client in others:
        assert client.wait_for("disconnect")["params"]["reasonCode"] == KICKED
    expect(desk.page.get_by_role("region", name="Sessions")).to_contain_text("No session")
    expect(desk.page.get_by_role("complementary", name="About this user")).to_contain_text("no token stored")


def test_a_user_who_is_kept_out_cannot_come_back_until_let_in(desk: Desk) -> None:
    connect(desk)
    desk.look_up()

    report = desk.do("Keep out…", "Keep out")
    expect(report).to_contain_text("Keep out: done")
    expect(desk.page.get_by_role("region", name="Sessions")).to_contain_text("No session")
    expect(desk.page.get_by_role("region", name="Restrictions")).to_contain_text(REASON)
    assert not desk.stage.is_let_in("ann")

    report = desk.do("Let in…", "Let in")
    expect(report).to_contain_text("Let in: done")
    expect(desk.page.get_by_role("region", name="Restrictions")).to_contain_text("None set from here")
    # A server that checks tokens wants a new one from the backend: keeping out has blanked them.
    desk.stage.post("/user/token", uid=desk.uid, token=desk.secret, device_flag=1, device_level=0)
    assert desk.stage.client("ann", token=desk.secret).send(desk.stage.group, "back again") == 1


def test_a_user_who_is_stopped_sends_nowhere_and_our_record_says_so(desk: Desk) -> None:
    ann = connect(desk)[0]
    desk.look_up()

    report = desk.do("Stop sending…", "Stop sending")
    expect(report).to_contain_text("Stop sending")
    expect(report).to_contain_text("this is our record of what was written")
    assert ann.send(desk.stage.group, "hello") == 25
    restrictions = desk.page.get_by_role("region", name="Restrictions")
    expect(restrictions).to_contain_text("Sending stopped everywhere")
    expect(restrictions).to_contain_text("support1")
    expect(restrictions).to_contain_text(REASON)
    expect(desk.may_send_to(desk.stage.group.id, "Group")).to_contain_text("The server answers reason 25")

    desk.page.goto(desk.stage.page("users/"))
    expect(row_of(desk.page, "Open restrictions", desk.uid)).to_contain_text("Sending stopped everywhere")
    row_of(desk.page, "Open restrictions", desk.uid).get_by_role("link", name=desk.uid).click()

    report = desk.do("Allow sending…", "Allow sending")
    expect(report).to_contain_text("Allow sending")
    expect(restrictions).to_contain_text("None set from here")
    assert ann.send(desk.stage.group, "hello again") == 1


def test_why_a_user_may_not_send_is_explained_and_true(desk: Desk) -> None:
    stage = desk.stage
    ann = connect(desk)[0]
    other = f"other-{stage.run}"
    stage.post("/channel", channel_id=other, channel_type=2, subscribers=[stage.uid("ben")])
    stage.post("/channel/blacklist_add", channel_id=stage.group.id, channel_type=2, uids=[ann.uid])
    desk.look_up()

    panel = desk.may_send_to(stage.group.id, "Group")
    expect(panel).to_contain_text("No. The server answers reason 4")
    expect(panel.get_by_role("listitem").filter(has_text="enylist").first).to_be_visible()
    assert ann.send(stage.group, "denied") == 4

    panel = desk.may_send_to(other, "Group")
    expect(panel).to_contain_text(re.compile(r"No\. The server answers reason 3\b"))
    assert ann.send(type(stage.group)(other, 2), "no member") == 3

    stage.post("/channel/blacklist_remove", channel_id=stage.group.id, channel_type=2, uids=[ann.uid])
    panel = desk.may_send_to(stage.group.id, "Group")
    expect(panel).to_contain_text("Yes, as far as can be read.")
    assert ann.send(stage.group, "free") == 1
    desk.hides_the_token()


def test_support_sees_who_and_when_but_not_what_was_said(desk: Desk) -> None:
    said = "只给群里的人看"
    ann = connect(desk)[0]
    assert ann.send(desk.stage.group, said) == 1

    desk.page.goto(desk.stage.page(f"messages/server/?channel_type=2&channel_id={desk.stage.group.id}"))
    row = row_of(desk.page, "Messages, newest first", desk.uid)
    expect(row).to_contain_text(f"{len(said)} characters")
    row.get_by_role("link", name="characters").click()
    expect(desk.page.get_by_role("region", name="Payload")).to_contain_text("not what was said")
    expect(desk.page.get_by_role("button", name="Reveal")).to_have_count(0)
    assert said not in desk.page.content()
