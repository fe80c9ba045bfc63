"""Slots: the map of all of them with one chosen beside it, and one slot by itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import NotFound
from imadmin.monitor import event_words
from imadmin.monitor import slots as queries
from imadmin.monitor.health_types import ClusterState, NodeState, SlotState
from imadmin.monitor.slots import OneSlot, SlotsView
from imadmin.web import respond
from imadmin.web.forms.slots import BY, MapForm
from imadmin.web.slot_words import SLOT_MEANS, SLOT_STATES, slot_status
from imadmin.web.views import slots_days, slots_show

LIST, PAGE = "pages/slots/list.html", "pages/slots/slot.html"


@require_GET
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    """The map of all slots; the chosen one, the shares of the nodes and what may be moved beside it."""
    scope = access.enter(request, slug)
    form = MapForm(request.GET)
    form.is_valid()
    view = queries.overview(scope)
    one = _chosen(scope, form, view)
    if respond.wants_fragment(request) and one and not form.errors:
        say = f"{_('Slot %(slot)s') % {'slot': one.slot.id}}: {SLOT_STATES[one.slot.state][1]}"
    else:
        say = ""
    context = {**list_context(scope, form, view), **(one_context(scope, one) if one else {})}
    status = 422 if form.errors.get("slot") else 200
    return respond.page_or_fragment(request, LIST, context, fragment="slots", say=say, status=status)


@require_GET
def slot(request: HttpRequest, slug: str, slot: int) -> HttpResponse:
    scope = access.enter(request, slug)
    one = queries.one(scope, slot)
    page = queries.history(scope, slot, cursor=request.GET.get("cursor", ""))
    context = {
        **one_context(scope, one),
        "history": slots_show.history_table(page.rows),
        "next_cursor": page.next_cursor,
    }
    return respond.page_or_fragment(request, PAGE, context, fragment="slot")


def _chosen(scope: Scope, form: MapForm, view: SlotsView) -> OneSlot | None:
    slot = form.cleaned_data.get("slot")
    if slot is None:
        return None
    try:
        return queries.one(scope, slot, among=view)
    except NotFound as error:
        form.add_error("slot", error.text(_))
        return None


def list_context(scope: Scope, form: MapForm, view: SlotsView) -> dict[str, Any]:
    by, led = form.chosen_by, form.cleaned_data.get("led")
    slot = form.cleaned_data.get("slot")
    everything = bool(form.cleaned_data.get("all"))
    unhealthy = len(view.unhealthy)
    return {
        **state_context(view.state),
        "form": form,
        "view": view,
        "ways": [(value, label, value == by) for value, label in BY],
        "by": by,
        "led": led,
        "map": slots_show.slot_map(scope, view, by=by, led=led, chosen=slot) if view.state.slots else None,
        "worst": _worst(view),
        "lost": view.counts[SlotState.NO_QUORUM] + view.counts[SlotState.LEADERLESS],
        "moving": view.counts[SlotState.MOVING],
        "share_rows": _share_rows(view),
        "unhealthy": unhealthy,
        "table": slots_show.unhealthy_table(scope, view, slots_show.since_by_slot(view), everything=everything),
        "shown": unhealthy if everything else min(unhealthy, slots_show.ROWS_SHOWN),
        "days": slots_days.chart(queries.days(scope)),
        "can_operate": scope.can(Permission.OPERATE_CLUSTER),
        "move_url": _url("slot-move", scope),
        "balance_url": _url("slot-balance", scope),
        "movable": _movable(view),
    }


def one_context(scope: Scope, one: OneSlot) -> dict[str, Any]:
    slot = one.slot
    can_hold = [goal for goal in one.holds if goal.is_possible]
    return {
        **state_context(one.state),
        "one": one,
        "told": [(row, event_words.words(row)) for row in one.events],
        "one_status": slot_status(slot.state),
        "one_means": SLOT_MEANS[slot.state],
        "one_also": [slot_status(problem) for problem in slot.problems if problem is not slot.state],
        "copies": slots_show.copies_table(one),
        "lead_goals": [(goal, slots_show.goal_why(goal)) for goal in one.leads],
        "hold_goals": one.holds,
        "can_lead": [goal for goal in one.leads if goal.is_possible],
        "can_hold": can_hold,
        "hold_from": list(dict.fromkeys(goal.source for goal in can_hold)),
        "hold_to": list(dict.fromkeys(goal.node for goal in can_hold)),
        "hold_why": list({goal.node: slots_show.goal_why(goal) for goal in one.holds if goal.why}.items()),
        "can_operate": scope.can(Permission.OPERATE_CLUSTER),
        "move_url": _url("slot-move", scope),
    }


def state_context(state: ClusterState) -> dict[str, Any]:
    return {
        "state": state,
        "as_of": state.as_of,
        "silent": [node for node in state.silent if node.state not in (NodeState.JOINING, NodeState.JOIN_STUCK)],
        "stale": state.is_stale(),
    }


def _worst(view: SlotsView) -> Any:
    """Beside the title: the worst that is true, with how many."""
    for state in SlotState:
        if state not in (SlotState.OK, SlotState.UNKNOWN) and view.counts[state]:
            return slot_status(state, view.counts[state])
    return slot_status(SlotState.OK) if view.state.slots else slot_status(SlotState.UNKNOWN)


def _share_rows(view: SlotsView) -> list[tuple[Any, float]]:
    """Each node's share with the length of its bar: the longest is the whole width."""
    most = max((share.led for share in view.shares), default=0)
    return [(share, share.led / most if most else 0.0) for share in view.shares]


def _movable(view: SlotsView) -> list[tuple[int, bool, str]]:
    """Nodes as targets of a move of several slots: (node, whether it is offered, why not)."""
    found = []
    for node in view.state.nodes:
        if not node.id or node.role == queries.PROXY:
            continue
        why = (
            ""
            if node.is_live and node.status == queries.JOINED
            else _("no answer")
            if not node.answers
            else _("not online")
        )
        found.append((node.id, not why, why))
    return found


def _url(name: str, scope: Scope) -> str:
    """ "" while this installation has no such page."""
    try:
        return reverse(name, args=[scope.slug])
    except NoReverseMatch:
        return ""
