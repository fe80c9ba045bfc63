"""The tail's page and the rows its script asks for: complete without script, rights at each question, nothing kept."""

import re
from datetime import UTC, datetime

import pytest

from imadmin.archive.models import Archive
from tests.archive.filling import Filling, quiet_cluster
from tests.web.asking import htmx

PAGE, ROWS = "/c/own/tail/", "/c/own/tail/rows/"


@pytest.fixture
def filling(db):
    return Filling(quiet_cluster())


@pytest.fixture
def moderator(filling, client_of):
    return client_of(filling.cluster, "moderator")


def mark_of(reply):
    return int(re.search(r'data-mark="(\d+)"', reply.content.decode()).group(1))


def rows_of(reply):
    return re.findall(r'<tr id="r(\d+)"', reply.content.decode())


def test_the_page_is_complete_without_script_and_follows_the_archive(filling, moderator):
    filling.put("hello <b>there</b>", uid="anna")
    reply = moderator.get(PAGE)
    page = reply.content.decode()
    assert reply.status_code == 200
    assert "hello &lt;b&gt;there&lt;/b&gt;" in page
    assert 'data-live="archive"' in page
    assert 'aria-current="page"' in page
    assert "js/tail.js" in page
    assert "<noscript>" in page


def test_rows_since_the_mark_come_as_a_part_that_nobody_may_keep(filling, moderator):
    filling.put("old", ago=60)
    mark = mark_of(moderator.get(PAGE))
    filling.put("brand new", ago=1)
    reply = moderator.get(ROWS, {"q": "", "after": mark, "have": "0"}, headers=htmx())
    assert "brand new" in reply.content.decode()
    assert "no-store" in reply["Cache-Control"]
    assert len(rows_of(reply)) == 1
    assert mark_of(reply) > mark
    assert "<html" not in reply.content.decode()


def test_rows_the_page_has_are_not_sent_again(filling, moderator):
    filling.put("a", ago=5)
    first = moderator.get(PAGE)
    mark, (rid,) = mark_of(first), rows_of(first)
    assert int(rid) == mark
    assert len(rows_of(moderator.get(ROWS, {"after": mark}, headers=htmx()))) == 1
    assert rows_of(moderator.get(ROWS, {"after": mark, "have": "0"}, headers=htmx())) == []


def test_what_finds_no_room_is_counted(filling, moderator):
    filling.put("a", ago=60)
    mark = mark_of(moderator.get(PAGE))
    filling.put_all((f"m{number}", {"ago": 20}) for number in range(512))
    reply = moderator.get(ROWS, {"after": mark}, headers=htmx())
    assert len(rows_of(reply)) == 200
    assert 'data-left="312"' in reply.content.decode()


def test_paused_it_tells_a_number_and_no_words(filling, moderator):
    filling.put("a", ago=60)
    mark = mark_of(moderator.get(PAGE))
    filling.put("secret", ago=1)
    reply = moderator.get(ROWS, {"after": mark, "count": "1"}, headers=htmx())
    assert reply.json() == {"count": 1, "more": False, "word": "Resume, 1 waiting"}
    assert "no-store" in reply["Cache-Control"]


@pytest.mark.parametrize("role", ["admin", "support"])
def test_bodies_are_masked_by_role_on_the_page_and_in_the_rows(filling, client_of, role):
    message = filling.put("secret words", ago=1)
    client = client_of(filling.cluster, role)
    for address, query in ((PAGE, {}), (ROWS, {"after": 0})):
        page = client.get(address, query, headers=htmx() if address == ROWS else {}).content.decode()
        assert "secret" not in page
        assert "12 characters" in page
        assert (f"/c/own/m/{message}/#reveal" in page) is (role == "admin")


def test_a_query_that_cannot_be_read_is_pointed_at(filling, moderator):
    reply = moderator.get(PAGE, {"q": "form:anna hello"})
    page = reply.content.decode()
    assert reply.status_code == 422
    assert '<mark class="fault-at">form:</mark>' in page
    assert "Character 1." in page
    assert 'value="form:anna hello"' in page
    assert 'aria-invalid="true"' in page
    assert moderator.get(ROWS, {"q": "form:anna"}, headers=htmx()).status_code == 422


def test_the_box_is_the_one_of_the_search_and_stays_on_the_tail(filling, moderator):
    filling.put("hello there", uid="anna")
    page = moderator.get(PAGE, {"q": "from:anna -type:image hello"}).content.decode()
    assert 'data-chip="from:anna"' in page and 'data-chip="-type:image"' in page
    assert 'href="/c/own/tail/?q=-type%3Aimage+hello"' in page
    assert 'hx-get="/c/own/messages/suggest/"' in page
    assert 'role="option"' in page
    assert 'hx-target="#search"' not in page


def test_without_script_chips_and_words_are_one_query(filling, moderator):
    filling.put("hello there", uid="anna")
    filling.put("hello you", uid="bert")
    page = moderator.get(PAGE, {"q": ["from:anna", "hello"]}).content.decode()
    assert "there" in page and "hello you" not in page
    assert 'data-q="from:anna hello"' in page


def test_words_need_a_right_to_bodies(filling, client_of):
    support = client_of(filling.cluster, "support")
    assert support.get(PAGE, {"q": "secret"}).status_code == 422
    assert support.get(ROWS, {"q": "secret", "after": 0, "count": 1}).status_code == 422
    assert support.get(PAGE, {"q": "from:anna"}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"after": "x"}, {"after": "9" * 30}, {"after": "-1"}, {"after": "1", "floor": "y"}, {"have": "zz.!!.zzzzzzzzzzzzzzzz"},
        {"after": "5", "have": "." * 2000}, {"q": "\0"}, {"q": "x" * 13_000}, {"q": "(" * 500},
    ],
)  # fmt: skip
def test_nonsense_in_the_address_is_no_error_of_ours(filling, moderator, query):
    filling.put("a")
    assert moderator.get(ROWS, query, headers=htmx()).status_code in (200, 422)
    assert moderator.get(PAGE, query).status_code in (200, 422)


def test_an_archive_that_is_off_is_said_to_bring_nothing_new(filling, moderator):
    assert "nothing new comes" in moderator.get(PAGE).content.decode()


def test_a_person_and_a_channel_lead_to_their_tail(filling, scope_of):
    from imadmin.gateway.types import ChannelRef
    from imadmin.web.views.tail import tail_url

    scope = scope_of(filling.cluster, "support")
    assert tail_url(scope, uid="anna") == "/c/own/tail/?q=from%3Aanna"
    assert tail_url(scope, uid="an na") == "/c/own/tail/?q=from%3A%22an+na%22"
    assert tail_url(scope, channel=ChannelRef("team", 2)) == "/c/own/tail/?q=in%3Agroup%3Ateam"
    assert tail_url(scope_of(filling.cluster, "viewer"), uid="anna") == ""


@pytest.mark.parametrize("uid", ['we"ird', "a b", "中文", "x:y", "\u202eabc", "a*"])
def test_odd_ids_survive_the_way_into_the_query(filling, scope_of, client_of, uid):
    from imadmin.gateway.types import ChannelRef
    from imadmin.web.views.tail import tail_url

    filling.put("found me", uid=uid, channel=uid, ago=2)
    scope, client = scope_of(filling.cluster, "moderator"), client_of(filling.cluster, "moderator")
    for url in (tail_url(scope, uid=uid), tail_url(scope, channel=ChannelRef(uid, 2))):
        reply = client.get(url)
        assert reply.status_code == 200
        assert "found me" in reply.content.decode()


def test_when_the_webhook_last_told_something_is_told_again_with_the_rows(filling, moderator):
    filling.put("old", ago=60)
    mark = mark_of(moderator.get(PAGE))
    Archive.objects.update_or_create(pk=filling.cluster.pk, defaults={"is_on": True, "feed_seen_at": datetime.now(UTC)})
    reply = moderator.get(ROWS, {"after": mark}, headers=htmx())
    assert "data-tail-source" in reply.content.decode() and "The webhook told a message" in reply.content.decode()


def test_a_message_of_a_clock_that_was_ahead_says_so(filling, moderator):
    filling.put("from tomorrow", ago=-100_000)
    assert "clock was ahead" in moderator.get(PAGE).content.decode()
