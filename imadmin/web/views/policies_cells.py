"""Policies and holds in words, cells and tables."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core.errors import gettext_noop
from imadmin.jobs.models import Hold, JobRun
from imadmin.jobs.notes import read_error
from imadmin.jobs.policy.kinds import Kind
from imadmin.jobs.policy.queries import PolicyRow, channel_of
from imadmin.web import cells, job_words, states
from imadmin.web.message_words import url_of
from imadmin.web.tables import Column, Table, link

STOPPED = gettext_noop("It was stopped before it had looked at everything.")


def kind_words(kind: Kind | None) -> dict[str, str]:
    if kind is None:
        return {"title": _("A kind this version doesn’t know"), "explains": "", "touches": ""}
    return {"title": _(kind.title), "explains": _(kind.explains), "touches": _(kind.touches)}


def table(scope: Scope, rows: Sequence[PolicyRow]) -> Table:
    columns = [
        Column("on", _("On"), _on, "status", "m2"),
        Column("policy", _("Policy"), lambda row: _name(scope, row), "id", "m1"),
        Column("settings", _("Settings"), _settings, "fill", hide="p3"),
        Column("when", _("When"), _when, phone="m3", css="nw"),
        Column("last", _("Last run"), lambda row: _last(scope, row), phone="m3"),
        Column("next", _("Next"), lambda row: cells.when(row.next_at, never=_("not scheduled")), "time", hide="p2"),
    ]
    nothing = states.empty(_("No policy yet"), _("They appear within a minute of the first start."))
    return Table(columns, rows, _("Policies"), nothing)


def facts(row: PolicyRow) -> list[tuple[str, object]]:
    """Term and value, for the fact strip."""
    return [
        (_("State"), _on(row)),
        (_("Runs"), _when(row)),
        (_("Next"), cells.when(row.next_at, never=_("not scheduled"))),
        *((_(setting.label), f"{row.policy.params.get(setting.name, setting.default)} {_(setting.unit)}")
          for setting in (row.kind.settings if row.kind else ())),
        (_("At most in one run"), cells.number(row.policy.cap)),
        (_("Safety stop"), f"{row.policy.stop_above} %"),
    ]  # fmt: skip


def simulation(row: PolicyRow) -> dict[str, Any] | None:
    """What the newest simulation found; None when there is none yet."""
    run = row.simulation
    if run is None:
        return None
    result = run.result or {}
    return {
        "run": run,
        "is_over": run.finished_at is not None,
        "is_current": row.policy.simulated_at is not None,
        "error": read_error(run.error or STOPPED) if run.error or run.state == "stopped" else "",
        "found": result.get("found", 0),
        "looked_at": result.get("looked_at", 0),
        "held": result.get("held", 0),
        "left": result.get("left_for_next", 0),
        "targets": result.get("targets", []),
        "notes": [_(note) for note in result.get("notes", [])],
    }


def runs_table(scope: Scope, runs: Sequence[JobRun]) -> Table:
    columns = [
        Column("at", _("When"), lambda run: link(cells.when(run.queued_at), _run_url(scope, run)), "id", "m1"),
        Column("kind", _("Run"), lambda run: _("Simulation") if run.params.get("simulate") else _("Cleanup"), css="nw"),
        Column("state", _("State"), job_words.state, "status", "m2"),
        Column("result", _("Result"), told, "fill", "m3"),
        Column("by", _("By"), lambda run: cells.visible(run.actor) or _("schedule"), hide="p2"),
    ]
    return Table(
        columns, runs, _("Runs of this policy"), states.empty(_("It has not run yet"), _("Simulate it first."))
    )


def told(run: JobRun) -> str:
    """What came of a run, in a sentence."""
    if run.error:
        return read_error(run.error)
    result = run.result or {}
    words = job_words.filled(str(result["say"]), result.get("params")) if result.get("say") else ""
    more = [
        _("%(count)s failed") % {"count": result["failed"]} if result.get("failed") else "",
        _("%(count)s unknown") % {"count": result["unknown"]} if result.get("unknown") else "",
        _("%(count)s held") % {"count": result["held"]} if result.get("held") else "",
        _("%(count)s left for the next run") % {"count": result["left_for_next"]}
        if result.get("left_for_next")
        else "",
    ]
    return " · ".join(filter(None, (words, *more)))


def act_words(verb: str, row: PolicyRow) -> dict[str, str]:
    run = _("What the last simulation listed may have changed since; caps, holds and the safety stop are kept.")
    return {
        "run": {"title": _("Run this policy now?"), "text": run, "button": _("Run now"), "kind": "danger"},
        "on": {
            "title": _("Switch this policy on?"),
            "text": _("It runs by its schedule from then on."),
            "button": _("Switch on"),
            "kind": "primary",
        },
        "off": {
            "title": _("Switch this policy off?"),
            "text": _("A run under way goes on; it can be stopped on its own page."),
            "button": _("Switch off"),
            "kind": "",
        },
        "delete": {
            "title": _("Delete this policy?"),
            "text": _("Its schedule goes too. What its runs did stays on the audit trail."),
            "button": _("Delete"),
            "kind": "danger",
        },
    }[verb]


def hold(scope: Scope, row: Hold) -> dict[str, object]:
    channel = channel_of(row)
    name = str(channel) if channel else row.uid
    url = url_of("channel", scope.slug, channel) if channel else url_of("user", scope.slug, row.uid)
    lift = reverse("job-hold-lift", args=[scope.slug, row.pk]) if scope.can(Permission.MANAGE_POLICIES) else ""
    return {"row": row, "name": name, "url": url, "lift": lift, "is_channel": channel is not None}


def _on(row: PolicyRow) -> object:
    if row.policy.is_enabled:
        return cells.status("ok", _("On"))
    return cells.status("off", _("Off") if row.may_run else _("To be simulated"))


def _name(scope: Scope, row: PolicyRow) -> object:
    return link(kind_words(row.kind)["title"], reverse("job-policy", args=[scope.slug, row.policy.pk]))


def _settings(row: PolicyRow) -> str:
    settings = row.kind.settings if row.kind else ()
    told = [f"{_(s.label)}: {row.policy.params.get(s.name, s.default)} {_(s.unit)}" for s in settings]
    return ", ".join(told)


def _when(row: PolicyRow) -> str:
    cron = row.policy.schedule.crontab if row.policy.schedule else None
    if cron is None:
        return _("by hand")
    rhythm = job_words.rhythm(cron)
    if rhythm in ("15m", "hourly"):
        return _("every 15 minutes") if rhythm == "15m" else _("every hour")
    if not rhythm:
        return f"{job_words.five_fields(cron)} ({cron.timezone})"
    at = f"{int(cron.hour):02}:{int(cron.minute):02}"
    words = _("daily at %(time)s") if rhythm == "daily" else _("weekly at %(time)s")
    return f"{words % {'time': at}} ({cron.timezone})"


def _last(scope: Scope, row: PolicyRow) -> object:
    run = row.last
    if run is None:
        return cells.html('<span class="faint">{word}</span>', word=_("never"))
    return cells.join((job_words.state(run), cells.html(" {told}", told=told(run))))


def _run_url(scope: Scope, run: JobRun) -> str:
    return reverse("job", args=[scope.slug, run.pk])
