"""The pages of cleanup policies and holds."""

from typing import Any

import pytest
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule

from imadmin.core.aio import run
from imadmin.gateway.types import ChannelFlags, ChannelRef
from imadmin.jobs import work
from imadmin.jobs.models import Hold, JobRun, Policy

pytestmark = pytest.mark.django_db
CLOSED = ChannelRef("g-closed", 2)
GIVEN = {"set_days": "0", "every": "daily", "time": "04:30", "cap": "100", "stop_above": "100", "reason": "old groups"}


@pytest.fixture
def client(own_cluster: Any, client_of: Any, scope_of: Any) -> Any:
    run(scope_of(own_cluster, "admin").gateway.create_channel(CLOSED, ChannelFlags(disband=True), ["ann", "ben"]))
    return client_of(own_cluster, "admin")


def at(name: str, *args: object) -> str:
    return reverse(name, args=["own", *args])


def text(answer: Any) -> str:
    return answer.content.decode()


def made(client: Any) -> Policy:
    answer = client.post(at("job-policy-new", "disbanded-members"), GIVEN)
    assert answer.status_code == 303, text(answer)
    return Policy.objects.get(kind="disbanded-members")


def carried_out() -> JobRun:
    row = JobRun.objects.get(state="queued")
    work.execute(row.pk)
    row.refresh_from_db()
    return row


def test_a_policy_is_made_simulated_switched_on_and_run(client: Any) -> None:
    policy = made(client)
    page = at("job-policy", policy.pk)
    assert "To be simulated" in text(client.get(page)) and "Run now" not in text(client.get(page))
    assert client.post(at("job-policy-simulate", policy.pk)).status_code == 303
    carried_out()
    shown = text(client.get(page))
    assert "ann · 2/g-closed" in shown and "<b>2</b> memberships" in shown and "daily at 04:30" in shown
    assert "Switch this policy on?" in text(client.get(at("job-policy-on", policy.pk)))
    client.post(at("job-policy-on", policy.pk), {"reason": "looks right"})
    policy.refresh_from_db()
    assert policy.is_enabled
    client.post(at("job-policy-run", policy.pk), {"reason": "old groups"})
    assert carried_out().result["done"] == 2
    assert "2 done of 2 found" in text(client.get(page))


def test_its_settings_come_back_into_the_form(client: Any) -> None:
    policy = made(client)
    form = text(client.get(at("job-policy-edit", policy.pk)))
    assert 'value="04:30"' in form and '<option value="daily" selected' in form.replace("  ", " ")
    answer = client.post(at("job-policy-edit", policy.pk), {**GIVEN, "set_days": "9"})
    assert answer.status_code == 303
    policy.refresh_from_db()
    assert policy.params == {"days": 9}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"set_days": "soon"}, "Enter a whole number"),
        ({"set_days": "-1"}, "greater than or equal to 0"),
        ({"time": "25:99"}, "Write a time like"),
        ({"cap": ""}, "required"),
        ({"reason": ""}, "Say why"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_made(
    client: Any, wrong: dict[str, str], word: str
) -> None:
    answer = client.post(at("job-policy-new", "disbanded-members"), GIVEN | wrong)
    assert answer.status_code == 422 and word in text(answer) and 'name="stop_above" value="100"' in text(answer)
    assert not Policy.objects.filter(kind="disbanded-members").exists()


def test_what_the_server_can_not_do_is_said(client: Any) -> None:
    assert "no way to delete messages or channels" in text(client.get(at("jobs")))


def test_a_hold_is_made_and_lifted(client: Any) -> None:
    assert client.post(at("job-hold"), {"uid": "ann", "reason": "case 5512"}).status_code == 303
    assert "case 5512" in text(client.get(at("jobs")))
    both = client.post(at("job-hold"), {"uid": "ann", "channel": "g", "reason": "case 5512"})
    assert both.status_code == 422 and "Give a uid or a channel" in text(both)
    held = Hold.objects.get()
    assert "Lift this hold?" in text(client.get(at("job-hold-lift", held.pk)))
    client.post(at("job-hold-lift", held.pk), {"reason": "closed"})
    held.refresh_from_db()
    assert held.lifted_at is not None


def test_a_viewer_sees_them_and_can_not_change_them(client: Any, own_cluster: Any, client_of: Any) -> None:
    policy = made(client)
    viewer = client_of(own_cluster, "viewer")
    page = text(viewer.get(at("job-policy", policy.pk)))
    assert "Simulate</button>" not in page
    for url in (at("job-policy-run", policy.pk), at("job-hold"), at("job-policy-new", "disbanded-members")):
        assert viewer.get(url).status_code == 403
    assert viewer.post(at("job-policy-simulate", policy.pk)).status_code == 403


def test_a_kind_that_is_not_there_is_not_found(client: Any) -> None:
    assert client.get(at("job-policy-new", "everything")).status_code == 404
    assert client.get(at("job-policy-new", "samples")).status_code == 404
    assert client.get(at("job-policy", 99)).status_code == 404


def test_a_schedule_that_only_its_fields_can_tell_is_shown_and_kept(client: Any) -> None:
    policy = made(client)
    assert policy.schedule is not None
    CrontabSchedule.objects.filter(pk=policy.schedule.crontab_id).update(
        minute="0,30", hour="*/6", timezone="Asia/Shanghai"
    )
    assert "0,30 */6 * * * (Asia/Shanghai)" in text(client.get(at("jobs")))
    form = text(client.get(at("job-policy-edit", policy.pk)))
    assert '<option value="as-it-is" selected' in form and "as it is: 0,30 */6 * * *" in form
    client.post(at("job-policy-edit", policy.pk), {**GIVEN, "every": "as-it-is", "cap": "50"})
    policy.refresh_from_db()
    assert (policy.cap, policy.schedule.crontab.hour) == (50, "*/6")
    assert str(policy.schedule.crontab.timezone) == "Asia/Shanghai"


def test_who_changes_a_policy_from_elsewhere_does_not_move_its_hour(client: Any) -> None:
    policy = made(client)
    assert policy.schedule is not None
    CrontabSchedule.objects.filter(pk=policy.schedule.crontab_id).update(timezone="Asia/Shanghai")
    assert "time of Asia/Shanghai" in text(client.get(at("job-policy-edit", policy.pk)))
    client.post(at("job-policy-edit", policy.pk), {**GIVEN, "cap": "50"})
    policy.refresh_from_db()
    assert (policy.schedule.crontab.hour, str(policy.schedule.crontab.timezone)) == ("4", "Asia/Shanghai")
