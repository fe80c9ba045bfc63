"""Every page, each language, theme and width once: it opens, breaks no policy, and axe finds nothing serious.

A demo says so on each page of its cluster.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.pages import PAGES, find_samples

# Each width, each theme and each language once.
LOOKS = [
    pytest.param({"width": 1440, "scheme": "light", "locale": "en-US"}, id="wide-light-en"),
    pytest.param({"width": 390, "height": 844, "scheme": "dark", "locale": "zh-CN"}, id="narrow-dark-zh"),
]
DEMO = re.compile(r"^(demo|演示)$")
SERIOUS = {"serious", "critical"}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
# The docs page has hundreds of parts from one template: all of them take minutes, the first dozen say the same.
DOZENS = {
    "api-docs": {
        "exclude": [["main section:not(#errors, #schemas):nth-of-type(n+13)"], ["#schemas > :nth-child(n+13)"]],
    }
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_opens_clean(sign_in: Callable[..., Any], look: dict[str, Any]) -> None:
    page = sign_in("admin", **look)
    samples = find_samples(page)
    findings = []
    for name, address in PAGES.items():
        reply = page.goto(address.format(**samples))
        page.wait_for_load_state("networkidle")
        assert reply.status == 200, (name, reply.status)
        assert page.locator("h1").count() == 1, name
        assert page.evaluate("document.documentElement.lang").lower().startswith(look["locale"][:2]), name
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} px wider than the screen"
        if "/c/demo/" in address.format(**samples):
            told = page.get_by_text(DEMO).filter(visible=True)
            assert told.count(), f"{name} doesn't say that it is a demo"
        results = Axe().run(page, context=DOZENS.get(name), options=RULES)
        findings += [
            f"{name}: {found['id']} ({found['impact']}) {found['nodes'][0]['html'][:160]}"
            for found in results.response["violations"]
            if found["impact"] in SERIOUS
        ]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("name", ["messages", "channels", "users", "overview", "audit"])
def test_a_page_shows_its_data_without_javascript(sign_in: Callable[..., Any], name: str) -> None:
    page = sign_in("admin", java_script_enabled=False)

    page.goto(PAGES[name])

    assert page.locator("main").inner_text().strip()
    assert page.locator("main .skel:visible").count() == 0
