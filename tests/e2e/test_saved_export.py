"""A moderator keeps a search, shares it, and takes its result along."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.hands import sign_in_here

QUERY = "退款"


def test_a_search_is_saved_shared_exported_and_downloaded(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page: Page = open_page()
    page.goto("/accounts/login/")
    sign_in_here(page, "moderator1")
    page.goto(f"/c/demo/messages/?q={QUERY}")
    expect(page.locator("#results tbody tr").first).to_be_visible()
    share = page.get_by_role("button", name="Share search").get_attribute("data-copy")
    assert share and share.endswith("/c/demo/messages/?q=%E9%80%80%E6%AC%BE"), "the address is the search"

    page.locator("search").get_by_role("link", name="Save this search").click()
    page.get_by_label("Name").fill("Refund talk")
    page.get_by_label("Share with everybody").check()
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("table", name="Saved searches").get_by_role("row").filter(has_text="Refund talk")
    expect(row).to_contain_text("you, shared")
    row.get_by_role("button", name="Pin Refund talk to the top").click()
    expect(row.get_by_role("button", name="Take Refund talk off the top")).to_be_visible()
    row.get_by_role("link", name="Refund talk", exact=True).click()
    page.wait_for_url(lambda url: "/messages/?q=" in url)
    expect(page.locator("#saved")).to_contain_text("Refund talk")

    page.get_by_role("link", name="Export…").click()
    expect(page.locator("form.panel")).to_contain_text("messages match now")
    page.get_by_label("Reason").fill("asked for by the legal team")
    page.get_by_role("button", name="Export", exact=True).click()
    download = page.get_by_role("link", name="Download")
    expect(download).to_be_visible()  # the page follows the job by itself
    with page.expect_download() as caught:
        download.click()
    file = tmp_path / "export.csv"
    caught.value.save_as(file)
    head, *rows = csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))
    assert head[:2] == ["time", "message_id"] and rows
    assert all(QUERY in one[head.index("text")] for one in rows)
