"""The audit page: who sees which rows, filters in the address, one row in a drawer, the proof of the chain."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from imadmin.audit import record
from imadmin.audit.models import AuditEntry
from imadmin.audit.record import Actor, Target
from imadmin.clusters.models import Cluster
from imadmin.core.outcomes import Outcomes
from tests.web.asking import error_beside, htmx

HOSTILE = '<script>alert(1)</script>\u202e"'


@pytest.fixture
def trail(own_cluster: Cluster) -> None:
    mod = Actor("user", "mod", "page", "ab12cd34", "198.51.100.20")
    with record.recorded(mod, "channel.deny", Target("channel", "2/group"), "spam again", cluster="own") as entry:
        outcomes = Outcomes.of_presence(["u1", "u2", HOSTILE], before=["u2"], after=["u1", "u2"], why="it said no")
        entry.finish(before=["u2"], after=["u1", "u2"], outcomes=outcomes)
    record.event(mod, "message.reveal", Target("message", "17"), reason=HOSTILE, cluster="other")
    record.event(Actor("system", HOSTILE, "job"), "session.sign_in", Target("person", HOSTILE))


@pytest.fixture
def owner(own_cluster: Cluster, trail: None, client_of: Any) -> Client:
    client: Client = client_of(own_cluster, "owner")
    return client


def text(reply: Any) -> str:
    page: str = reply.content.decode()
    assert "<script>alert" not in page
    return page


def test_an_owner_sees_every_row_newest_first(owner: Client) -> None:
    page = text(owner.get("/audit/", headers=htmx()))
    assert page.index("Sign in") < page.index("Reveal a message body") < page.index("Add to denylist")
    assert "Partly done" in page and "1 done, 1 already so, 1 failed" in page


def test_an_administrator_sees_only_their_clusters_rows(trail: None, own_cluster: Cluster, client_of: Any) -> None:
    page = text(client_of(own_cluster, "admin").get("/audit/", headers=htmx()))
    assert "Add to denylist" in page and "Reveal a message body" not in page
    reveal = AuditEntry.objects.get(action="message.reveal")
    assert client_of(own_cluster, "admin").get(f"/audit/{reveal.pk}/").status_code == 404


@pytest.mark.parametrize("role", ["moderator", "viewer", "stranger"])
def test_others_see_no_trail(trail: None, own_cluster: Cluster, client_of: Any, role: str) -> None:
    for url in ("/audit/", "/audit/1/"):
        assert client_of(own_cluster, role).get(url).status_code == 403


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("cluster=own", ["channel.deny"]),
        ("actor=mod", ["message.reveal", "channel.deny"]),
        ("action=message.reveal", ["message.reveal"]),
        ("outcome=partial", ["channel.deny"]),
        ("target=2/group", ["channel.deny"]),
        ("since=2001-01-01T00:00&until=2100-01-01T00:00", ["session.sign_in", "message.reveal", "channel.deny"]),
        ("since=2100-01-01T00:00", []),
    ],
)
def test_filters_live_in_the_address(owner: Client, query: str, seen: list[str]) -> None:
    page = text(owner.get(f"/audit/?{query}", headers=htmx()))
    rows = {row.action: f"/audit/{row.pk}/?" in page for row in AuditEntry.objects.exclude(phase="outcome")}
    assert [name for name in ("session.sign_in", "message.reveal", "channel.deny") if rows[name]] == seen
    assert "<html" not in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cluster", "nope"),
        ("action", "drop table"),
        ("outcome", "<b>"),
        ("since", "yesterday"),
        ("since", "0001-01-01T00:00"),
        ("until", "9999-12-31T23:59"),
        ("actor", "x" * 200),
        ("target", "a\x00b"),
    ],
)
def test_a_filter_that_cant_be_used_is_told_beside_its_field(owner: Client, field: str, value: str) -> None:
    reply = owner.get("/audit/", {field: value})
    assert reply.status_code == 422 and error_beside(reply, field)
    assert "filters can&#x27;t be used" in text(reply) or "filters can't be used" in text(reply)


@pytest.mark.parametrize("cursor", ["x", "e30", "%00", "eyJiZWZvcmUiOi0xfQ"])
def test_a_broken_cursor_is_refused(owner: Client, cursor: str) -> None:
    assert owner.get(f"/audit/?cursor={cursor}").status_code == 422


def test_pages_follow_the_cursor(owner: Client) -> None:
    for number in range(60):
        record.event(Actor("user", f"p{number}", "page"), "session.sign_in", Target("person", "x"))
    first = text(owner.get("/audit/"))
    assert ">p59<" in first and ">p9<" not in first
    link = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    older = text(owner.get(f"/audit/{link}"))
    assert ">p9<" in older and ">p59<" not in older


def test_a_row_opens_beside_the_list_and_as_a_page(owner: Client) -> None:
    row = AuditEntry.objects.filter(action="channel.deny").earliest("pk")
    part = text(owner.get(f"/audit/{row.pk}/", headers=htmx()))
    assert "<html" not in part and 'class="drawer"' in part
    assert "spam again" in part and "u1" in part and "it said no" in part and "198.51.100.20" in part
    assert row.hash[:12] in part and "Matches" in part
    page = text(owner.get(f"/audit/{row.pk}/?actor=mod"))
    assert "<html" in page and 'class="drawer"' in page and 'href="/audit/?actor=mod"' in page


def test_an_outcomes_own_number_leads_to_its_row(owner: Client) -> None:
    row = AuditEntry.objects.get(phase="outcome")
    assert f"Row {row.intent_id}" in text(owner.get(f"/audit/{row.pk}/"))


def test_hostile_rows_are_shown_as_text(owner: Client) -> None:
    for row in AuditEntry.objects.exclude(phase="outcome"):
        assert "⟨U+202E⟩" in text(owner.get(f"/audit/{row.pk}/"))


def test_a_row_that_isnt_there(owner: Client) -> None:
    for number in (0, 10**9, 2**70):
        assert owner.get(f"/audit/{number}/").status_code == 404


def test_the_chain_is_proven_on_the_page(owner: Client) -> None:
    assert "Chain intact" in text(owner.post("/audit/verify/", headers=htmx()))
    assert "<html" in text(owner.post("/audit/verify/"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditentry SET reason = 'innocent' WHERE id = 1")
    assert "broken at row 1" in text(owner.post("/audit/verify/", headers=htmx()))
    assert "Altered" in text(owner.get("/audit/1/"))


def test_only_owners_prove_the_chain(trail: None, own_cluster: Cluster, client_of: Any) -> None:
    assert client_of(own_cluster, "admin").post("/audit/verify/").status_code == 403


def test_the_page_asks_the_database_the_same_few_questions_for_any_number_of_rows(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(49):
        with record.recorded(Actor("user", f"p{number}", "page"), "channel.deny", Target("channel", "2/g"), "spam"):
            pass
    with django_assert_max_num_queries(14):
        owner.get("/audit/")
