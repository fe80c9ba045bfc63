"""The page of the archive's completeness: verdict, figures, channels; opening, closing, the budget, reading now."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from imadmin.archive import bound, completeness
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.models import Archive
from imadmin.archive.rows import Incoming, SeenChannel
from imadmin.archive.stores import engine_of
from imadmin.audit.models import AuditEntry
from imadmin.gateway.types import ChannelRef
from imadmin.jobs.models import JobRun
from imadmin.web import archive_words
from tests.web.asking import error_beside, htmx

pytestmark = pytest.mark.django_db
AT = "/c/demo/messages/completeness/"
NASTY = "<b>&\u202e/退款"
NOW = int(time.time())


@pytest.fixture
def filled(cluster: Any) -> Any:
    engine = engine_of(cluster.pk)
    rows = [Incoming(number, seq, ChannelRef("tea", 2), "ann", NOW, b"{}") for number, seq in ((1, 1), (2, 2), (3, 6))]
    engine.ingest([*rows, Incoming(9, 1, ChannelRef("cup", 2), "ann", NOW, b"{}")])
    engine.note_channels([SeenChannel(ChannelRef(NASTY, 2), 1200, 1001), SeenChannel(ChannelRef("tea", 2), 6, 1)], NOW)
    now = datetime.now(UTC)
    Archive.objects.create(
        cluster=cluster, is_on=True, round_started_at=now - timedelta(minutes=9), round_ended_at=now, opened_by="ben",
        whole_at=now - timedelta(minutes=9),
    )  # fmt: skip
    return engine


def text(reply: Any) -> str:
    return str(reply.content.decode())


def test_the_verdict_and_the_figures(cluster: Any, filled: Any, client_of: Callable[..., Any]) -> None:
    page = text(client_of(cluster, "viewer").get(AT))
    assert "With gaps" in page and "1 203 messages are missing, in 2 channels." in page.replace("\u202f", " ").replace(
        "\xa0", " "
    ).replace(",203", " 203")
    assert 'data-live="archive jobs"' in page
    assert "Read now…" not in page and "Close…" not in page, "a viewer changes nothing"


def test_channels_are_filtered_and_hostile_names_are_harmless(
    cluster: Any, filled: Any, client_of: Callable[..., Any]
) -> None:
    client = client_of(cluster, "owner")
    whole = text(client.get(AT))
    assert "<b>&" not in whole and "\u202e" not in whole and quote("2/" + NASTY, safe="") in whole
    gaps = text(client.get(AT, {"show": "gaps"}))
    assert "tea" in gaps and ">cup<" not in gaps and "3–5" in gaps
    part = client.get(AT, {"show": "whole"}, headers=htmx(HX_Target="channels"))
    assert "cup" in text(part) and "<html" not in text(part)
    assert "<html" not in text(client.get(AT, headers=htmx(HX_Target="archive")))
    assert client.get(AT, {"show": "x"}).status_code == 422
    assert client.get(AT, {"cursor": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"is_on": False}, "Closed"),
        ({"whole_at": None}, "Filling"),
        ({"waits_for": "The cluster is down."}, "Rests"),
    ],
)
def test_each_state_says_itself(
    cluster: Any, filled: Any, client_of: Callable[..., Any], fields: dict[str, Any], word: str
) -> None:
    Archive.objects.update(**fields)
    page = text(client_of(cluster, "admin").get(AT))
    assert word in page and fields.get("waits_for", "") in page


def test_a_cluster_without_an_archive_offers_to_open_one_and_says_what_it_costs(
    cluster: Any, client_of: Callable[..., Any]
) -> None:
    client = client_of(cluster, "admin")
    page = text(client.get(AT))
    assert "Open the archive…" in page and f"{AT}cost/" in page and "No channel yet" in page
    for headers in ({}, htmx()):
        assert "Calls to the cluster" in text(client.get(f"{AT}cost/", headers=headers))


def test_it_is_opened_slowed_down_read_and_closed(cluster: Any, client_of: Callable[..., Any]) -> None:
    client = client_of(cluster, "admin")
    assert client.post(f"{AT}open/", {"reason": "spam wave", "budget": 30}).status_code == 303
    assert Archive.objects.get().is_on and JobRun.objects.get().state == "queued"
    assert "Waits for a worker" in text(client.get(AT))
    assert client.post(f"{AT}open/", {"reason": "spam wave", "budget": 30}).status_code == 409
    assert client.post(f"{AT}budget/", {"reason": "slow down", "budget": 5}).status_code == 303
    assert Archive.objects.get().budget == 5
    assert client.post(f"{AT}read/", {"reason": "right now"}).status_code == 409, "one waits already"
    assert client.post(f"{AT}close/", {"reason": "enough"}).status_code == 303
    assert not Archive.objects.get().is_on and JobRun.objects.get().state == "stopped"
    assert AuditEntry.objects.filter(action__startswith="archive.").count() >= 3


def test_what_the_server_does_not_list_says_so_and_offers_no_reading(
    cluster: Any, filled: Any, client_of: Callable[..., Any]
) -> None:
    filled.note_channels([SeenChannel(ChannelRef("tea", 2), 0)], NOW)
    client = client_of(cluster, "owner")
    page = text(client.get(AT))
    assert "The server doesn’t list 1 of these channels: their 3 can’t be read." in page
    assert page.count("the server doesn’t list it") == 1
    assert "read=2%2Ftea" not in page and f"read={quote('2/' + NASTY, safe='')}" in page


def test_since_when_each_channel_is_there(cluster: Any, filled: Any, client_of: Callable[..., Any]) -> None:
    filled.ingest([
        Incoming(50, 1, ChannelRef("old", 2), "ann", 1_700_000_000, b"{}"),
        Incoming(51, 2, ChannelRef("old", 2), "ann", 1_750_000_000, b"{}"),
        Incoming(52, 1, ChannelRef("odd", 2), "ann", 1, b"{}"),
        Incoming(53, 1, ChannelRef("far", 2), "ann", 2**50, b"{}"),
    ])  # fmt: skip
    client = client_of(cluster, "owner")
    page = text(client.get(AT))
    assert "Archived since" in page and "2023-11-14T22:13:20" in page and "2025-06-15T" in page
    assert page.count("the server’s clock was wrong") == 2


def test_a_search_in_more_channels_than_are_looked_at_says_that_it_tells_of_all(
    cluster: Any, filled: Any, client_of: Callable[..., Any], monkeypatch: Any
) -> None:
    client = client_of(cluster, "owner")
    assert "so this is told of all" not in line(client, "in:group") and "1 200 messages" not in line(client, "in:cup")
    assert "messages missing" not in line(client, "in:cup") and "3 messages missing" in line(client, "in:t*")
    monkeypatch.setattr(bound, "MOST", 1)
    assert "more than 100 channels searched, so this is told of all" in line(client, "in:group")


def test_one_channel_is_read_now_by_its_dialog(cluster: Any, filled: Any, client_of: Callable[..., Any]) -> None:
    client = client_of(cluster, "owner")
    name = "2/" + NASTY
    page = text(client.get(AT, {"read": name}))
    assert 'id="read-one"' in page and "\u202e" not in page.replace("&#x202e;", "")[: page.index('id="read-one"')]
    reply = client.post(f"{AT}read/", {"reason": "look here", "channel": name})
    assert reply.status_code == 303 and JobRun.objects.get().params == {"channel": name}
    assert client.post(f"{AT}read/", {"reason": "look here", "channel": "nonsense"}).status_code == 422


def test_what_is_wrong_stands_beside_its_field(cluster: Any, client_of: Callable[..., Any]) -> None:
    client = client_of(cluster, "owner")
    reply = client.post(f"{AT}open/", {"reason": "", "budget": 9999})
    assert reply.status_code == 422 and error_beside(reply, "budget") and error_beside(reply, "reason")
    assert not Archive.objects.filter(is_on=True).exists()


def test_a_store_that_is_away_is_said(
    cluster: Any, filled: Any, client_of: Callable[..., Any], monkeypatch: Any
) -> None:
    def away(_pk: int) -> Any:
        raise StoreUnavailable

    monkeypatch.setattr(completeness, "engine_of", away)
    reply = client_of(cluster, "viewer").get(AT)
    assert reply.status_code == 503 and "archive can" in text(reply)


def line(client: Any, q: str = "") -> str:
    """What the search page says of how complete the answer is, as a person reads it."""
    page = text(client.get("/c/demo/messages/", {"q": q}))
    found = re.search(r'<p class="line">.*?</p>', page, re.DOTALL)
    assert found
    plain = re.sub(r"<(?:svg|script).*?</(?:svg|script)>|<[^>]+>", "", found[0], flags=re.DOTALL)
    return " ".join(plain.split())


def test_a_search_tells_the_last_round_and_the_feed_apart(
    cluster: Any, filled: Any, client_of: Callable[..., Any]
) -> None:
    client = client_of(cluster, "owner")
    said = line(client)
    assert re.search(r"up to \S+ \S+ UTC\S*, when the last whole round began, except \d+ channels? with gaps \(", said)
    assert "); what came later may be missing" in said
    Archive.objects.update(feed_seen_at=datetime.now(UTC))
    said = line(client, "in:group:cup")
    assert re.search(r"when the last whole round began; newer messages by the webhook, the last \S+ s ago", said)
    Archive.objects.update(whole_at=None)
    said = line(client)
    assert re.search(r"^Not complete yet: the channels are still being read · \d+ channels? with gaps", said)


def test_the_verdict_promises_no_more_than_the_last_round(
    cluster: Any, filled: Any, client_of: Callable[..., Any], scope_of: Callable[..., Any]
) -> None:
    filled.note_gone(ChannelRef("tea", 2), 3, 5)
    filled.note_gone(ChannelRef(NASTY, 2), 1, 1200)
    found = completeness.status(scope_of(cluster, "viewer"))
    assert archive_words.verdict(found)[2].endswith("is here. What came later may be missing.")
    Archive.objects.update(feed_seen_at=datetime.now(UTC))
    found = completeness.status(scope_of(cluster, "viewer"))
    said = archive_words.verdict(found)[2]
    assert "when the last whole round began" in said and said.endswith("the webhook, the last 0 s ago.")
