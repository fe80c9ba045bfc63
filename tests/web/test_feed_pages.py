"""What the webhook's page and the API say of the archive's feed: how it goes, and what could not be read."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from imadmin.archive import writer
from imadmin.archive.models import Archive
from imadmin.archive.rows import BrokenCall
from imadmin.clusters.models import Grant
from imadmin.gateway.types import now
from tests.api.tokens import api_client

ClientOf = Callable[[Any, str], Any]
HOSTILE = b"<script>alert(1)</script> \xe2\x80\xaereversed \xff"


@pytest.fixture
def page() -> str:
    return reverse("hook", args=["demo"])


@pytest.fixture
def fed(cluster: Any) -> Any:
    writer.write(cluster.pk, [], [BrokenCall(0, 1_795_219_358, "msg.notify", "payload", HOSTILE)])
    return Archive.objects.create(
        cluster=cluster, is_on=True, feed_seen_at=now() - timedelta(seconds=5), feed_lag=1.25, feed_taken=12_345,
        feed_known=678, feed_broken=1,
    )  # fmt: skip


def part(client: Any, page: str, target: str) -> str:
    return str(client.get(page, headers={"HX-Request": "true", "HX-Target": target}).content.decode())


def test_without_an_archive_it_says_that_messages_are_only_counted(
    cluster: Any, page: str, client_of: ClientOf
) -> None:
    shown = client_of(cluster, "admin").get(page).content.decode()

    assert "messages are counted, not stored" in shown and "counted, not stored" in shown
    assert "Nothing: every call could be read." in shown


def test_how_the_feed_goes(cluster: Any, fed: Any, page: str, client_of: ClientOf) -> None:
    shown = part(client_of(cluster, "admin"), page, "feed")

    assert shown.lstrip().startswith('<section class="panel" id="feed"') and 'data-live="archive presence"' in shown
    digits = re.sub(r"[\s,]", "", re.sub(r"<[^>]+>", "", shown))
    assert all(said in digits for said in ("Stored12345", "Therealready678", "Behindby1.3s"))


def test_a_clock_that_is_ahead_is_not_called_a_delay(cluster: Any, fed: Any, page: str, client_of: ClientOf) -> None:
    Archive.objects.update(feed_lag=-3600.0)

    assert "clock is ahead" in part(client_of(cluster, "admin"), page, "feed")


def test_bytes_of_what_could_not_be_read_are_for_those_who_may_read_messages(
    cluster: Any, fed: Any, page: str, client_of: ClientOf, people: Any
) -> None:
    client = client_of(cluster, "admin")
    without = part(client, page, "broken")
    assert "msg.notify" in without and "the field “payload” is missing or not what it should be" in without
    assert "script" not in without and "reversed" not in without

    Grant.objects.create(user=people(cluster)["admin"], cluster=cluster, role="moderator")
    shown = part(client, page, "broken")
    assert "&lt;script&gt;alert(1)" in shown and "<script>" not in shown
    assert "⟨U+202E⟩reversed" in shown and "\\xff" in shown


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("no JSON", "it is no JSON"),
        ("no object", "it is no object"),
        ("to_uids", "the field “to_uids” is missing or not what it should be"),
        ("could not be stored: TypeError", "it could not be stored (TypeError)"),
        ("<b>%s%", "the field “&lt;b&gt;%s%” is missing or not what it should be"),
    ],
)
def test_why_something_could_not_be_read_is_a_sentence_to_translate(
    cluster: Any, fed: Any, page: str, client_of: ClientOf, kept: str, said: str
) -> None:
    writer.write(cluster.pk, [], [BrokenCall(0, 1_795_219_358, "msg.notify", kept, b"")])

    assert said in part(client_of(cluster, "admin"), page, "broken")


@pytest.mark.parametrize("role", ["viewer", "support", "moderator"])
def test_the_page_is_for_those_who_operate_the_cluster(
    cluster: Any, fed: Any, page: str, client_of: ClientOf, role: str
) -> None:
    assert client_of(cluster, role).get(page).status_code == 403


def test_the_settings_to_paste_ask_for_messages(cluster: Any, page: str, client_of: ClientOf) -> None:
    client = client_of(cluster, "admin")

    made = client.post(reverse("hook-make", args=["demo"]), {"reason": "first set up"}).content.decode()

    assert "focusEvents: [&quot;user.onlinestatus&quot;, &quot;msg.notify&quot;]" in made
    assert "WK_WEBHOOK_FOCUSEVENTS=&quot;user.onlinestatus msg.notify&quot;" in made
    assert "msgNotifyEventRetryMaxCount: 300" in made


def test_the_api_says_the_same(cluster: Any, fed: Any) -> None:
    found = api_client("admin", cluster).get("/api/v1/clusters/demo/webhook").json()["archive"]

    found.pop("last_stored_at")
    assert found == {
        "is_on": True, "lag_seconds": 1.25, "stored": 12_345, "known": 678, "broken": 1, "per_minute": 0.0
    }  # fmt: skip
