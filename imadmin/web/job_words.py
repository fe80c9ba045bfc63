"""Runs of jobs in words: states, who started them, what came of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from imadmin.jobs.models import JobRun
from imadmin.jobs.notes import read_error
from imadmin.jobs.queries import RunView
from imadmin.web import cells

# state -> shape, word
STATES: Mapping[str, tuple[str, Any]] = {
    "queued": ("off", gettext_lazy("Waiting")),
    "running": ("run", gettext_lazy("Running")),
    "done": ("ok", gettext_lazy("Done")),
    "failed": ("bad", gettext_lazy("Failed")),
    "stopped": ("off", gettext_lazy("Stopped")),
    "lost": ("unknown", gettext_lazy("Lost")),
    "missed": ("warn", gettext_lazy("Missed")),
}
TRIGGERS: Mapping[str, Any] = {
    "schedule": gettext_lazy("by schedule"),
    "person": gettext_lazy("by hand"),
    "command": gettext_lazy("by command"),
    "recovery": gettext_lazy("taken up again"),
}
SHOWN_MOST = 40


def state(run: RunView | JobRun) -> SafeString:
    shape, word = STATES.get(run.state, ("unknown", run.state))
    if run.state == "running" and run.stop_wanted:
        return cells.status(shape, word, _("told to stop"))
    return cells.status(shape, word)


def title(run: RunView) -> str:
    return _(run.title)


def wanted_by(run: RunView) -> str:
    how = str(TRIGGERS.get(run.trigger, run.trigger))
    return f"{how}, {run.actor}" if run.actor else how


def sentence(run: RunView) -> str:
    """What came of it, or how far it is, in one line."""
    if run.missed:
        return missed(run)
    if run.error:
        return read_error(run.error)
    if run.result and run.result.get("say"):
        return filled(str(run.result["say"]), run.result.get("params"))
    if run.state == "running" and run.notes:
        return _(run.notes[-1].text)
    if run.is_open and run.total:
        return _("%(reached)s of %(total)s") % {"reached": number(run.reached), "total": number(run.total)}
    if run.result:
        return ", ".join(f"{name}: {value}" for name, value in figures(run.result)[:4])
    return ""


def missed(run: RunView) -> str:
    """ "59 runs from 12:01 to 12:59: the scheduler was not running"."""
    assert run.missed
    runs = ngettext("%(count)s run", "%(count)s runs", run.missed.count) % {"count": number(run.missed.count)}
    span = _span(run.missed.first, run.missed.last)
    return " · ".join(filter(None, (runs, span, read_error(run.error))))


def _span(first: datetime | None, last: datetime | None) -> str:
    if not first or not last:
        return ""
    begin, end = timezone.localtime(first), timezone.localtime(last)
    day, minute = "%Y-%m-%d ", "%H:%M"
    if begin.strftime(day + minute) == end.strftime(day + minute):
        return begin.strftime(day + minute)
    until = end.strftime(minute if begin.date() == end.date() else day + minute)
    return _("%(first)s to %(last)s") % {"first": begin.strftime(day + minute), "last": until}


def filled(template: str, params: Any) -> str:
    """A result's own sentence; one whose figures don't fit is shown as it is."""
    text = _(template)
    try:
        return text % params if isinstance(params, dict) and params else text
    except (KeyError, TypeError, ValueError):
        return text


def number(value: int | float | None) -> str:
    return f"{value:,}".replace(",", cells.NARROW_SPACE) if value is not None else _("unknown")


def figures(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The plain values of a result, by name; what is a list is counted."""
    found = []
    for name, value in result.items():
        if name in ("say", "params") or value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            found += [(f"{name}, {key}", str(inner)) for key, inner in value.items() if not isinstance(inner, dict)]
        elif isinstance(value, list):
            found.append((name, _("%(count)s entries") % {"count": len(value)}))
        else:
            found.append((name, str(value)))
    return found[:SHOWN_MOST]


def progress(run: RunView) -> SafeString:
    """A bar where the end is known, an unsteady one where something runs without one."""
    if run.state == "running" and run.share is None:
        return cells.html('<progress aria-label="{label}"></progress>', label=_("under way"))
    if run.state == "done":
        value, css = 100, "ok"
    elif run.share is not None:
        value = round(run.share * 100)
        css = "" if run.is_open else "warn"
    else:
        return SafeString("")
    label = _("%(percent)s percent") % {"percent": value}
    return cells.html(
        '<progress class="{css}" value="{value}" max="100" aria-label="{label}">{value} %</progress>',
        css=css, value=value, label=label,
    )  # fmt: skip


def lasted(run: RunView) -> str:
    return cells.duration(run.seconds) if run.seconds is not None else _("not begun")


def rhythm(cron: Any) -> str:
    """How a crontab is said in words: 15m | hourly | daily | weekly; "" for one that only its five fields tell."""
    minute, hour, weekday = cron.minute, cron.hour, cron.day_of_week
    if (cron.day_of_month, cron.month_of_year) != ("*", "*"):
        return ""
    if hour == "*" and weekday == "*":
        return "15m" if minute == "*/15" else "hourly" if minute.isdecimal() else ""
    if not minute.isdecimal() or not hour.isdecimal():
        return ""
    return "daily" if weekday == "*" else "weekly" if weekday in tuple("0123456") else ""


def five_fields(cron: Any) -> str:
    return f"{cron.minute} {cron.hour} {cron.day_of_month} {cron.month_of_year} {cron.day_of_week}"


def page_of_subject(slug: str, run: RunView) -> str:
    """The page of what the run is about: its operation or its policy; "" when there is none."""
    try:
        if run.job == "operation.run" and run.params.get("operation"):
            return reverse("operation", args=[slug, run.params["operation"]])
        if run.job == "archive.export" and run.params.get("export"):
            return reverse("export", args=[slug, run.params["export"]])
        if run.policy:
            return reverse("job-policy", args=[slug, run.policy])
    except NoReverseMatch:
        return ""
    return ""
