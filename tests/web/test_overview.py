"""The overview page: who answers, who doesn't, what is known; it stands whatever the cluster does."""

import re

import pytest

from imadmin.audit.record import Target, recorded
from imadmin.core import crypto
from imadmin.directory.models import FlagRecord, Restriction
from tests.web.test_messages import HTMX, text_of

URL = "/c/own/"


@pytest.mark.parametrize("role", ["owner", "admin", "moderator", "support", "viewer"])
def test_every_role_sees_who_answers(own_cluster, client_of, role):
    page = client_of(own_cluster, role).get(URL)
    assert page.status_code == 200
    assert "All 3 nodes answer" in text_of(page)


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
    sim.kill(sim.nodes[1].id)
    page = client.get(URL)
    assert "2 of 3 nodes answer" in text_of(page)
    lost = re.search(r'<article class="panel node lost".*?</article>', page.content.decode(), re.DOTALL).group()
    assert str(sim.nodes[1].id) in lost
    assert "No answer" in lost and "unknown" in lost
    assert "Connections known: 0 on 2 of 3 nodes" in text_of(page)


@pytest.mark.parametrize("fault", ["kill", "hang", "html"])
def test_the_page_stands_when_the_cluster_doesnt(own_cluster, client_of, sim, fault):
    for node in sim.nodes:
        if fault == "html":
            sim.break_node(node.id, "html")
        else:
            getattr(sim, fault)(node.id)
    page = client_of(own_cluster, "viewer").get(URL)
    assert page.status_code == 200
    assert "No node answers" in text_of(page)
    assert "our own records" in text_of(page)


@pytest.mark.parametrize("secret", ["sealed_token", "sealed_jwt_password"])
def test_a_refused_sign_in_is_no_silence(own_cluster, client_of, secret):
    own_cluster.jwt_user = "admin"
    setattr(own_cluster, secret, crypto.seal("no"))
    own_cluster.save()
    client = client_of(own_cluster, "viewer")
    page = text_of(client.get(URL))
    assert "The nodes answer, but refuse our sign-in" in page and "No node answers" not in page
    assert ". What is below comes from our own records." in page and ".. What" not in page
    assert "Refused" in client.get(f"{URL}status/", headers=HTMX).content.decode()


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
