"""The live tail under somebody's eyes: rows come, pause counts, reading is never disturbed, what is too much is told."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

TAIL = "/c/demo/tail/"
OFTEN = 60_000
RID = 2**14


class Archive:
    """Answers in the place of the archive: the test says which rows have come.  asked: the questions, newest last."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        self.news: list[str] = []
        self.left = 0
        self.waits = 0
        self.behind = ""
        self.mark = 0
        self.status = 200
        self._page = page
        page.route(re.compile(r"/c/demo/tail/rows/"), self._answer)

    def start(self) -> None:
        self.mark = int(self._page.locator("#tail").get_attribute("data-mark") or 0)

    def add(self, *texts: str, late: int = 0) -> None:
        for text in texts:
            self.mark += RID if not late else 0
            rid = self.mark - late
            self.news.insert(0, f'<tr id="r{rid}"><td><a href="#x">{text}</a></td></tr>')

    def signal(self) -> None:
        self._page.evaluate("document.body.dispatchEvent(new CustomEvent('live:archive'))")

    def _answer(self, route: Route) -> None:
        self.asked.append(route.request.url)
        if self.status != 200:
            return route.fulfill(status=self.status, body="no")
        if "count=1" in route.request.url:
            word = f"Resume, {self.waits} waiting"
            return route.fulfill(json={"count": self.waits, "more": False, "word": word})
        rows, self.news = "".join(self.news), []
        left, self.left = self.left, 0
        table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
        return route.fulfill(
            content_type="text/html",
            body=f'<div data-news data-mark="{self.mark}" data-left="{left}"{self.behind}>{table}</div>',
        )


@pytest.fixture
def tail(sign_in: Callable[..., Any]) -> tuple[Page, Archive]:
    """The page with rows of the demo world, followed by what the test tells."""
    page = sign_in("admin")
    page.route_web_socket("**/ws/live/", lambda ours: None)  # nobody but the test gives signals
    archive = Archive(page)
    page.goto(TAIL)
    expect(page.locator("#tail tbody tr").first).to_be_visible(timeout=OFTEN)
    page.mouse.move(0, 0)
    archive.start()
    page.wait_for_timeout(600)
    return page, archive


def first(page: Page) -> Any:
    return page.locator("#tail tbody tr").first


def test_messages_of_the_demo_world_arrive_by_themselves(sign_in: Callable[..., Any]) -> None:
    page = sign_in("admin")
    page.goto(TAIL)
    page.mouse.move(0, 0)
    expect(page.locator("#live")).to_have_attribute("data-state", "live", timeout=OFTEN)
    expect(page.locator("#tail tbody tr").first).to_be_visible(timeout=OFTEN)
    known = first(page).get_attribute("id")
    expect(first(page)).not_to_have_attribute("id", known, timeout=OFTEN)


def test_new_rows_stand_on_top_late_ones_where_they_belong_and_none_twice(tail: tuple[Page, Archive]) -> None:
    page, archive = tail
    archive.add("one", "two")
    archive.signal()
    expect(first(page)).to_have_text("two")
    archive.add("late", late=5)
    archive.news.append(f'<tr id="r{archive.mark}"><td><a href="#x">two</a></td></tr>')
    page.wait_for_timeout(600)
    archive.signal()
    expect(page.locator("#tail tbody tr", has_text="late")).to_have_count(1)
    assert page.locator("#tail tbody tr").all_inner_texts()[:3] == ["two", "late", "one"]


def test_a_flood_asks_at_most_twice_a_second_and_tells_what_it_dropped(tail: tuple[Page, Archive]) -> None:
    page, archive = tail
    archive.asked.clear()
    began = time.monotonic()
    for _ in range(30):
        archive.left = 312
        archive.add("more")
        archive.signal()
        page.wait_for_timeout(100)
    assert 2 <= len(archive.asked) <= 2 * (time.monotonic() - began) + 1
    expect(page.locator("[data-tail-dropped]")).to_contain_text("dropped")
    assert "floor=0" not in archive.asked[-1]

    archive.behind = " data-behind"
    page.wait_for_timeout(600)
    archive.signal()
    page.wait_for_timeout(200)
    archive.asked.clear()
    page.wait_for_timeout(1500)
    assert archive.asked  # by itself, as the answer told that there are more


def test_paused_rows_stay_and_a_number_alone_is_asked_for(tail: tuple[Page, Archive]) -> None:
    page, archive = tail
    known = first(page).inner_text()
    page.keyboard.press("p")
    expect(page.locator("#live")).to_have_attribute("data-state", "paused")
    archive.asked.clear()
    archive.waits = 37
    archive.add("while paused")
    archive.signal()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('live-paused:archive'))")
    expect(page.locator("[data-tail-pause]")).to_contain_text("Resume, 37 waiting")
    assert archive.asked
    assert all("count=1" in url for url in archive.asked)
    assert first(page).inner_text() == known

    page.locator("[data-tail-pause]").click()
    expect(first(page)).to_have_text("while paused")
    expect(page.locator("[data-tail-pause]")).to_contain_text("Pause")


def test_who_has_scrolled_down_is_not_moved_and_finds_the_new_rows_counted(tail: tuple[Page, Archive]) -> None:
    page, archive = tail
    page.evaluate("window.scrollTo(0, 600)")
    page.wait_for_timeout(300)
    row = page.locator("#tail tbody tr").nth(20)
    before = row.bounding_box()
    archive.add(*(f"n{number}" for number in range(12)))
    archive.signal()
    button = page.locator("[data-tail-new] button")
    expect(button).to_have_text("12 new: show")
    assert row.bounding_box() == before

    button.click()
    expect(first(page)).to_have_text("n11")
    assert page.evaluate("scrollY") == 0
    expect(button).to_be_hidden()


@pytest.mark.parametrize("how", ["focus", "pointer", "selection"])
def test_a_row_in_use_holds_new_ones_back_until_it_is_left(tail: tuple[Page, Archive], how: str) -> None:
    page, archive = tail
    row = page.locator("#tail tbody tr").nth(2)
    if how == "focus":
        row.locator("a").first.focus()
    elif how == "pointer":
        row.hover()
    else:
        page.evaluate("getSelection().selectAllChildren(document.querySelector('#tail tbody tr'))")
    archive.add("held")
    archive.signal()
    expect(page.locator("[data-tail-new] button")).to_have_text("1 new: show")
    assert "held" not in first(page).inner_text()

    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges()")
    page.mouse.move(0, 0)
    expect(first(page)).to_have_text("held")


def test_at_most_five_hundred_rows_stay_and_the_others_are_counted(tail: tuple[Page, Archive]) -> None:
    page, archive = tail
    had = page.locator("#tail tbody tr").count()
    for start in range(0, 600, 200):
        archive.add(*(f"n{start + number}" for number in range(200)))
        page.wait_for_timeout(600)
        archive.signal()
        expect(first(page)).to_have_text(f"n{start + 199}")
    assert page.locator("#tail tbody tr").count() == 500
    expect(page.locator("[data-tail-away]")).to_contain_text(f"{had + 100} older ones left this page")


def test_an_unanswered_question_is_told_and_asked_again_later(tail: tuple[Page, Archive]) -> None:
    page, archive = tail
    archive.status = 503
    archive.signal()
    expect(page.locator("[data-tail-failed]")).to_be_visible()
    archive.status = 200
    archive.add("back")
    expect(first(page)).to_have_text("back")
    expect(page.locator("[data-tail-failed]")).to_be_hidden()


def test_who_lost_the_right_is_told_and_not_asked_for_again(tail: tuple[Page, Archive]) -> None:
    page, archive = tail
    archive.status = 403
    archive.signal()
    expect(page.locator("[data-tail-over]")).to_be_visible()
    archive.asked.clear()
    archive.signal()
    page.wait_for_timeout(1500)
    assert archive.asked == []


def test_the_filter_completes_by_keys_and_its_chips_come_off(tail: tuple[Page, Archive]) -> None:
    page, _archive = tail
    page.keyboard.press("/")
    field = page.locator("#q")
    expect(field).to_be_focused()
    page.keyboard.type("ty")
    expect(page.locator("#suggestions [role=option]").first).to_contain_text("type:")
    page.keyboard.press("Tab")
    expect(field).to_have_value("type:")
    page.keyboard.type("im")
    expect(page.locator("#suggestions [role=option]").first).to_have_attribute("data-text", "type:image")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("type:image ")
    page.keyboard.press("Enter")
    expect(page.locator("[data-chip]")).to_have_attribute("data-chip", "type:image")
    assert re.search(r"/c/demo/tail/\?q=type%3Aimage", page.url)
    page.get_by_role("link", name="Remove type:image").click()
    expect(page.locator("[data-chip]")).to_have_count(0)
    assert "/c/demo/tail/" in page.url


def test_without_script_the_page_is_complete(open_page: Callable[..., Any]) -> None:
    from tests.e2e.hands import sign_in_here

    page = open_page(java_script_enabled=False)
    page.goto("/accounts/login/")
    sign_in_here(page, "admin")
    page.goto(TAIL)
    expect(page.locator("#tail tbody tr").first).to_be_visible()
    expect(page.get_by_role("link", name="Ask again")).to_be_visible()
    expect(page.locator("[data-tail-pause]")).to_be_hidden()
