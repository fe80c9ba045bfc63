"""Restrictions with an end, as the pages and the API offer them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from imadmin.directory.models import Restriction
from tests.api.tokens import api_client
from tests.directory.channel_stage import group, stored

pytestmark = pytest.mark.django_db
DENY = "/c/own/channels/2/tea/denylist/"


@pytest.fixture
def client(own_cluster: Any, client_of: Callable[[Any, str], Any]) -> Any:
    return client_of(own_cluster, "admin")


def text(response: Any) -> str:
    return response.content.decode()


def act(uid: str, name: str) -> str:
    return reverse(f"user-{name}", args=["own", uid])


def is_about(moment: datetime | None, delta: timedelta) -> bool:
    return moment is not None and abs(moment - (datetime.now(UTC) + delta)) < timedelta(minutes=2)


def plan_of(response: Any) -> str:
    found = re.search(r'name="plan" value="(\w+)"', text(response))
    assert found
    return found[1]


def test_a_preview_of_a_denial_asks_how_long(client: Any, sim: Any) -> None:
    channel = group(sim)
    shown = client.post(f"{DENY}preview/", {"verb": "add", "uids": "ann"})
    assert 'name="ends"' in text(shown) and 'type="datetime-local"' in text(shown)
    client.post(f"{DENY}apply/", {"verb": "add", "plan": plan_of(shown), "reason": "spam", "ends": "24h"})
    assert stored(sim, "denied", channel) == {"ann"}
    assert is_about(Restriction.objects.get().until, timedelta(hours=24))


def test_members_are_added_without_such_a_question(client: Any, sim: Any) -> None:
    group(sim)
    shown = client.post("/c/own/channels/2/tea/members/preview/", {"verb": "add", "uids": "zoe"})
    assert 'name="ends"' not in text(shown)


def test_one_sender_is_denied_until_a_time_in_the_readers_zone(client: Any, sim: Any) -> None:
    group(sim)
    client.cookies["imadmin_zone"] = "Asia/Shanghai"
    wanted = (datetime.now(UTC) + timedelta(days=2)).replace(second=0, microsecond=0)
    typed = wanted.astimezone(ZoneInfo("Asia/Shanghai"))
    answer = client.post(
        f"{DENY}add/",
        {"uids": "ann", "reason": "spam", "ends": "at", "until": f"{typed:%Y-%m-%dT%H:%M}"},
        headers={"referer": "http://testserver/c/own/channels/2/tea/"},
    )
    assert answer.status_code == 303
    assert Restriction.objects.get().until == wanted


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"ends": "at"}, "Say when it ends."),
        ({"ends": "at", "until": "soon"}, "Write a date and a time"),
        ({"ends": "at", "until": "2001-01-01T10:00"}, "at least a minute from now"),
        ({"ends": "at", "until": "2199-01-01T10:00"}, "at most five years"),
        ({"ends": "whenever"}, "Choose how long it holds."),
    ],
)
def test_a_wrong_end_is_told_beside_its_field_and_nothing_is_done(
    client: Any, sim: Any, given: dict[str, str], word: str
) -> None:
    answer = client.post(act("ann", "stop-sending"), {"reason": "kept as typed", **given})
    assert answer.status_code == 422
    assert word in text(answer) and "kept as typed" in text(answer)
    assert not Restriction.objects.exists()
    assert sim.state.store.record(("ann", 1)) is None


def test_a_person_is_stopped_for_an_hour_and_the_page_says_so(client: Any, sim: Any) -> None:
    client.post(act("ann", "stop-sending"), {"reason": "spam", "ends": "1h"})
    assert is_about(Restriction.objects.get().until, timedelta(hours=1))
    assert "until 20" in text(client.get(reverse("user", args=["own", "ann"])))


def test_an_end_that_could_not_be_kept_is_shown_as_overdue(client: Any, own_cluster: Any) -> None:
    Restriction.objects.create(
        cluster=own_cluster,
        kind="stop_sending",
        uid="ann",
        reason="spam",
        created_by="x",
        until=datetime.now(UTC) - timedelta(minutes=3),
        lift_tries=2,
        lift_error="No node answered",
    )
    assert "could not be lifted: No node answered" in text(client.get(reverse("user", args=["own", "ann"])))
    assert "Overdue" in text(client.get(reverse("users", args=["own"])))


def test_the_api_takes_an_end_with_a_zone(client: Any, sim: Any, own_cluster: Any) -> None:
    group(sim)
    api = api_client("admin", own_cluster)
    url = "/api/v1/clusters/own/channels/2/tea/denylist"

    def post(url: str, **body: Any) -> Any:
        return api.post(url, json.dumps(body), content_type="application/json")

    until = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    assert post(url, uids=["ann"], reason="spam", until=until).status_code == 200
    assert is_about(Restriction.objects.get().until, timedelta(hours=3))
    past = post(url, uids=["ben"], reason="spam", until="2001-01-01T00:00:00Z")
    assert (past.status_code, list(past.json()["fields"])) == (422, ["until"])
    naive = post("/api/v1/clusters/own/users/ben/stop-sending", reason="spam", until="2199-01-01T00:00:00")
    assert naive.status_code == 422 and "zone" in str(naive.json()["fields"])
    wrong = post("/api/v1/clusters/own/channels/2/tea/members", uids=["zoe"], reason="joins", until=until)
    assert wrong.status_code == 422
