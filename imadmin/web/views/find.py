"""Find anything: makes links out of what was typed. It asks no server, so it answers at once and harms nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from imadmin.accounts.permissions import Permission
from imadmin.archive.asking import may_ask_words
from imadmin.clusters import access
from imadmin.gateway.types import ChannelRef, ChannelType
from imadmin.web import cells, respond
from imadmin.web.context import Shell

_MESSAGE_ID = re.compile(r"\d{15,20}")
_PAIR = re.compile(r"([^\s,@]+)\s*[,@]\s*([^\s,@]+)")
_MAX = 200


@dataclass(frozen=True, slots=True)
class Hit:
    icon: str
    text: str
    url: str
    remark: str = ""
    is_id: bool = True


@dataclass(frozen=True, slots=True)
class Hits:
    title: str
    items: Sequence[Hit]


@require_GET
def find(request: HttpRequest) -> HttpResponse:
    """?q= what was typed, ?in= the cluster one is in."""
    typed = request.GET.get("q", "").strip()[:_MAX]
    slug = request.GET.get("in", "")
    groups: list[Hits] = []
    if slug:
        scope = access.enter(request, slug)
        groups = _in_cluster(scope, typed) if typed else []
    groups += _places(request, typed)
    context = {"typed": typed, "slug": slug, "groups": [group for group in groups if group.items]}
    return respond.page_or_fragment(request, "pages/find.html", context, fragment="results")


def _in_cluster(scope: access.Scope, typed: str) -> list[Hits]:
    slug, found = scope.slug, []
    can_see_messages = scope.can(Permission.SEARCH_MESSAGES)
    if _MESSAGE_ID.fullmatch(typed) and can_see_messages:
        found.append(Hits(_("Messages"), [Hit("message", typed, _url("message", slug, int(typed)), _("message id"))]))
    if pair := _PAIR.fullmatch(typed):
        chat = ChannelRef.person(*pair.groups())
        hit = Hit("message", chat.id, _url("channel", slug, chat), _("chat of two people"))
        found.append(Hits(_("Channels"), [hit]))
        return _usable([*found, *_in_messages(scope, typed)])
    found.append(Hits(_("Users"), [Hit("user", typed, _url("user", slug, typed), _("open this uid"))]))
    kinds = [
        (ChannelType.GROUP, _("group")),
        (ChannelType.CUSTOMER_SERVICE, _("customer service channel")),
        (ChannelType.COMMUNITY, _("community")),
        (ChannelType.COMMUNITY_TOPIC, _("community topic")),
    ]
    channels = [Hit("hash", typed, _url("channel", slug, ChannelRef(typed, kind)), word) for kind, word in kinds]
    found.append(Hits(_("Channels"), channels))
    return _usable([*found, *_in_messages(scope, typed)])


def _in_messages(scope: access.Scope, typed: str) -> list[Hits]:
    """Words that somebody may have written; not for who can't read what anybody wrote, and not for a message's id."""
    if not (scope.can(Permission.SEARCH_MESSAGES) and may_ask_words(scope)) or _MESSAGE_ID.fullmatch(typed):
        return []
    url = f"{_url('messages', scope.slug)}?{urlencode({'q': typed})}"
    text = _("Search messages for “%(text)s”") % {"text": cells.visible(typed)}
    return [Hits(_("Messages"), [Hit("message-search", text, url, _("in the archive"), is_id=False)])]


def _places(request: HttpRequest, typed: str) -> list[Hits]:
    """Pages and clusters whose names hold what was typed."""
    shell, wish = Shell(request), typed.casefold()
    pages = [
        Hit(link.icon, str(link.label), link.url, is_id=False)
        for group in shell.nav
        for link in group.links
        if wish in str(link.label).casefold()
    ]
    clusters = [
        Hit("server-2", cluster.name, _url("overview", cluster.slug), cells.visible(cluster.slug), is_id=False)
        for cluster in shell.clusters
        if wish in cluster.name.casefold() or wish in cluster.slug
    ]
    return _usable([Hits(_("Pages"), pages), Hits(_("Clusters"), clusters)])


def _usable(groups: list[Hits]) -> list[Hits]:
    return [Hits(group.title, [hit for hit in group.items if hit.url]) for group in groups]


def _url(name: str, *args: object) -> str:
    """ "" for what can't be in an address."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
