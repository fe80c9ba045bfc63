"""The navigation as data: what there is, in which order, and which permission it needs.  Only pages that exist."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from imadmin.accounts.permissions import Permission

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Item:
    """stem: every url name that starts so, or as one of them, belongs to this item.

    key: letter after `g`.  phone: in the bottom bar."""

    label: Text
    icon: str
    url_name: str
    permission: Permission | None
    stem: str | tuple[str, ...]
    key: str = ""
    in_cluster: bool = False
    phone: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    title: Text
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Link:
    """An item as one reader sees it."""

    label: Text
    icon: str
    url: str
    is_current: bool
    key: str
    phone: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: Text
    links: Sequence[Link]


_P = Permission
_MESSAGES = ("message", "saved", "export", "completeness", "spread")
CLUSTER = (
    Section(
        _("Cluster"),
        (
            Item(_("Overview"), "layout-dashboard", "overview", _P.VIEW, "overview", "o", True, True),
            Item(_("Connections"), "plug-connected", "connections", _P.VIEW, "connection", "l", True),
            Item(_("Nodes"), "server-2", "nodes", _P.VIEW, "node", "n", True),
            Item(_("Slots"), "grid-dots", "slots", _P.VIEW, "slot", "s", True),
            Item(_("Statistics"), "chart-line", "stats", _P.VIEW, "stats", in_cluster=True),
            Item(_("Operations"), "arrows-exchange", "operations", _P.VIEW, "operation", in_cluster=True),
            Item(_("Jobs"), "calendar-repeat", "jobs", _P.VIEW, "job", "j", True),
        ),
    ),
    Section(
        _("Content"),
        (
            Item(_("Messages"), "message-search", "messages", _P.SEARCH_MESSAGES, _MESSAGES, "m", True, True),
            Item(_("Live tail"), "activity", "tail", _P.SEARCH_MESSAGES, "tail", "t", True),
            Item(_("Channels"), "hash", "channels", _P.VIEW, "channel", "c", True, True),
            Item(_("Users"), "users", "users", _P.VIEW, "user", "u", True, True),
        ),
    ),
)
SITE = (
    Section(
        _("Site"),
        (
            Item(_("All clusters"), "server-2", "home", None, "home", "h", phone=True),
            Item(_("Audit"), "shield-check", "audit", _P.VIEW_AUDIT, "audit", "a", phone=True),
        ),
    ),
)
SETTINGS = (
    Section(
        _("Settings"),
        (
            Item(_("Clusters"), "plug-connected", "settings-clusters", _P.MANAGE_SITE, "settings-cluster"),
            Item(_("People"), "users", "settings-people", _P.MANAGE_SITE, "settings-p"),
            Item(_("Tokens"), "lock", "settings-tokens", _P.MANAGE_SITE, "settings-token"),
            Item(_("Your account"), "user", "account", None, "account"),
        ),
    ),
)
WORK = (Section(_("Work"), (Item(_("Audit"), "shield-check", "audit", _P.VIEW_AUDIT, "audit", "a"),)),)


def groups(
    sections: Sequence[Section], can: Callable[[Permission], bool], *, slug: str = "", current: str = ""
) -> list[Group]:
    """The sections with the items this person may open; a section without any is left out."""
    found = []
    for section in sections:
        allowed = [item for item in section.items if item.permission is None or can(item.permission)]
        links = [link for item in allowed if (link := _link(item, slug, current))]
        if links:
            found.append(Group(section.title, links))
    return found


def _link(item: Item, slug: str, current: str) -> Link | None:
    try:
        url = reverse(item.url_name, args=[slug] if item.in_cluster else [])
    except NoReverseMatch:  # an installation may leave a section out; the frame must still show, on error pages too
        return None
    return Link(item.label, item.icon, url, current.startswith(item.stem), item.key, item.phone)
