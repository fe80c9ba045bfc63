"""The pages about people: lookup, one user, the dialogs, the reports; with htmx and without JavaScript."""

import json
import re
import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from imadmin.audit.models import AuditEntry
from imadmin.directory.models import Restriction
from imadmin.directory.queries import users as queries
from imadmin.directory.remember import remember
from imadmin.simulator import SimulatedCluster
from tests.directory.user_stage import cluster_stage, scope_stage, short_waits, sim_stage  # noqa: F401

pytestmark = pytest.mark.django_db
SECRET = "tok-3f9a77-never-shown"
HTMX = {"HX-Request": "true"}
ACTS = ("kick", "sign-out", "log-out", "keep-out", "let-in", "stop-sending", "allow-sending")


@pytest.fixture
def client(quick_cluster: Any, client_of: Any) -> Client:
    found: Client = client_of(quick_cluster, "support")
    return found


@pytest.fixture
def anna(quick_sim: SimulatedCluster) -> str:
    quick_sim.call(lambda state: state.add_user("anna", token=SECRET, flag=1))
    quick_sim.call(lambda state: state.add_group("g", ["anna"]))
    quick_sim.call(lambda state: [state.add_connection("anna", node) for node in (1001, 1002, 1003)])
    return "anna"


def at(uid: str, name: str = "") -> str:
    return reverse(f"user-{name}" if name else "user", args=["quick", uid])


def text_of(answer: Any) -> str:
    """The words of a page, without markup, runs of blanks as one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


# -- the lookup -------------------------------------------------------------------------------------------------------


def test_the_lookup_offers_a_form_and_who_is_restricted(client: Client, scope: Any) -> None:
    remember(scope, "stop_sending", ["spammer"], reason="spam run")
    words = text_of(client.get(reverse("users", args=["quick"])))
    assert "Look up" in words and "spammer" in words and "Sending stopped everywhere" in words and "spam run" in words


def test_one_uid_opens_its_page(client: Client) -> None:
    answer = client.get(reverse("users", args=["quick"]), {"uids": " anna "})
    assert (answer.status_code, answer["Location"]) == (303, at("anna"))


def test_several_give_a_list_with_who_is_online(client: Client, anna: str) -> None:
    words = text_of(client.get(reverse("users", args=["quick"]), {"uids": "anna\nben\na@b"}))
    assert "Online" in words and "Offline" in words
    assert "Line 3, “a@b”" in words


def test_the_list_alone_for_htmx(client: Client, anna: str) -> None:
    answer = client.get(reverse("users", args=["quick"]), {"uids": "anna,ben"}, headers=HTMX)
    assert answer.content.decode().lstrip().startswith('<div id="results"')
    assert "2 users" in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "said"), [("", "at least one uid"), ("a@b", "Line 1"), (",".join(map(str, range(201))), "at most 200")]
)
def test_what_cannot_be_looked_up_is_said_beside_the_field(client: Client, typed: str, said: str) -> None:
    answer = client.get(reverse("users", args=["quick"]), {"uids": typed})
    assert answer.status_code == 422
    assert said in text_of(answer) and 'aria-invalid="true"' in answer.content.decode()


def test_a_dead_cluster_makes_the_list_unknown(client: Client, quick_sim: SimulatedCluster) -> None:
    for node in quick_sim.nodes:
        quick_sim.kill(node.id)
    words = text_of(client.get(reverse("users", args=["quick"]), {"uids": "anna ben"}))
    assert "Who is online could not be read" in words and "Unknown" in words and "Offline" not in words


# -- one user ---------------------------------------------------------------------------------------------------------


def test_a_user_with_everything(client: Client, anna: str) -> None:
    page = client.get(at(anna))
    words = text_of(page)
    for expected in (
        "Online",
        "3 nodes answered",
        "1003 #1",
        "WEB",
        "token stored, never shown",
        "Keep out…",
        "Log out…",
    ):
        assert expected in words, expected
    assert page.content.decode().count("Kick…") == 3
    assert SECRET not in page.content.decode()


def test_a_viewer_sees_no_button_and_is_refused(quick_cluster: Any, client_of: Any, anna: str) -> None:
    viewer = client_of(quick_cluster, "viewer")
    page = viewer.get(at(anna)).content.decode()
    for name in ACTS:
        assert f"/{name}/" not in page
        assert viewer.get(at(anna, name)).status_code == 403
        assert (
            viewer.post(at(anna, name), {"reason": "no right", "flag": 1, "node": 1001, "session": 1}).status_code
            == 403
        )
    assert not AuditEntry.objects.filter(action__startswith="user.").exists()


def test_a_stranger_sees_no_such_page(quick_cluster: Any, client_of: Any, anna: str) -> None:
    stranger = client_of(quick_cluster, "stranger")
    for path in (reverse("users", args=["quick"]), at(anna), at(anna, "may-send"), at(anna, "log-out")):
        assert stranger.get(path).status_code == 404


def test_somebody_nobody_knows_is_told_as_that(client: Client) -> None:
    words = text_of(client.get(at("nobody")))
    assert "The cluster knows nothing of this uid." in words


def test_one_node_of_three_dead_is_named_and_the_rest_is_shown(client: Client, anna: str, quick_sim: Any) -> None:
    quick_sim.kill(1003)
    page = client.get(at(anna))
    words = text_of(page)
    assert page.status_code == 200
    assert "2 nodes answered, 1003 unknown" in words and "1001 #1" in words
    assert "Partial" in words


def test_nothing_answers_and_nothing_is_invented(client: Client, anna: str, quick_sim: SimulatedCluster) -> None:
    for node in quick_sim.nodes:
        quick_sim.kill(node.id)
    page = client.get(at(anna))
    words = text_of(page)
    assert page.status_code == 200
    assert "Online or not: unknown" in words and "No session" not in words and "No device row" not in words


def test_a_hanging_node_is_named_after_the_time_limit(client: Client, anna: str, quick_sim: SimulatedCluster) -> None:
    uid = next(uid for uid in map("u{}".format, range(99)) if quick_sim.state.leader_of(uid) == 1001)
    quick_sim.hang(1003)
    page = client.get(at(uid))
    assert page.status_code == 200 and "1003 unknown" in text_of(page)
    quick_sim.resume(1003)


@pytest.mark.parametrize("uid", ['"><script>alert(1)</script>', "a/b?c%d", "张三", "..", "\u202egnp.exe"])
def test_strange_ids_are_shown_harmless(client: Client, quick_sim: SimulatedCluster, uid: str) -> None:
    quick_sim.call(lambda state: state.add_connection(uid, 1001, device_id="<b>x</b>"))
    page = client.get(at(uid))
    html = page.content.decode()
    assert page.status_code == 200 and "Online" in html
    assert "<script>alert" not in html and "<b>x</b>" not in html
    assert "\u202e" not in re.sub(r'"[^"]*"', "", html)


@pytest.mark.parametrize("uid", ["a@b", "a&b", "x" * 201, "a\x00b"])
def test_ids_nobody_can_have_are_answered_in_words(client: Client, uid: str) -> None:
    assert client.get(at(uid)).status_code == 422
    assert client.post(at(uid, "log-out"), {"reason": "hostile"}).status_code == 422


def test_staff_actions_only_for_those_who_read_the_trail(
    client: Client, quick_cluster: Any, client_of: Any, anna: str
) -> None:
    client.post(at(anna, "stop-sending"), {"reason": "spam run"})
    assert "Staff actions" not in text_of(client.get(at(anna)))
    words = text_of(client_of(quick_cluster, "admin").get(at(anna)))
    assert "Staff actions" in words and "user.stop-sending" in words


def test_the_page_is_there_in_chinese(client: Client, anna: str) -> None:
    assert client.get(at(anna), headers={"Accept-Language": "zh-CN"}).status_code == 200


# -- acting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log-out", "keep-out", "let-in", "stop-sending", "allow-sending"])
def test_each_action_asks_for_a_reason_first(client: Client, anna: str, name: str) -> None:
    whole, dialog = client.get(at(anna, name)), client.get(at(anna, name), headers=HTMX)
    assert "<html" in whole.content.decode() and 'name="reason"' in whole.content.decode()
    assert "<dialog" in dialog.content.decode() and "<html" not in dialog.content.decode()
    refused = client.post(at(anna, name), {"reason": " "})
    assert refused.status_code == 422 and "Say why" in text_of(refused)
    in_dialog = client.post(at(anna, name), {"reason": "x"}, headers=HTMX)
    assert (in_dialog.status_code, in_dialog["HX-Retarget"]) == (422, "#act")
    assert 'value="x"' in in_dialog.content.decode()
    assert not AuditEntry.objects.filter(action=f"user.{name}").exists()


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("kick", {}),
        ("kick", {"node": "x", "session": "1"}),
        ("kick", {"node": "1", "session": "0"}),
        ("sign-out", {"flag": "256"}),
        ("sign-out", {}),
    ],
)
def test_a_dialog_for_nothing_is_not_found(client: Client, name: str, query: dict[str, str]) -> None:
    assert client.get(at("anna", name), query).status_code == 404


def test_kicks_a_session_and_tells_the_step(client: Client, anna: str) -> None:
    asked = client.get(at(anna, "kick"), {"node": 1002, "session": 1}, headers=HTMX)
    assert "Session 1 on node 1002" in text_of(asked)
    assert "may linger for minutes, unserved" in text_of(asked)
    told = client.post(at(anna, "kick"), {"node": 1002, "session": 1, "reason": "stuck client"}, headers=HTMX)
    words = text_of(told)
    assert told.status_code == 200 and told.content.decode().lstrip().startswith('<div id="user"')
    assert "Kick: done" in words and "It is gone from the lists of all nodes that answer." in words
    assert told.content.decode().count("Kick…") >= 2


def test_signs_a_device_out_and_offers_to_kick_the_rest(client: Client, anna: str) -> None:
    words = text_of(client.post(at(anna, "sign-out"), {"flag": 1, "reason": "lost laptop"}))
    assert "Sign out a device: done in part" in words
    assert "no token is stored any more" in words and "Still connected:" in words
    assert "no token stored: signed out" in words


def test_a_device_without_a_row_is_said_not_to_be_there(client: Client, anna: str) -> None:
    answer = client.post(at(anna, "sign-out"), {"flag": 2, "reason": "lost laptop"})
    assert answer.status_code == 404 and "no row for this device" in text_of(answer)


def test_logs_out_without_javascript(client: Client, anna: str) -> None:
    page = client.post(at(anna, "log-out"), {"reason": "stolen phone"})
    words = text_of(page)
    assert page.status_code == 200 and "<html" in page.content.decode()
    assert "Log out: done" in words and "The user is offline." in words and "No session" in words


def test_keeps_out_and_lets_in(client: Client, anna: str) -> None:
    words = text_of(client.post(at(anna, "keep-out"), {"reason": "sells accounts"}))
    assert "Keep out: done" in words and "Kept out" in words and "Let in…" in words
    assert "Keep out…" not in words
    words = text_of(client.post(at(anna, "let-in"), {"reason": "appeal"}))
    assert "Let in: done" in words and "Keep out…" in words
    assert not Restriction.objects.filter(lifted_at=None).exists()


def test_sending_is_not_allowed_while_kept_out_and_the_page_says_why(client: Client, anna: str) -> None:
    client.post(at(anna, "keep-out"), {"reason": "sells accounts"})
    answer = client.post(at(anna, "allow-sending"), {"reason": "sorry"})
    assert answer.status_code == 409 and "Let the user in first." in text_of(answer)


def test_a_half_done_sequence_says_which_half(client: Client, anna: str, quick_sim: SimulatedCluster) -> None:
    quick_sim.wedge_slot(quick_sim.state.slot_of(anna), seconds=0.2)
    words = text_of(client.post(at(anna, "keep-out"), {"reason": "sells accounts"}))
    assert "Keep out: not done" in words
    assert "Read back: the entry is as it was before." in words
    assert "Not tried, because the step before it failed." in words
    assert len(list(quick_sim.state.online.all())) == 3


# -- may A send to C --------------------------------------------------------------------------------------------------


def test_explains_as_a_part_and_as_a_page(client: Client, anna: str) -> None:
    part = client.get(at(anna, "may-send"), {"to": "g", "type": "2"}, headers=HTMX)
    assert part.content.decode().lstrip().startswith('<section class="panel" id="can"')
    assert "Yes, as far as can be read." in text_of(part)
    whole = client.get(at(anna, "may-send"), {"to": "g", "type": "2"})
    assert "<html" in whole.content.decode() and "Yes, as far as can be read." in text_of(whole)
    in_page = client.get(at(anna), {"to": "g", "type": "2"})
    assert "Yes, as far as can be read." in text_of(in_page)


def test_a_no_names_the_number_the_words_and_our_record(client: Client, anna: str) -> None:
    client.post(at(anna, "stop-sending"), {"reason": "spam run"})
    words = text_of(client.get(at(anna, "may-send"), {"to": "g"}, headers=HTMX))
    assert "No. The server answers reason 25: sending is stopped." in words
    assert "“spam run”" in words and "our record" in words and "Not asked any more; would pass." in words


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "Give a channel id"),
        ({"to": "a@b", "type": "1"}, "between two other people"),
        ({"to": "g", "type": "77"}, "77"),
    ],
)
def test_a_question_that_cannot_be_asked_is_said_beside_the_field(
    client: Client, anna: str, query: dict[str, str], said: str
) -> None:
    answer = client.get(at(anna, "may-send"), query, headers=HTMX)
    assert answer.status_code == 422 and said in text_of(answer)


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_no_page_and_no_trail_ever_holds_a_token(
    client: Client, quick_cluster: Any, client_of: Any, anna: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    owner = client_of(quick_cluster, "owner")
    pages = [owner.get(at(anna)), owner.get(at(anna, "sign-out"), {"flag": 1})]
    for name in ("sign-out", "log-out", "keep-out"):
        pages.append(owner.post(at(anna, name), {"reason": "stolen phone", "flag": 1}))
    assert all(page.status_code == 200 for page in pages)
    assert not any(SECRET.encode() in page.content for page in pages)
    trail = json.dumps(list(AuditEntry.objects.values("before", "after", "detail", "reason")), default=str)
    assert SECRET not in trail and SECRET not in caplog.text


# -- a cluster that doesn't answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "said"), [("hang", "gave no answer to this in time"), ("kill", "Nothing accepts")])
def test_each_panel_says_why_it_is_unknown_and_keeps_our_record(
    client: Client, scope: Any, anna: str, quick_sim: SimulatedCluster, monkeypatch: pytest.MonkeyPatch,
    how: str, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(queries, "PART_SECONDS", 1.0)
    remember(scope, "stop_sending", ["anna"], reason="spam run")
    for node in (1001, 1002, 1003):
        getattr(quick_sim, how)(node)
    started = time.monotonic()
    answer = client.get(at("anna"))
    assert time.monotonic() - started < 3
    words = text_of(answer)
    assert answer.status_code == 200 and said in words
    assert answer.content.decode().count('<div class="empty" role="alert">') == 3
    assert "Sending stopped everywhere" in words and "spam run" in words
