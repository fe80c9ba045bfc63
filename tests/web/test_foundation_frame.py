"""The frame of every page: navigation by right, preferences, headers, the finder, sign-in pages."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from imadmin.accounts.models import User
from imadmin.web import nav
from tests.factories import PASSWORD

ROOT = Path(django_settings.BASE_DIR)


@pytest.fixture
def stored(make_cluster: Callable[..., Any]) -> Any:
    node = SimpleNamespace(api_url="http://127.0.0.1:9", manager_url="http://127.0.0.1:9")
    return make_cluster(SimpleNamespace(nodes=[node]), slug="demo", environment="production")


@pytest.fixture
def frame_of(stored: Any, client_of: Callable[..., Client]) -> Callable[..., str]:
    """frame_of("viewer") -> the finder's page in the cluster, which needs no gateway."""

    def get(role: str, address: str = "/find/?in=demo") -> str:
        return client_of(stored, role).get(address).content.decode()

    return get


def links(page: str) -> set[str]:
    rail = page[page.index('id="rail"') : page.index('class="top"')]
    return set(re.findall(r'<li><a href="([^"]+)"', rail))


# navigation


def test_every_item_of_the_navigation_leads_somewhere() -> None:
    for section in (*nav.CLUSTER, *nav.SITE, *nav.SETTINGS, *nav.WORK):
        for item in section.items:
            assert reverse(item.url_name, args=["demo"] if item.in_cluster else [])


@pytest.mark.parametrize(
    ("role", "shown", "hidden"),
    [
        ("viewer", {"/c/demo/channels/", "/c/demo/users/"}, {"/c/demo/messages/", "/audit/", "/settings/clusters/"}),
        ("support", {"/c/demo/messages/"}, {"/audit/", "/settings/clusters/"}),
        ("admin", {"/c/demo/messages/", "/audit/"}, {"/settings/clusters/"}),
        ("owner", {"/c/demo/messages/", "/audit/", "/settings/clusters/"}, set()),
    ],
)
def test_the_rail_shows_what_a_role_may_open(
    frame_of: Callable[..., str], role: str, shown: set[str], hidden: set[str]
) -> None:
    found = links(frame_of(role))
    assert shown <= found and not hidden & found


def test_outside_a_cluster_only_owners_see_the_settings_of_the_site(frame_of: Callable[..., str]) -> None:
    assert "/settings/people/" in links(frame_of("owner", "/find/"))
    assert links(frame_of("viewer", "/find/")) == {"/", "/settings/account/"}


def test_a_stranger_learns_nothing_of_a_cluster(stored: Any, client_of: Callable[..., Client]) -> None:
    client = client_of(stored, "stranger")
    there, nowhere = client.get("/find/?in=demo"), client.get("/find/?in=nothing")
    assert there.status_code == nowhere.status_code == 404
    strip = lambda answer: re.sub(r'(value|content)="[A-Za-z0-9]{64}"', "", answer.content.decode())  # noqa: E731
    assert strip(there).replace("in=demo", "") == strip(nowhere).replace("in=nothing", "")


def test_demo_and_environment_are_on_the_page(frame_of: Callable[..., str]) -> None:
    page = frame_of("viewer")
    assert 'data-env="production"' in page and "demo</span>" in page and "Production" in page


def test_a_cluster_name_is_text(stored: Any, frame_of: Callable[..., str]) -> None:
    stored.name = "<script>x</script>"
    stored.save()
    assert "<script>x" not in frame_of("viewer")


# strictness


def test_no_page_of_ours_carries_inline_script_or_style(frame_of: Callable[..., str]) -> None:
    for page in (
        frame_of("owner"),
        frame_of("owner", "/accounts/logout/"),
        Client().get("/accounts/login/").content.decode(),
    ):
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)


def test_templates_keep_to_the_policy() -> None:
    for file in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"<style|\sstyle=\"|\son(click|load|change|submit|input)=|hx-on", file.read_text()), file


def test_headers_of_a_page(frame_of: Callable[..., str], stored: Any, client_of: Callable[..., Client]) -> None:
    answer = client_of(stored, "viewer").get("/find/")
    assert answer["Cache-Control"] == "no-store" and answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert (
        "unsafe" not in answer["Content-Security-Policy"] and "default-src 'none'" in answer["Content-Security-Policy"]
    )
    assert "camera=()" in answer["Permissions-Policy"]


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    known = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/icons.svg").read_text()))
    used = set()
    for file in (ROOT / "templates").rglob("*.html"):
        used |= set(re.findall(r'\{% icon "([a-z0-9-]+)"', file.read_text())) | set(
            re.findall(r' icon="([a-z0-9-]+)"', file.read_text())
        )
    for section in (*nav.CLUSTER, *nav.SITE, *nav.SETTINGS, *nav.WORK):
        used |= {item.icon for item in section.items}
    assert used <= known, used - known


def test_files_from_elsewhere_come_with_their_licence() -> None:
    for folder in (path for path in (ROOT / "static/vendor").iterdir() if path.is_dir()):
        assert any(file.name.upper().startswith("LICEN") for file in folder.iterdir()), folder
        assert folder.name in (ROOT / "static/vendor/README.md").read_text()


# preferences


def test_a_choice_of_theme_stays_with_the_person(stored: Any, client_of: Callable[..., Client]) -> None:
    client = client_of(stored, "viewer")
    assert (
        client.post("/preferences/", {"theme": "dark", "density": "comfortable"}, headers={"x-quiet": "1"}).status_code
        == 204
    )
    assert 'data-theme="dark"' in client.get("/find/").content.decode()
    assert User.objects.get(username="viewer").density == "comfortable"


def test_a_choice_that_does_not_exist_changes_nothing(stored: Any, client_of: Callable[..., Client]) -> None:
    client = client_of(stored, "viewer")
    client.post("/preferences/", {"theme": 'x" onload="y', "language": "tlh"})
    person = User.objects.get(username="viewer")
    assert person.theme == "" and person.language == ""


@pytest.mark.parametrize(
    ("wish", "cookie", "own", "shown"),
    [
        ("zh-CN,zh;q=0.9", "", "", "zh-Hans"),
        ("de", "", "", "en"),
        ("zh-CN", "en", "", "en"),
        ("en", "en", "zh-hans", "zh-Hans"),
    ],
)
def test_language_is_ones_own_choice_then_the_cookie_then_the_browser(
    stored: Any, client_of: Callable[..., Client], wish: str, cookie: str, own: str, shown: str
) -> None:
    client = client_of(stored, "viewer")
    User.objects.filter(username="viewer").update(language=own)
    if cookie:
        client.cookies["django_language"] = cookie
    assert f'<html lang="{shown}"' in client.get("/find/", headers={"accept-language": wish}).content.decode()


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "../../etc/passwd", "No/Where", "\x00"])
def test_a_strange_zone_in_a_cookie_harms_nothing(stored: Any, client_of: Callable[..., Client], zone: str) -> None:
    client = client_of(stored, "viewer")
    client.cookies["imadmin_zone"] = zone
    assert client.get("/find/").status_code == 200


def test_a_fresh_form_token_is_for_people_signed_in(stored: Any, client_of: Callable[..., Client]) -> None:
    assert len(client_of(stored, "viewer").get("/preferences/token/").json()["token"]) == 64


# the finder


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("1991377204518416384", "/c/demo/m/1991377204518416384/"),
        ("u1", "/c/demo/users/u1/"),
        ("g/1?", "/c/demo/channels/2/g~2F1~3F/"),
        ("u108842, u771093", "/c/demo/channels/1/"),
        ("u108842@u771093", "/c/demo/channels/1/"),
    ],
)
def test_what_is_typed_becomes_a_link(stored: Any, client_of: Callable[..., Client], typed: str, address: str) -> None:
    answer = client_of(stored, "support").get("/find/", {"in": "demo", "q": typed}, headers={"hx-request": "true"})
    assert f'href="{address}' in answer.content.decode() and "<!doctype" not in answer.content.decode()


def test_the_finder_offers_no_message_to_those_who_may_see_none(stored: Any, client_of: Callable[..., Client]) -> None:
    assert "/m/1991" not in client_of(stored, "viewer").get("/find/?in=demo&q=1991377204518416384").content.decode()


def test_the_finder_escapes_what_was_typed(stored: Any, client_of: Callable[..., Client]) -> None:
    page = (
        client_of(stored, "viewer").get("/find/", {"in": "demo", "q": '"><script>alert(1)</script>'}).content.decode()
    )
    assert "<script>alert" not in page


# sign-in pages


def test_signing_in_leads_to_the_page_asked_for(stored: Any, people: Callable[..., Any]) -> None:
    people(stored)
    client = Client()
    answer = client.post("/accounts/login/?next=/find/", {"login": "viewer", "password": PASSWORD, "next": "/find/"})
    assert answer.status_code == 302 and answer["Location"] == "/find/"
    assert "signed in" not in client.get("/find/").content.decode()


def test_a_wrong_password_keeps_the_name_and_never_the_password(stored: Any, people: Callable[..., Any]) -> None:
    people(stored)
    page = Client().post("/accounts/login/", {"login": "viewer", "password": "wrong-password-1"}).content.decode()
    assert 'value="viewer"' in page and "wrong-password-1" not in page and 'role="alert"' in page


def test_too_many_tries_are_told_in_words(stored: Any, people: Callable[..., Any], settings: Any) -> None:
    from django.core.cache import cache

    cache.clear()
    people(stored)
    client = Client()
    pages = [client.post("/accounts/login/", {"login": "viewer", "password": "wrong-password-1"}) for _ in range(8)]
    cache.clear()
    assert "Too many" in pages[-1].content.decode()


def test_the_password_page_and_the_way_out_are_in_our_look(frame_of: Callable[..., str]) -> None:
    assert 'class="door"' in frame_of("viewer", "/accounts/logout/")
    assert 'name="oldpassword"' in frame_of("viewer", "/accounts/password/change/")
