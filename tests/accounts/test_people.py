"""People are added, made owner, deactivated and given passwords; nobody locks the site; all of it is on the trail."""

import pytest
from django.test import Client

from imadmin.accounts import actions
from imadmin.accounts.models import User
from imadmin.accounts.permissions import Permission
from imadmin.audit import queries as audit
from imadmin.audit.models import AuditEntry
from imadmin.audit.record import Actor
from imadmin.clusters.access import SiteScope
from imadmin.core.errors import Forbidden, InvalidInput

GOOD = "quite-a-long-passphrase"


def site(name: str = "owner", *permissions: Permission) -> SiteScope:
    return SiteScope(Actor("user", name, "page"), frozenset(permissions or Permission))


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("owner", password=GOOD, is_owner=True)


def actions_on_the_trail() -> list[tuple[str, str]]:
    return [(row.entry.action, row.outcome) for row in audit.page(audit.AuditFilter()).rows]


def test_a_person_added_without_a_password_gets_one_that_works(db: None) -> None:
    added = actions.add_person(site(), "mei", reason="joins the team")
    assert Client().login(username="mei", password=added.password)
    assert ("person.add", "done") in actions_on_the_trail()
    assert added.password not in str(list(AuditEntry.objects.values()))
    assert added.password not in repr(added)


def test_a_typed_password_is_checked_and_not_given_back(db: None) -> None:
    assert actions.add_person(site(), "mei", password=GOOD, reason="joins").password == ""
    with pytest.raises(InvalidInput) as refused:
        actions.add_person(site(), "ann", password="short", reason="joins")
    assert list(refused.value.fields) == ["password"]
    assert not User.objects.filter(username="ann").exists()


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 151, "<script>", "a\x00b", "mei/../x"])
def test_a_name_that_cant_be_used_is_refused_beside_its_field(db: None, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.add_person(site(), name, reason="joins the team")
    assert list(refused.value.fields) == ["username"]


def test_a_name_is_taken_whatever_its_letters_case(owner: User) -> None:
    with pytest.raises(InvalidInput):
        actions.add_person(site(), "Owner", reason="joins the team")


def test_a_reason_is_needed_and_nothing_happens_without(db: None) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.add_person(site(), "mei", reason=" ")
    assert list(refused.value.fields) == ["reason"]
    assert not User.objects.exists()
    assert not AuditEntry.objects.exists()


def test_only_who_manages_the_site_changes_people(owner: User) -> None:
    scope = site("admin", Permission.VIEW, Permission.VIEW_AUDIT)
    for act in (
        lambda: actions.add_person(scope, "mei", reason="joins the team"),
        lambda: actions.set_owner(scope, owner, False, reason="not any more"),
        lambda: actions.set_active(scope, owner, False, reason="not any more"),
        lambda: actions.reset_password(scope, owner, reason="forgot it"),
    ):
        with pytest.raises(Forbidden):
            act()


def test_the_last_owner_stays(owner: User) -> None:
    User.objects.create_user("sleeping", is_owner=True, is_active=False)
    for act in (
        lambda: actions.set_owner(site("other"), owner, False, reason="no reason at all"),
        lambda: actions.set_active(site("other"), owner, False, reason="no reason at all"),
    ):
        with pytest.raises(InvalidInput):
            act()
    owner.refresh_from_db()
    assert owner.is_owner and owner.is_active
    assert ("person.deactivate", "failed") in actions_on_the_trail()


def test_one_of_two_owners_may_go(owner: User) -> None:
    second = User.objects.create_user("second", is_owner=True)
    assert actions.set_owner(site(), second, False, reason="changed teams")
    assert not actions.set_owner(site(), second, False, reason="changed teams")


def test_nobody_deactivates_themselves(owner: User) -> None:
    User.objects.create_user("second", is_owner=True)
    with pytest.raises(InvalidInput):
        actions.set_active(site("owner"), owner, False, reason="going away")


@pytest.mark.parametrize("how", ["deactivate", "password"])
def test_open_sessions_end_and_do_not_come_back(owner: User, how: str) -> None:
    mei = User.objects.create_user("mei", password=GOOD)
    at_home, bystander = Client(), Client()
    at_home.force_login(mei)
    bystander.force_login(owner)
    if how == "deactivate":
        actions.set_active(site(), mei, False, reason="left the company")
        actions.set_active(site(), mei, True, reason="came back")
    else:
        actions.reset_password(site(), mei, reason="lost the phone")
    assert at_home.get("/").status_code == 302
    assert bystander.session.get("_auth_user_id") == str(owner.pk)


def test_a_new_password_replaces_the_old_one(owner: User) -> None:
    made = actions.reset_password(site(), owner, reason="forgot it").password
    assert not Client().login(username="owner", password=GOOD)
    assert Client().login(username="owner", password=made)


def test_preferences_are_kept_and_only_changes_are_recorded(owner: User) -> None:
    actor = Actor("user", "owner", "page")
    assert actions.change_preferences(actor, owner, theme="dark", timezone="Asia/Shanghai")
    assert not actions.change_preferences(actor, owner, theme="dark")
    owner.refresh_from_db()
    assert (owner.theme, owner.timezone) == ("dark", "Asia/Shanghai")
    assert actions_on_the_trail() == [("person.change_preferences", "done")]


@pytest.mark.parametrize("wrong", [{"theme": "pink"}, {"language": "xx"}, {"density": "loose"}, {"timezone": "Mars/X"}])
def test_preferences_outside_the_list_are_refused(owner: User, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        actions.change_preferences(Actor("user", "owner", "page"), owner, **wrong)
    assert list(refused.value.fields) == list(wrong)
