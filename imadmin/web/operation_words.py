"""Operations in words: their states, what to expect of each kind, and the tables of their targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from imadmin.gateway.types import DeviceFlag
from imadmin.monitor import fates
from imadmin.monitor.actions.drafts import KICK, MOVE
from imadmin.monitor.models import Operation, OperationTarget
from imadmin.monitor.operations import shown_result
from imadmin.web import cells, states
from imadmin.web.tables import Column, Table

State = Operation.State

# state -> shape, word
STATES: Mapping[str, tuple[str, Any]] = {
    State.PLANNED: ("info", gettext_lazy("Plan")),
    State.QUEUED: ("stale", gettext_lazy("Waits for a worker")),
    State.RUNNING: ("run", gettext_lazy("Running")),
    State.PAUSED: ("pause", gettext_lazy("Paused")),
    State.DONE: ("ok", gettext_lazy("Over")),
    State.STOPPED: ("off", gettext_lazy("Stopped")),
    State.FAILED: ("bad", gettext_lazy("Failed")),
    State.LOST: ("unknown", gettext_lazy("Lost")),
}

ACTION_WORDS: Mapping[str, Any] = {KICK: gettext_lazy("Kick sessions"), MOVE: gettext_lazy("Move slots")}


@dataclass(frozen=True, slots=True)
class Fact:
    """shape: a glyph, or "" for the icon."""

    shape: str
    text: Any
    small: Any = ""
    icon: str = ""


EXPECT: Mapping[str, tuple[Fact, ...]] = {
    KICK: (
        Fact(
            "ok",
            gettext_lazy("Each client is told to leave and detached two seconds later"),
            gettext_lazy("every session is read back on all nodes, and kicked once more where it is still listed"),
        ),
        Fact(
            "move",
            gettext_lazy("The apps may connect again at once"),
            gettext_lazy("tokens stay as they are; keep a user out on their page to prevent that"),
        ),
        Fact(
            "warn",
            gettext_lazy("Sockets stay open for some minutes, as ghosts"),
            gettext_lazy("the server doesn’t close them; what a client sends until it closes is still accepted"),
        ),
        Fact(
            "info",
            gettext_lazy("Who left by then is told as already gone; who connects after the plan is not included"),
            gettext_lazy("a new session of the same person is another session"),
        ),
    ),
    MOVE: (
        Fact(
            "ok",
            gettext_lazy("One slot after the other, each followed until every node has seen it"),
            gettext_lazy("a leader moves in about a second, a copy takes as long as its data"),
        ),
        Fact(
            "warn",
            gettext_lazy("While a leader moves, writes to its slot wait for a moment"),
            gettext_lazy("users and channels of the slot; clients try again by themselves"),
        ),
        Fact(
            "move",
            gettext_lazy("The server’s balancer may move it, or other slots, back"),
            gettext_lazy("it evens out the leaders by itself; what it took back is told at the end"),
        ),
        Fact(
            "bad",
            gettext_lazy("A move to a node that dies stays pending, and nothing cancels it"),
            gettext_lazy("then this stops and says so; it completes when the node is back"),
        ),
    ),
}


def expected(operation: Operation) -> list[Fact]:
    """What to expect of this very plan."""
    facts = list(EXPECT[operation.kind])
    if count := operation.summary.get("bystanders"):
        text = ngettext(
            "%(count)s session of somebody else will stop being served",
            "%(count)s sessions of others will stop being served",
            count,
        )
        why = _(
            "A defect of this server: with a session also the one of the same number on the leader’s node is "
            "forgotten. It gets no answers until its app connects again, which takes some minutes. It happens with "
            "every disconnect, kicked or not."
        )
        facts.append(Fact("warn", text % {"count": cells.number(count)}, why))
    return facts


def state_status(state: str) -> Any:
    shape, word = STATES[state]
    return cells.status(shape, word)


def fate_status(operation: Operation, fate: str) -> Any:
    return cells.status(fates.SHAPES[fate], _(fates.words_of(operation.kind)[fate]))


def device_word(flag: int | None) -> str:
    if flag is None:
        return _("unknown")
    return next((known.name for known in DeviceFlag if known == flag), f"#{flag}")


def session_name(key: Mapping[str, Any]) -> str:
    return f"{key['node']} #{key['id']}"


def plan_table(slug: str, operation: Operation, rows: Any) -> Table:
    """What is there now and what would be."""
    columns = _kick_plan(slug) if operation.kind == KICK else _move_plan(slug)
    return Table(columns=columns, rows=rows, caption=_("What changes"), empty=_("Nothing changes."), plain=True)


def result_table(slug: str, operation: Operation, rows: Any, *, empty: Any) -> Table:
    first = _kick_names(slug) if operation.kind == KICK else _move_names(slug)

    def result(row: OperationTarget) -> Any:
        return fate_status(operation, shown_result(row))

    def moment(row: OperationTarget) -> Any:
        return cells.clock(row.at or row.sent_at) if row.at or row.sent_at else ""

    def detail(row: OperationTarget) -> Any:
        return cells.visible(fates.read(row.detail))

    return Table(
        columns=[
            *first,
            Column("result", _("Result"), result, kind="status", phone="m3"),
            Column("detail", _("What happened"), detail, kind="fill", phone="m3"),
            Column("at", _("At"), moment, kind="time", phone="m2", css="num"),
        ],
        rows=rows,
        caption=_("Per target"),
        empty=empty,
        plain=True,
    )


def nothing_shown(operation: Operation, show: str, is_over: bool) -> Any:
    if show == "look":
        why = _("Nothing failed, nothing came back.") if is_over else _("So far nothing failed and nothing came back.")
        return states.empty(_("Nothing needs a look"), why, icon="check")
    return states.filtered(_("No target has this result."))


def _kick_names(slug: str) -> list[Column]:
    return [
        Column("uid", _("Uid"), lambda row: _user(slug, row), kind="id", phone="m1"),
        Column("session", _("Session"), lambda row: cells.mono(session_name(row.key)), css="nw"),
    ]


def _kick_plan(slug: str) -> list[Column]:
    return [
        *_kick_names(slug),
        Column("device", _("Device"), lambda row: _device(row.key), hide="p2", phone="m3"),
        Column("address", _("Address"), lambda row: cells.mono(row.key["address"]), hide="p3"),
        Column("uptime", _("Connected for"), lambda row: cells.duration(row.key["uptime"]), css="nw", phone="m2"),
        Column("idle", _("Idle for"), lambda row: cells.duration(row.key["idle"]), hide="p3", css="nw"),
        Column("after", _("After"), lambda _row: cells.html("<ins>{word}</ins>", word=_("detached")), phone="m3"),
    ]


def _move_names(slug: str) -> list[Column]:
    return [
        Column("slot", _("Slot"), lambda row: _slot(slug, row), kind="id", phone="m1"),
        Column("move", _("Move"), lambda row: cells.mono(f"{row.key['from']} → {row.key['to']}"), css="nw"),
    ]


def _move_plan(slug: str) -> list[Column]:
    return [
        Column("slot", _("Slot"), lambda row: _slot(slug, row), kind="id", phone="m1"),
        Column("what", _("What moves"), lambda row: _("Leader") if row.key["is_transfer"] else _("Copy"), phone="m2"),
        Column("now", _("Led by now"), lambda row: cells.mono(row.key["leader"])),
        Column("after", _("Led by after"), _led_after, phone="m3"),
        Column("copies", _("Copies"), _copies, hide="p2"),
        Column("term", _("Term"), lambda row: cells.mono(row.key["term"]), hide="p3"),
        Column("lag", _("Remark"), _lag, hide="p3"),
    ]


def _user(slug: str, row: OperationTarget) -> Any:
    uid = row.key["uid"]
    return cells.ident(uid, reverse("user", args=[slug, uid]), _("Copy uid"))


def _device(key: Mapping[str, Any]) -> Any:
    return cells.html(
        '<span title="{device}">{word}</span>', word=device_word(key["flag"]), device=cells.visible(key["device"])
    )


def _slot(slug: str, row: OperationTarget) -> Any:
    number = row.key["slot"]
    try:
        url = reverse("slot", args=[slug, number])
    except NoReverseMatch:
        url = ""
    return cells.ident(str(number), url, copy=False)


def _led_after(row: OperationTarget) -> Any:
    key = row.key
    leads = key["leader"] == key["from"]
    after = key["to"] if leads else key["leader"]
    return cells.html("<ins>{node}</ins>", node=after) if leads else cells.mono(after)


def _copies(row: OperationTarget) -> Any:
    key = row.key
    if key["is_transfer"]:
        return cells.html('<span class="mono">{now}</span>', now=", ".join(map(str, key["replicas"])))
    pieces = [
        cells.html("<del>{node}</del>", node=node) if node == key["from"] else cells.esc(str(node))
        for node in key["replicas"]
    ]
    return cells.html("{kept}, <ins>{added}</ins>", kept=cells.join(map(_marked, pieces), ", "), added=key["to"])


def _marked(piece: Any) -> Any:
    return piece if hasattr(piece, "__html__") else cells.html("{piece}", piece=piece)


def _lag(row: OperationTarget) -> Any:
    lag = row.key.get("lag")
    if not lag:
        return ""
    return cells.status("half", _("%(count)s entries behind") % {"count": cells.number(lag)})
