"""The door and the errors: who gets in, what becomes of a form when a session has ended, how errors are told."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from imadmin.clusters import access
from imadmin.core.errors import Busy, Forbidden, InvalidInput, NotFound, Unsupported
from imadmin.gateway.errors import TimedOut, Unreachable
from imadmin.urls import *  # noqa: F403  (handlers and all)
from imadmin.urls import urlpatterns as real_patterns
from imadmin.web import respond

ERRORS = {
    "input": InvalidInput({"uid": ["A blank uid ends the server."]}),
    "forbidden": Forbidden(),
    "missing": NotFound(),
    "unsupported": Unsupported("Version 2 keeps every message."),
    "busy": Busy(),
    "down": Unreachable(node="1003"),
    "slow": TimedOut(node="1003"),
    "locked": OperationalError("database is locked"),
    "denied": PermissionDenied(),
    "bug": ValueError("a fault of ours"),
}
STATUS = {
    "input": 422, "forbidden": 403, "missing": 404, "unsupported": 501, "busy": 503, "down": 502, "slow": 504,
    "locked": 503, "denied": 403,
}  # fmt: skip


class ReasonForm(forms.Form):
    reason = forms.CharField()


def fail(request: HttpRequest, kind: str) -> HttpResponse:
    raise ERRORS[kind]


def change(request: HttpRequest) -> HttpResponse:
    form = ReasonForm(request.POST)

    def act() -> str:
        if "<" in form.cleaned_data["reason"]:
            raise InvalidInput({"reason": ["Without < in it."], "other": ["Something else."]})
        return form.cleaned_data["reason"]

    context = {"typed": form.data.get("reason", ""), "groups": []}
    if respond.attempt(form, act) is None:
        sentences = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return respond.fragment(
            request, "pages/find.html#results", context, status=422, toast=sentences, target="#form"
        )
    return respond.fragment(
        request, "pages/find.html#results", context, toast=respond.Toast("Done <b>", "3 done"), back="/back/"
    )


def inside(request: HttpRequest, slug: str) -> HttpResponse:
    access.enter(request, slug)
    return respond.page_or_fragment(request, "pages/find.html", {"groups": []}, fragment="results", say="0 <hits>")


urlpatterns = [
    path("try/fail/<str:kind>/", fail),
    path("try/change/", change),
    path("try/in/<slug:slug>/", inside),
    *real_patterns,
]
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def _addresses(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def stored(make_cluster: Callable[..., Any]) -> Any:
    """A cluster row nobody asks anything of."""
    node = SimpleNamespace(api_url="http://127.0.0.1:9", manager_url="http://127.0.0.1:9")
    return make_cluster(SimpleNamespace(nodes=[node]), slug="demo", environment="production")


@pytest.fixture
def viewer(stored: Any, client_of: Callable[..., Client]) -> Client:
    return client_of(stored, "viewer")


@pytest.fixture
def stranger_at_the_door(db: None) -> Client:
    return Client()


# the door


def test_a_page_leads_to_sign_in_and_back(stranger_at_the_door: Client) -> None:
    answer = stranger_at_the_door.get("/try/in/demo/?q=a b")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=%2Ftry%2Fin%2Fdemo%2F%3Fq%3Da%2520b"


@pytest.mark.parametrize("address", ["/accounts/login/", "/healthz"])
def test_the_door_itself_is_open(stranger_at_the_door: Client, address: str) -> None:
    assert stranger_at_the_door.get(address).status_code == 200


def test_the_api_keeps_its_own_door(stranger_at_the_door: Client) -> None:
    answer = stranger_at_the_door.get("/api/v1/clusters")
    assert answer.status_code == 401 and "json" in answer["Content-Type"]


def test_a_fragment_gets_a_dialog_and_leaves_the_page_alone(stranger_at_the_door: Client) -> None:
    answer = stranger_at_the_door.post("/try/change/", {"reason": "x"}, **HTMX)
    assert answer.status_code == 401 and answer["HX-Reswap"] == "none" and answer["X-Fragment"] == "dialog"
    assert "HX-Redirect" not in answer and 'hx-swap-oob="innerHTML:#layer"' in answer.content.decode()


def test_a_form_sent_after_the_session_ended_is_kept_without_its_secrets(stranger_at_the_door: Client) -> None:
    typed = {"reason": '"><script>', "uids": ["u1\nu2", "u3"], "manager_token": "s3cret", "password1": "hunter22"}
    answer = stranger_at_the_door.post("/try/change/?a=1", typed, headers={"origin": "http://testserver"})
    page = answer.content.decode()
    assert answer.status_code == 401 and 'action="/try/change/?a=1"' in page
    assert 'name="uids" value="u1\nu2"' in page and 'name="uids" value="u3"' in page
    assert "&quot;&gt;&lt;script&gt;" in page and '"><script>' not in page
    assert "s3cret" not in page and "hunter22" not in page and "not kept" in page


def test_another_site_gets_nothing_into_a_kept_form(stranger_at_the_door: Client) -> None:
    for headers in ({"origin": "https://elsewhere.example"}, {}):
        answer = stranger_at_the_door.post("/try/change/", {"reason": "planted"}, headers=headers)
        assert answer.status_code == 401 and "planted" not in answer.content.decode()


def test_a_form_older_than_the_sign_in_can_be_sent_again(viewer: Client) -> None:
    viewer.handler.enforce_csrf_checks = True
    answer = viewer.post("/try/change/", {"reason": "kept words"}, headers={"origin": "http://testserver"})
    assert answer.status_code == 403 and "kept words" in answer.content.decode()
    answer = viewer.post("/try/change/", {"reason": "planted"}, headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 403 and "planted" not in answer.content.decode()


# errors


@pytest.mark.parametrize("kind", STATUS)
def test_an_error_is_a_page_with_its_status(viewer: Client, kind: str) -> None:
    answer = viewer.get(f"/try/fail/{kind}/")
    page = answer.content.decode()
    assert answer.status_code == STATUS[kind]
    assert "<!doctype html>" in page and 'id="rail"' in page
    if kind == "input":
        assert "A blank uid ends the server." in page


@pytest.mark.parametrize("kind", [*STATUS, "bug"])
def test_an_error_of_a_fragment_is_a_toast_that_replaces_nothing(viewer: Client, kind: str) -> None:
    answer = viewer.get(f"/try/fail/{kind}/", **HTMX)
    assert answer.status_code == STATUS.get(kind, 500)
    assert answer["HX-Reswap"] == "none" and 'role="alert"' in answer.content.decode()
    assert "<!doctype" not in answer.content.decode()


def test_a_part_that_asks_for_it_gets_its_error_as_a_panel(viewer: Client) -> None:
    answer = viewer.get("/try/fail/down/", headers={"hx-request": "true", "x-error-as": "panel"})
    assert answer["HX-Reswap"] == "innerHTML" and answer.content.decode().startswith('<div class="empty"')


def test_a_locked_database_says_that_nothing_was_changed_only_where_that_is_sure(viewer: Client) -> None:
    assert "Nothing was changed" in viewer.get("/try/fail/locked/").content.decode()
    changed = viewer.post("/try/fail/locked/").content.decode()
    assert "Nothing was changed" not in changed and "may or may not have happened" in changed
    assert "Look at the target" in changed


def test_our_own_fault_is_named_on_the_page_and_in_the_log(viewer: Client, caplog: pytest.LogCaptureFixture) -> None:
    viewer.raise_request_exception = False
    with caplog.at_level(logging.ERROR):
        answer = viewer.get("/try/fail/bug/")
    references = {record.reference for record in caplog.records if hasattr(record, "reference")}
    assert answer.status_code == 500 and len(references) == 1
    assert references.pop() in answer.content.decode() and "a fault of ours" not in answer.content.decode()


def test_an_unknown_address_is_a_page_of_ours(viewer: Client) -> None:
    answer = viewer.get("/no/such/page/")
    assert answer.status_code == 404 and 'id="rail"' in answer.content.decode()


def test_a_strange_host_is_refused_in_words(viewer: Client) -> None:
    assert viewer.get("/", headers={"host": "elsewhere.example"}).status_code == 400


# page or fragment


def test_htmx_gets_the_part_and_everybody_else_the_page(viewer: Client) -> None:
    page, part = viewer.get("/try/in/demo/"), viewer.get("/try/in/demo/", **HTMX)
    assert "<!doctype html>" in page.content.decode() and "<!doctype html>" not in part.content.decode()
    assert "HX-Request" in page["Vary"] and "HX-Request" in part["Vary"]
    assert "0 &lt;hits&gt;" in part.content.decode()


@pytest.mark.parametrize("header", ["hx-boosted", "hx-history-restore-request"])
def test_boosted_and_restored_pages_are_whole(viewer: Client, header: str) -> None:
    answer = viewer.get("/try/in/demo/", headers={"hx-request": "true", header: "true"})
    assert "<!doctype html>" in answer.content.decode()


def test_a_change_answers_htmx_with_the_part_and_a_toast(viewer: Client) -> None:
    body = viewer.post("/try/change/", {"reason": "because"}, **HTMX).content.decode()
    assert 'hx-swap-oob="beforeend:#toasts"' in body and "Done &lt;b&gt;" in body and "<!doctype" not in body


def test_without_javascript_a_change_ends_in_a_redirect_and_the_toast_waits_there(viewer: Client) -> None:
    answer = viewer.post("/try/change/", {"reason": "because"})
    assert answer.status_code == 303 and answer["Location"] == "/back/"
    shown = viewer.get("/try/in/demo/").content.decode()
    assert "Done &lt;b&gt;" in shown and "3 done" in shown
    assert "3 done" not in viewer.get("/try/in/demo/").content.decode()


def test_what_an_action_says_about_its_input_comes_back_as_422(viewer: Client) -> None:
    answer = viewer.post("/try/change/", {"reason": "a < b"}, **HTMX)
    assert answer.status_code == 422 and answer["HX-Retarget"] == "#form"
    assert "Without &lt; in it." in answer.content.decode() and "Something else." in answer.content.decode()
    whole = viewer.post("/try/change/", {"reason": "a < b"})
    assert whole.status_code == 422 and "<!doctype html>" in whole.content.decode()


def test_a_redirect_never_leaves_the_house(viewer: Client) -> None:
    for referer in (
        "https://elsewhere.example/",
        "http://testserver//elsewhere.example/",
        "http://testserver/\\elsewhere.example",
    ):
        answer = viewer.post("/preferences/", {"theme": "dark"}, headers={"referer": referer})
        assert answer.status_code == 303
        assert answer["Location"].startswith("/") and not answer["Location"].startswith(("//", "/\\"))
