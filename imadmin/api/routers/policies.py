"""Cleanup policies of a cluster, and the holds that keep them away from users and channels."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import Router, Status

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import paged
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import Paged, ReasonIn, problems
from imadmin.api.schemas.policies import (
    BegunRunOut,
    HoldIn,
    HoldOut,
    KindOut,
    PolicyChangeIn,
    PolicyIn,
    PolicyOut,
    SwitchIn,
)  # fmt: skip
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.gateway.types import now
from imadmin.jobs.policy import actions, queries
from imadmin.jobs.policy.kinds import KINDS

router = Router()
READS = problems(401, 403, 404)
WRITES = problems(401, 403, 404, 409, 422)


def _enter(request: HttpRequest, slug: str) -> Scope:
    return access.enter(request, slug, Permission.MANAGE_POLICIES)


def _out(scope: Scope, policy_id: int) -> PolicyOut:
    return PolicyOut.of(queries.policy(scope, policy_id)[0])


@router.get(
    "/policies", response={200: Paged[PolicyOut], **READS}, operation_id="list_policies", summary="Cleanup policies"
)
def list_policies(request: HttpRequest, slug: SlugPath) -> HttpResponse:
    """Needs `view`."""
    return paged(queries.policies(access.enter(request, slug)), PolicyOut.of, next_cursor="", as_of=now())


@router.get(
    "/policies/kinds",
    response={200: list[KindOut], **READS},
    operation_id="list_policy_kinds",
    summary="Kinds of policy and their settings",
)
def list_policy_kinds(request: HttpRequest, slug: SlugPath) -> list[KindOut]:
    """Needs `view`."""
    access.enter(request, slug)
    return [
        KindOut(
            kind=kind.name,
            title=gettext(kind.title),
            settings=[{"name": s.name, "least": s.least, "most": s.most, "default": s.default} for s in kind.settings],
        )
        for kind in KINDS.values()
    ]


@router.post(
    "/policies",
    response={201: PolicyOut, **WRITES},
    operation_id="create_policy",
    summary="Make a policy, switched off",
)
def create_policy(request: HttpRequest, slug: SlugPath, body: PolicyIn) -> Status[PolicyOut]:
    """Needs `manage-policies`. Simulate it, then switch it on."""
    scope = _enter(request, slug)
    made = actions.create(scope, body.wanted(body.kind), reason=body.reason)
    return Status(201, _out(scope, made.pk))


@router.get(
    "/policies/{int:policy_id}", response={200: PolicyOut, **READS}, operation_id="get_policy", summary="One policy"
)
def get_policy(request: HttpRequest, slug: SlugPath, policy_id: int) -> PolicyOut:
    """Needs `view`."""
    return _out(access.enter(request, slug), policy_id)


@router.put(
    "/policies/{int:policy_id}",
    response={200: PolicyOut, **WRITES},
    operation_id="change_policy",
    summary="Change a policy's settings",
)
def change_policy(request: HttpRequest, slug: SlugPath, policy_id: int, body: PolicyChangeIn) -> PolicyOut:
    """Needs `manage-policies`. Other settings switch it off until it is simulated again."""
    scope = _enter(request, slug)
    actions.change(scope, policy_id, body.wanted(), reason=body.reason)
    return _out(scope, policy_id)


@router.post(
    "/policies/{int:policy_id}/switch",
    response={200: PolicyOut, **WRITES},
    operation_id="switch_policy",
    summary="Switch a policy on or off",
)
def switch_policy(request: HttpRequest, slug: SlugPath, policy_id: int, body: SwitchIn) -> PolicyOut:
    """Needs `manage-policies`. 409 when it was not simulated as it is now."""
    scope = _enter(request, slug)
    actions.switch(scope, policy_id, on=body.enabled, reason=body.reason)
    return _out(scope, policy_id)


@router.post(
    "/policies/{int:policy_id}/delete",
    response={204: None, **WRITES},
    operation_id="delete_policy",
    summary="Delete a policy and its schedule",
)
def delete_policy(request: HttpRequest, slug: SlugPath, policy_id: int, body: ReasonIn) -> Status[None]:
    """Needs `manage-policies`. By POST, since a reason is asked for."""
    actions.delete(_enter(request, slug), policy_id, reason=body.reason)
    return Status(204, None)


@router.post(
    "/policies/{int:policy_id}/simulate",
    response={202: BegunRunOut, **WRITES},
    operation_id="simulate_policy",
    summary="List and count what a policy would touch",
)
def simulate_policy(request: HttpRequest, slug: SlugPath, policy_id: int) -> Status[BegunRunOut]:
    """Needs `manage-policies`. Touches nothing."""
    return Status(202, BegunRunOut(run=actions.simulate(_enter(request, slug), policy_id).pk))


@router.post(
    "/policies/{int:policy_id}/run",
    response={202: BegunRunOut, **WRITES},
    operation_id="run_policy",
    summary="Run a policy once, now",
)
def run_policy(request: HttpRequest, slug: SlugPath, policy_id: int, body: ReasonIn) -> Status[BegunRunOut]:
    """Needs `manage-policies`. 409 when it was not simulated as it is now, or runs already."""
    run = actions.run_now(_enter(request, slug), policy_id, reason=body.reason)
    return Status(202, BegunRunOut(run=run.pk))


@router.get("/holds", response={200: Paged[HoldOut], **READS}, operation_id="list_holds", summary="Holds in force")
def list_holds(request: HttpRequest, slug: SlugPath) -> HttpResponse:
    """Needs `view`. No policy touches these."""
    return paged(queries.holds(access.enter(request, slug)), HoldOut.of, next_cursor="", as_of=now())


@router.post(
    "/holds",
    response={201: HoldOut, **WRITES},
    operation_id="add_hold",
    summary="Keep every policy away from a user or a channel",
)
def add_hold(request: HttpRequest, slug: SlugPath, body: HoldIn) -> Status[HoldOut]:
    """Needs `manage-policies`."""
    return Status(201, HoldOut.of(actions.hold(_enter(request, slug), reason=body.reason, **body.wanted())))


@router.post(
    "/holds/{int:hold_id}/lift", response={204: None, **WRITES}, operation_id="lift_hold", summary="Lift a hold"
)
def lift_hold(request: HttpRequest, slug: SlugPath, hold_id: int, body: ReasonIn) -> Status[None]:
    """Needs `manage-policies`."""
    actions.lift_hold(_enter(request, slug), hold_id, reason=body.reason)
    return Status(204, None)
