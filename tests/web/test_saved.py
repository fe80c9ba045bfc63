"""Pages of saved searches and history, and their part of the search page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.html import escape

from imadmin.archive import history, saved
from imadmin.archive.models import PastSearch, SavedCount, SavedLook, SavedSearch
from imadmin.web import cells
from tests.archive.saved_stage import Talk

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any, str], Any]
ScopeOf = Callable[[Any, str], Any]
AT = "/c/demo/messages/saved/"
HTMX = {"HTTP_HX_REQUEST": "true"}


def add(scope: Any, name: str, query: str, **fields: Any) -> saved.Saved:
    return saved.add(scope, name=name, query=query, **fields)


def test_saving_from_the_search_keeps_what_was_typed(cluster: Any, client_of: ClientOf) -> None:
    client = client_of(cluster, "moderator")
    page = client.get(f"{AT}new/?q=from:u1+退款").content.decode()
    assert "from:u1 退款</textarea>" in page

    answer = client.post(f"{AT}new/", {"name": "退款钓鱼", "query": "from:u1\r\n退款", "is_shared": "on"})
    assert answer.status_code == 303 and answer["Location"] == AT
    row = SavedSearch.objects.get()
    assert (row.name, row.query, row.is_shared) == ("退款钓鱼", "from:u1 退款", True)
    page = client.get(AT).content.decode()
    assert "退款钓鱼" in page and "you, shared" in page and "not opened yet" in page


@pytest.mark.parametrize(
    "typed", [{"name": "", "query": "x"}, {"name": "x", "query": "in:"}, {"name": "x", "query": ""}]
)
def test_a_wrong_form_keeps_what_was_typed(cluster: Any, client_of: ClientOf, typed: dict[str, str]) -> None:
    answer = client_of(cluster, "moderator").post(f"{AT}new/", typed)
    page = answer.content.decode()
    assert answer.status_code == 422 and 'class="err"' in page
    assert not typed["query"] or f"{escape(typed['query'])}</textarea>" in page
    assert not SavedSearch.objects.exists()


def test_the_list_tells_what_is_new_and_opening_it_looks(cluster: Any, client_of: ClientOf, scope_of: ScopeOf) -> None:
    scope, client, talk = scope_of(cluster, "moderator"), client_of(cluster, "moderator"), Talk(cluster)
    talk.say("退款 1")
    made = add(scope, "spam", "退款 & <b>")
    SavedSearch.objects.update(query="退款")
    opened = client.get(f"{AT}{made.id}/")
    assert opened.status_code == 302 and opened["Location"] == "/c/demo/messages/?q=%E9%80%80%E6%AC%BE"

    talk.say("退款 2", "退款 3")
    for at in (AT, f"{AT}panel/"):
        assert "2 new" in client.get(at, **HTMX if "panel" in at else {}).content.decode()
    client.get(f"{AT}{made.id}/")
    assert "nothing new" in client.get(AT).content.decode()


def test_hostile_names_and_queries_stay_text(cluster: Any, client_of: ClientOf, scope_of: ScopeOf) -> None:
    scope = scope_of(cluster, "moderator")
    add(scope, "<img src=x>\u202e", '"<script>alert(1)</script>"', is_shared=True)
    history.remember(scope, '"<script>alert(1)</script>"')
    for role in ("moderator", "admin"):
        client = client_of(cluster, role)
        for at in (AT, f"{AT}panel/"):
            page = client.get(at).content.decode()
            assert "<img src=x" not in page and "<script>alert" not in page and "\u202e" not in page


def test_words_stay_hidden_from_a_role_without_bodies(cluster: Any, client_of: ClientOf, scope_of: ScopeOf) -> None:
    made = add(scope_of(cluster, "moderator"), "spam", "秘密词", is_shared=True)
    client = client_of(cluster, "support")
    for at in (AT, f"{AT}panel/"):
        page = client.get(at).content.decode()
        assert "spam" in page and "hidden" in page and "秘密词" not in page and f'{AT}{made.id}/"' not in page
    assert client.get(f"{AT}{made.id}/").status_code == 403
    assert client.get(f"{AT}{made.id}/edit/").status_code == 403


def test_pinning_sharing_and_deleting_without_javascript(cluster: Any, client_of: ClientOf, scope_of: ScopeOf) -> None:
    made = add(scope_of(cluster, "moderator"), "spam", "from:u1")
    client = client_of(cluster, "moderator")
    assert client.post(f"{AT}{made.id}/pin/", {"pinned": "1"}).status_code == 303
    assert SavedLook.objects.get().is_pinned
    client.post(f"{AT}{made.id}/pin/", {"pinned": ""})
    assert not SavedLook.objects.get().is_pinned
    client.post(f"{AT}{made.id}/share/", {"shared": "1"})
    assert SavedSearch.objects.get().is_shared
    page = client.get(f"{AT}{made.id}/edit/").content.decode()
    assert "Delete this saved search?" in page and "from:u1</textarea>" in page
    assert client.post(f"{AT}{made.id}/delete/").status_code == 303
    assert not SavedSearch.objects.exists()
    assert client.get(f"{AT}{made.id}/edit/").status_code == 404


def test_an_administrator_edits_a_shared_one_of_somebody_else(
    cluster: Any, client_of: ClientOf, scope_of: ScopeOf
) -> None:
    made = add(scope_of(cluster, "moderator"), "spam", "from:u1", is_shared=True)
    client = client_of(cluster, "admin")
    assert "Saved by moderator" in client.get(f"{AT}{made.id}/edit/").content.decode()
    answer = client.post(f"{AT}{made.id}/edit/", {"name": "spam", "query": "from:u2", "is_shared": "on"})
    assert answer.status_code == 303 and SavedSearch.objects.get().query == "from:u2"


def test_the_sum_of_hours_says_when_it_is_at_least(cluster: Any, client_of: ClientOf, scope_of: ScopeOf) -> None:
    made = add(scope_of(cluster, "moderator"), "many", "from:u1")
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for hours, count, is_capped in ((1, 5, False), (2, 1000, True)):
        hour = end - timedelta(hours=hours)
        SavedCount.objects.create(search_id=made.id, hour=hour, count=count, is_capped=is_capped)
    client = client_of(cluster, "moderator")
    total = cells.number(1005)
    assert f'<span class="num">{total}+</span>' in client.get(AT).content.decode()
    SavedCount.objects.update(is_capped=False)
    assert f'<span class="num">{total}</span>' in client.get(AT).content.decode()


def test_history_is_listed_used_and_forgotten(cluster: Any, client_of: ClientOf, scope_of: ScopeOf) -> None:
    scope, client = scope_of(cluster, "moderator"), client_of(cluster, "moderator")
    history.remember(scope, "from:u1 退款", 3)
    history.remember(scope, "in:group:g1")
    page = client.get(AT).content.decode()
    assert "?q=from%3Au1+%E9%80%80%E6%AC%BE" in page
    assert "from:u1" not in client_of(cluster, "admin").get(AT).content.decode()

    past = PastSearch.objects.get(query="in:group:g1")
    assert client_of(cluster, "admin").post(f"{AT}history/{past.pk}/forget/").status_code == 404
    assert client.post(f"{AT}history/{past.pk}/forget/").status_code == 303
    assert client.post(f"{AT}history/forget/").status_code == 303
    assert not PastSearch.objects.exists()


def test_history_tells_how_many_were_found_or_that_there_were_more(
    cluster: Any, client_of: ClientOf, scope_of: ScopeOf
) -> None:
    scope, client = scope_of(cluster, "moderator"), client_of(cluster, "moderator")
    for q, count, is_capped in (("from:u1", 321, False), ("from:u2", 1000, True)):
        history.remember(scope, q)
        history.counted(scope, q, count, is_capped=is_capped)
    page = client.get(AT).content.decode()
    assert ">321<" in page and ">1 000+<" in page.replace("\u202f", " ").replace("\xa0", " ")


def test_the_search_page_remembers_offers_and_links(cluster: Any, client_of: ClientOf) -> None:
    Talk(cluster).say("退款")
    client = client_of(cluster, "moderator")
    client.get("/c/demo/messages/?q=from:ann")
    page = client.get("/c/demo/messages/").content.decode()
    assert 'data-text="from:ann"' in page, "the history is offered in the box"
    page = client.get("/c/demo/messages/?q=from:ann").content.decode()
    assert f"{AT}panel/" in page and f"{AT}new/?q=from%3Aann" in page
    assert "/c/demo/messages/exports/?q=from%3Aann" in page
    typed = client.get("/c/demo/messages/suggest/?typed=ann&caret=3", **HTMX).content.decode()
    assert 'data-text="from:ann"' in typed


def test_empty_pages_say_what_to_do(cluster: Any, client_of: ClientOf) -> None:
    client = client_of(cluster, "moderator")
    page = client.get(AT).content.decode()
    assert "No saved search yet" in page and "No history yet" in page
    assert "Nothing saved yet" in client.get(f"{AT}panel/").content.decode()
