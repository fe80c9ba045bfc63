"""What the API says when something is wrong: always problem+json, always naming what and where."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client, override_settings
from django.urls import path
from django.utils import timezone
from ninja import NinjaAPI, Query

from imadmin.accounts.models import ApiToken
from imadmin.api import errors
from imadmin.api.auth import TokenAuth
from imadmin.api.main import StrictParser
from imadmin.api.schemas.common import In
from imadmin.core.crypto import new_token, token_hash
from imadmin.core.errors import Conflict, InvalidInput
from imadmin.gateway.errors import Unreachable

trial = NinjaAPI(urls_namespace="trial", auth=TokenAuth(), docs_url=None, parser=StrictParser())
errors.install(trial)


class ThingIn(In):
    uids: list[str]
    count: int = 1


@trial.post("/things")
def make_thing(request: Any, body: ThingIn) -> dict[str, Any]:
    return {"by": request.auth.name, "uids": body.uids}


@trial.get("/things")
def list_things(request: Any, limit: int = Query(10, ge=1, le=200)) -> dict[str, int]:
    return {"limit": limit}


@trial.get("/fail/{kind}")
def fail(request: Any, kind: str) -> None:
    raise {
        "input": InvalidInput({"reason": ["Say why."]}),
        "conflict": Conflict("It moved to %(where)s.", params={"where": "node 2"}),
        "gateway": Unreachable(node="1003"),
        "locked": OperationalError("database is locked"),
        "other": RuntimeError("the secret is hunter2"),
    }[kind]


urlpatterns = [path("trial/", trial.urls)]


@pytest.fixture(autouse=True)
def _trial_urls() -> Iterator[None]:
    # Without the pages' middleware: what is told here must not lean on it.
    own = [name for name in settings.MIDDLEWARE if not name.startswith("imadmin.web.")]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=own):
        yield


@pytest.fixture
def secret(db: None) -> str:
    text = new_token("imadmin")
    ApiToken.objects.create(name="robot", hash=token_hash(text), tail=text[-4:], created_by="owner")
    return text


@pytest.fixture
def api(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def problem_of(reply: Any, status: int) -> dict[str, Any]:
    assert reply.status_code == status, reply.content
    assert reply["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = reply.json()
    assert body["status"] == status
    assert body["title"] and body["detail"] and body["code"] and body["type"]
    return body


def test_a_call_with_a_token_is_known_by_the_tokens_name(api: Client) -> None:
    reply = api.post("/trial/things", {"uids": ["u1"]}, content_type="application/json")
    assert reply.json() == {"by": "robot", "uids": ["u1"]}
    assert ApiToken.objects.get().last_used_at is not None


def test_a_call_without_a_token_is_told_how_to_send_one(db: None) -> None:
    reply = Client().get("/trial/things")
    assert "Authorization: Bearer" in problem_of(reply, 401)["detail"]
    assert reply["WWW-Authenticate"] == "Bearer"


def test_an_unknown_token_is_refused(db: None) -> None:
    reply = Client(headers={"Authorization": "Bearer imadmin_nonsense"}).get("/trial/things")
    assert "isn't known" in problem_of(reply, 401)["detail"]


@pytest.mark.parametrize(("field", "word"), [("revoked_at", "revoked"), ("expires_at", "expired")])
def test_a_revoked_or_expired_token_is_refused_with_the_cause(api: Client, field: str, word: str) -> None:
    ApiToken.objects.update(**{field: timezone.now() - timedelta(seconds=1)})
    assert word in problem_of(api.get("/trial/things"), 401)["detail"]


def test_bad_fields_are_named_by_their_place_and_their_values_never_repeated(api: Client) -> None:
    sent = {"uids": ["ok", 7], "count": "hunter2", "extra": 1}
    body = problem_of(api.post("/trial/things", sent, content_type="application/json"), 422)
    assert body["fields"] == {
        "uids.1": ["Write a text."],
        "count": ["Write a whole number."],
        "extra": ["This field isn't known here."],
    }
    assert "hunter2" not in str(body)


def test_a_missing_body_is_named(api: Client) -> None:
    reply = api.generic("POST", "/trial/things", b"", content_type="application/json")
    assert problem_of(reply, 422)["fields"] == {"body": ["Give a value."]}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", "1e9", "9" * 30])
def test_a_bad_query_parameter_is_named(api: Client, limit: str) -> None:
    assert list(problem_of(api.get("/trial/things", {"limit": limit}), 422)["fields"]) == ["limit"]


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff\xfe", b'{"uids": ["\\ud800"]}', b"[" * 100_000, b'{"count": ' + b"9" * 5000]
)
def test_a_body_that_is_no_json_is_a_400(api: Client, raw: bytes) -> None:
    reply = api.generic("POST", "/trial/things", raw, content_type="application/json")
    assert problem_of(reply, 400)["code"] == "bad_json"


def test_a_body_that_is_too_large_is_a_413(api: Client) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10):
        reply = api.post("/trial/things", {"uids": ["u" * 100]}, content_type="application/json")
    assert problem_of(reply, 413)["code"] == "too_big"


def test_our_own_refusals_carry_their_code_fields_and_hint(api: Client) -> None:
    assert problem_of(api.get("/trial/fail/input"), 422)["fields"] == {"reason": ["Say why."]}
    assert problem_of(api.get("/trial/fail/conflict"), 409)["detail"] == "It moved to node 2."
    assert problem_of(api.get("/trial/fail/gateway"), 502)["node"] == "1003"


def test_a_locked_database_is_a_503_that_may_be_tried_again(api: Client) -> None:
    reply = api.get("/trial/fail/locked")
    assert problem_of(reply, 503)["code"] == "locked"
    assert reply["Retry-After"]


def test_our_own_fault_tells_a_reference_and_nothing_else(api: Client, caplog: Any) -> None:
    body = problem_of(api.get("/trial/fail/other"), 500)
    assert body["reference"] in body["hint"]
    assert "hunter2" not in str(body)
    assert any(getattr(record, "reference", "") == body["reference"] for record in caplog.records)
