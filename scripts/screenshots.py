"""Take docs/screenshots from a freshly started product with its demo cluster.

python -m scripts.screenshots [page ...]
"""

import itertools
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.pages import PAGES, find_samples, first_link
from tests.product import OWNER_PASSWORD, Product, start_product, stop_product

OUT = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
WIDTHS = {1440: 900, 390: 844}
SCHEMES = ("light", "dark")
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
# Pages that show little until somebody asks for something.
ASKED = {"messages": "/c/demo/messages/?q=退款", "spread": "{spread}"}
FILLING = 90  # seconds
SPAM = "/c/demo/messages/?q=兼职日结"


def main(wanted: list[str]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        product = start_product(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            samples: dict[str, str] = {}
            for width, scheme, language in itertools.product(WIDTHS, SCHEMES, LANGUAGES):
                page = open_signed_in(browser, product, width=width, scheme=scheme, locale=LANGUAGES[language])
                samples = samples or find_samples(page) | {"spread": find_spread(page)}
                for name, address in (PAGES | ASKED).items():
                    if not wanted or name in wanted:
                        shoot(page, address.format(**samples), OUT / f"{name}-{width}-{scheme}-{language}.png")
                page.context.close()
        finally:
            stop_product(product)


def open_signed_in(browser: Any, product: Product, *, width: int, scheme: str, locale: str) -> Page:
    context = browser.new_context(
        base_url=product.url, viewport={"width": width, "height": WIDTHS[width]}, color_scheme=scheme, locale=locale,
        timezone_id="Asia/Shanghai",
    )  # fmt: skip
    page: Page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("input[name=login]", "admin")
    page.fill("input[name=password]", OWNER_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)
    return page


def find_spread(page: Page) -> str:
    """Of a text that a wave of the demo world carried into many channels; its archive fills in the first minute."""
    for _ in range(FILLING):
        page.goto(SPAM)
        with suppress(AssertionError):
            return first_link(page, r"/messages/spread/\?")
        page.wait_for_timeout(1000)
    raise AssertionError("the archive of the demo has no spam")


def shoot(page: Page, address: str, path: Path) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
