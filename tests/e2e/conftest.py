"""The product as its user meets it: `manage.py up --demo` in a process of its own, and a real Chromium."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.product import OWNER_PASSWORD, Product, start_product, stop_product

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
CAST_PASSWORD = "another long password"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.e2e)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = start_product(tmp_path_factory.mktemp("product"))
    for role in ("admin", "moderator", "support", "viewer"):
        running.manage("person", "add", f"{role}1", "--role", role, "--cluster", "demo", "--password-stdin", stdin=CAST_PASSWORD)
    yield running
    stop_product(running)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, product: Product) -> Iterator[Callable[..., Any]]:
    """open_page(width=1440, scheme="light", locale="en") -> a page whose CSP violations and script errors fail the test."""
    contexts: list[Any] = []
    problems: list[str] = []

    def make(*, width: int = 1440, height: int = 900, scheme: str = "light", locale: str = "en-US", **more: Any) -> Any:
        context = browser.new_context(
            base_url=product.url, viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale,
            timezone_id="Asia/Shanghai", **more,
        )  # fmt: skip
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
        page.on(
            "console",
            lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None,
        )
        contexts.append(context)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not problems, problems


@pytest.fixture
def sign_in(open_page: Callable[..., Any]) -> Callable[..., Any]:
    """sign_in("moderator1", width=390) -> a page of that person."""

    def make(name: str = "admin", **options: Any) -> Any:
        page = open_page(**options)
        page.goto("/accounts/login/")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", OWNER_PASSWORD if name == "admin" else CAST_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        return page

    return make
