"""The pages of connections: list, filters, facets, columns, drawer, selection, file, ghosts; with and without htmx."""

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from imadmin.monitor.models import Operation
from imadmin.web.views import connections as views
from tests.web.asking import error_beside, htmx

pytestmark = pytest.mark.django_db

ALL = "/c/own/connections/"
HOSTILE = ("<b>x</b>", "a/b?c%d", "小明 ‮evil", "},{", '"><script>')


@pytest.fixture
def nodes(sim: Any) -> list[int]:
    return [node.id for node in sim.nodes]


@pytest.fixture
def crowd(sim: Any, nodes: list[int]) -> int:
    def connect(state: Any) -> None:
        for number in range(60):
            now = state.now()
            state.add_connection(
                f"u{number:02d}", nodes[number % 3], device_flag=number % 3, device_level=1, ip=f"203.0.113.{number}",
                port=5000, connected_at=now - 60 * number - 30, last_activity=now - number * 20,
            )  # fmt: skip

    sim.call(connect)
    return 60


@pytest.fixture
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks again is told what is there now, also within the same second."""
    monkeypatch.setattr(views, "FRESH_SECONDS", 0.0)


@pytest.fixture
def client(own_cluster: Any, client_of: Any) -> Client:
    found: Client = client_of(own_cluster, "support")
    return found


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def rows_of(answer: Any) -> list[str]:
    """Uids in the table, in order."""
    return re.findall(r'<tr id="c-[^"]*".*?<a href="[^"]*" dir="ltr">([^<]*)</a>', answer.content.decode(), re.S)


# -- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_shows_all_nodes_merged_with_facets_and_where_it_is_from(client: Client, crowd: int) -> None:
    answer = client.get(ALL)
    words = text_of(answer)
    assert answer.status_code == 200 and len(rows_of(answer)) == 50
    assert "1 to 50 of 60" in words and "from 3 of 3 nodes" in words and "As of" in words
    assert "203.0.113.0/24" in words and "under 1 min" in words and "1 to 10 min" in words


def test_pages_sorts_and_filters_live_in_the_address(client: Client, crowd: int) -> None:
    assert rows_of(client.get(ALL, {"sort": "-idle"}))[:2] == ["u59", "u58"]
    assert rows_of(client.get(ALL, {"sort": "uid", "page": "2"}))[0] == "u50"
    assert rows_of(client.get(ALL, {"uid": "u0", "device": "app", "sort": "uid"})) == ["u00", "u03", "u06", "u09"]
    both = client.get(ALL, {"idle": ">=10m", "sort": "-idle", "page": "9"})
    assert "1 to 30 of 30" in text_of(both), "behind the end the last page is shown"


def test_links_keep_the_other_filters(client: Client, crowd: int) -> None:
    page = client.get(ALL, {"device": "app", "idle": ">=10m", "sort": "-idle"}).content.decode()
    assert 'href="?device=app&amp;sort=-idle"' in page, "a chip goes alone"
    assert 'href="?device=app&amp;idle=%3C1m&amp;sort=-idle"' in page, (
        "another span takes the place of the one in force"
    )
    assert 'href="?device=app&amp;device=web&amp;idle=%3E%3D10m&amp;sort=-idle"' in page, "another device widens"
    assert 'href="?device=app&amp;idle=%3E%3D10m&amp;sort=idle"' in page, "the head turns its order round"


def test_what_is_typed_becomes_an_address(client: Client, crowd: int) -> None:
    answer = client.get(ALL, {"q": "u1 -device:pc idle:>1m", "device": "app", "sort": "uid"})
    assert answer.status_code == 303
    assert answer["Location"] == f"{ALL}?uid=u1&device=app&device=-pc&idle=%3E1m&sort=uid"
    assert rows_of(client.get(answer["Location"])) == ["u12", "u15", "u18"]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"q": "idle:soon"}, "Write a span"), ({"q": "colour:red"}, "This can be asked for"), ({"ip": "here"}, "ip: Write an"),
     ({"q": "x" * 1001}, "at most 1000"), ({"node": "three"}, "node: A node is named")],
)  # fmt: skip
def test_a_wrong_filter_is_told_beside_the_box_and_what_was_typed_stays(
    client: Client, crowd: int, given: dict[str, str], said: str
) -> None:
    answer = client.get(ALL, given)
    assert answer.status_code == 422 and error_beside(answer, "q") and said in text_of(answer)
    if "q" in given:
        assert given["q"][:20] in answer.content.decode()
    assert not rows_of(answer)


def test_no_match_says_how_many_there_are(client: Client, crowd: int) -> None:
    words = text_of(client.get(ALL, {"uid": "nobody"}))
    assert "No match" in words and "None of the 60 connections fits" in words


def test_an_empty_cluster_says_so(client: Client) -> None:
    assert "Nobody is connected" in text_of(client.get(ALL))


def test_htmx_gets_the_results_alone_and_the_parts_follow_the_cluster(client: Client, crowd: int) -> None:
    page = client.get(ALL, {"uid": "u0"}).content.decode()
    assert 'data-live="connections nodes"' in page and 'hx-get="/c/own/connections/?uid=u0"' in page
    part = client.get(ALL, {"uid": "u0"}, headers=htmx())
    assert part["X-Fragment"] == "part" and part.content.decode().count('id="results"') == 1
    assert "<html" not in part.content.decode()


def test_hostile_names_are_text(client: Client, sim: Any) -> None:
    sim.call(lambda state: [state.add_connection(uid, device_id=uid) for uid in HOSTILE])
    page = client.get(ALL).content.decode()
    assert "<b>x</b>" not in page and "&lt;b&gt;x&lt;/b&gt;" in page
    assert "‮" not in re.sub(r'(data-copy|href)="[^"]*"', "", page) and "⟨U+202E⟩" in page
    assert '"><script>' not in page
    assert "},{" in page


# -- what is missing --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_always_fresh")
def test_a_dead_node_is_a_note_and_an_unknown_count(client: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    client.get(ALL)
    sim.kill(nodes[2])
    words = text_of(client.get(ALL, {"fresh": "1"}))
    assert f"Node {nodes[2]} is missing" in words and "It had 20 connections at" in words
    assert f"Ask {nodes[2]} again" in words and "Partial" in words
    assert re.search(rf"{nodes[2]} unknown", words)
    assert "of 40 ·" in words and "from 2 of 3 nodes" in words


@pytest.mark.usefixtures("_always_fresh")
def test_what_others_remember_is_shown_apart(client: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    client.get(ALL)
    sim.kill(nodes[2])
    answer = client.get(ALL, {"known": "remembered", "node": str(nodes[2]), "fresh": "1"})
    assert "Nobody can say that these still live" in text_of(answer)
    assert rows_of(answer)


# -- one of them ------------------------------------------------------------------------------------------------------


def test_one_connection_has_its_own_address_beside_the_list(client: Client, crowd: int, nodes: list[int]) -> None:
    part = client.get(
        reverse("connection", args=["own", nodes[0], 1]) + "?device=app", headers=htmx(HX_Target="drawer")
    )
    words = text_of(part)
    assert part["X-Fragment"] == "part" and "u00" in words and "203.0.113.0:5000" in words
    assert f'href="{ALL}?device=app"' in part.content.decode(), "closing it leads back to the same list"
    assert "/c/own/users/u00/kick/?node=1001&amp;session=1" in part.content.decode()
    page = client.get(reverse("connection", args=["own", nodes[0], 1]))
    assert "<html" in page.content.decode() and len(rows_of(page)) == 50


def test_a_connection_that_left_is_told_so(client: Client, crowd: int, nodes: list[int]) -> None:
    answer = client.get(reverse("connection", args=["own", nodes[0], 4711]))
    assert answer.status_code == 404 and "lists no connection #4711 any more" in text_of(answer)


@pytest.mark.usefixtures("_always_fresh")
def test_a_connection_of_a_silent_node_is_unknown(client: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    client.get(ALL)
    sim.kill(nodes[2])
    client.get(ALL, {"fresh": "1"})
    answer = client.get(reverse("connection", args=["own", nodes[2], 4711]))
    told = text_of(answer)
    assert answer.status_code == 404 and ("isn’t known" in told or "isn&#x27;t known" in told)


# -- columns and file -------------------------------------------------------------------------------------------------


def test_columns_are_kept_per_person(client: Client, crowd: int, own_cluster: Any, client_of: Any) -> None:
    answer = client.post(reverse("connections-columns", args=["own"]), {"column": ["rate", "version", "nonsense"]})
    assert (answer.status_code, answer["Location"]) == (303, ALL)
    page = client.get(ALL).content.decode()
    heads = re.sub(r"<[^>]+>", " ", re.search(r"<thead>.*?</thead>", page, re.S).group())  # type: ignore[union-attr]
    assert "Messages / s" in heads and "Protocol version" in heads and "Address" not in heads
    assert "Address" in text_of(client_of(own_cluster, "viewer").get(ALL)), "another person's stay as they were"
    client.post(reverse("connections-columns", args=["own"]), {"usual": "1"})
    assert "Address" in text_of(client.get(ALL))


def test_the_file_holds_all_that_match_and_no_formulas(client: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.call(lambda state: state.add_connection("=cmd()", nodes[0], device_flag=0))
    answer = client.get(reverse("connections-csv", args=["own"]), {"device": "app"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    lines = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    head = next(index for index, line in enumerate(lines) if line[0] == "node_id")
    uids = [line[lines[head].index("uid")] for line in lines[head + 1 :]]
    assert len(uids) == 21 and "'=cmd()" in uids


# -- selections -------------------------------------------------------------------------------------------------------


def kick(client: Client, **given: Any) -> Any:
    return client.post(reverse("connections-kick", args=["own"]), given)


def test_marked_rows_become_a_plan_and_nothing_is_sent(client: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    answer = kick(client, target=[f"{nodes[0]}-1", f"{nodes[1]}-1", "junk"])
    operation = Operation.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, reverse("operation", args=["own", operation.pk]))
    assert (operation.kind, operation.state, operation.total) == ("kick", "planned", 2)
    assert not [one for one in sim.requests if one[3] == "/conn/kick"]


def test_all_matching_are_those_of_the_filter_not_of_the_page(client: Client, crowd: int) -> None:
    kick(client, all="1", idle=">=1m", target="1001-1")
    operation = Operation.objects.get()
    assert operation.total == 57 and operation.summary["described_as"] == "idle:>=1m"


@pytest.mark.parametrize("given", [{}, {"target": "junk"}, {"all": "1", "idle": "soon"}, {"target": "1001-999"}])
def test_a_selection_that_means_nobody_plans_nothing(client: Client, crowd: int, given: dict[str, str]) -> None:
    answer = kick(client, **given)
    assert answer.status_code == 303 and answer["Location"].startswith(ALL)
    assert not Operation.objects.exists()
    assert "Nothing planned" in text_of(client.get(ALL))


def test_who_may_not_kick_sees_no_boxes_and_cant_post(own_cluster: Any, client_of: Any, crowd: int) -> None:
    viewer = client_of(own_cluster, "viewer")
    page = viewer.get(ALL).content.decode()
    assert "data-select " not in page and "connections/kick/" not in page and "Kick…" not in page
    assert kick(viewer, target="1001-1").status_code == 403


# -- ghosts -----------------------------------------------------------------------------------------------------------


def test_ghosts_are_counted_and_explained(client: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.haunt(nodes[0], 7)
    words = text_of(client.get(reverse("connection-ghosts", args=["own"])))
    assert "Looking" in words and "0 to 7" in words and "All served" in words
    assert "A ghost ends when its client closes the socket" in words


def test_missing_metrics_are_said_with_the_reason(client: Client, crowd: int, sim: Any, nodes: list[int]) -> None:
    sim.break_metrics(nodes[1])
    words = text_of(client.get(reverse("connection-ghosts", args=["own"])))
    assert f"Node {nodes[1]} tells no open sockets" in words and "no metrics" in words


@pytest.mark.usefixtures("_always_fresh")
def test_a_dead_cluster_is_told_as_such(client: Client, sim: Any, nodes: list[int]) -> None:
    client.get(ALL)
    for node in nodes:
        sim.kill(node)
    answer = client.get(ALL, {"fresh": "1"})
    assert answer.status_code == 502 and "Nobody is connected" not in text_of(answer)
