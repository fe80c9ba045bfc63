"""Statistics: what was sampled of a cluster over time, as charts, their tables, data and files."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.core.spreadsheet import guarded
from imadmin.monitor import series, stats
from imadmin.monitor.series import Chart
from imadmin.web import respond
from imadmin.web.forms.stats import RANGES, RangeForm
from imadmin.web.views import stats_show as show

PAGE = "pages/stats/stats.html"
CSV_FIGURES = (
    "connections", "sockets", "rows", "users", "sends", "incoming", "outgoing", "retries", "memory", "goroutines",
    "cpu", "latency", "lag", "answered", "nodes",
)  # fmt: skip


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    if request.htmx.target == "stats-now":  # type: ignore[attr-defined]
        return respond.fragment(request, f"{PAGE}#now", _now(scope))
    form = RangeForm(request.GET)
    span = form.window()
    nodes, acts, busy = stats.by_node(scope, span), stats.acts_of(scope, span), stats.busiest_channels(scope, span)
    last = _now(scope)
    gaps = show.gap_words(nodes, last["began"])
    context = {
        **last,
        "form": form,
        "chosen": form.chosen,
        "is_own": not form.chosen,
        "ranges": [(name, word) for name, (word, _span) in RANGES.items()],
        "charts": _charts(),
        "query": request.GET.urlencode(),
        "window_words": show.span_words(span.edges[0], min(span.edges[-1], span.now.timestamp())),
        "zone": show.zone_words(span),
        "step": show.step_words(span),
        "gaps": gaps[:3],
        "more_gaps": len(gaps) - 3,
        "missing": _missing(nodes, last["began"]),
        "began_words": show.began_words(nodes, last["began"]),
        "is_empty": nodes.is_empty,
        "bands": show.bands(scope, nodes)[:8],
        "availability": show.percent(nodes.availability()),
        "nodes_table": show.nodes_table(scope, stats.busy_nodes(nodes, last["newest"]), nodes),
        "channels_table": show.channels_table(scope, busy.rows),
        "busy": busy,
        "sums": acts.sums,
        "users": stats.of_all(scope, span).over_all("users"),
    }
    return respond.page(request, PAGE, context, status=422 if form.errors else 200)


@require_safe
def data(request: HttpRequest, slug: str) -> HttpResponse:
    """What the charts are drawn from, as JSON."""
    scope, form = _asked(request, slug)
    span = form.window()
    found = show.data(scope, stats.by_node(scope, span), stats.of_all(scope, span), stats.acts_of(scope, span))
    response = JsonResponse(found)
    response["Cache-Control"] = "private, no-store"
    return response


@require_safe
def table(request: HttpRequest, slug: str, chart: str) -> HttpResponse:
    """One chart's numbers as a table: what a screen reader reads, and what works without JavaScript."""
    scope, form = _asked(request, slug)
    words = _charts()
    if chart not in words:
        raise NotFound(gettext_noop("There is no such chart."))
    span = form.window()
    found = show.chart_table(
        scope, chart, stats.by_node(scope, span), stats.of_all(scope, span), stats.acts_of(scope, span)
    )
    context = {"table": found, "title": words[chart]["title"], "query": request.GET.urlencode()}
    return respond.page_or_fragment(request, "pages/stats/table.html", context, fragment="rows")


@require_safe
def export(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """The figures of every node and step, or the busiest channels, as CSV."""
    scope, form = _asked(request, slug)
    span = form.window()
    if request.GET.get("of") == "channels":
        rows: Iterator[list[Any]] = _channel_rows(scope, form)
    else:
        rows = show.csv_rows(stats.chart(scope, span, CSV_FIGURES), CSV_FIGURES)
    writer = csv.writer(_Echo())
    lines = (writer.writerow([guarded(cell) for cell in row]) for row in rows)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = "channels" if request.GET.get("of") == "channels" else "stats"
    response["Content-Disposition"] = f'attachment; filename="{scope.slug}-{name}-{span.start:%Y%m%d-%H%M}.csv"'
    return response


def _asked(request: HttpRequest, slug: str) -> tuple[Scope, RangeForm]:
    """Raises InvalidInput: a file or a chart of another time than the asked one would be a lie."""
    scope = access.enter(request, slug)
    form = RangeForm(request.GET)
    if not form.is_valid():
        raise InvalidInput({name: [str(text) for text in texts] for name, texts in form.errors.items()})
    return scope, form


def _now(scope: Scope) -> dict[str, Any]:
    last = stats.newest(scope)
    return {
        "newest": last,
        "began": series.first_sample(scope.cluster) if last else None,
        "connections_url": show.known_url("connections", scope.slug),
    }


def _missing(chart: Chart, began: datetime | None) -> int:
    """Minutes since sampling began that were not sampled."""
    first = began.timestamp() if began else 0
    return sum(
        max(0, chart.window.expected(place) - minutes)
        for place, minutes in enumerate(chart.sampled)
        if chart.window.edges[place] >= first
    )


def _charts() -> dict[str, dict[str, str]]:
    return {
        "connections": {"title": _("Connections by node"), "of": _("average of each step")},
        "users": {"title": _("Users online"), "of": _("different people, over all nodes")},
        "sends": {"title": _("Messages a minute by node"), "of": _("sent by clients")},
        "packets": {"title": _("Packets a minute"), "of": _("acks and pings too: a trend")},
        "acts": {"title": _("Kicked and denied from here"), "of": _("counted from the audit trail")},
    }


def _channel_rows(scope: Scope, form: RangeForm) -> Iterator[list[Any]]:
    yield ["channel_id", "channel_type", "messages"]
    for row in stats.busiest_channels(scope, form.window(), limit=1000).rows:
        yield [row.channel.id, int(row.channel.type), row.messages]


class _Echo:
    """A file that hands back what is written: the reply is made while it is sent."""

    def write(self, line: str) -> str:
        return line
