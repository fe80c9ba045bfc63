"""The statistics in words, cells and numbers for the page, the charts' data and the files."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.clusters.access import Scope
from imadmin.monitor.activity import Busy
from imadmin.monitor.sample_models import WHOLE
from imadmin.monitor.series import Chart, Point
from imadmin.monitor.stats import ActsLine, BusyNode
from imadmin.monitor.windows import Grain, Window
from imadmin.web import cells, states
from imadmin.web.message_words import CHANNEL_KINDS
from imadmin.web.tables import Column, Table

VERDICT_SHAPES = {1: "unknown", 2: "warn", 3: "bad"}
COLOURS = 4  # --s1 to --s4; further lines get them again, dashed


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.get_current_timezone())


def span_words(start: float, end: float) -> str:
    """ "19 Nov 14:32 to 20 Nov 14:32", the second day only where it is another."""
    first, last = moment(start), moment(end)
    begun = date_format(first, _("j M H:i"))
    ended = date_format(last, "H:i" if first.date() == last.date() else _("j M H:i"))
    return _("%(start)s to %(end)s") % {"start": begun, "end": ended}


def step_words(window: Window) -> str:
    if window.grain is Grain.MINUTE:
        return ngettext("%(count)s minute", "%(count)s minutes", window.step) % {"count": window.step}
    if window.grain is Grain.HOUR:
        return _("1 hour")
    if not window.has_local_days:
        return _("1 day, UTC")
    begins = moment(window.edges[0])
    if begins.minute or begins.hour:
        return _("1 day, from %(time)s: only whole hours of UTC are kept") % {"time": date_format(begins, "H:i")}
    return _("1 day")


def zone_words(window: Window) -> str:
    return cells.zone_name(window.end.astimezone(timezone.get_current_timezone()))


def gap_words(chart: Chart, began: datetime | None) -> list[str]:
    """Times that were not sampled; before the first sample is no gap."""
    first = began.timestamp() if began else 0
    return [span_words(max(start, first), end) for start, end in chart.gaps() if end > first]


def began_words(chart: Chart, began: datetime | None) -> str:
    """When sampling began, if that is in the window."""
    if began is None or began.timestamp() < chart.window.edges[0] + 120:
        return ""
    return _("sampling began %(time)s") % {"time": date_format(moment(began.timestamp()), _("j M H:i"))}


def verdict_words(verdict: int) -> str:
    return {1: _("unknown"), 2: _("degraded"), 3: _("down")}.get(verdict, _("healthy"))


def bands(scope: Scope, chart: Chart) -> list[dict[str, Any]]:
    """Times that were not all healthy, newest first, each with the events of that time."""
    found = [
        {
            "shape": VERDICT_SHAPES[verdict],
            "word": verdict_words(verdict),
            "span": span_words(start, min(end, chart.window.now.timestamp())),
            "url": moment_url(scope, start, end),
        }
        for start, end, verdict in chart.bands()
    ]
    return found[::-1]


def moment_url(scope: Scope, start: float, end: float) -> str:
    """The events of that time; "" where there is no such page."""
    try:
        url = reverse("events", args=[scope.slug])
    except NoReverseMatch:
        return ""
    return f"{url}?since={_written(start)}&until={_written(end)}"


def _written(seconds: float) -> str:
    return moment(seconds).strftime("%Y-%m-%dT%H:%M")


def data(scope: Scope, nodes: Chart, whole: Chart, acts: ActsLine) -> dict[str, Any]:
    """What the charts are drawn from.  times: where the steps begin, seconds since 1970; null is a gap."""
    window = nodes.window
    zone = timezone.get_current_timezone_name()
    return {
        "zone": zone,
        "now": int(window.now.timestamp()),
        "edges": window.edges,
        "gaps": list(nodes.gaps()),
        "bands": [[start, end, verdict] for start, end, verdict in nodes.bands()],
        "events": moment_url(scope, 0, 0).partition("?")[0],
        "newest": known_url("connections", scope.slug),
        "charts": {
            "connections": {"lines": _node_lines(nodes, "connections", _mean)},
            "users": {"lines": _users_lines(whole)},
            "sends": {"lines": _node_lines(nodes, "sends", _mean)},
            "packets": {
                "lines": [
                    _line(_("from clients"), whole.line("incoming"), _mean, 0),
                    _line(_("to clients"), whole.line("outgoing"), _mean, 1),
                ]
            },
            "acts": {
                "kind": "bars",
                "edges": acts.window.edges,
                "gaps": [],
                "bands": [],
                "lines": [
                    {"name": acts_word(act), "colour": at, "dashed": False, "values": acts.counts[act]}
                    for at, act in enumerate(("kick", "deny"))
                ],
            },
        },
    }


def _users_lines(whole: Chart) -> list[dict[str, Any]]:
    """A step of one minute has one value, which is its peak and its average."""
    line = whole.line("users")
    if whole.window.grain is Grain.MINUTE and whole.window.step == 1:
        return [_line(_("users"), line, _mean, 0)]
    return [_line(_("peak"), line, lambda point: point.high, 0), _line(_("average"), line, _mean, 1)]


def acts_word(act: str) -> str:
    return {"kick": _("kicked"), "deny": _("denied"), "lift": _("lifted")}[act]


def _node_lines(chart: Chart, figure: str, value: Callable[[Point], float]) -> list[dict[str, Any]]:
    silent = {node for node in chart.nodes if chart.sampled and _is_silent(chart, node)}
    return [
        _line(
            _("%(node)s, no answer") % {"node": node} if node in silent else str(node),
            chart.line(figure, node),
            value,
            at,
        )
        for at, node in enumerate(chart.nodes)
    ]


def _is_silent(chart: Chart, node: int) -> bool:
    """In the last step that was sampled."""
    last = next((place for place in range(len(chart.sampled) - 1, -1, -1) if chart.sampled[place]), None)
    if last is None:
        return False
    answered = chart.line("answered", node)[last]
    return answered is None or not answered.total


def _line(name: str, points: Iterable[Point | None], value: Callable[[Point], float], at: int) -> dict[str, Any]:
    return {
        "name": name,
        "colour": at % COLOURS,
        "dashed": at >= COLOURS,
        "values": [None if point is None else value(point) for point in points],
    }


def _mean(point: Point) -> float:
    return round(point.mean, 1)


def nodes_table(scope: Scope, rows: list[BusyNode], chart: Chart) -> Table:
    columns = [
        Column("node", _("Node"), lambda row: _node_cell(scope, row), "id", "m1"),
        Column("state", _("Now"), _state_cell, "status", "m2"),
        Column("strip", _("Over time"), lambda row: strip(chart, row.id), "text", hide="p2", css="w-full"),
        Column("availability", _("Answered"), lambda row: percent(row.availability), "num", "m3"),
        Column("connections", _("Connections, average"), lambda row: cells.number(row.connections), "num"),
        Column("most", _("Peak"), lambda row: cells.number(row.most), "num", hide="p3"),
        Column("sends", _("Messages a minute"), lambda row: cells.number(row.sends, 1), "num"),
    ]
    nothing = states.empty(_("No node was sampled"), _("There are no samples in this time."))
    return Table(columns, rows, _("Nodes"), nothing, plain=True)


def _node_cell(scope: Scope, row: BusyNode) -> object:
    url = known_url("node", scope.slug, row.id)
    return cells.link(row.id, url, "mono") if url else cells.mono(row.id)


def _state_cell(row: BusyNode) -> object:
    if row.is_answering is None:
        return cells.status("unknown", _("Unknown"))
    return cells.status("ok", _("Answers")) if row.is_answering else cells.status("bad", _("No answer"))


def percent(share: float | None) -> str:
    """Never rounded up to a full hundred."""
    if share is None:
        return _("unknown")
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")
    return f"{min(share * 100, 99.99):.2f}\N{NO-BREAK SPACE}%"


STRIP_WIDTH, STRIP_HEIGHT = 400, 10


def strip(chart: Chart, node: int) -> object:
    """When the node answered: plain; not: red; not sampled: hatched.  Told in words in the column beside it."""
    first, last = chart.window.edges[0], min(chart.window.edges[-1], int(chart.window.now.timestamp()))
    scale = STRIP_WIDTH / max(1, last - first)
    kinds = []
    for place in range(len(chart.sampled)):
        if not chart.window.expected(place):
            break
        answered = chart.line("answered", node)[place]
        asked = chart.line("nodes", node)[place]
        if not asked:
            kinds.append("gap")
        else:
            kinds.append("up" if answered and answered.total == asked.total else "lost")
    pieces = []
    for kind, start, end in _runs(kinds):
        left = (chart.window.edges[start] - first) * scale
        width = (min(chart.window.edges[end], last) - first) * scale - left
        pieces.append(
            cells.html(
                '<rect class="{kind}" x="{x}" width="{width}" height="{height}"/>',
                kind=kind, x=f"{left:.1f}", width=f"{max(width, 1.0):.1f}", height=STRIP_HEIGHT,
            )
        )  # fmt: skip
    return cells.html(
        '<svg class="strip" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        "{pieces}</svg>",
        width=STRIP_WIDTH, height=STRIP_HEIGHT, pieces=cells.join(pieces),
    )  # fmt: skip


def _runs(kinds: list[str]) -> Iterator[tuple[str, int, int]]:
    start = 0
    for place in range(1, len(kinds) + 1):
        if place == len(kinds) or kinds[place] != kinds[start]:
            yield kinds[start], start, place
            start = place


def channels_table(scope: Scope, rows: tuple[Busy, ...]) -> Table:
    columns = [
        Column(
            "channel", _("Channel"),
            lambda row: cells.ident(row.channel.id, reverse("channel", args=[scope.slug, row.channel]), _("Copy id")),
            "id", "m1",
        ),
        Column("kind", _("Kind"), lambda row: CHANNEL_KINDS.get(int(row.channel.type), row.channel.type), phone="m3"),
        Column("messages", _("Messages"), lambda row: row.messages, "num", "m2"),
    ]  # fmt: skip
    nothing = states.empty(
        _("No new messages were noticed"), _("Channels are compared with how they stood at an earlier reading.")
    )
    return Table(columns, rows, _("Busiest channels"), nothing, plain=True)


def known_url(name: str, *args: Any) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def chart_table(scope: Scope, name: str, nodes: Chart, whole: Chart, acts: ActsLine) -> Table:
    """The same numbers as the chart of that name, newest step first, each with the events of its time."""
    found = data(scope, nodes, whole, acts)["charts"][name]
    edges = found.get("edges") or nodes.window.edges
    lines = found["lines"]
    rows = [
        (edges[place], edges[place + 1], [line["values"][place] for line in lines])
        for place in range(len(edges) - 1)
        if edges[place] <= nodes.window.now.timestamp()
    ]
    columns = [Column("at", _("Time"), lambda row: _time_cell(scope, row[0], row[1]), "text", "m1", css="nw")]
    columns += [Column(f"line{at}", line["name"], _nth(at), "num", "m3") for at, line in enumerate(lines)]
    return Table(columns, rows[::-1], _("The chart as a table"), states.empty(_("No samples"), ""), plain=True)


def _nth(at: int) -> Callable[[tuple[int, int, list[float | None]]], object]:
    return lambda row: _value(row[2][at])


def _time_cell(scope: Scope, start: int, end: int) -> object:
    url = moment_url(scope, start, end)
    text = span_words(start, end)
    return cells.link(text, url) if url else text


def _value(value: float | None) -> object:
    if value is None:
        return cells.html('<span class="faint">{text}</span>', text=_("no data"))
    return cells.number(value, 0 if float(value).is_integer() else 1)


def csv_rows(chart: Chart, figures: tuple[str, ...]) -> Iterator[list[Any]]:
    """A row a step and node; the cluster's own rows say "all"."""
    yield [
        "from_utc", "from_local", "minutes", "node", "sampled_minutes", "expected_minutes",
        *(f"{figure}_{part}" for figure in figures for part in ("min", "average", "max")),
    ]  # fmt: skip
    edges = chart.window.edges
    for place in range(len(chart.sampled)):
        expected = chart.window.expected(place)
        if not expected:
            continue
        for node in (WHOLE, *chart.nodes):
            asked = chart.line("nodes", node)[place]
            values: list[Any] = []
            for figure in figures:
                point = chart.line(figure, node)[place]
                values += [point.low, round(point.mean, 2), point.high] if point else ["", "", ""]
            yield [
                datetime.fromtimestamp(edges[place], UTC).isoformat(), moment(edges[place]).isoformat(),
                (edges[place + 1] - edges[place]) // 60, "all" if node == WHOLE else node,
                asked.n if asked else 0, expected, *values,
            ]  # fmt: skip
