"""Roles and tokens: given, taken, shown once, never more than was asked for."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from imadmin.accounts.models import ApiToken, User
from imadmin.accounts.permissions import ROLE_PERMISSIONS, Permission, Role, permissions_of
from imadmin.accounts.queries import token_by_secret
from imadmin.audit.models import AuditEntry
from imadmin.clusters import access, grants, queries
from imadmin.clusters.models import Cluster, Grant
from imadmin.core.errors import Forbidden, InvalidInput, NotFound, SignInRequired
from tests.clusters.drafts import owner_scope


@pytest.fixture
def clusters(db: None) -> list[Cluster]:
    return [Cluster.objects.create(slug=slug, name=slug, api_url="http://x", manager_url="http://x") for slug in "ab"]


@pytest.fixture
def mei(db: None) -> User:
    return User.objects.create_user("mei")


def test_roles_become_exactly_what_was_chosen(clusters: list[Cluster], mei: User) -> None:
    assert grants.set_roles(owner_scope(), mei, [("a", "viewer"), ("a", "moderator"), ("*", "support")], reason="joins")
    assert grants.set_roles(owner_scope(), mei, [("b", "admin")], reason="moved on")
    assert not grants.set_roles(owner_scope(), mei, [("b", "admin")], reason="again")
    assert [(row.cluster, row.roles) for row in queries.person("mei").grants] == [("b", (Role.ADMIN,))]
    last = AuditEntry.objects.filter(action="person.set_roles", phase="outcome").last()
    assert last is not None
    assert (last.before, last.after) == (["*: support", "a: moderator", "a: viewer"], ["b: admin"])


@pytest.mark.parametrize("wrong", [("nope", "viewer"), ("a", "owner"), ("a", "king"), ("", "viewer")])
def test_roles_and_clusters_outside_the_list_are_refused(clusters: list[Cluster], mei: User, wrong: Any) -> None:
    with pytest.raises(InvalidInput) as error:
        grants.set_roles(owner_scope(), mei, [wrong], reason="joins")
    assert list(error.value.fields) == ["roles"]
    assert not Grant.objects.exists()


def test_one_sees_only_the_clusters_one_holds_a_role_on(clusters: list[Cluster], mei: User) -> None:
    assert queries.cards(mei) == ()
    grants.set_roles(owner_scope(), mei, [("b", "viewer")], reason="joins")
    assert [(card.slug, card.address) for card in queries.cards(mei)] == [("b", "")]
    grants.set_roles(owner_scope(), mei, [("*", "viewer")], reason="sees all")
    assert len(queries.cards(mei)) == 2


def test_an_owner_sees_every_cluster_and_its_address(clusters: list[Cluster]) -> None:
    owner = User.objects.create_user("boss", is_owner=True)
    assert [card.address for card in queries.cards(owner)] == ["http://x", "http://x"]


def test_rights_of_a_person_with_several_roles_add_up() -> None:
    both = permissions_of([Role.MODERATOR, Role.ADMIN])
    assert both == ROLE_PERMISSIONS[Role.MODERATOR] | ROLE_PERMISSIONS[Role.ADMIN]
    assert Permission.MANAGE_SITE not in both


def test_a_token_works_from_the_moment_it_is_shown_until_it_is_revoked(clusters: list[Cluster]) -> None:
    made = grants.create_token(owner_scope(), "robot", role="support", cluster="a", days=1, reason="nightly report")
    assert token_by_secret(made.secret) == made.token
    assert access.roles_on(made.token, clusters[0]) == {Role.SUPPORT}
    assert access.roles_on(made.token, clusters[1]) == frozenset()
    assert grants.revoke_token(owner_scope(), made.token.pk, reason="not needed")
    assert not grants.revoke_token(owner_scope(), made.token.pk, reason="not needed")
    with pytest.raises(SignInRequired):
        token_by_secret(made.secret)


def test_a_tokens_secret_is_kept_nowhere(clusters: list[Cluster]) -> None:
    made = grants.create_token(owner_scope(), "robot", role="owner", reason="automation")
    assert made.secret.startswith("imadmin_")
    assert made.secret not in repr(made)
    assert made.secret not in str(list(ApiToken.objects.values())) + str(list(AuditEntry.objects.values()))


def test_a_token_expires_on_its_day(clusters: list[Cluster]) -> None:
    made = grants.create_token(owner_scope(), "robot", role="viewer", days=1, reason="automation")
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(SignInRequired):
        token_by_secret(made.secret)
    assert queries.token(made.token.pk).state == "expired"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "x" * 81}),
        ("name", {"name": "a\u202eb"}),
        ("role", {"role": "king"}),
        ("cluster", {"cluster": "nope"}),
        ("cluster", {"cluster": "a", "role": "owner"}),
        ("days", {"days": 0}),
        ("days", {"days": 99999}),
        ("reason", {"reason": ""}),
    ],
)
def test_a_token_that_cant_be_made_says_which_field(clusters: list[Cluster], field: str, wrong: Any) -> None:
    values: dict[str, Any] = {"name": "robot", "role": "viewer", "reason": "automation"} | wrong
    with pytest.raises(InvalidInput) as error:
        grants.create_token(owner_scope(), values.pop("name"), **values)
    assert list(error.value.fields) == [field]
    assert not ApiToken.objects.exists()


def test_a_tokens_name_is_given_once(clusters: list[Cluster]) -> None:
    grants.create_token(owner_scope(), "robot", role="viewer", reason="automation")
    with pytest.raises(InvalidInput):
        grants.create_token(owner_scope(), "robot", role="viewer", reason="automation")


def test_only_who_manages_the_site_makes_and_ends_tokens(clusters: list[Cluster], mei: User) -> None:
    scope = owner_scope(Permission.VIEW)
    for act in (
        lambda: grants.create_token(scope, "robot", role="viewer", reason="automation"),
        lambda: grants.revoke_token(scope, 1, reason="automation"),
        lambda: grants.set_roles(scope, mei, [], reason="automation"),
        lambda: grants.add_person(scope, "ann", reason="automation"),
    ):
        with pytest.raises(Forbidden):
            act()


def test_an_unknown_token_and_person(db: None) -> None:
    with pytest.raises(NotFound):
        grants.revoke_token(owner_scope(), 2**70, reason="not there")
    with pytest.raises(NotFound):
        queries.person("nobody")


def test_a_token_of_a_removed_cluster_may_nothing(clusters: list[Cluster]) -> None:
    made = grants.create_token(owner_scope(), "robot", role="admin", cluster="a", reason="automation")
    clusters[0].delete()
    assert (queries.token(made.token.pk).role, queries.token(made.token.pk).cluster) == ("", "")
    assert not access.visible_clusters(made.token).exists()


def test_the_list_of_people_takes_the_same_few_questions_however_long_it_is(
    clusters: list[Cluster], django_assert_num_queries: Any
) -> None:
    for number in range(12):
        user = User.objects.create_user(f"u{number}")
        Grant.objects.create(user=user, cluster=clusters[number % 2], role="viewer")
    with django_assert_num_queries(2):
        assert len(queries.people()) == 12
