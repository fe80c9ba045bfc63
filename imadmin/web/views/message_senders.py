"""Who sent the messages that were chosen, and what can be planned about them; nothing is changed here."""

from collections import Counter
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from imadmin.accounts.permissions import Permission
from imadmin.archive import finding
from imadmin.archive.asking import reader_zone
from imadmin.archive.finding import Matching
from imadmin.archive.wanted import ID_MAX
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef
from imadmin.web import cells, respond, states
from imadmin.web import message_query as queries
from imadmin.web import message_words as words
from imadmin.web.tables import Column, Select, Table

TEMPLATE = "pages/messages/senders.html"
IDS_MOST = 200
IDS_EXPORTED = 60  # as many words as a query takes
AT_ONCE = 20  # conditions that one plan of kicks takes
CHANNELS_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Sender:
    uid: str
    messages: int
    channels: int


@dataclass(frozen=True, slots=True)
class Place:
    """channel: whose denylist keeps these senders out.  receiver: whose own list it is, "" in a group."""

    channel: ChannelRef
    shown: str
    kind: str
    receiver: str
    uids: tuple[str, ...]
    url: str


@require_http_methods(["GET", "HEAD", "POST"])
def senders(request: HttpRequest, slug: str) -> HttpResponse:
    """A selection arrives by POST and becomes an address that can be looked at again."""
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    given = request.POST if request.method == "POST" else request.GET
    q, is_all = queries.q_of(given.getlist("q")), given.get("all") == "1"
    ids = _ids([*given.getlist("target"), *given.getlist("id")])
    if request.method == "POST":
        return respond.redirect(request, _onward(scope, q, ids, is_all=is_all, go=given.get("go", "")))
    found = finding.matching(scope, q, zone=reader_zone()) if is_all or not ids else finding.chosen(scope, ids)
    return respond.page(request, TEMPLATE, _context(scope, q, found, is_all=is_all or not ids))


def _ids(texts: list[str]) -> list[int]:
    numbers = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 19)
    return list(dict.fromkeys(number for number in numbers if 0 < number <= ID_MAX))[:IDS_MOST]


def _onward(scope: Scope, q: str, ids: list[int], *, is_all: bool, go: str) -> str:
    exports = words.url_of("exports", scope.slug)
    if go == "export" and exports:
        wanted = q if is_all or not ids else " OR ".join(f"id:{number}" for number in ids[:IDS_EXPORTED])
        return f"{exports}?{queries.encoded(q=wanted)}"
    here = reverse("messages-senders", args=[scope.slug])
    return f"{here}?{queries.encoded(q=q, all='1') if is_all else queries.encoded(q=q, id=ids)}"


def _context(scope: Scope, q: str, found: Matching, *, is_all: bool) -> dict[str, object]:
    rows = [row for row in found.rows if row.from_uid not in ("", words.SYSTEM_UID)]
    can_kick, can_deny = scope.can(Permission.KICK), scope.can(Permission.RESTRICT_MEMBERS)
    counts = Counter(row.from_uid for row in rows)
    places: dict[str, set[ChannelRef]] = {uid: set() for uid in counts}
    for row in rows:
        places[row.from_uid].add(row.channel.base)
    people = [Sender(uid, count, len(places[uid])) for uid, count in counts.most_common()]
    return {
        "q": q,
        "is_all": is_all,
        "is_capped": found.is_capped,
        "total": len(found.rows),
        "by_system": len(found.rows) - len(rows),
        "back": queries.search_url(scope.slug, q),
        "count": len(people),
        "table": _table(scope.slug, people, can_kick=can_kick),
        "can_kick": can_kick and bool(people),
        "can_deny": can_deny,
        "at_once": AT_ONCE,
        "places": _places(scope, places)[:CHANNELS_SHOWN] if can_deny else [],
        "places_left": max(0, len({channel for each in places.values() for channel in each}) - CHANNELS_SHOWN),
    }


def _table(slug: str, people: list[Sender], *, can_kick: bool) -> Table:
    return Table(
        columns=(
            Column("uid", _("Sender"), lambda row: words.sender_cell(slug, row.uid), kind="id", phone="m1"),
            Column("messages", _("Messages"), kind="num", phone="m2"),
            Column("channels", _("Channels"), kind="num"),
        ),
        rows=people,
        caption=_("Senders, the most frequent first"),
        empty=states.empty(
            _("Nobody to act on"), _("The system sent these messages, or they are no longer in the archive.")
        ),
        # "=" in front: this very uid, not all that hold it
        select=Select(lambda row: f"={row.uid}", lambda row: _("Choose %s") % cells.visible(row.uid), "uid", "kick")
        if can_kick
        else None,
        chosen=frozenset(f"={person.uid}" for person in people[:AT_ONCE]),
    )


def _places(scope: Scope, channels_of: dict[str, set[ChannelRef]]) -> list[Place]:
    """Denylists, the ones that keep most of them out first; in a person chat it is the receiver's own."""
    found: dict[ChannelRef, Place] = {}
    for uid, channels in channels_of.items():
        for channel in channels:
            target, receiver = channel, ""
            if peers := channel.peers:
                receiver = next((peer for peer in peers if peer != uid), "")
                target = ChannelRef.inbox(receiver)
            url = words.url_of("channel-denylist-preview", scope.slug, target)
            if not url:
                continue
            blank = Place(target, cells.visible(target.id), words.channel_kind(channel), receiver, (), url)
            place = found.get(target, blank)
            found[target] = replace(place, uids=(*place.uids, uid))
    return sorted(found.values(), key=lambda place: -len(place.uids))
