"""The product as its user meets it: `manage.py up --demo` in a process of its own, and a real Chromium."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e import stages
from tests.e2e.hands import CAST, CAST_PASSWORD, sign_in_here
from tests.product import Product, start_product, stop_product

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Logging somebody out takes a cluster six seconds, and the machine may have other things to do.
expect.set_options(timeout=40_000)

# The same commands as a person's, in one process: ten starts of the product's would take half a minute.
_CASTING = """
from django.core.management import call_command
for role in {roles!r}:
    call_command("person", "add", role + "1", "--password-file", {password!r})
    call_command("person", "grant", role + "1", role)
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.e2e)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Running, with one person for each role on every cluster."""
    running = start_product(tmp_path_factory.mktemp("product"))
    password = tmp_path_factory.mktemp("cast") / "password"
    password.write_text(CAST_PASSWORD)
    try:
        running.manage("shell", "-v0", "-c", _CASTING.format(roles=list(CAST), password=str(password)))
        yield running
    finally:
        stop_product(running)


@pytest.fixture(
    scope="session",
    params=[pytest.param("simulated", id="simulated"), pytest.param("real", marks=pytest.mark.real, id="real")],
)
def place(
    request: pytest.FixtureRequest, product: Product, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stages.Stage]:
    """The cluster of the journeys, known to the product."""
    with ExitStack() as stack:
        if request.param == "simulated":
            found: stages.Stage | None = stack.enter_context(stages.simulated())
        else:
            found = stages.real()
        if found is None:
            pytest.skip("no real server: IMADMIN_TEST_WUKONGIM_API is not set")
        stages.add_to(product, found, tmp_path_factory.mktemp("secrets"))
        yield found


@pytest.fixture
def stage(place: stages.Stage) -> Iterator[stages.Stage]:
    """The place with a group and people of this one journey's own."""
    with place.scene() as scene:
        yield scene


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, product: Product) -> Iterator[Callable[..., Any]]:
    """open_page(width=1440, locale="en-US") -> a page whose CSP violations and script errors fail the test."""
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
    """sign_in("moderator1", width=390) -> a page of that person; password: of somebody who is not of the cast."""

    def make(name: str = "admin", *, password: str = "", **options: Any) -> Any:
        page = open_page(**options)
        page.goto("/accounts/login/")
        sign_in_here(page, name, password)
        return page

    return make
