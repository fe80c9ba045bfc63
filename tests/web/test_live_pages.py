"""The feed of connects and disconnects and the webhook's page: whole, as a part, filtered, forbidden, hostile."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from imadmin.audit.models import AuditEntry
from imadmin.gateway.hook_types import OnlineChange
from imadmin.gateway.types import now
from imadmin.live import presence
from imadmin.monitor.models import Hook, Presence
from tests.api.tokens import api_client

ClientOf = Callable[[Any, str], Any]
HOSTILE = ("<script>alert(1)</script>", "a/b?c#d%", "‮evil", "名字-1", " lead", "x" * 200)


def told(*uids: str, online: bool = True) -> list[OnlineChange]:
    return [OnlineChange(uid, 1, online, number, 1, 1) for number, uid in enumerate(uids, 1)]


@pytest.fixture
def feed(cluster: Any) -> str:
    presence.record_told(cluster.pk, told("anna", "ben"), now())
    return reverse("live-feed", args=["demo"])


def test_the_feed_shows_rows_newest_first_and_follows(cluster: Any, feed: str, client_of: ClientOf) -> None:
    page = client_of(cluster, "viewer").get(feed).content.decode()

    assert page.index(">ben<") < page.index(">anna<")
    assert 'data-live="presence"' in page and "live:presence from:body" in page
    assert "<html" in page


def test_htmx_gets_the_rows_alone(cluster: Any, feed: str, client_of: ClientOf) -> None:
    part = client_of(cluster, "viewer").get(feed, headers={"HX-Request": "true", "HX-Target": "rows"}).content.decode()

    assert part.lstrip().startswith('<div class="stack tight" id="rows"') and "<html" not in part


def test_a_paused_page_counts_what_waits(cluster: Any, feed: str, client_of: ClientOf) -> None:
    newest = Presence.objects.latest("pk").pk
    presence.record_told(cluster.pk, told("carl", "dora", online=False), now())
    client = client_of(cluster, "viewer")

    def waiting(after: object) -> str:
        address = f"{feed}?newest={after}"
        return str(client.get(address, headers={"HX-Request": "true", "HX-Target": "waiting"}).content.decode())

    assert "2 rows wait" in waiting(newest)
    assert "hidden" in waiting(newest + 2).partition(">")[0]
    assert "4 rows wait" in waiting("nonsense")


@pytest.mark.parametrize(
    ("query", "shown"),
    [("uid=anna", {"anna"}), ("uid=b*", {"ben"}), ("what=went", set()), ("device=1", {"anna", "ben"}),
     ("device=0", set()), ("source=poller", set())],
)  # fmt: skip
def test_filters_are_in_the_address(cluster: Any, feed: str, client_of: ClientOf, query: str, shown: set[str]) -> None:
    page = client_of(cluster, "viewer").get(f"{feed}?{query}").content.decode()

    assert {uid for uid in ("anna", "ben") if f">{uid}<" in page} == shown
    assert shown or "Nobody like this" in page


@pytest.mark.parametrize("query", ["device=x", "what=both-of-them", f"uid={'u' * 201}", "uid=a%00b"])
def test_filters_that_can_t_be_used_are_said_beside_the_field(
    cluster: Any, feed: str, client_of: ClientOf, query: str
) -> None:
    reply = client_of(cluster, "viewer").get(f"{feed}?{query}")

    assert reply.status_code == 422 and 'aria-invalid="true"' in reply.content.decode()


def test_hostile_uids_stay_text(cluster: Any, client_of: ClientOf) -> None:
    presence.record_told(cluster.pk, told(*HOSTILE), now())
    page = client_of(cluster, "viewer").get(reverse("live-feed", args=["demo"])).content.decode()

    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "‮" not in re.sub(r'="[^"]*"', "", page)  # to be copied it keeps its characters, to be read it is spelled out


def test_pages_lead_on_by_cursor(cluster: Any, client_of: ClientOf) -> None:
    presence.record_told(cluster.pk, told(*(f"user{number:03d}" for number in range(60))), now())
    client, address = client_of(cluster, "viewer"), reverse("live-feed", args=["demo"])
    first = client.get(address).content.decode()
    cursor = first.partition("cursor=")[2].partition('"')[0].partition("&")[0]

    second = client.get(f"{address}?cursor={cursor}").content.decode()

    assert "user010" in first and "user009" not in first
    assert "user009" in second and "user010" not in second
    assert "data-live=" not in second  # an older page stays as it is
    assert client.get(f"{address}?cursor=broken").status_code == 422


def test_a_webhook_that_never_called_or_is_not_set_up_is_said(cluster: Any, client_of: ClientOf) -> None:
    client, address = client_of(cluster, "admin"), reverse("live-feed", args=["demo"])
    assert "set up: these rows come from comparing" in client.get(address).content.decode()

    client.post(reverse("hook-make", args=["demo"]), {"reason": "first set up"})

    assert "The webhook never called" in client.get(address).content.decode()


def test_setting_up_shows_the_settings_once(cluster: Any, client_of: ClientOf) -> None:
    client = client_of(cluster, "admin")
    assert "Not set up" in client.get(reverse("hook", args=["demo"])).content.decode()

    made = client.post(reverse("hook-make", args=["demo"]), {"reason": "first set up"}).content.decode()

    assert "http://testserver/hooks/wukongim/demo/wh_" in made
    assert "httpAddr:" in made and "WK_WEBHOOK_HTTPADDR=" in made and "user.onlinestatus" in made
    assert "wh_" not in client.get(reverse("hook", args=["demo"])).content.decode()


def test_showing_it_again_needs_a_reason_that_is_kept(cluster: Any, client_of: ClientOf) -> None:
    client = client_of(cluster, "admin")
    client.post(reverse("hook-make", args=["demo"]), {"reason": "first set up"})

    without = client.post(reverse("hook-show", args=["demo"]), {"reason": ""})
    shown = client.post(reverse("hook-show", args=["demo"]), {"reason": "another node"}).content.decode()

    assert without.status_code == 422 and "wh_" not in without.content.decode()
    assert "/hooks/wukongim/demo/wh_" in shown
    assert AuditEntry.objects.filter(action="hook.reveal", phase="intent", reason="another node").exists()


def test_closing_it(cluster: Any, client_of: ClientOf) -> None:
    client = client_of(cluster, "admin")
    client.post(reverse("hook-make", args=["demo"]), {"reason": "first set up"})

    reply = client.post(reverse("hook-close", args=["demo"]), {"reason": "no longer used"})

    assert reply.status_code == 303 and not Hook.objects.exists()
    assert client.post(reverse("hook-show", args=["demo"]), {"reason": "another node"}).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "support", "moderator"])
def test_who_may_not_operate_the_cluster_sees_no_address(cluster: Any, client_of: ClientOf, role: str) -> None:
    client = client_of(cluster, role)

    assert client.get(reverse("hook", args=["demo"])).status_code == 403
    assert client.post(reverse("hook-make", args=["demo"]), {"reason": "curious"}).status_code == 403
    assert reverse("hook", args=["demo"]) not in client.get(reverse("live-feed", args=["demo"])).content.decode()


def test_the_api_tells_the_same(cluster: Any) -> None:
    presence.record_told(cluster.pk, told("anna", "w-c"), now())
    client = api_client("viewer", cluster)

    first = client.get("/api/v1/clusters/demo/presence?limit=1").json()
    second = client.get(f"/api/v1/clusters/demo/presence?limit=1&cursor={first['next_cursor']}").json()

    assert [item["uid"] for item in (*first["items"], *second["items"])] == ["w-c", "anna"]
    assert first["items"][0] | {"id": "", "at": ""} == {
        "id": "", "at": "", "uid": "w-c", "is_online": True, "device_flag": 1, "source": "webhook", "node": None,
        "connection": "2", "left": 1,
    }  # fmt: skip
    assert second["next_cursor"] == ""
    assert client.get("/api/v1/clusters/demo/presence?source=x").status_code == 422
    assert client.get("/api/v1/clusters/demo/webhook").status_code == 403


def test_the_api_sets_the_webhook_up(cluster: Any) -> None:
    client = api_client("admin", cluster)

    assert client.get("/api/v1/clusters/demo/webhook").json()["is_open"] is False
    made = client.post("/api/v1/clusters/demo/webhook/secret", {"reason": "by script"}, content_type="application/json")
    assert "/hooks/wukongim/demo/wh_" in made.json()["url"]
    told_of = client.get("/api/v1/clusters/demo/webhook").json()
    assert told_of["is_open"] and "wh_" not in str(told_of)
    closed = client.delete("/api/v1/clusters/demo/webhook", {"reason": "by script"}, content_type="application/json")
    assert closed.json()["is_open"] is False
