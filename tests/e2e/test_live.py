"""A page that follows its cluster: by itself, under somebody's hands, paused, hidden, cut off, signed out."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

FEED = "/c/demo/connections/feed/"
OFTEN = 60_000


class Line:
    """The socket between the page and the product: the test may hold back what the product says, or cut it."""

    def __init__(self, page: Page) -> None:
        self.routes: list[WebSocketRoute] = []
        self.is_silent = False
        page.route_web_socket("**/ws/live/", self._open)

    def _open(self, ours: WebSocketRoute) -> None:
        self.routes.append(ours)
        theirs = ours.connect_to_server()
        ours.on_message(theirs.send)
        theirs.on_message(lambda text: None if self.is_silent else ours.send(text))

    def cut(self, code: int) -> None:
        self.routes[-1].close(code=code)


@pytest.fixture
def feed(sign_in: Callable[..., Any]) -> Iterator[tuple[Page, Line]]:
    page = sign_in("admin")
    line = Line(page)
    page.goto(FEED)
    shows(page, "live")
    expect(page.locator("#rows tbody tr").first).to_have_attribute("id", re.compile("p"), timeout=OFTEN)
    yield page, line


def shows(page: Page, state: str) -> None:
    expect(page.locator("#live")).to_have_attribute("data-state", state, timeout=OFTEN)


def newest(page: Page) -> str:
    return page.locator("#rows tbody tr").first.get_attribute("id") or ""


def moves_on(page: Page, known: str) -> None:
    expect(page.locator("#rows tbody tr").first).not_to_have_attribute("id", known, timeout=OFTEN)


def asked(page: Page) -> list[str]:
    """Every request for the feed from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if FEED in request.url else None)
    return found


def test_rows_come_by_themselves_and_what_has_the_focus_keeps_it(feed: tuple[Page, Line]) -> None:
    page, _ = feed
    page.evaluate("window.isSamePage = true")
    for _ in range(4):
        known = newest(page)
        link = page.locator(f"#{known} a").first
        link.focus()
        moves_on(page, known)
        if link.count():
            break  # else more came at once than a page holds, and the row is on the next one

    assert page.evaluate("window.isSamePage")
    expect(link).to_be_focused()


def test_paused_rows_stay_and_what_waits_is_counted(feed: tuple[Page, Line]) -> None:
    page, _ = feed
    page.keyboard.press("p")
    shows(page, "paused")
    page.wait_for_timeout(1500)  # what was asked before has come
    known = newest(page)

    expect(page.locator("#waiting")).to_contain_text("until you go on", timeout=OFTEN)
    expect(page.locator("#live")).to_contain_text("waiting")
    assert newest(page) == known

    page.get_by_role("button", name="Pause live updates").click()
    shows(page, "live")
    moves_on(page, known)


def test_a_part_in_which_somebody_selects_text_waits(feed: tuple[Page, Line]) -> None:
    page, _ = feed
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#rows tbody tr'))")
    page.wait_for_timeout(1500)
    known = newest(page)
    page.wait_for_timeout(9000)
    assert newest(page) == known

    page.evaluate("getSelection().removeAllRanges()")

    moves_on(page, known)


def test_a_page_that_slept_asks_once_when_it_wakes(feed: tuple[Page, Line]) -> None:
    page, line = feed
    looks = """(state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(looks, "hidden")
    page.wait_for_timeout(1500)
    requests = asked(page)
    line.cut(1012)  # while it sleeps the server ends the socket
    page.wait_for_timeout(6000)
    assert requests == []
    opened = len(line.routes)

    page.evaluate(looks, "visible")
    shows(page, "live")
    page.wait_for_timeout(1500)

    assert len(line.routes) == opened + 1
    assert 1 <= len(requests) <= 3  # what was missed once, and what came since, at most once a second


def test_a_cut_line_is_shown_and_taken_up_again(feed: tuple[Page, Line]) -> None:
    page, line = feed
    known = newest(page)
    line.cut(1012)

    shows(page, "reconnecting")
    shows(page, "live")
    moves_on(page, known)
    assert len(line.routes) == 2


def test_a_cluster_nobody_looks_at_any_more_is_said_to_stand_still(feed: tuple[Page, Line]) -> None:
    page, line = feed
    line.is_silent = True

    shows(page, "stale")
    expect(page.locator("#live")).to_contain_text(re.compile(r"Standing still since \d\d:\d\d:\d\d"))

    line.is_silent = False
    known = newest(page)
    shows(page, "live")
    moves_on(page, known)


def test_who_is_signed_out_elsewhere_is_told_and_not_asked_again(feed: tuple[Page, Line]) -> None:
    page, line = feed
    line.cut(4401)

    shows(page, "signed-out")
    page.wait_for_timeout(3000)
    assert len(line.routes) == 1
    expect(page.get_by_role("button", name="Pause live updates")).to_be_hidden()


def test_without_script_the_feed_is_complete_and_says_how_old_it_is(open_page: Callable[..., Any]) -> None:
    from tests.e2e.hands import sign_in_here

    page = open_page(java_script_enabled=False)
    page.goto("/accounts/login/")
    sign_in_here(page, "admin")
    page.goto(FEED)

    expect(page.locator("#rows tbody tr").first).to_be_visible()
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator(".asof").first).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))
