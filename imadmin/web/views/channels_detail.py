"""One channel: its lists, its place in the cluster, its history; and changing a list by preview and apply."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from imadmin.accounts.permissions import Permission
from imadmin.audit import queries as audit
from imadmin.audit.queries import AuditFilter
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.clusters.converters import ChannelConverter
from imadmin.core.errors import NotFound
from imadmin.core.outcomes import RESULT_WORDS, Outcomes, Result
from imadmin.directory import plans
from imadmin.directory.actions import lists
from imadmin.directory.actions.flags import why_no_flags
from imadmin.directory.actions.lists import ListChange, ListPlan, Verb, permission_for
from imadmin.directory.plans import StateMoved
from imadmin.directory.queries import channels, members
from imadmin.directory.queries.channels import UNCLOSABLE, UNGUARDED, ChannelPage
from imadmin.directory.queries.lists import ListName, why_without
from imadmin.directory.uids import read_uids
from imadmin.gateway.types import ChannelRef
from imadmin.web import cells, message_links, respond, states
from imadmin.web.forms.channels import ApplyForm, ListReasonForm, MembersForm, UidsForm
from imadmin.web.views import channels_cells
from imadmin.web.views.channels_cells import CHANGE_WORDS, LIST_WORDS, SENDING, quoted
from imadmin.web.views.tail import tail_url

DETAIL = "pages/channels/detail.html"
HISTORY_ROWS = 50


@require_safe
def first(request: HttpRequest, slug: str, channel: ChannelRef) -> HttpResponse:
    """The tab that matters first: members, or for a person's own entry who may not write to them."""
    is_inbox = channel.is_person and not channel.peers
    return list_tab(request, slug, channel, ListName.DENYLIST if is_inbox else ListName.MEMBERS)


@require_safe
def list_tab(request: HttpRequest, slug: str, channel: ChannelRef, name: ListName) -> HttpResponse:
    scope = access.enter(request, slug)
    wished = {key: request.GET[key] for key in ("uids", "verb") if key in request.GET}
    context = list_context(request, scope, channel, name) | {"uids_form": UidsForm(initial={"verb": "add", **wished})}
    return respond.page(request, DETAIL, context, status=_status(context))


@require_safe
def cluster_tab(request: HttpRequest, slug: str, channel: ChannelRef) -> HttpResponse:
    scope = access.enter(request, slug)
    context = shared_context(scope, channels.detail(scope, channel), "cluster")
    return respond.page(request, DETAIL, context, status=_status(context))


@require_safe
def history_tab(request: HttpRequest, slug: str, channel: ChannelRef) -> HttpResponse:
    scope = access.enter(request, slug)
    page = channels.detail(scope, channel)
    context = shared_context(scope, page, "history")
    if scope.can(Permission.VIEW_AUDIT):
        wanted = AuditFilter(clusters=(slug,), target_kind="channel", target=str(channel))
        rows = audit.page(wanted, cursor=request.GET.get("cursor", ""), limit=HISTORY_ROWS)
        nothing = states.empty(
            _("Nothing was done here from this dashboard"), _("Changes made elsewhere aren't known.")
        )
        context |= {"table": channels_cells.history_table(rows.rows, nothing), "next_cursor": rows.next_cursor}
    return respond.page(request, DETAIL, context, status=_status(context))


@require_POST
def preview(request: HttpRequest, slug: str, channel: ChannelRef, name: ListName) -> HttpResponse:
    """What a pasted or chosen list would change, kept as a plan; nothing is changed."""
    scope = access.enter(request, slug, permission_for(name))
    form = UidsForm(request.POST)
    change = ListChange(channel, name, _verb(request))
    plan = respond.attempt(form, lambda: lists.preview(scope, change, form.wanted()))
    part = {"uids_form": form, **(_plan_part(plan, ListReasonForm()) if plan else {})}
    return _answer(request, scope, change, part, fragment="change", status=200 if plan else 422)


@require_POST
def apply(request: HttpRequest, slug: str, channel: ChannelRef, name: ListName) -> HttpResponse:
    """Carry out a plan; refused with a new preview when the list has moved since."""
    scope = access.enter(request, slug, permission_for(name))
    form = ApplyForm(request.POST)
    change = ListChange(channel, name, _verb(request))
    if not form.is_valid() and set(form.errors) - {"reason", "ends", "until"}:
        return _answer(request, scope, change, {"uids_form": UidsForm(), "lost": True}, fragment="change", status=422)
    plan_id = form.cleaned_data["plan"]
    try:
        begun = respond.attempt(
            form,
            lambda: (lists.begin(scope, _ending(change, form), plan_id, reason=form.cleaned_data["reason"]),),
        )
    except StateMoved as moved:
        part = _plan_part(moved.fresh, form) | {"moved": moved, "uids_form": UidsForm()}
        return _answer(request, scope, change, part, fragment="change", status=422)
    if begun is None:
        part = _plan_part(lists.again(scope, change, plan_id), form) | {"uids_form": UidsForm()}
        return _answer(request, scope, change, part, fragment="change", status=422)
    outcomes = begun[0]
    if outcomes is None:
        return respond.redirect(request, _progress_url(scope, change, plan_id))
    return _answer(request, scope, change, _report(change, outcomes), fragment="body", say=_counts(outcomes))


@require_safe
def progress(
    request: HttpRequest, slug: str, channel: ChannelRef, name: ListName, verb: str, plan_id: str
) -> HttpResponse:
    """A long change under way, asked again every two seconds, and its report once it is over."""
    scope = access.enter(request, slug)
    if verb not in set(Verb):
        raise NotFound
    change = ListChange(channel, name, Verb(verb))
    found = plans.progress(scope, plan_id, change.action, str(channel))
    url = _progress_url(scope, change, plan_id)
    part = {"progress": found, "progress_url": url, "uids_form": UidsForm(), **_words(change)}
    if not respond.wants_fragment(request):
        if found.outcomes:
            part |= _report(change, found.outcomes)
        return respond.page(request, DETAIL, list_context(request, scope, channel, name) | part)
    if found.is_over:
        return respond.redirect(request, url)
    return respond.fragment(request, f"{DETAIL}#progress", part)


@require_POST
def change_now(request: HttpRequest, slug: str, channel: ChannelRef, name: ListName, verb: Verb) -> HttpResponse:
    """One uid from elsewhere (a message, an undo): done at once with a reason, told by a toast where it was asked."""
    scope = access.enter(request, slug, permission_for(name))
    change = ListChange(channel, name, verb)
    uids = request.POST.getlist("uids") or request.GET.getlist("uids")
    is_undo = verb is Verb.REMOVE or "undo" in request.GET  # the button in a toast has no field to fill in
    undone = {"reason": _("Undone right after it was done")}
    form = ListReasonForm(undone if is_undo and "reason" not in request.POST else request.POST)
    if len(uids) != 1:
        plan = respond.attempt(form, lambda: lists.preview(scope, change, read_uids(uids)))
        part = {"uids_form": UidsForm(), "reason_form": form, **(_plan_part(plan, form) if plan else {})}
        return _answer(request, scope, change, part, fragment="change", status=200 if plan else 422)
    outcomes = respond.attempt(
        form, lambda: lists.change_list(scope, _ending(change, form), uids, reason=form.cleaned_data["reason"])
    )
    if outcomes is None:
        typed = UidsForm({"uids": quoted(uids[0]), "verb": verb.value})
        part = {"uids_form": typed, "problems": [text for texts in form.errors.values() for text in texts]}
        return _answer(request, scope, change, part, fragment="change", status=422)
    return respond.redirect(request, respond.origin(request), toast=_toast(scope, change, outcomes))


def _ending(change: ListChange, form: ListReasonForm) -> ListChange:
    """The change with the end that was chosen, where people are denied; elsewhere nobody was asked for one."""
    is_denying = change.list is ListName.DENYLIST and change.is_adding
    return replace(change, until=form.end()) if is_denying else change


# -- contexts ----------------------------------------------------------------------------------------------------------


def shared_context(scope: Scope, page: ChannelPage, tab: str) -> dict[str, Any]:
    """What every tab shows: title, facts, tabs, what this person may do."""
    channel, slug = page.channel, scope.slug
    closed = page.record.value
    return {
        "page": page,
        "channel": channel,
        "slug": slug,
        "tab": tab,
        "missing": [channels_cells.unknown_state(error) for error in page.missing],
        "runtime_state": channels_cells.unknown_state(page.runtime.error) if page.runtime.error else None,
        "kind": channels_cells.kind_of(channel),
        "tabs": _tabs(scope, page, tab),
        "sending": SENDING[page.sending],
        "peers": channel.peers,
        "pair": [(*both, reverse("channel-denylist", args=[slug, ChannelRef.inbox(both[1])])) for both in page.pair],
        "is_inbox": page.is_inbox,
        "ignores_lists": channel.type in UNGUARDED,
        "ignores_flags": channel.type in UNCLOSABLE,
        "can_flags": scope.can(Permission.MANAGE_CHANNELS) and not why_no_flags(channel),
        "can_manage": scope.can(Permission.MANAGE_CHANNELS),
        "can_audit": scope.can(Permission.VIEW_AUDIT),
        "is_disbanded": bool(closed and closed.disband),
        "is_banned": bool(closed and closed.ban),
        "messages_url": message_links.messages_url(scope, channel=channel),
        "tail_url": "" if channel.is_person and not channel.peers else tail_url(scope, channel=channel),
        "api_path": f"/api/v1/clusters/{slug}/{_api_tail(channel)}",
    }


def list_context(request: HttpRequest, scope: Scope, channel: ChannelRef, name: ListName) -> dict[str, Any]:
    page = channels.detail(scope, channel)
    form = MembersForm(request.GET)
    shown = respond.attempt(
        form,
        lambda: members.list_page(scope, page, name, q=form.part, cursor=form.marker, limit=form.rows),
    )
    change = ListChange(channel, name, Verb.ADD)
    refused = why_without(channel, name)
    can_change = scope.can(change.permission) and not refused
    context = shared_context(scope, page, name.value) | {
        "list": name.value,
        "list_word": LIST_WORDS[name],
        "filter_form": form,
        "shown": shown,
        "can_change": can_change,
        "why_no_list": refused,
        "preview_url": reverse(f"channel-{name}-preview", args=[scope.slug, channel]),
        "apply_url": reverse(f"channel-{name}-apply", args=[scope.slug, channel]),
        "is_later": bool(request.GET.get("cursor")),
    }
    if error := page.part(name).error:
        context["list_state"] = channels_cells.unknown_state(error)
    if shown is not None:
        nothing = _nobody(name, page, shown, scope.slug)
        context["table"] = channels_cells.list_table(
            scope.slug, page, name, shown, can_change=can_change, empty=nothing
        )
    return context


def _answer(
    request: HttpRequest,
    scope: Scope,
    change: ListChange,
    part: dict[str, Any],
    *,
    fragment: str,
    status: int = 200,
    say: str = "",
) -> HttpResponse:
    """The panel alone for htmx, the whole page otherwise; the cluster is only asked for what is shown."""
    if respond.wants_fragment(request) and fragment == "change":
        context = _change_context(scope, change)
    else:
        context = list_context(request, scope, change.channel, change.list)
    response = respond.page_or_fragment(request, DETAIL, context | part, fragment=fragment, status=status, say=say)
    if fragment == "change" and status == 422:  # not where the outcome would have gone: the rest of the page stays
        response["HX-Retarget"], response["HX-Reswap"] = "#change", "outerHTML show:#change:top"
    return response


def _change_context(scope: Scope, change: ListChange) -> dict[str, Any]:
    args = [scope.slug, change.channel]
    return {
        "list": change.list.value,
        "list_word": LIST_WORDS[change.list],
        "channel": change.channel,
        "slug": scope.slug,
        "can_change": scope.can(change.permission),
        "preview_url": reverse(f"channel-{change.list}-preview", args=args),
        "apply_url": reverse(f"channel-{change.list}-apply", args=args),
    }


def _plan_part(plan: ListPlan, reason_form: Any) -> dict[str, Any]:
    return {"plan": plan, "reason_form": reason_form, **_words(plan.change)}


def _words(change: ListChange) -> dict[str, Any]:
    return {"verb": change.verb.value, "change_word": CHANGE_WORDS[change.list, change.verb]}


def _report(change: ListChange, outcomes: Outcomes) -> dict[str, Any]:
    return {"outcomes": outcomes, "undo": _undo(change, outcomes), "uids_form": UidsForm(), **_words(change)}


def _progress_url(scope: Scope, change: ListChange, plan_id: str) -> str:
    return reverse(f"channel-{change.list}-plan", args=[scope.slug, change.channel, plan_id, change.verb.value])


def _undo(change: ListChange, outcomes: Outcomes) -> str:
    """The pasted list that would take back what was done, "" when nothing was."""
    return "\n".join(quoted(uid) for uid in outcomes.of(Result.DONE))


# -- pieces ------------------------------------------------------------------------------------------------------------


def _verb(request: HttpRequest) -> Verb:
    return Verb.REMOVE if request.POST.get("verb") == Verb.REMOVE.value else Verb.ADD


def _status(context: dict[str, Any]) -> int:
    if any(form.errors for form in (context.get("filter_form"),) if form is not None and form.is_bound):
        return 422
    return 200 if context["page"].is_found else 404


def _tabs(scope: Scope, page: ChannelPage, current: str) -> list[tuple[str, Any, int | None, bool]]:
    """(address, word, count, is it shown); a count that isn't known is left out."""
    channel, args = page.channel, [scope.slug, page.channel]

    def count(name: ListName) -> int | None:
        uids = page.part(name).value
        return None if uids is None else len(uids)

    names = [ListName.MEMBERS] if channel.peers else list(ListName)
    if page.is_inbox:
        names.remove(ListName.MEMBERS)
    tabs: list[tuple[str, str, Any, int | None]] = [
        (name.value, reverse(f"channel-{name}", args=args), LIST_WORDS[name], count(name)) for name in names
    ]
    tabs.append(("flags", reverse("channel-flags", args=args), _("Flags"), None))
    tabs.append(("cluster", reverse("channel-cluster", args=args), _("Cluster"), None))
    tabs.append(("history", reverse("channel-history", args=args), _("History"), None))
    return [(url, word, number, key == current) for key, url, word, number in tabs]


def _nobody(name: ListName, page: ChannelPage, shown: Any, slug: str) -> states.State:
    if shown.total:
        return states.filtered(_("%(total)s on this list, none of them holds this text.") % {"total": shown.total})
    if name is ListName.DENYLIST and page.is_inbox:
        return states.empty(_("Nobody is denied here"), _("People on this list can't write to this person."))
    if name is ListName.DENYLIST:
        return states.empty(_("Nobody is denied here"), _("People on this list can't send; they still receive."))
    if name is ListName.ALLOWLIST:
        return states.empty(_("The allowlist is off"), _("While nobody is on it, every member may send."))
    return states.empty(
        _("Nobody is a member"), _("Only members may send and receive in a group; add some, or the app adds them.")
    )


def _api_tail(channel: ChannelRef) -> str:
    return f"channels/{ChannelConverter().to_url(channel)}"


def _counts(outcomes: Outcomes) -> str:
    return ", ".join(f"{number} {_outcome(Result(name))}" for name, number in outcomes.counts().items())


def _outcome(result: Result) -> str:
    return _(RESULT_WORDS[result])


_TOAST_KINDS = {"done": "ok", "partial": "half", "failed": "bad", "unknown": "warn"}


def _toast(scope: Scope, change: ListChange, outcomes: Outcomes) -> respond.Toast:
    item, args = outcomes.items[0], [scope.slug, change.channel]
    done = bool(outcomes.of(Result.DONE))
    opposite = "undo" if change.is_adding else "add"
    undo: Callable[[], str] = lambda: (  # noqa: E731
        f"{reverse(f'channel-{change.list}-{opposite}', args=args)}?{urlencode({'uids': item.target, 'undo': 1})}"
    )
    detail = _(item.detail) if item.detail else ""
    return respond.Toast(
        f"{CHANGE_WORDS[change.list, change.verb]}: {cells.visible(item.target)}: {_outcome(item.result)}",
        " ".join(filter(None, (detail, _(outcomes.note) if outcomes.note else ""))),
        kind=_TOAST_KINDS[outcomes.verdict],
        link=reverse(f"channel-{change.list}", args=args),
        link_label=_("See the list"),
        undo_url=undo() if done else "",
    )
