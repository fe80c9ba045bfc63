"""Pages of exports: the form and what it would take, the list, one export, its file."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imadmin.archive import exports
from imadmin.archive.models import Export
from imadmin.audit.models import AuditEntry
from imadmin.clusters.models import Grant
from imadmin.jobs import exports as jobs
from imadmin.jobs.models import JobRun
from tests.archive.saved_stage import Talk

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any, str], Any]
AT = "/c/demo/messages/exports/"
WISH = {"q": "退款", "format": "csv", "reason": "for the authorities"}


@pytest.fixture
def talk(cluster: Any) -> Talk:
    made = Talk(cluster)
    made.say("退款 1", "hello", "退款 2")
    return made


@pytest.fixture
def asked(work_off: Callable[[], int]) -> Callable[..., Export]:
    """asked(client) posts the form, lets the job run, and returns the export."""

    def make(client: Any, *, run: bool = True, **wish: str) -> Export:
        answer = client.post(AT, WISH | wish)
        assert answer.status_code == 303, answer.content.decode()
        if run:
            work_off()
        found = re.search(r"exports/([^/]+)/$", answer["Location"])
        assert found
        return Export.objects.get(pk=found[1])

    return make


def test_the_form_says_what_it_would_take_before(cluster: Any, client_of: ClientOf, talk: Talk, settings: Any) -> None:
    settings.EXPORT_ROWS = 1
    page = client_of(cluster, "moderator").get(f"{AT}?q=退款").content.decode()
    assert "2 messages match now" in page and "at most the newest 1" in page and "Bodies are in it" in page
    assert "退款</textarea>" in page
    assert "Bodies are masked in it" in client_of(cluster, "admin").get(f"{AT}?q=退款").content.decode()


def test_a_query_that_can_not_be_read_is_said_beside_its_field(cluster: Any, client_of: ClientOf, talk: Talk) -> None:
    client = client_of(cluster, "moderator")
    for answer in (client.get(f"{AT}?q=((x"), client.post(AT, WISH | {"q": "((x"})):
        page = answer.content.decode()
        assert answer.status_code == 422 and "((x</textarea>" in page and "parenthesis" in page
    page = client.get(f"{AT}?q=((x").content.decode()
    assert "Say why" not in page, "nobody was asked for a reason yet"
    assert "Say why" in client.post(AT, WISH | {"reason": ""}).content.decode()
    assert not Export.objects.exists()


def test_from_the_form_to_the_file(cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]) -> None:
    client = client_of(cluster, "moderator")
    row = asked(client, run=False)
    page = client.get(f"{AT}{row.pk}/").content.decode()
    assert "Waiting" in page and 'data-live="jobs"' in page and "Stop" in page and f"{row.pk}/file" not in page
    again = client.post(AT, WISH)
    assert again["Location"].endswith(f"/{row.pk}/") and Export.objects.count() == 1


def test_the_file_is_sent_and_never_kept(
    cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]
) -> None:
    client = client_of(cluster, "moderator")
    row = asked(client, has_bom="on")
    page = client.get(f"{AT}{row.pk}/").content.decode()
    assert "Ready" in page and f"{AT}{row.pk}/file" in page and 'data-live="jobs"' not in page
    assert f"{AT}{row.pk}/file" in client.get(AT).content.decode()

    answer = client.get(f"{AT}{row.pk}/file")
    body = b"".join(answer.streaming_content)
    assert body.startswith(b"\xef\xbb\xbftime,") and body.decode().count("退款") == 2
    assert answer["Cache-Control"] == "no-store" and answer["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(r'attachment; filename="messages-demo-\d{8}-\d{6}\.csv"', answer["Content-Disposition"])
    assert int(answer["Content-Length"]) == len(body)
    assert AuditEntry.objects.filter(action="message.export_fetch").count() == 1


def test_the_list_goes_on_by_pages_until_the_last(cluster: Any, client_of: ClientOf, talk: Talk) -> None:
    client = client_of(cluster, "moderator")
    kept(cluster, exports.PAGE_SIZE + 3)
    seen, at = [], AT
    for size in (exports.PAGE_SIZE, 3):
        page = client.get(at).content.decode()
        rows = re.findall(r'<th scope="row"[^>]*>.*?exports/([^/"]+)/"', page)
        assert len(rows) == size
        seen += rows
        (at,) = re.findall(r'href="(\?[^"]*cursor=[^"]+)" rel="next"', page) or [""]
        at = AT + at.replace("&amp;", "&") if at else ""
    assert at == "" and len(set(seen)) == len(seen) and seen == sorted(seen, reverse=True)
    assert "First page" in page
    broken = client.get(f"{AT}?cursor=nonsense")
    assert broken.status_code == 422


def kept(cluster: Any, count: int) -> None:
    """Exports of the moderator, all of the same moment."""
    moderator, at = client_user("moderator"), datetime.now(UTC) - timedelta(hours=1)
    Export.objects.bulk_create(
        Export(id=f"{number:016x}", cluster=cluster, owner=moderator, query="", zone="UTC", format="csv", up_to_rid=1,
               cap=1, reason="x", state="ready")
        for number in range(count)
    )  # fmt: skip
    Export.objects.update(created_at=at)


def test_nobody_elses_file(cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]) -> None:
    row = asked(client_of(cluster, "moderator"))
    admin = client_of(cluster, "admin")
    page = admin.get(AT).content.decode()
    assert "moderator" in page and f"{AT}{row.pk}/file" not in page
    assert admin.get(f"{AT}{row.pk}/file").status_code == 403
    assert client_of(cluster, "support").get(f"{AT}{row.pk}/file").status_code == 403
    assert client_of(cluster, "stranger").get(f"{AT}{row.pk}/file").status_code == 404
    Grant.objects.create(user=client_user("support"), cluster=cluster, role="moderator")
    assert client_of(cluster, "support").get(f"{AT}{row.pk}/file").status_code == 404


def client_user(name: str) -> Any:
    from imadmin.accounts.models import User

    return User.objects.get(username=name)


def test_a_lost_right_and_a_time_that_is_over_close_the_file(
    cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]
) -> None:
    client = client_of(cluster, "moderator")
    row = asked(client)
    Export.objects.filter(pk=row.pk).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert client.get(f"{AT}{row.pk}/file").status_code == 404
    assert "Expired" in client.get(f"{AT}{row.pk}/").content.decode()
    Export.objects.filter(pk=row.pk).update(expires_at=datetime.now(UTC) + timedelta(hours=1))
    moderator = client_user("moderator")
    Grant.objects.filter(user=moderator).delete()
    Grant.objects.create(user=moderator, cluster=cluster, role="admin")
    assert client.get(f"{AT}{row.pk}/file").status_code == 403
    page = client.get(f"{AT}{row.pk}/").content.decode()
    assert "your role changed" in page and f"{row.pk}/file" not in page


def test_switched_off_nothing_is_offered(
    cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export], settings: Any
) -> None:
    client = client_of(cluster, "moderator")
    row = asked(client)
    settings.EXPORTS_ALLOWED = False
    for answer in (client.get(AT), client.post(AT, WISH), client.get(f"{AT}{row.pk}/file")):
        assert answer.status_code == 403 and "switched off" in answer.content.decode()
        assert "Exports are off here" in answer.content.decode() and "Your role" not in answer.content.decode()
    assert "Export" not in client.get("/c/demo/messages/?q=from:ann").content.decode()


def test_stopping_and_deleting(cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]) -> None:
    client = client_of(cluster, "moderator")
    row = asked(client, run=False)
    assert client.post(f"{AT}{row.pk}/delete/").status_code == 409
    assert client.post(f"{AT}{row.pk}/stop/").status_code == 303
    assert "Stopped" in client.get(f"{AT}{row.pk}/").content.decode()
    assert client.post(f"{AT}{row.pk}/stop/").status_code == 409
    assert client.post(f"{AT}{row.pk}/delete/").status_code == 303 and not Export.objects.exists()


def test_a_failed_one_says_why_and_offers_another_go(
    cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]
) -> None:
    client = client_of(cluster, "moderator")
    row = asked(client, run=False)
    JobRun.objects.filter(pk=row.job_run).update(state="lost")
    page = client.get(f"{AT}{row.pk}/").content.decode()
    assert "Failed" in page and jobs.LOST in page and "Export again" in page


def test_the_list_follows_by_itself(
    cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]
) -> None:
    client = client_of(cluster, "moderator")
    asked(client)
    part = client.get(AT, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="rows").content.decode()
    assert "<html" not in part and 'id="rows"' in part and "Ready" in part


def test_three_at_once_is_a_sentence(
    cluster: Any, client_of: ClientOf, talk: Talk, asked: Callable[..., Export]
) -> None:
    client = client_of(cluster, "moderator")
    for number in range(exports.AT_ONCE):
        asked(client, run=False, q=f"from:u{number}")
    answer = client.post(AT, WISH)
    assert answer.status_code == 409 and "3 exports waiting or running" in answer.content.decode()
