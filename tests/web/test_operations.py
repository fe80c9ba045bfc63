"""Operations on pages: the plan and its form, progress, result, what happens without JavaScript and to who may not."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from imadmin.clusters.models import Cluster
from imadmin.jobs.models import JobRun
from imadmin.jobs.work import execute
from imadmin.monitor.actions import kick, moves, operations
from imadmin.monitor.models import Operation
from imadmin.simulator import SimulatedCluster
from tests.monitor.operation_stage import *  # noqa: F403
from tests.monitor.operation_stage import carry_out, fates, kicks, listed, planned_kick, put_crowd, rows_of

pytestmark = pytest.mark.django_db

HX = {"HX-Request": "true"}


@pytest.fixture
def admin(client_of: Any, op_cluster: Any) -> Client:
    client: Client = client_of(op_cluster, "admin")
    return client


def url(name: str, draft: Operation) -> str:
    return reverse(name, args=["ops", draft.pk])


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def test_a_plan_shows_what_changes_and_what_to_expect(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 30)
    draft = planned_kick(scope, "idle:>10m")

    page = text_of(admin.get(url("operation", draft)))

    assert "Kick 30 sessions" in page and "idle:>10m" in page
    assert "Nothing has changed yet" in page and "20 of 30 shown" in page
    assert "node 1001 <b>10</b>" in page and "<b>30</b>" in page
    assert "Sockets stay open for some minutes, as ghosts" in page
    assert 'aria-current="step"><span>2</span>Review the plan' in page
    assert kicks(op_sim) == 0
    rest = text_of(admin.get(url("operation", draft) + "?all=1"))
    assert rest.count("detached</ins>") == 30


def test_applying_starts_a_job_that_does_it_and_the_page_tells_the_result(
    admin: Client, scope: Any, op_sim: SimulatedCluster
) -> None:
    put_crowd(op_sim, 12)
    draft = planned_kick(scope)

    answer = admin.post(
        url("operation-apply", draft), {"hash": draft.state_hash, "reason": "half-open", "per_second": "100"}
    )

    assert (answer.status_code, answer["Location"]) == (303, url("operation", draft))
    run = JobRun.objects.get(job="operation.run")
    assert (run.params, run.actor) == ({"operation": draft.pk}, "admin")
    waits = text_of(admin.get(url("operation", draft)))
    assert "Waits for a worker" in waits and "“half-open”" in waits
    assert f'data-live="operation-{draft.pk}"' in waits

    assert execute(run.pk)
    over = text_of(admin.get(url("operation", draft)))
    assert "Gone, verified" in over and ">12</a>" in over and "data-live=" not in over
    assert listed(op_sim) == 0
    run.refresh_from_db()
    assert (run.state, run.result["state"], run.result["done"]) == ("done", "done", 12)
    assert run.result["params"] == {"handled": 12, "left": 0}


def test_a_form_with_a_mistake_keeps_what_was_typed_and_changes_nothing(
    admin: Client, scope: Any, op_sim: SimulatedCluster
) -> None:
    put_crowd(op_sim, 2)
    draft = planned_kick(scope)

    answer = admin.post(url("operation-apply", draft), {"hash": draft.state_hash, "reason": "", "per_second": "900"})
    assert answer.status_code == 422
    assert "Choose a pace from 1 to 100 a second." in text_of(answer) and 'value="900"' in text_of(answer)
    answer = admin.post(url("operation-apply", draft), {"hash": draft.state_hash, "reason": "", "per_second": "5"})
    assert answer.status_code == 422 and "Say why" in text_of(answer)
    assert Operation.objects.get(pk=draft.pk).state == "planned"
    assert not JobRun.objects.exists()


def test_in_production_the_name_is_typed(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    Cluster.objects.filter(slug="ops").update(environment="production")
    put_crowd(op_sim, 2)
    draft = planned_kick(scope)
    typed = {"hash": draft.state_hash, "reason": "half-open", "per_second": "50"}

    assert "Apply on Production" in text_of(admin.get(url("operation", draft)))
    refused = admin.post(url("operation-apply", draft), {**typed, "confirm": "op"})
    assert refused.status_code == 422 and "type ops" in text_of(refused)
    assert admin.post(url("operation-apply", draft), {**typed, "confirm": "ops"}).status_code == 303


def test_pause_resume_and_stop_work_by_plain_forms(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 3)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="half-open")

    assert admin.post(url("operation-pause", draft)).status_code == 303
    assert carry_out(draft)["state"] == "paused"
    page = text_of(admin.get(url("operation", draft)))
    assert "Paused. What was sent is read back" in page and ">Resume</button>" in page

    assert admin.post(url("operation-resume", draft)).status_code == 303
    assert JobRun.objects.filter(params={"operation": draft.pk}).count() == 1
    assert admin.post(url("operation-stop", draft)).status_code == 303
    page = text_of(admin.get(url("operation", draft)))
    assert "Not attempted" in page and "Plan again for 3" in page
    assert fates(draft) == {"skipped": 3}
    assert admin.post(url("operation-stop", draft)).status_code == 409


def test_one_whose_process_fell_silent_is_shown_as_lost_and_resumed(
    admin: Client, scope: Any, op_sim: SimulatedCluster
) -> None:
    put_crowd(op_sim, 3)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="half-open")
    long_ago = draft.created_at - operations.SILENT_AFTER * 3
    Operation.objects.filter(pk=draft.pk).update(state="running", runner="dead", heartbeat_at=long_ago)

    page = text_of(admin.get(url("operation", draft)))
    assert (
        "Whoever carried it out fell silent." in page and ">Resume</button>" in page and ">Pause</button>" not in page
    )
    assert admin.post(url("operation-resume", draft)).status_code == 303
    run = JobRun.objects.get(job="operation.run")
    assert execute(run.pk)
    assert fates(draft) == {"done": 3}


def test_what_needs_a_look_is_shown_first_and_the_rest_by_filter(
    admin: Client, scope: Any, op_sim: SimulatedCluster
) -> None:
    put_crowd(op_sim, 4)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="half-open")
    carry_out(draft)
    draft.targets.filter(position=2).update(result="still", detail='[["Kicked %(tries)s times.", {"tries": 2}]]')

    page = text_of(admin.get(url("operation", draft)))
    assert "Needs a look 1" in page and "Kicked 2 times." in page and page.count("Gone, verified") == 1
    done = text_of(admin.get(url("operation", draft) + "?show=done", headers=HX))
    assert done.count("Gone, verified") == 4 and "<html" not in done
    assert admin.get(url("operation", draft) + "?show=nonsense").status_code == 422
    assert admin.get(url("operation", draft) + "?cursor=nonsense").status_code == 422


def test_the_file_holds_every_target_and_no_formula(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 2, uid="=1+{}")
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="half-open")
    carry_out(draft)

    answer = admin.get(url("operation-csv", draft))

    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("uid,node,id,device") and len(lines) == 3
    assert lines[1].startswith("'=1+") and ",done," in lines[1]
    assert "attachment" in answer["Content-Disposition"]


def test_hostile_ids_and_reasons_stay_text(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 1, uid='<script>alert("{}")</script>\u202e')
    draft = kick.plan(scope, rows_of(scope), "<b>all</b>")
    raw = admin.get(url("operation", draft)).content.decode()
    assert "<script>alert" not in raw and "<b>all</b>" not in raw and "U+202E" in raw
    operations.apply(scope, draft.pk, reason="<img src=x>")
    assert "<img src=x>" not in admin.get(url("operation", draft)).content.decode()
    carry_out(draft)
    assert "<script>alert" not in admin.get(url("operation", draft)).content.decode()


def test_a_plan_that_was_not_made_by_the_reader_has_no_form(
    client_of: Any, scope: Any, op_cluster: Any, op_sim: SimulatedCluster
) -> None:
    put_crowd(op_sim, 2)
    draft = planned_kick(scope)
    other = client_of(op_cluster, "support")

    assert "only admin may apply it" in text_of(other.get(url("operation", draft)))
    answer = other.post(url("operation-apply", draft), {"hash": draft.state_hash, "reason": "mine"})
    assert answer.status_code == 409
    assert "Kick 2 sessions" not in text_of(other.get(reverse("operations", args=["ops"])))
    assert "Kick 2 sessions" in text_of(client_of(op_cluster, "admin").get(reverse("operations", args=["ops"])))


def test_support_may_kick_and_not_move(client_of: Any, scope: Any, op_cluster: Any, op_sim: SimulatedCluster) -> None:
    support = client_of(op_cluster, "support")
    draft = moves.plan(scope, [(3, 0, other_node(op_sim, 3))])

    assert support.post(url("operation-apply", draft), {"hash": draft.state_hash, "reason": "x y"}).status_code == 403
    assert support.get(reverse("slot-move", args=["ops"])).status_code == 403


def test_a_plan_thrown_away_is_gone(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 2)
    draft = planned_kick(scope)

    assert admin.post(url("operation-discard", draft)).status_code == 303
    assert admin.get(url("operation", draft)).status_code == 404


def test_what_is_left_is_planned_again(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    put_crowd(op_sim, 5)
    draft = planned_kick(scope)
    operations.apply(scope, draft.pk, reason="half-open")
    operations.stop(scope, draft.pk)

    answer = admin.post(url("operation-again", draft))

    fresh = Operation.objects.exclude(pk=draft.pk).get()
    assert answer["Location"] == url("operation", fresh) and fresh.total == 5


# -- slots -------------------------------------------------------------------------------------------------------------


def other_node(sim: SimulatedCluster, slot: int) -> int:
    leader = sim.call(lambda state: state.topology.view.slots[slot].leader)
    return next(node for node in (1001, 1002, 1003) if node != leader)


def test_moving_slots_begins_with_a_form_and_leads_to_the_plan(admin: Client, op_sim: SimulatedCluster) -> None:
    target = other_node(op_sim, 3)

    assert admin.get(reverse("slot-move", args=["ops"])).status_code == 200
    answer = admin.post(reverse("slot-move", args=["ops"]), {"slot": "3", "from": "", "to": str(target)})

    draft = Operation.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, url("operation", draft))
    page = text_of(admin.get(url("operation", draft)))
    assert "Move 1 slot" in page and f"<ins>{target}</ins>" in page and "Leaders per node" in page


def test_moves_that_can_not_be_are_told_beside_the_field(admin: Client, op_sim: SimulatedCluster) -> None:
    for typed, said in (
        ({"slot": "3", "to": "4242"}, "no node 4242"),
        ({"slot": "abc", "to": "1001"}, "is no slot"),
        ({"slot": "5000", "to": "1001"}, "no slot 5000"),
        ({"slot": "1-99999", "to": "1001"}, "at most 1024"),
        ({"slot": "", "to": ""}, "at least one slot"),
    ):
        answer = admin.post(reverse("slot-move", args=["ops"]), typed)
        assert answer.status_code == 422 and said in text_of(answer), typed
    assert not Operation.objects.exists()


def test_some_moves_that_can_not_be_are_listed_as_left_out(admin: Client, op_sim: SimulatedCluster) -> None:
    target = other_node(op_sim, 3)
    admin.post(reverse("slot-move", args=["ops"]), {"slot": "3, 999", "to": str(target)})

    page = text_of(admin.get(url("operation", Operation.objects.get())))

    assert "Left out" in page and "The cluster has no slot 999." in page


def test_a_refused_plan_leads_to_the_new_one(admin: Client, scope: Any, op_sim: SimulatedCluster) -> None:
    from imadmin.core.aio import run

    op_sim.call(lambda state: setattr(state.moves, "balances", False))
    target = other_node(op_sim, 3)
    draft = moves.plan(scope, [(3, 0, target)])
    key = draft.targets.get().key
    third = next(node for node in (1001, 1002, 1003) if node not in (key["from"], target))
    run(scope.gateway.move_slot(3, key["from"], third))
    wait_for(lambda: op_sim.call(lambda state: state.topology.view.slots[3].leader) == third)  # noqa: F405

    answer = admin.post(url("operation-apply", draft), {"hash": draft.state_hash, "reason": "even out"}, follow=True)

    fresh = Operation.objects.get()
    assert fresh.pk != draft.pk and fresh.targets.get().key["from"] == third
    assert "The plan was refused, nothing was done" in text_of(answer)


def test_balancing_what_is_even_says_so(admin: Client, op_sim: SimulatedCluster) -> None:
    answer = admin.post(reverse("slot-balance", args=["ops"]), follow=True, headers={"referer": "/c/ops/operations/"})

    assert "no move would make them more even" in text_of(answer)


def test_a_cluster_that_does_not_answer_makes_no_plan(admin: Client, op_sim: SimulatedCluster) -> None:
    for node in (1001, 1002, 1003):
        op_sim.kill(node)

    answer = admin.post(reverse("slot-move", args=["ops"]), {"slot": "3", "to": "1001"})

    assert answer.status_code == 502
    assert not Operation.objects.exists()
