"""The overview page: who answers, who doesn't, what is known; it stands whatever the cluster does."""

import re
import time

import pytest
from django.utils import timezone

from imadmin.audit.record import Target, recorded
from imadmin.core import crypto
from imadmin.directory.models import FlagRecord, Restriction
from imadmin.monitor import event_words, events, watch
from imadmin.monitor.sample_models import Minute
from tests.web.test_messages_server import HTMX, text_of

URL = "/c/own/"


@pytest.mark.parametrize("role", ["owner", "admin", "moderator", "support", "viewer"])
def test_every_role_sees_who_answers(own_cluster, client_of, role):
    page = client_of(own_cluster, role).get(URL)
    assert page.status_code == 200
    assert "Healthy: all 3 nodes answer and agree" in text_of(page)


def test_a_stranger_sees_nothing(own_cluster, client_of):
    assert client_of(own_cluster, "stranger").get(URL).status_code == 404


def test_htmx_gets_the_part(own_cluster, client_of):
    part = client_of(own_cluster, "viewer").get(URL, headers=HTMX)
    assert "<html" not in part.content.decode()
    assert 'id="overview"' in part.content.decode()
    assert 'id="asof" hx-swap-oob="true"' in part.content.decode()


def test_a_dead_node_is_shown_as_missing(own_cluster, client_of, sim):
    client = client_of(own_cluster, "viewer")
    client.get(URL)
    dead = sim.nodes[1].id
    sim.kill(dead)
    page = client.get(f"{URL}?again=1")
    text = text_of(page)
    assert f"Degraded: node {dead} doesn’t answer, " in text and "slots have no leader" in text
    assert "2 of 3 answer" in text and "lack a replica" in text
    assert "Nothing accepts connections at that address" in text and "start it again" in text
    lost = re.search(r'<article class="panel node lost".*?</article>', page.content.decode(), re.DOTALL).group()
    assert str(dead) in lost
    assert "No answer" in lost and "unknown" in lost and "Last seen" in lost
    first = re.search(r'<li class="first">.*?</li>', page.content.decode(), re.DOTALL).group()
    assert "Store" in first and "Fault starts here" in first


def test_what_is_remembered_is_shown_until_somebody_asks_again(own_cluster, client_of, sim):
    client = client_of(own_cluster, "viewer")
    client.get(URL)
    asked = len(sim.requests)
    sim.kill(sim.nodes[1].id)
    assert "Healthy" in text_of(client.get(URL)) and len(sim.requests) == asked
    assert "Degraded" in text_of(client.get(f"{URL}?again=1"))
    assert "Degraded" in text_of(client.get(URL))


def test_two_of_three_dead_are_called_down(own_cluster, client_of, sim):
    client = client_of(own_cluster, "viewer")
    client.get(URL)
    for node in sim.nodes[1:]:
        sim.kill(node.id)
    page = client.get(f"{URL}?again=1")
    assert "Down: 2 of 3 nodes (1002, 1003) don’t answer, 64 of 64 slots have no quorum" in text_of(page)
    assert "answered with 200 and lost" in text_of(page)
    assert 'class="verdict bad"' in page.content.decode()


@pytest.mark.parametrize("fault", ["kill", "hang", "html"])
def test_the_page_stands_when_the_cluster_doesnt(own_cluster, client_of, sim, fault):
    for node in sim.nodes:
        if fault == "html":
            sim.break_node(node.id, "html")
        else:
            getattr(sim, fault)(node.id)
    page = client_of(own_cluster, "viewer").get(URL)
    assert page.status_code == 200
    assert "Down: no node answers" in text_of(page)
    assert "Slots unknown" in text_of(page) and "Our own records" in text_of(page)


def test_a_refused_token_is_no_silence(own_cluster, client_of):
    own_cluster.sealed_token = crypto.seal("no")
    own_cluster.save()
    client = client_of(own_cluster, "viewer")
    page = text_of(client.get(URL))
    assert "Unknown: the nodes refuse our token or sign-in" in page and "no node answers" not in page
    assert "Refused" in client.get(f"{URL}status/", headers=HTMX).content.decode()


def test_a_refused_password_is_worth_a_note(own_cluster, client_of):
    own_cluster.jwt_user, own_cluster.sealed_jwt_password = "admin", crypto.seal("no")
    own_cluster.save()
    client = client_of(own_cluster, "viewer")
    page = text_of(client.get(URL))
    assert "Healthy" in page and "The manager API refuses our user name or password" in page
    assert "Refused" in client.get(f"{URL}status/", headers=HTMX).content.decode()


def test_without_samples_the_lines_are_missing_not_flat(own_cluster, client_of):
    page = client_of(own_cluster, "viewer").get(URL)
    assert "No samples of the last hour yet" in text_of(page)
    assert '<svg class="spark' not in page.content.decode()


def test_samples_become_lines_with_gaps(own_cluster, client_of):
    now = int(time.time() // 60)
    for minute, sends in ((now - 5, 10), (now - 4, 30), (now - 1, 20)):
        Minute.objects.create(cluster=own_cluster, minute=minute, node=0, sends=sends, connections=3, verdict=0)
    page = client_of(own_cluster, "viewer").get(URL)
    spark = re.search(r'<b>20</b><svg class="spark[^>]*><path d="([^"]+)"', page.content.decode())
    assert spark and spark.group(1).count("M") == 2, "two pieces: the minutes between them are no zeros"
    assert "No samples" not in text_of(page)


def test_events_stand_there_and_on_their_page(own_cluster, client_of):
    events.write(own_cluster, "node_silent", node=1002, reason="Nothing accepts connections at that address")
    events.write(own_cluster, "slot_leaders", node=1002, count=22, before=1002)
    client = client_of(own_cluster, "viewer")
    for url in (URL, f"{URL}events/"):
        page = text_of(client.get(url))
        assert "Node 1002 stopped answering" in page and "22 slots have another leader" in page
    assert "Nothing accepts connections at that address" in page


def test_every_kind_of_event_has_words_in_both_languages(own_cluster, client_of):
    for kind in events.KINDS:
        events.write(
            own_cluster, kind, node=1002, slot=3, count=2, before="healthy", after="down", nodes=[1], slots=[3]
        )
    client = client_of(own_cluster, "viewer")
    page = text_of(client.get(f"{URL}events/?kind=nodes"))
    assert "Node 1002 is stuck joining" in page and "another leader" not in page
    for kind in events.KINDS:
        assert (
            event_words.words(events.EventRow(1, timezone.now(), kind, "info", 7, 8, {"after": "down"})).title != kind
        )


def test_what_the_watcher_writes_can_be_shown(own_cluster, client_of, sim, scope_of):
    scope = scope_of(own_cluster, "viewer")
    watch.observe(own_cluster, watch.state(scope))
    sim.kill(sim.nodes[0].id)
    watch.observe(own_cluster, watch.state(scope, fresh=0.0))
    page = text_of(client_of(own_cluster, "viewer").get(f"{URL}events/"))
    assert "Watching began" in page and "3 nodes, 64 slots" in page and "slots lost their leader" in page


def test_the_list_of_events_filters_pages_and_says_why_it_is_empty(own_cluster, client_of):
    client = client_of(own_cluster, "viewer")
    assert "Nothing happened yet" in text_of(client.get(f"{URL}events/"))
    for slot in range(60):
        events.write(own_cluster, "slot_leader", node=1002, slot=slot, before=1001, after=1002)
    first = client.get(f"{URL}events/")
    older = re.search(r'href="(\?cursor=[^"]+)"', first.content.decode()).group(1)
    second = client.get(f"{URL}events/{older}")
    assert "Slot 10 has another leader" in text_of(first) and "Slot 9 has another leader" in text_of(second)
    assert "No event fits" in text_of(client.get(f"{URL}events/?level=bad"))
    part = client.get(f"{URL}events/?node=1002", headers=HTMX).content.decode()
    assert "<html" not in part and 'id="rows"' in part
    assert client.get(f"{URL}events/?since=never").status_code == 422
    assert client.get(f"{URL}events/?node=7").status_code == 422
    assert client.get(f"{URL}events/?cursor=zzz").status_code == 422
    assert client_of(own_cluster, "stranger").get(f"{URL}events/").status_code == 404


def test_a_hostile_name_in_an_event_stays_text(own_cluster, client_of):
    events.write(own_cluster, "node_silent", node=1, reason="<script>alert(1)</script>")
    assert "<script>alert" not in client_of(own_cluster, "viewer").get(f"{URL}events/").content.decode()


def test_our_own_records_and_the_last_actions_are_there(own_cluster, client_of, scope_of):
    FlagRecord.objects.create(cluster=own_cluster, channel_type=2, channel_id="te<b>am", ban=True, written_by="mod")
    FlagRecord.objects.create(cluster=own_cluster, channel_type=1, channel_id="anna", written_by="mod")
    Restriction.objects.create(cluster=own_cluster, kind="deny", uid="anna", channel_type=2, channel_id="team")
    scope = scope_of(own_cluster, "admin")
    with recorded(scope.actor, "channel.ban", Target("channel", "2/te<b>am"), "<i>spam</i>", cluster="own"):
        pass
    page = client_of(own_cluster, "admin").get(URL)
    assert "<dt>Channels with flags</dt><dd>1</dd>" in page.content.decode()
    assert "<dt>Open restrictions</dt><dd>1</dd>" in page.content.decode()
    assert "/c/own/channels/2/te~3Cb~3Eam/" in page.content.decode()
    assert "te&lt;b&gt;am" in page.content.decode()
    assert "&lt;i&gt;spam&lt;/i&gt;" in page.content.decode()
    assert "channel.ban" in text_of(page)


def test_without_the_right_to_the_trail_others_actions_stay_out(own_cluster, client_of, scope_of):
    scope = scope_of(own_cluster, "admin")
    with recorded(scope.actor, "channel.ban", Target("channel", "2/team"), "spam", cluster="own"):
        pass
    page = client_of(own_cluster, "moderator").get(URL)
    assert "channel.ban" not in text_of(page)
    assert "Your last actions here" in text_of(page)
