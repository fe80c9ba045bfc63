"""The list of channels, opening by exact id, creating one: pages, wrong values, nodes that are missing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from imadmin.gateway.types import ChannelRef
from imadmin.simulator import person_id
from tests.directory.channel_stage import group, kill_all, stored

pytestmark = pytest.mark.django_db
LIST = "/c/own/channels/"
ODD_IDS = ["a b", "a?b", "a%2Fb", "茶/室", "غرفة الشاي", "<script>alert(1)</script>", "a'b\"c", "..", "~tilde", "a\tb"]


@pytest.fixture
def client(own_cluster: Any, client_of: Callable[[Any, str], Any]) -> Any:
    return client_of(own_cluster, "admin")


def text(response: Any) -> str:
    return response.content.decode()


@pytest.mark.parametrize("typed", ["ann@ben", "ben@ann"])
def test_a_person_chat_typed_as_one_id_is_found_in_either_order(client: Any, typed: str) -> None:
    reply = client.get(f"{LIST}open/", {"type": 1, "id": typed})

    stored = ChannelRef.person("ann", "ben")
    assert reply.status_code in (302, 303) and reply["Location"] == reverse("channel", args=["own", stored])


def test_records_are_listed_with_what_the_list_leaves_out(client: Any, sim: Any) -> None:
    group(sim, "tea", members=["ann", "ben"])
    group(sim, "closed", ban=1)
    group(sim, "unlisted", listed=False)
    page = client.get(LIST)
    assert page.status_code == 200
    assert "Not all channels." in text(page) and "/c/own/channels/2/tea/" in text(page)
    assert "Closed" in text(page) and "unlisted" not in text(page)


def test_a_nodes_list_shows_every_channel_used_there(client: Any, sim: Any) -> None:
    sim.call(lambda state: state.add_message("ann", "unlisted"))
    leader = sim.call(lambda state: state.leader_of("unlisted"))
    page = client.get(LIST, {"source": leader})
    assert f"Complete for node {leader}" in text(page) and "/c/own/channels/2/unlisted/" in text(page)


def test_the_list_is_paged_by_cursor(client: Any, sim: Any) -> None:
    for number in range(60):
        group(sim, f"g{number}", members=[])
    seen: set[str] = set()
    url = LIST
    for _ in range(2):
        found = text(client.get(url))
        seen |= {f"g{number}" for number in range(60) if f"/channels/2/g{number}/" in found}
        url = LIST + found.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert len(seen) == 60


def test_a_type_narrows_the_records(client: Any, sim: Any) -> None:
    group(sim, "tea")
    group(sim, "desk", type=3)
    assert "/channels/3/desk/" in text(client.get(LIST, {"type": 3}))
    assert "/channels/2/tea/" not in text(client.get(LIST, {"type": 3}))
    assert "No record of this kind" in text(client.get(LIST, {"type": 5}))


@pytest.mark.parametrize("name", ["source", "type", "limit", "cursor"])
@pytest.mark.parametrize("value", ["x", "-1", "99999999999999999999", "<img src=x>", "' OR 1=1", "٣", "\u202e"])
def test_wrong_values_in_the_address_are_named(cluster: Any, client_of: Any, name: str, value: str) -> None:
    page = client_of(cluster, "viewer").get("/c/demo/channels/", {name: value})
    assert page.status_code == 422
    assert "<img" not in text(page)
    assert 'class="err"' in text(page) or "start from the first page" in text(page)


def test_a_broken_page_marker_leads_to_the_first_page(client: Any) -> None:
    page = client.get(LIST, {"type": "2", "cursor": "%%%"})
    assert page.status_code == 422 and "page marker in the address" in text(page)
    assert 'href="?type=2"' in text(page) and "beside the fields" not in text(page)


def test_the_number_of_members_says_what_it_counts_on_a_phone(client: Any, sim: Any) -> None:
    group(sim)
    assert '<span class="only-phone"> member' in text(client.get(LIST))


def test_htmx_gets_the_results_alone(client: Any, sim: Any) -> None:
    group(sim)
    part = text(client.get(LIST, headers={"HX-Request": "true"}))
    assert "<html" not in part and 'id="results"' in part and "/channels/2/tea/" in part


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_are_listed_linked_and_opened(client: Any, sim: Any, odd: str) -> None:
    group(sim, odd)
    listing = text(client.get(LIST))
    assert "<script>alert" not in listing
    opened = client.get(f"{LIST}open/", {"type": 2, "id": odd})
    assert opened.status_code == 303
    assert opened["Location"].replace("'", "&#x27;") in listing
    page = client.get(opened["Location"])
    assert page.status_code == 200 and "<script>alert" not in text(page)


def test_two_uids_open_their_chat_by_its_stored_id(client: Any, sim: Any) -> None:
    opened = client.get(f"{LIST}open/", {"type": 1, "id": "ann", "other": "ben"})
    assert opened["Location"] == f"{LIST}1/{person_id('ann', 'ben')}/"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"type": "2", "id": " "}, "id"),
        ({"type": "2"}, "id"),
        ({"type": "x", "id": "tea"}, "type"),
        ({"type": "300", "id": "tea"}, "type"),
        ({"type": "2", "id": "ann", "other": "ben"}, "other"),
        ({"type": "2", "id": "a\x00b"}, "id"),
        ({"type": "2", "id": "y" * 501}, "id"),
    ],
)
def test_an_id_that_cannot_be_is_said_beside_its_field(client: Any, given: dict[str, str], field: str) -> None:
    page = client.get(f"{LIST}open/", given)
    assert page.status_code == 422 and f'id="open_{field}_error"' in text(page)
    if given.get("id", "").strip("y\x00 b"):
        assert given["id"] in text(page)


def test_with_one_node_dead_the_records_still_come_and_the_node_is_named(client: Any, sim: Any) -> None:
    group(sim)
    sim.kill(1003)
    page = client.get(LIST)
    assert page.status_code == 200 and "/channels/2/tea/" in text(page) and "1003" in text(page)


def test_a_dead_nodes_own_list_says_so_and_the_others_stay_in_reach(client: Any, sim: Any) -> None:
    sim.kill(1003)
    page = client.get(LIST, {"source": "1003"})
    assert page.status_code == 200 and 'role="alert"' in text(page)
    assert "node 1001" in text(page)


def test_with_the_cluster_down_the_page_stands_and_says_why(client: Any, sim: Any) -> None:
    sim.call(kill_all)
    page = client.get(LIST)
    assert page.status_code == 200 and 'role="alert"' in text(page) and "Open by exact id" in text(page)


@pytest.mark.parametrize("mode", ["garbage", "html", "empty", "wrong_shape", "gzip_garbage"])
def test_garbage_from_every_node_is_an_error_in_words(client: Any, sim: Any, mode: str) -> None:
    for node in sim.nodes:
        sim.break_node(node.id, mode)
    page = client.get(LIST)
    assert page.status_code == 200 and 'role="alert"' in text(page)


# -- creating --------------------------------------------------------------------------------------------------------


def test_a_channel_is_created_and_its_report_leads_to_it(client: Any, sim: Any) -> None:
    page = client.post(
        f"{LIST}create/", {"type": 2, "id": "新 群", "members": "ann, ben", "large": "on", "reason": "launch"}
    )
    assert page.status_code == 200 and "3</b> done" in text(page) and "/c/own/channels/2/" in text(page)
    assert stored(sim, "members", ChannelRef("新 群", 2)) == {"ann", "ben"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"id": ""}, "id"), ({"id": "a@b"}, "id"), ({"type": "0"}, "type"), ({"type": "nine"}, "type"),
        ({"type": "1"}, "type"), ({"members": "ann\nb#b"}, "members"), ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ],
)  # fmt: skip
def test_what_cannot_be_created_is_said_beside_its_field(
    client: Any, sim: Any, changed: dict[str, str], field: str
) -> None:
    given = {"type": "2", "id": "tea-room", "members": "ann", "reason": "launch"} | changed
    page = client.post(f"{LIST}create/", given)
    assert page.status_code == 422 and f'id="id_{field}_error"' in text(page)
    assert given["members"].split("\n")[0] in text(page) and (given["id"] in text(page))
    assert not sim.call(lambda state: state.store.channels)


def test_an_existing_channel_is_not_created_over(client: Any, sim: Any) -> None:
    group(sim, ban=1)
    page = client.post(f"{LIST}create/", {"type": 2, "id": "tea", "reason": "launch"})
    assert page.status_code == 409 and "there already" in text(page)


@pytest.mark.parametrize("role", ["moderator", "support", "viewer"])
def test_creating_is_for_administrators(own_cluster: Any, client_of: Any, role: str) -> None:
    client = client_of(own_cluster, role)
    assert client.get(f"{LIST}new/").status_code == 403
    assert "Create channel" not in text(client.get(LIST))
