"""Messages over the API: the same rules and masks as the pages, ids as strings, problems that name the field."""

import base64
import json

import pytest

from imadmin.audit.models import AuditEntry
from tests.api.tokens import api_client

URL = "/api/v1/clusters/own/messages"


@pytest.fixture
def told(sim):
    def tell(from_uid, channel_id, payload="hello", channel_type=2, **fields):
        return sim.call(lambda state: state.add_message(from_uid, channel_id, payload, channel_type, **fields))

    return tell


def problem(response, status):
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    return response.json()


def test_a_search_answers_the_list_shape(own_cluster, told):
    said = told("anna", "team", "hi")
    answer = api_client("moderator", own_cluster).get(URL)
    body = answer.json()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert set(body) == {"items", "next_cursor", "partial", "as_of", "limits", "scanned"}
    (item,) = body["items"]
    assert item["message_id"] == str(said.id)
    assert item["channel"] == {"type": 2, "id": "team"}
    assert (item["text"], item["masked"], item["seq"]) == ("hi", False, "1")


def test_pages_follow_by_cursor(own_cluster, told):
    said = [told("anna", "team", f"m{number}") for number in range(5)]
    client, seen, cursor = api_client("moderator", own_cluster), [], ""
    for _ in range(10):
        query = {"channel_type": 2, "channel_id": "team", "limit": 2, "cursor": cursor}
        body = client.get(URL, query).json()
        seen += [item["message_id"] for item in body["items"]]
        if not (cursor := body["next_cursor"]):
            break
    assert seen == [str(message.id) for message in reversed(said)]


@pytest.mark.parametrize("role", ["support", "admin"])
def test_bodies_are_null_for_roles_that_dont_read_them(own_cluster, told, role):
    said = told("anna", "team", "secret words")
    client = api_client(role, own_cluster)
    for address in (URL, f"{URL}/{said.id}", f"{URL}/{said.id}/context"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "secret" not in answer.content.decode()
        body = answer.json()
        item = body["items"][0] if "items" in body else body
        assert (item["masked"], item["text"], item["kind"], item["length"]) == (True, None, "text", 12)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"text": "refund"}, "text"),
        ({"message_id": "x"}, "message_id"),
        ({"channel_type": 2}, "channel_id"),
        ({"channel_type": "two", "channel_id": "team"}, "channel_type"),
        ({"uid_one": "anna"}, "uid_two"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"limit": 0}, "limit"),
        ({"limit": "1e9"}, "limit"),
        ({"limit": 100000000}, "limit"),
        ({"sender": "a@b"}, "sender"),
    ],
)
def test_wrong_input_names_its_field(own_cluster, sim, query, field):
    found = problem(api_client("moderator", own_cluster).get(URL, query), 422)
    assert field in found["fields"]
    assert not any(path == "/cluster/messages" for _, _, _, path, _, _ in sim.requests)


def test_one_message_comes_with_its_exact_bytes(own_cluster, told):
    said = told("anna", "team", b"\xff\x00broken")
    body = api_client("moderator", own_cluster).get(f"{URL}/{said.id}").json()
    assert base64.b64decode(body["payload"]) == b"\xff\x00broken"
    assert (body["kind"], body["payload_cut"]) == ("broken", False)


def test_any_body_can_be_answered(own_cluster, told):
    client = api_client("moderator", own_cluster)
    for payload in (b'{"type":1,"content":"\\ud800"}', b"", b'{"a":' * 900, {"type": 1, "content": "x" * 1_100_000}):
        answer = client.get(f"{URL}/{told('anna', 'team', payload).id}")
        assert answer.status_code == 200
        json.loads(answer.content)


def test_the_context_is_in_order_and_names_the_hit(own_cluster, told):
    said = [told("anna", "team", f"m{number}") for number in range(60)]
    body = api_client("moderator", own_cluster).get(f"{URL}/{said[30].id}/context").json()
    assert [item["seq"] for item in body["items"]] == [str(seq) for seq in range(6, 57)]
    assert (body["hit"], body["newest_seq"], body["problem"]) == (str(said[30].id), "60", "")


@pytest.mark.parametrize("message_id", ["1", str(2**63 - 1)])
def test_an_unknown_id_is_404(own_cluster, message_id):
    client = api_client("moderator", own_cluster)
    for address in (f"{URL}/{message_id}", f"{URL}/{message_id}/context"):
        assert "another cluster" in problem(client.get(address), 404)["hint"]


@pytest.mark.parametrize("message_id", ["abc", "0", "-1", str(2**63), "9" * 400, "1.5", "٣"])
def test_what_is_no_message_id_is_422(own_cluster, message_id):
    found = problem(api_client("moderator", own_cluster).get(f"{URL}/{message_id}"), 422)
    assert list(found["fields"]) == ["message_id"]


def test_a_reveal_answers_the_body_and_is_recorded(own_cluster, told):
    said = told("anna", "team", "secret words")
    answer = api_client("admin", own_cluster).post(
        f"{URL}/{said.id}/reveal", {"reason": "reported as fraud"}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["text"] == "secret words"
    intent = AuditEntry.objects.get(action="message.reveal", phase="intent")
    assert (intent.via, intent.reason, intent.target) == ("api", "reported as fraud", str(said.id))


@pytest.mark.parametrize(
    ("body", "field"), [({}, "reason"), ({"reason": "x"}, "reason"), ({"reason": "abc", "all": 1}, "all")]
)
def test_a_reveal_wants_a_reason_and_nothing_else(own_cluster, told, body, field):
    said = told("anna", "team", "secret words")
    answer = api_client("admin", own_cluster).post(f"{URL}/{said.id}/reveal", body, content_type="application/json")
    assert field in problem(answer, 422)["fields"]
    assert "secret" not in answer.content.decode()
    assert not AuditEntry.objects.filter(action="message.reveal").exists()


def test_who_may_not_is_told_what_is_missing(own_cluster, told):
    said = told("anna", "team", "secret words")
    assert "search-messages" in problem(api_client("viewer", own_cluster).get(URL), 403)["detail"]
    answer = api_client("support", own_cluster).post(
        f"{URL}/{said.id}/reveal", {"reason": "curious about it"}, content_type="application/json"
    )
    assert "reveal-bodies" in problem(answer, 403)["detail"]
    problem(api_client("stranger").get(URL), 404)


def test_a_dead_node_is_in_partial(own_cluster, told, sim):
    told("anna", "team", "hi")
    client = api_client("moderator", own_cluster)
    client.get(URL)
    sim.kill(sim.nodes[2].id)
    body = client.get(URL).json()
    assert len(body["items"]) == 1
    assert [part["node"] for part in body["partial"]] == [str(sim.nodes[2].id)]


def test_a_dead_cluster_is_a_problem(own_cluster, sim):
    for node in sim.nodes:
        sim.kill(node.id)
    found = problem(api_client("moderator", own_cluster).get(URL), 502)
    assert found["code"].startswith("upstream")


def test_a_senders_search_says_what_it_cant_promise(own_cluster, told):
    told("anna", "team", "hi")
    body = api_client("moderator", own_cluster).get(URL, {"sender": "anna"}).json()
    assert "sender-index-order" in body["limits"]
