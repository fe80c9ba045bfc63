"""Search history: one's own alone, the newest use of each query."""

from collections.abc import Callable
from typing import Any

import pytest

from imadmin.archive import history
from imadmin.archive.models import PastSearch
from imadmin.clusters import access
from imadmin.core.errors import Forbidden, NotFound

pytestmark = pytest.mark.django_db
ScopeOf = Callable[[Any, str], Any]


def queries(scope: Any) -> list[str]:
    return [one.query for one in history.listing(scope)]


def test_the_latest_search_stands_first_and_each_query_once(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    for q, hits in (("退款", 3), ("from:u1", None), ("退款 ", 5), ("", 9)):
        history.remember(scope, q, hits)

    assert queries(scope) == ["退款", "from:u1"]
    assert [(one.uses, one.hits) for one in history.listing(scope)] == [(2, 5), (1, None)]


def test_nobody_sees_or_forgets_somebody_elses(cluster: Any, scope_of: ScopeOf) -> None:
    moderator, admin = scope_of(cluster, "moderator"), scope_of(cluster, "admin")
    history.remember(moderator, "from:u1")
    (mine,) = history.listing(moderator)

    assert queries(admin) == [] and history.suggestions(admin, "from") == ()
    with pytest.raises(NotFound):
        history.forget(admin, mine.id)
    assert history.forget_all(admin) == 0
    assert queries(moderator) == ["from:u1"]


def test_each_cluster_has_its_own(cluster: Any, own_cluster: Any, scope_of: ScopeOf) -> None:
    history.remember(scope_of(cluster, "moderator"), "from:u1")
    assert queries(scope_of(own_cluster, "moderator")) == []


def test_only_the_latest_are_kept(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    for number in range(history.MOST + 7):
        history.remember(scope, f"from:u{number}")

    assert len(queries(scope)) == PastSearch.objects.count() == history.MOST
    assert queries(scope)[0] == "from:u206" and queries(scope)[-1] == "from:u7"


def test_tokens_and_jobs_have_none(cluster: Any, scope_of: ScopeOf) -> None:
    scope = access.enter_by_job(cluster)
    history.remember(scope, "from:u1")
    assert PastSearch.objects.count() == 0 and queries(scope) == []


@pytest.mark.parametrize("q", ["a\x00b", "x" * 2001, "   "])
def test_what_can_not_be_kept_ends_no_search(cluster: Any, scope_of: ScopeOf, q: str) -> None:
    scope = scope_of(cluster, "moderator")
    history.remember(scope, q, 1)
    assert queries(scope) == []


def test_suggestions_hold_what_is_typed(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    for q in ("退款 after:-2h", "from:u1", "红包 退款"):
        history.remember(scope, q)

    assert [one.query for one in history.suggestions(scope, "退款")] == ["红包 退款", "退款 after:-2h"]
    assert [one.query for one in history.suggestions(scope, "", most=2)] == ["红包 退款", "from:u1"]
    assert history.suggestions(scope, "from:u1") == ()


def test_forgetting(cluster: Any, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    for q in ("a b", "c d", "e f"):
        history.remember(scope, q)

    history.forget(scope, history.listing(scope)[1].id)
    assert queries(scope) == ["e f", "a b"]
    assert history.forget_all(scope) == 2 and queries(scope) == []


def test_who_may_not_search_has_no_history(cluster: Any, scope_of: ScopeOf) -> None:
    with pytest.raises(Forbidden):
        history.listing(scope_of(cluster, "viewer"))
    assert history.suggestions(scope_of(cluster, "viewer"), "x") == ()
