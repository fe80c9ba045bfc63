"""Signing in, failing to, signing out and changing one's password leave a trace; what was typed does not."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from imadmin.accounts.models import User
from imadmin.audit.models import AuditEntry
from tests.factories import PASSWORD


@pytest.fixture
def mei(db: None) -> User:
    cache.clear()
    return User.objects.create_user("mei", password=PASSWORD)


def sign_in(client: Client, name: str = "mei", password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": name, "password": password})


def trail() -> list[tuple[str, str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "actor", "target", "outcome"))


def test_in_and_out(mei: User) -> None:
    client = Client(REMOTE_ADDR="198.51.100.20")
    assert sign_in(client).status_code == 302
    client.post("/accounts/logout/")
    assert trail() == [
        ("session.sign_in", "mei", "mei", "done"),
        ("session.sign_out", "mei", "mei", "done"),
    ]
    first, last = AuditEntry.objects.order_by("id")
    assert first.address == "198.51.100.20"
    assert first.session and client.session.session_key not in (first.session, last.session)


def test_a_wrong_password_is_a_failure_by_a_stranger(mei: User) -> None:
    sign_in(Client(), password="hunter2 hunter2")
    assert trail() == [("session.sign_in", "unknown", "mei", "failed")]
    assert "hunter2" not in str(list(AuditEntry.objects.values()))


def test_a_password_typed_as_a_name_is_not_written_down(mei: User) -> None:
    sign_in(Client(), name="hunter2 hunter2")
    assert trail() == [("session.sign_in", "unknown", "", "failed")]


def test_a_deactivated_person_does_not_get_in(mei: User) -> None:
    User.objects.update(is_active=False)
    client = Client()
    sign_in(client)
    assert "_auth_user_id" not in client.session


def test_a_session_gets_a_new_key_at_sign_in(mei: User) -> None:
    client = Client()
    client.get("/accounts/login/")
    planted = client.session
    planted["seen"] = "before"
    planted.save()
    client.cookies["sessionid"] = planted.session_key
    sign_in(client)
    assert client.session.session_key != planted.session_key


def test_too_many_wrong_passwords_are_answered_with_a_clear_message(mei: User) -> None:
    for _ in range(7):
        reply = sign_in(Client(), password="wrong wrong wrong")
    assert "Too many failed sign-ins" in reply.content.decode()
    refused = Client()
    sign_in(refused)
    assert "_auth_user_id" not in refused.session


def test_ones_own_new_password_is_recorded_and_keeps_only_this_session(mei: User) -> None:
    here, elsewhere = Client(), Client()
    sign_in(here)
    sign_in(elsewhere)
    new = "another quite long one"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert trail()[-1] == ("person.change_password", "mei", "mei", "done")
    assert here.get("/").status_code != 302 or "/accounts/login" not in here.get("/")["Location"]
    assert "/accounts/login" in elsewhere.get("/")["Location"]
