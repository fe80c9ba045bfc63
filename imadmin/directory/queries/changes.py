"""A change of a list that goes on beside its request, found by its id alone."""

from dataclasses import dataclass

from imadmin.clusters.access import Scope
from imadmin.core.errors import NotFound
from imadmin.directory import plans
from imadmin.directory.actions.lists import ACTIONS, ListChange
from imadmin.directory.models import Plan
from imadmin.directory.plans import NO_SUCH, Progress
from imadmin.gateway.types import ChannelRef


@dataclass(frozen=True, slots=True)
class LongChange:
    id: str
    change: ListChange
    progress: Progress


def long_change(scope: Scope, plan_id: str) -> LongChange:
    """Raises NotFound, Forbidden for who may not make such a change."""
    plan = Plan.objects.filter(pk=plan_id, cluster=scope.cluster).first()
    known = next((key for key, action in ACTIONS.items() if plan and action == plan.action), None)
    if plan is None or known is None:
        raise NotFound(NO_SUCH)
    type_text, _, channel_id = plan.target.partition("/")
    change = ListChange(ChannelRef(channel_id, int(type_text)), *known)
    scope.require(change.permission, change.channel)
    return LongChange(plan.pk, change, plans.progress(scope, plan.pk, plan.action, plan.target))
