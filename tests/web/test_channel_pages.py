"""One channel's pages: tabs, list changes by preview and apply, flags; with and without htmx, and with missing nodes."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from imadmin.audit.models import AuditEntry
from imadmin.directory import plans
from imadmin.directory.actions import beside
from imadmin.directory.models import Plan, Restriction
from imadmin.gateway.types import ChannelRef
from tests.directory.channel_stage import after_writes, flags_of, group, kill_all, put, stored, wedge

pytestmark = pytest.mark.django_db
TEA = "/c/own/channels/2/tea/"
HTMX = {"HX-Request": "true"}
TABS = ("", "members/", "denylist/", "allowlist/", "flags/", "cluster/", "history/")


@pytest.fixture
def client(own_cluster: Any, client_of: Callable[[Any, str], Any]) -> Any:
    return client_of(own_cluster, "admin")


@pytest.fixture(autouse=True)
def _long_changes_at_once(monkeypatch: Any) -> None:
    """A thread could not see the rows of a test that is rolled back; test_beside has real ones."""
    monkeypatch.setattr(beside, "start", lambda plan, work: plans.finish(plan, work(lambda: False)))


def text(response: Any) -> str:
    return response.content.decode()


def plan_of(response: Any) -> str:
    found = re.search(r'name="plan" value="(\w+)"', text(response))
    assert found, text(response)[:2000]
    return found[1]


def preview(client: Any, url: str, verb: str = "add", **data: Any) -> Any:
    return client.post(f"{url}preview/", {"verb": verb, **data})


def apply(client: Any, url: str, plan: str, verb: str = "add", reason: str = "ticket 12", **extra: Any) -> Any:
    return client.post(f"{url}apply/", {"verb": verb, "plan": plan, "reason": reason}, **extra)


# -- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_has_its_own_address(client: Any, sim: Any, tab: str) -> None:
    group(sim)
    page = client.get(TEA + tab)
    assert page.status_code == 200 and 'aria-current="page"' in text(page)
    assert "Open to members" in text(page)


def test_members_stand_with_presence_and_what_they_may_do(client: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "denied", channel, ["ben"])
    sim.call(lambda state: state.add_connection("ann"))
    found = text(client.get(TEA))
    assert "Online" in found and "Offline" in found and "Denied" in found and "/c/own/users/ann/" in found


def test_a_part_of_a_uid_filters_and_pages_go_by_uid(client: Any, sim: Any) -> None:
    group(sim, members=[f"u{number:04}" for number in range(120)])
    found = text(client.get(TEA, {"q": "U00", "limit": 50}))
    assert "1 to 50 of 100, by uid" in found and "u0100" not in found
    following = re.search(r'href="(\?[^"]*cursor=[^"]*)" rel="next"', found)
    assert following and "51 to 100 of 100" in text(client.get(TEA + following[1].replace("&amp;", "&")))


@pytest.mark.parametrize(("name", "value"), [("limit", "7"), ("limit", "x"), ("cursor", "x"), ("q", "y" * 201)])
def test_wrong_filters_are_named_and_the_page_stands(client: Any, sim: Any, name: str, value: str) -> None:
    group(sim)
    page = client.get(TEA, {name: value})
    assert page.status_code == 422 and "Open to members" in text(page)


def test_an_unknown_channel_is_not_found_and_offers_to_make_it(client: Any, sim: Any) -> None:
    page = client.get("/c/own/channels/2/nothing-here/")
    assert page.status_code == 404 and "knows no such channel" in text(page)
    assert "/c/own/channels/new/?type=2&amp;id=nothing-here" in text(page)


@pytest.mark.parametrize("address", ["999/tea/", "x/tea/", "2/~FF/", "2//"])
def test_addresses_that_name_no_channel_are_not_found(client: Any, address: str) -> None:
    assert client.get(f"/c/own/channels/{address}").status_code == 404


def test_kinds_that_look_at_no_list_say_so(client: Any, sim: Any) -> None:
    group(sim, "desk", type=3)
    assert "looks at no list" in text(client.get("/c/own/channels/3/desk/denylist/"))
    assert "neither ban nor disband" in text(client.get("/c/own/channels/3/desk/flags/"))


def test_a_person_chat_shows_both_directions_and_their_own_lists(client: Any, sim: Any) -> None:
    chat = ChannelRef.person("ann", "ben")
    sim.call(lambda state: state.add_message("ann", "ben", channel_type=1))
    put(sim, "denied", ChannelRef.inbox("ben"), ["ann"])
    found = text(client.get(f"/c/own/channels/1/{chat.id}/"))
    assert "On the receiver’s denylist" in found and "/c/own/channels/1/ben/denylist/" in found
    assert 'id="change"' not in found


def test_a_persons_own_entry_leads_to_the_user(client: Any, sim: Any) -> None:
    put(sim, "denied", ChannelRef.inbox("ben"), ["ann"])
    found = text(client.get("/c/own/channels/1/ben/"))
    assert "May not write to this person" in found and "/c/own/users/ben/" in found
    assert "on the user&#x27;s page" in text(client.get("/c/own/channels/1/ben/flags/"))


def test_with_one_node_dead_the_page_stands(client: Any, sim: Any) -> None:
    channel = group(sim)
    leader = sim.call(lambda state: state.leader_of(channel.id))
    sim.kill(next(node.id for node in sim.nodes[1:] if node.id != leader))
    page = client.get(TEA)
    assert page.status_code == 200 and "ann" in text(page)


def test_with_the_cluster_down_everything_is_unknown_and_nothing_zero(client: Any, sim: Any) -> None:
    group(sim)
    sim.call(kill_all)
    page = client.get(TEA)
    assert page.status_code == 200 and "Some of this is unknown." in text(page)
    assert text(page).count(">unknown<") >= 3 and "0, list off" not in text(page)


# -- changing a list -------------------------------------------------------------------------------------------------


def test_pasting_previewing_and_applying_without_javascript(client: Any, sim: Any) -> None:
    channel = group(sim)
    shown = preview(client, f"{TEA}members/", uids="zoe, yan\nann\nu 118#06")
    assert shown.status_code == 200 and "<html" in text(shown)
    assert "line 3: @, # and &amp; can&#x27;t be in a uid" in text(shown) and "3 → 6" in text(shown)
    assert stored(sim, "members", channel) == {"ann", "ben", "cem"}
    done = apply(client, f"{TEA}members/", plan_of(shown))
    assert done.status_code == 200 and "<b>3</b> done" in text(done) and "<b>1</b> already so" in text(done)
    assert stored(sim, "members", channel) == {"ann", "ben", "cem", "zoe", "yan", "u"}


def test_htmx_gets_the_panel_and_then_what_changed(client: Any, sim: Any) -> None:
    group(sim)
    shown = client.post(f"{TEA}denylist/preview/", {"verb": "add", "uids": "ann"}, headers=HTMX)
    assert "<html" not in text(shown) and 'id="change"' in text(shown) and 'id="body"' not in text(shown)
    done = apply(client, f"{TEA}denylist/", plan_of(shown), headers=HTMX)
    assert "<html" not in text(done) and 'id="body"' in text(done) and 'id="outcome"' in text(done)
    assert Restriction.objects.get().reason == "ticket 12"


def test_chosen_rows_are_denied_from_the_members_list(client: Any, sim: Any) -> None:
    channel = group(sim)
    shown = preview(client, f"{TEA}denylist/", target=["ann", "ben"])
    apply(client, f"{TEA}denylist/", plan_of(shown))
    assert stored(sim, "denied", channel) == {"ann", "ben"}


def test_chosen_rows_are_taken_off_and_undo_is_offered(client: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "denied", channel, ["ann", "bo berg"])
    shown = preview(client, f"{TEA}denylist/", "remove", target=["ann", "bo berg"])
    done = apply(client, f"{TEA}denylist/", plan_of(shown), "remove")
    assert stored(sim, "denied", channel) == set()
    again = re.search(r'name="uids" value="([^"]*)"><input type="hidden" name="verb" value="add"', text(done))
    assert again
    back = preview(client, f"{TEA}denylist/", uids=again[1].replace("&quot;", '"'))
    apply(client, f"{TEA}denylist/", plan_of(back))
    assert stored(sim, "denied", channel) == {"ann", "bo berg"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"uids": ""}, "Give at least one uid."),
        ({"uids": "a@b\n#"}, "Line 1, “a@b”"),
        ({"uids": '""'}, "it is empty"),
        ({"uids": "x\x07y"}, "control character"),
        ({"uids": "\n".join(f"u{number}" for number in range(5001))}, "more than 5000"),
        ({"uids": "ann", "verb": "explode"}, ""),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_list_that_cannot_be_used_is_said_and_kept(
    client: Any, sim: Any, given: dict[str, str], words: str, headers: dict[str, str]
) -> None:
    group(sim)
    page = client.post(f"{TEA}members/preview/", {"verb": "add", **given}, headers=headers)
    assert page.status_code == 422 and words in text(page)
    assert given["uids"].split("\n")[0].replace('"', "&quot;") in text(page)
    assert not Plan.objects.exists()


@pytest.mark.parametrize(("reason", "words"), [("", "Say why"), ("x", "Say why"), ("x" * 501, "under 500")])
def test_without_a_reason_nothing_is_applied_and_the_preview_stays(
    client: Any, sim: Any, reason: str, words: str
) -> None:
    channel = group(sim)
    plan = plan_of(preview(client, f"{TEA}members/", uids="zoe"))
    page = apply(client, f"{TEA}members/", plan, reason=reason)
    assert page.status_code == 422 and words in text(page) and "zoe" in text(page)
    assert "zoe" not in stored(sim, "members", channel)
    assert apply(client, f"{TEA}members/", plan_of(page)).status_code == 200


def test_a_list_that_moved_is_shown_anew_with_the_reason_kept(client: Any, sim: Any) -> None:
    channel = group(sim)
    plan = plan_of(preview(client, f"{TEA}members/", uids="yan zoe"))
    put(sim, "members", channel, ["zoe"])
    page = apply(client, f"{TEA}members/", plan, reason="they join")
    assert page.status_code == 422 and "has changed since the preview" in text(page) and "they join" in text(page)
    assert "yan" not in stored(sim, "members", channel)


def test_a_second_click_applies_nothing_twice(client: Any, sim: Any) -> None:
    group(sim)
    plan = plan_of(preview(client, f"{TEA}members/", uids="zoe"))
    assert apply(client, f"{TEA}members/", plan).status_code == 200
    assert apply(client, f"{TEA}members/", plan).status_code == 409
    assert AuditEntry.objects.filter(phase="intent").count() == 1


@pytest.mark.parametrize("plan", ["", "nothing", "x" * 40, "'; drop table"])
def test_a_plan_that_is_not_there_changes_nothing(client: Any, sim: Any, plan: str) -> None:
    group(sim)
    assert apply(client, f"{TEA}members/", plan).status_code in (404, 422)
    assert not AuditEntry.objects.exists()


def test_a_change_that_ended_half_way_says_which_half(client: Any, sim: Any) -> None:
    channel = group(sim, members=[])
    after_writes(sim, 1, lambda state: wedge(state, channel))
    many = "\n".join(f"u{number}" for number in range(300))
    page = apply(client, f"{TEA}members/", plan_of(preview(client, f"{TEA}members/", uids=many)))
    assert page.status_code == 303
    report = text(client.get(page["Location"]))
    assert "<b>10</b> done" in report and "<b>290</b> failed" in report and "stopped half way" in report


def test_a_cluster_that_dies_in_the_middle_still_gets_a_report(client: Any, sim: Any) -> None:
    group(sim, members=[])
    after_writes(sim, 1, kill_all)
    many = "\n".join(f"u{number}" for number in range(300))
    page = apply(client, f"{TEA}members/", plan_of(preview(client, f"{TEA}members/", uids=many)))
    report = client.get(page["Location"])
    assert report.status_code == 200 and "could not be read back" in text(report)
    assert "<b>290</b> failed" in text(report) and "<b>10</b> unknown" in text(report)


def test_a_long_change_shows_how_far_it_is_until_its_report_is_there(client: Any, sim: Any, monkeypatch: Any) -> None:
    group(sim, members=[])
    begun: list[Any] = []
    monkeypatch.setattr(beside, "start", lambda plan, work: begun.append((plan, work)))
    shown = preview(client, f"{TEA}members/", uids="\n".join(f"u{number}" for number in range(60)))
    url = apply(client, f"{TEA}members/", plan_of(shown))["Location"]
    plan, work = begun[0]
    plans.tell(plan, 30)
    part = client.get(url, headers=HTMX)
    assert "<html" not in text(part) and "<b>30</b> of 60 sent" in text(part) and 'value="30"' in text(part)
    assert "under way" in text(client.get(url))
    plans.finish(plan, work(lambda: False))
    assert client.get(url, headers=HTMX)["HX-Redirect"] == url
    assert "<b>60</b> done" in text(client.get(url))


def test_a_long_change_that_was_cut_off_says_so(client: Any, sim: Any, monkeypatch: Any) -> None:
    group(sim, members=[])
    monkeypatch.setattr(beside, "start", lambda plan, work: plans.tell(plan, 10))
    shown = preview(client, f"{TEA}members/", uids="\n".join(f"u{number}" for number in range(60)))
    url = apply(client, f"{TEA}members/", plan_of(shown))["Location"]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3), tick=False):
        assert "ended without a report, after 10 of 60" in text(client.get(url))


@pytest.mark.parametrize("tail", ["nothing/add/", "nothing/explode/"])
def test_the_progress_of_no_plan_is_not_there(client: Any, sim: Any, tail: str) -> None:
    assert client.get(f"{TEA}members/plan/{tail}").status_code == 404


# -- one uid at once, from elsewhere ---------------------------------------------------------------------------------


def test_a_sender_is_denied_from_a_message_and_taken_off_again(client: Any, sim: Any) -> None:
    channel = group(sim)
    where = "http://testserver/c/own/m/1/"
    done = client.post(f"{TEA}denylist/add/", {"uids": "ann", "reason": "spam"}, headers={"referer": where})
    assert done.status_code == 303 and done["Location"] == "/c/own/m/1/"
    assert stored(sim, "denied", channel) == {"ann"}
    client.post(f"{TEA}denylist/undo/?uids=ann", headers={"referer": where})
    assert stored(sim, "denied", channel) == set()


def test_taking_somebody_off_is_undone_without_a_reason_by_the_toasts_own_button_alone(client: Any, sim: Any) -> None:
    channel = group(sim)
    put(sim, "denied", channel, ["ann"])
    url = reverse("channel-denylist-undo", args=["own", channel])
    told = client.post(url, {"uids": "ann", "reason": "made up"}, headers={"referer": f"http://testserver{TEA}"})
    undo = re.search(r'action="([^"]*/denylist/add/[^"]*)"', client.get(told["Location"]).content.decode())
    assert undo and stored(sim, "denied", channel) == set()
    client.post(html.unescape(undo[1]))
    assert stored(sim, "denied", channel) == {"ann"}


@pytest.mark.parametrize(
    "given",
    [{"uids": "ann", "reason": ""}, {"uids": "ann"}, {"uids": "a@b", "reason": "spam"}, {"reason": "spam"}],
)
def test_a_sender_is_not_denied_without_uid_and_reason(client: Any, sim: Any, given: dict[str, str]) -> None:
    channel = group(sim)
    assert client.post(f"{TEA}denylist/add/", given).status_code == 422
    assert stored(sim, "denied", channel) == set()


# -- flags -----------------------------------------------------------------------------------------------------------

ALL_OFF = dict.fromkeys(("ban", "disband", "send_ban", "allow_stranger", "large"), "0")


def test_flags_that_nobody_knows_must_be_chosen(client: Any, sim: Any) -> None:
    channel = group(sim)
    page = client.post(f"{TEA}flags/", {"ban": "1", "disband": "0", "reason": "closing"})
    assert page.status_code == 422 and text(page).count("nobody knows what it is now") == 3 and "closing" in text(page)
    assert flags_of(sim, channel)["ban"] == 0


def test_disbanding_explains_itself_and_is_undone(client: Any, sim: Any) -> None:
    channel = group(sim)
    assert "Disbanding deletes nothing." in text(client.get(f"{TEA}flags/", {"disband": 1}))
    done = client.post(f"{TEA}flags/", {**ALL_OFF, "disband": "1", "reason": "project ended"})
    assert done.status_code == 200 and "flags/?disband=0#flags" in text(done) and flags_of(sim, channel)["disband"] == 1
    assert "Disbanded: nobody may send" in text(client.get(TEA))
    client.post(f"{TEA}flags/", {**ALL_OFF, "reason": "undo"})
    assert flags_of(sim, channel)["disband"] == 0


def test_our_record_stands_for_what_the_server_does_not_tell(client: Any, sim: Any) -> None:
    group(sim)
    assert "the server doesn’t tell, and we never wrote it" in text(client.get(f"{TEA}flags/"))
    client.post(f"{TEA}flags/", {**ALL_OFF, "large": "1", "reason": "grows"})
    assert "Our record: written by admin" in text(client.get(f"{TEA}flags/"))


def test_flags_that_moved_are_shown_anew_with_the_reason_kept(client: Any, sim: Any) -> None:
    channel = group(sim)
    state = re.search(r'name="state" value="(\w+)"', text(client.get(f"{TEA}flags/")))
    assert state
    sim.call(lambda state: state.store.save_channel("tea", 2, {"ban": 1}))
    page = client.post(f"{TEA}flags/", {**ALL_OFF, "state": state[1], "reason": "tidy up"})
    assert page.status_code == 422 and "have changed since" in text(page) and "tidy up" in text(page)
    assert flags_of(sim, channel)["ban"] == 1


@pytest.mark.parametrize("value", ["2", "yes", "<b>", ""])
def test_a_flag_is_on_or_off_and_nothing_else(client: Any, sim: Any, value: str) -> None:
    channel = group(sim)
    page = client.post(f"{TEA}flags/", {**ALL_OFF, "ban": value, "reason": "closing"})
    assert page.status_code == 422 and 'id="id_ban_error"' in text(page)
    assert flags_of(sim, channel)["ban"] == 0


# -- who may ---------------------------------------------------------------------------------------------------------


def test_a_moderator_sees_what_a_moderator_may(own_cluster: Any, client_of: Any, sim: Any) -> None:
    group(sim)
    client = client_of(own_cluster, "moderator")
    assert 'id="change"' not in text(client.get(TEA)) and 'id="change"' in text(client.get(f"{TEA}denylist/"))
    assert "Disband" not in text(client.get(TEA)) and "not write them" in text(client.get(f"{TEA}flags/"))
    assert "view-audit" in text(client.get(f"{TEA}history/"))


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_without_the_right_nothing_is_changed(own_cluster: Any, client_of: Any, sim: Any, role: str) -> None:
    channel = group(sim)
    client = client_of(own_cluster, role)
    assert preview(client, f"{TEA}members/", uids="zoe").status_code == 403
    assert client.post(f"{TEA}denylist/add/", {"uids": "ann", "reason": "spam"}).status_code == 403
    assert client.post(f"{TEA}flags/", {**ALL_OFF, "ban": "1", "reason": "closing"}).status_code == 403
    assert flags_of(sim, channel)["ban"] == 0 and stored(sim, "denied", channel) == set()


def test_a_stranger_learns_of_no_channel(own_cluster: Any, client_of: Any, sim: Any) -> None:
    group(sim)
    assert client_of(own_cluster, "stranger").get(TEA).status_code == 404
