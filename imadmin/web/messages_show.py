"""A search's answer as rows, facets and reasons: what a message is, what became of it, and what else can be tried."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.accounts.permissions import Permission
from imadmin.archive import costs, finding, grammar
from imadmin.archive.completeness import Reach
from imadmin.archive.finding import FoundPage
from imadmin.archive.masking import BodyAccess, ShownMessage
from imadmin.archive.operators import channel_value, quoted
from imadmin.archive.search import Facets
from imadmin.archive.where import All, Client, From, Id, In, Says, Where
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef, MessageQuery
from imadmin.web import cells, states
from imadmin.web import message_query as queries
from imadmin.web import message_words as words
from imadmin.web.tables import Column, Select, Table, clock, mono

FACET_MOST = 6


def table(scope: Scope, found: FoundPage, reach: Reach, *, cursor: str) -> Table:
    slug = scope.slug
    select = Select(lambda row: row.id, _select_label) if can_select(scope) else None
    return Table(
        columns=(
            Column("sent_at", _("Time"), lambda row: clock(row.sent_at), kind="time", phone="m2"),
            Column("from_uid", _("Sender"), lambda row: words.sender_cell(slug, row.from_uid), kind="id", phone="m1"),
            Column("text", _("Message"), partial(_message_cell, slug, found), kind="fill", phone="m3"),
            Column("channel", _("Channel"), lambda row: words.channel_cell(slug, row.channel), hide="p2", css="nw"),
            Column("kind", _("Type"), words.kind_tag, hide="p3", css="nw"),
            Column("seq", _("Seq"), lambda row: _seq(row), kind="num", hide="p3", css="faint"),
            *_spread_column(scope),
        ),
        rows=found.rows,
        caption=_("Messages, newest first"),
        empty=_nothing(scope, found, reach, cursor=cursor),
        select=select,
    )


def can_select(scope: Scope) -> bool:
    return any(map(scope.can, (Permission.KICK, Permission.RESTRICT_MEMBERS, Permission.EXPORT_MESSAGES)))


def _spread_column(scope: Scope) -> list[Column]:
    """From each row to who else wrote it, for those who may know."""
    if not scope.can(Permission.REVEAL_BODIES):
        return []
    label = _("Who else wrote this")

    def cell(row: ShownMessage) -> object:
        if not row.length:
            return ""
        return cells.html(
            '<a class="btn s quiet icon" href="{url}" aria-label="{label}" title="{label}">{icon}</a>',
            url=f"{reverse('spread', args=[scope.slug])}?id={row.id}", label=label, icon=cells.icon("share"),
        )  # fmt: skip

    return [Column("spread", label, cell, kind="actions", hide="p2")]


def _select_label(row: ShownMessage) -> str:
    return _("Select message %(seq)s of %(channel)s") % {"seq": row.seq, "channel": cells.visible(row.channel.id)}


def _seq(row: ShownMessage) -> object:
    return mono(row.seq) if row.seq else cells.html('<span class="faint">{word}</span>', word=_("unknown"))


def _message_cell(slug: str, found: FoundPage, row: ShownMessage) -> SafeString:
    return words.hit_cell(slug, row, found.access, found.terms, marks=marks(row), q=found.q)


def marks(row: ShownMessage) -> SafeString:
    """What became of it, as shape and word."""
    found: list[tuple[str, str]] = []
    if row.is_revoked:
        found.append(("bad", _("revoked")))
    if row.is_expired:
        found.append(("stale", _("expired")))
    if row.is_edited:
        found.append(("info", _("edited")))
    if row.is_unfinished:
        found.append(("run", _("still being written")))
    elif row.is_stream:
        found.append(("info", _("stream")))
    if row.is_doubled:
        found.append(("warn", _("number given out twice")))
    if row.is_ahead:
        found.append(("warn", _("the server’s clock was ahead")))
    return cells.join(
        cells.html('<span class="tag mark">{glyph}{word}</span> ', glyph=cells.glyph(shape), word=word)
        for shape, word in found
    )


# -- facets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facet:
    """share: of the most frequent one."""

    label: str
    url: str
    count: int
    share: float
    is_id: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: tuple[Facet, ...]
    is_open: bool


def facets(slug: str, q: str, found: Facets) -> list[Group]:
    """Who, where, what and when, each with the search narrowed to it; what can't narrow is left out."""
    senders = ((uid or words.SYSTEM_UID, uid, f"from:{quoted(uid)}", count) for uid, count in found.senders if uid)
    channels = ((each.id, each.id, f"in:{channel_value(each)}", count) for each, count in found.channels)
    kinds = ((kind.value, str(words.KIND_WORDS[kind]), f"type:{kind.value}", count) for kind, count in found.kinds)
    days = ((f"{day}", date_format(day, "MONTH_DAY_FORMAT"), f"on:{day:%Y-%m-%d}", count) for day, count in found.days)
    groups = (
        _group(slug, q, _("Sender"), senders, is_id=True, is_open=True),
        _group(slug, q, _("Channel"), channels, is_id=True, is_open=True),
        _group(slug, q, _("Type"), kinds),
        _group(slug, q, _("Day"), days),
    )
    return [group for group in groups if group.rows]


def _group(
    slug: str,
    q: str,
    title: str,
    rows: Iterable[tuple[str, str, str, int]],
    *,
    is_id: bool = False,
    is_open: bool = False,
) -> Group:
    shown = list(rows)[:FACET_MOST]
    most = max((count for *_rest, count in shown), default=1)
    made = tuple(
        Facet(cells.visible(label), queries.narrowed(slug, q, term), count, count / most, is_id)
        for _key, label, term, count in shown
    )
    return Group(title, made, is_open)


# -- the server itself ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnServer:
    """The same question to the server, as far as it can be asked.  work: what that costs.  lost: what it can't ask."""

    url: str
    work: str
    lost: str


def on_server(scope: Scope, found: FoundPage) -> OnServer:
    leaves = found.where.parts if isinstance(found.where, All) else (found.where,)
    given, query = _asked(leaves, with_text=found.access is not BodyAccess.CLOSED)
    address = reverse("messages-server", args=[scope.slug])
    kept = len(given) - ("channel_type" in given)
    lost = len(leaves) - kept
    return OnServer(
        url=f"{address}?{urlencode(given)}" if given else address,
        work=costs.work_of(query),
        lost=ngettext(
            "%(count)s part of your search can't be asked of it.",
            "%(count)s parts of your search can't be asked of it.",
            lost,
        )
        % {"count": lost}
        if lost > 0
        else "",
    )


def _asked(leaves: Iterable[Where], *, with_text: bool) -> tuple[dict[str, str | int], MessageQuery]:
    channel: ChannelRef | None = None
    sender = client = text = ""
    for leaf in leaves:
        match leaf:
            case Id(number):
                return {"message_id": str(number)}, MessageQuery(message_id=number)
            case In(ref) if channel is None:
                channel = ref
            case From(uid) if not sender:
                sender = uid
            case Client(number_text) if not client:
                client = number_text
            case Says(said) if not text:
                text = said
    if channel is None or not with_text:
        text = ""
    given: dict[str, str | int] = {}
    if channel is not None:
        given |= {"channel_type": int(channel.type), "channel_id": channel.id}
    given |= {name: value for name, value in (("sender", sender), ("client_msg_no", client), ("text", text)) if value}
    return given, MessageQuery(channel=channel, from_uid=sender, client_msg_no=client, text=text)


# -- why nothing ---------------------------------------------------------------------------------------------------


def _nothing(scope: Scope, found: FoundPage, reach: Reach, *, cursor: str) -> states.State:
    server = on_server(scope, found)
    ask = states.Verb(_("Search the server"), server.url, "server-2")
    if found.is_budget_spent:
        return states.State(
            _("Nothing yet, and not all was looked at"),
            _("The search stopped at its time limit. Older messages may match."),
            icon="zoom-question",
            verbs=(
                states.Verb(_("Search on"), f"?{urlencode({'q': found.q, 'cursor': found.next_cursor})}", "search"),
            ),
        )
    if cursor:
        first = states.Verb(_("Newest"), queries.search_url(scope.slug, found.q), "refresh")
        return states.empty(_("Nothing older"), _("This was the last page."), first, icon="zoom-question")
    if reach.is_empty and not reach.is_on:
        why = _(
            "This cluster has no archive. Opening one stores every message here too: it is filled by the server's "
            "webhook and by reading every channel once, at a pace you set."
        )
        return states.empty(_("There is no archive yet"), why, *_opening(scope), ask, icon="database")
    if reach.is_empty:
        why = _("The archive is open and still empty. It fills as the webhook tells and as channels are read.")
        return states.empty(_("Nothing in the archive yet"), why, *_opening(scope, is_on=True), ask, icon="database")
    return states.State(
        _("No message found"), _why(scope, found), icon="zoom-question", verbs=(*_wider(scope, found), ask)
    )


def _opening(scope: Scope, *, is_on: bool = False) -> list[states.Verb]:
    url = words.url_of("completeness", scope.slug)
    if not url:
        return []
    label = _("How complete it is") if is_on or not scope.can(Permission.OPERATE_CLUSTER) else _("Open the archive…")
    return [states.Verb(label, url, "database")]


def _why(scope: Scope, found: FoundPage) -> str:
    kinds = {word.name or word.kind for word in grammar.words(found.q)}
    why = []
    if kinds & {"word", "phrase"}:
        why.append(_("Words must stand in the text as they are typed; capitals, width and simplified or traditional "
                     "characters don't matter. Try fewer or shorter ones."))  # fmt: skip
    if kinds & {"from", "in", "between", "client"}:
        why.append(_("Ids are compared exactly, capital letters too; in:vip-* finds all channels that begin so."))
    if kinds & {"after", "before", "on", "during"}:
        why.append(_("Times are of your zone. Try a longer one."))
    if "node" in kinds:
        why.extend(_why_nodes(scope, found))
    if "id" in kinds:
        why.append(_("The id may be mistyped, belong to another cluster, or name a message that was never stored."))
    why.append(_("What isn't in the archive isn't found here: the server may still have it."))
    return " ".join(why)


def _why_nodes(scope: Scope, found: FoundPage) -> list[str]:
    known = finding.leaders(scope)
    asked = dict.fromkeys(word.value for word in grammar.words(found.q) if word.name == "node" and not word.is_negated)
    unknown = [node for node in asked if node not in map(str, known)]
    if not unknown:
        return []
    if not known:
        return [_("Which node leads which channel isn't known here yet: the archive learns it as channels are read.")]
    return [
        _("No channel of the archive is led by node %(nodes)s. Nodes that lead channels: %(known)s.")
        % {"nodes": ", ".join(map(cells.visible, unknown)), "known": ", ".join(map(str, known))}
    ]


def _wider(scope: Scope, found: FoundPage) -> list[states.Verb]:
    """The search without one of its words, for the first few of them."""
    named = grammar.words(found.q)
    if len(named) < 2 or any(word.kind not in ("word", "phrase", "operator") for word in named):
        return []
    return [
        states.Verb(
            _("Without %(part)s") % {"part": cells.visible(found.q[word.start : word.end][:40])},
            queries.search_url(scope.slug, queries.without(found.q, word)),
            "x",
            quiet=True,
        )
        for word in named[:4]
    ]
