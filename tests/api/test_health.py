"""Health and events by the API: the same look and words as the page."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from imadmin.monitor import events
from tests.api.tokens import api_client

BASE = "/api/v1/clusters/own"


def test_a_healthy_cluster(own_cluster):
    body = api_client("viewer", own_cluster).get(f"{BASE}/health").json()
    assert (body["verdict"], body["level"], body["cause"], body["findings"]) == ("healthy", "ok", "", [])
    assert [node["id"] for node in body["nodes"]] == ["1001", "1002", "1003"]
    assert body["slots"]["ok"] == 64 and body["leader"] == "1002" and body["partial"] == []
    assert body["title"] == "Healthy: all 3 nodes answer and agree"


def test_a_dead_node_is_a_finding_with_words_and_is_missing(own_cluster, sim):
    client = api_client("viewer", own_cluster)
    client.get(f"{BASE}/health")
    sim.kill(1003)
    assert client.get(f"{BASE}/health").json()["verdict"] == "healthy", "a look of some seconds ago, and it says so"
    body = client.get(f"{BASE}/health?fresh=true").json()
    assert (body["verdict"], body["cause"]) == ("degraded", "silent")
    first = body["findings"][0]
    assert first["nodes"] == ["1003"] and first["title"] == "node 1003 doesn’t answer" and first["help"]
    assert [each["node"] for each in body["partial"]] == ["1003"] and body["partial"][0]["reason"]
    dead = body["nodes"][2]
    assert (dead["state"], dead["answers"], dead["connections"]) == ("silent", False, None) and dead["last_seen"]
    chinese = client.get(f"{BASE}/health", headers={"accept-language": "zh-hans"}).json()
    assert chinese["findings"][0]["code"] == "silent"


def test_a_cluster_that_is_down_is_an_answer(own_cluster, sim):
    for node in (1001, 1002, 1003):
        sim.kill(node)
    reply = api_client("viewer", own_cluster).get(f"{BASE}/health")
    assert reply.status_code == 200 and reply.json()["verdict"] == "down" and reply.json()["slots"] is None


def test_events_by_page_and_filter(own_cluster):
    for slot in range(5):
        events.write(own_cluster, "slot_leader", slot=slot, node=1002, before=1001, after=1002)
    events.write(own_cluster, "node_silent", node=1003)
    client = api_client("viewer", own_cluster)
    first = client.get(f"{BASE}/events?limit=4").json()
    assert [each["kind"] for each in first["items"]] == ["node_silent", *["slot_leader"] * 3]
    assert first["items"][0]["title"] == "Node 1003 stopped answering" and first["items"][1]["detail"] == "1001 → 1002"
    second = client.get(f"{BASE}/events", {"limit": 4, "cursor": first["next_cursor"]}).json()
    assert [each["slot"] for each in second["items"]] == [1, 0] and second["next_cursor"] == ""
    assert len(client.get(f"{BASE}/events?about=nodes").json()["items"]) == 1
    assert len(client.get(f"{BASE}/events?node=1002&slot=3").json()["items"]) == 1
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert client.get(f"{BASE}/events", {"since": later}).json()["items"] == []


def test_what_can_not_be_asked_is_a_problem(own_cluster):
    client = api_client("viewer", own_cluster)
    for query, field in (("since=2026-01-01T00:00:00", "since"), ("cursor=zzz", "cursor"), ("about=x", "about"),
                         ("node=-1", "node"), ("limit=0", "limit")):  # fmt: skip
        reply = client.get(f"{BASE}/events?{query}")
        assert reply.status_code == 422 and reply["content-type"].startswith("application/problem+json")
        assert any(field in name for name in reply.json()["fields"]), query
    assert api_client("stranger", own_cluster).get(f"{BASE}/health").status_code == 404
