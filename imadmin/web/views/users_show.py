"""People in words, cells and tables: presence, sessions, devices, conversations, restrictions."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.directory.actions.sessions import device_name
from imadmin.directory.models import Restriction
from imadmin.directory.parts import Part
from imadmin.directory.queries.users import Lookup, LookupRow, UserView
from imadmin.directory.uids import UidList, complaints
from imadmin.gateway.types import ChannelRef, ConversationRow, DeviceFlag, Session
from imadmin.web import cells, message_links, states
from imadmin.web.message_words import channel_kind, url_of
from imadmin.web.tables import Column, Table

DEVICE_ICONS = {DeviceFlag.APP: "device-mobile", DeviceFlag.WEB: "world", DeviceFlag.PC: "server-2"}
CHATS_SHOWN = 100
SESSIONS_SHOWN = 200
Kind = Restriction.Kind


# -- links ------------------------------------------------------------------------------------------------------------


def messages_url(scope: Scope, uid: str) -> str:
    return message_links.messages_url(scope, sender=uid)


def audit_url(scope: Scope, uid: str) -> str:
    if not scope.can(Permission.VIEW_AUDIT):
        return ""
    wanted = {"cluster": scope.slug, "target_kind": "user", "target": uid}
    return f"{reverse('audit')}?{urlencode(wanted)}"


def inbox_url(scope: Scope, uid: str) -> str:
    """The user's own entry, where it stands who may not write to them."""
    return url_of("channel", scope.slug, ChannelRef.inbox(uid))


def act_button(scope: Scope, uid: str, name: str, label: object, css: str = "s", **query: object) -> SafeString:
    """A link to the question; with htmx the question opens over the page."""
    url = reverse(f"user-{name}", args=[scope.slug, uid])
    if query:
        url = f"{url}?{urlencode(query)}"
    return cells.html(
        '<a class="btn {css}" href="{url}" hx-get="{url}" hx-target="#layer">{label}</a>', css=css, url=url, label=label
    )


# -- one person --------------------------------------------------------------------------------------------------------


def presence(view: UserView) -> SafeString:
    if view.is_ghostly:
        return cells.status("warn", _("Online by a leftover"), _("no node lists a session"))
    if view.is_online:
        return cells.status("ok", _("Online"))
    if view.is_online is None:
        return cells.status("unknown", _("Online or not: unknown"))
    return cells.status("off", _("Offline"))


def facts(view: UserView) -> list[tuple[object, object]]:
    return [
        (_("Sessions"), _session_count(view.sessions)),
        (_("First seen"), _first_seen(view)),
        (_("Conversations"), cells.number(len(view.conversations.value) if view.conversations.is_known else None)),
        (_("User slot"), _slot(view)),
        (_("Login"), _login(view)),
        (_("Sending"), _sending(view)),
    ]


def _session_count(sessions: Part[tuple[Session, ...]]) -> object:
    if not sessions.is_known:
        return cells.number(None)
    count = cells.number(len(sessions.value))
    return (
        cells.html('{count} <span class="faint">{rest}</span>', count=count, rest=_("or more"))
        if sessions.failed
        else count
    )


def _first_seen(view: UserView) -> object:
    if not view.record.is_known:
        return cells.number(None)
    if view.record.value is None:
        return cells.html('<span class="faint">{word}</span>', word=_("no row"))
    return cells.when(view.record.value.created_at, never=_("unknown"))


def _slot(view: UserView) -> object:
    slot = cells.html("<span>{slot}</span>", slot=view.slot) if view.slot is not None else cells.number(None)
    if view.leader_id is None:
        return slot
    return cells.html("{slot}, {node}", slot=slot, node=_("node %(node)s") % {"node": view.leader_id})


def _login(view: UserView) -> object:
    if view.may_log_in is None:
        return cells.status("unknown", _("Unknown"))
    if not view.may_log_in:
        whose = _("our record") if view.is_kept_out_by_us else _("not by us")
        return cells.status("bad", _("Kept out"), whose)
    if view.may_take_tokens is False:
        return cells.status("warn", _("Allowed"), _("new tokens are refused"))
    if view.is_kept_out_by_us:
        return cells.status("warn", _("Allowed"), _("though our record says kept out"))
    return cells.status("ok", _("Allowed"))


def _sending(view: UserView) -> object:
    """Our record only: the server can't be asked."""
    if view.unsure_since:
        return cells.status("unknown", _("Unknown"), _("the last change ended unknown"))
    if view.flags is None:
        return cells.status("unknown", _("Unknown"), _("nothing written from here"))
    word, shape = (_("Sending stopped"), "bad") if view.flags.send_ban else (_("Not stopped"), "ok")
    return cells.status(shape, word, _("our record"))


def sessions_remark(sessions: Part[tuple[Session, ...]]) -> str:
    """ "2 nodes answered, 1003 unknown"."""
    if not sessions.is_known:
        return ""
    count = len(sessions.nodes)
    answered = ngettext("%(count)s node answered", "%(count)s nodes answered", count) % {"count": count}
    if not sessions.failed:
        return answered
    missing = ", ".join(cells.visible(failure.node) for failure in sessions.failed)
    return _("%(answered)s, %(missing)s unknown") % {"answered": answered, "missing": missing}


def sessions_table(scope: Scope, uid: str, sessions: Sequence[Session]) -> Table:
    can_kick = scope.can(Permission.KICK)

    def kick(row: Session) -> object:
        return act_button(scope, uid, "kick", _("Kick…"), node=row.node_id, session=row.id) if can_kick else ""

    return Table(
        columns=[
            Column("device", _("Device"), _device, phone="m1"),
            Column("node", _("Node"), _node, phone="m3"),
            Column("address", _("Address"), lambda row: cells.mono(row.address), hide="p2", phone="m3"),
            Column("in_out", _("In / out"), _in_out, "num", hide="p3"),
            Column("idle", _("Idle"), lambda row: cells.duration(row.idle), "num"),
            Column("uptime", _("Up"), lambda row: cells.duration(row.uptime), "num", phone="m2"),
            Column("do", _("Actions"), kick, "actions", phone="m3"),
        ],
        rows=sessions[:SESSIONS_SHOWN],
        caption=_("Sessions"),
        empty=states.empty(_("No session"), _("No node lists a connection of this uid."), icon="plug"),
        plain=True,
    )


def _device(row: Session) -> object:
    name = device_name(row.device_flag) if row.device_flag is not None else _("unknown")
    level = cells.tag(_level_word(row.device_level)) if row.device_level else ""
    return cells.html(
        '<span class="row" title="{id}">{icon}{name} {level}</span>',
        id=cells.visible(row.device_id), icon=_device_icon(row.device_flag), name=name, level=level,
    )  # fmt: skip


def _device_icon(flag: int | None) -> SafeString:
    return cells.icon(next((icon for known, icon in DEVICE_ICONS.items() if known == flag), "plug"))


def _level_word(level: object) -> str:
    return {"master": _("master"), "slave": _("slave"), "1": _("master"), "0": _("slave")}.get(str(level), str(level))


def _node(row: Session) -> object:
    return cells.html('{node} <span class="faint mono">#{id}</span>', node=row.node_id, id=row.id)


def _in_out(row: Session) -> object:
    return cells.html("{a} / {b}", a=cells.number(row.in_msgs), b=cells.number(row.out_msgs))


def devices(scope: Scope, view: UserView) -> list[dict[str, object]]:
    can_kick = scope.can(Permission.KICK)
    return [
        {
            "icon": _device_icon(row.flag),
            "name": device_name(row.flag),
            "level": _level_word(row.level),
            "has_token": row.has_token,
            "updated_at": row.updated_at,
            "button": act_button(scope, view.uid, "sign-out", _("Sign out…"), "s danger", flag=row.flag)
            if can_kick
            else "",
        }
        for row in view.devices.value
    ]


def chats_table(scope: Scope, view: UserView) -> Table:
    denied = {row.channel: row for row in view.restrictions if row.kind == Kind.DENY}

    def sending(row: ConversationRow) -> object:
        return cells.status("bad", _("Denied"), _("our record")) if _list_of(row.channel, view.uid) in denied else ""

    return Table(
        columns=[
            Column("channel", _("Channel"), lambda row: channel_link(scope, row.channel), "id", "m1"),
            Column("kind", _("Kind"), lambda row: cells.tag(channel_kind(row.channel))),
            Column("sending", _("Sending"), sending, phone="m3"),
            Column("unread", _("Unread"), kind="num"),
            Column("updated_at", _("Last change"), kind="time", phone="m2"),
        ],
        rows=view.conversations.value[:CHATS_SHOWN],
        caption=_("Conversations"),
        empty=states.empty(
            _("No conversation stored"),
            _("The server saves conversations a little later than messages; a denied user’s conversation is hidden."),
        ),
        plain=True,
    )


def _list_of(channel: ChannelRef, uid: str) -> ChannelRef:
    """Where a denial of `uid` for this chat stands: in the channel, or in the other person's own entry."""
    peers = channel.peers
    return ChannelRef.inbox(next((one for one in peers if one != uid), uid)) if peers else channel


def channel_link(scope: Scope, channel: ChannelRef) -> SafeString:
    return cells.ident(channel.id, url_of("channel", scope.slug, channel), _("Copy channel id"))


def staff(view: UserView) -> list[dict[str, object]] | None:
    if view.staff is None:
        return None
    return [
        {
            "shape": {"done": "ok", "already": "off", "partial": "half", "failed": "bad"}.get(row.outcome, "unknown"),
            "actor": row.entry.actor,
            "action": row.entry.action,
            "reason": row.entry.reason,
            "at": row.entry.at,
            "url": url_of("audit-entry", row.entry.pk),
        }
        for row in view.staff
    ]


# -- restrictions ------------------------------------------------------------------------------------------------------

UNDO = {Kind.KEEP_OUT: "let-in", Kind.STOP_SENDING: "allow-sending"}


def restriction_words(kind: str) -> str:
    words = {
        Kind.KEEP_OUT: _("Kept out"),
        Kind.STOP_SENDING: _("Sending stopped everywhere"),
        Kind.DENY: _("Denied in"),
    }
    return words[Kind(kind)]


def restriction(scope: Scope, row: Restriction) -> dict[str, object]:
    """One open row as the panel shows it. lift: a button, or a link to the list it stands on."""
    lift: object = ""
    if row.kind in UNDO and scope.can(Permission.RESTRICT_USERS):
        label = _("Let in…") if row.kind == Kind.KEEP_OUT else _("Allow…")
        lift = act_button(scope, row.uid, UNDO[Kind(row.kind)], label)
    elif row.channel and (url := url_of("channel", scope.slug, row.channel)):
        lift = cells.html('<a class="btn s" href="{url}">{label}</a>', url=url, label=_("Open its list"))
    return {
        "row": row,
        "words": restriction_words(row.kind),
        "channel": channel_link(scope, row.channel) if row.channel else "",
        "lift": lift,
    }


def restrictions_table(scope: Scope, rows: Sequence[Restriction]) -> Table:
    def what(row: Restriction) -> object:
        link = channel_link(scope, row.channel) if row.channel else ""
        return cells.html("{words} {link}", words=restriction_words(row.kind), link=link)

    return Table(
        columns=[
            Column("uid", _("Uid"), lambda row: user_link(scope, row.uid), "id", "m1"),
            Column("kind", _("Restriction"), what, phone="m3"),
            Column("reason", _("Reason"), kind="fill", hide="p2"),
            Column("created_by", _("By"), hide="p3"),
            Column("created_at", _("Since"), kind="time", phone="m2"),
            Column("until", _("Until"), _until, "time", hide="p3"),
        ],
        rows=rows,
        caption=_("Open restrictions"),
        empty=states.empty(
            _("Nobody is restricted from here"), _("What other programs did to people isn’t known to us.")
        ),
        plain=True,
    )


def _until(row: Restriction) -> object:
    when = cells.when(row.until, never=_("lifted by hand"))
    if not row.lift_error:
        return when
    return cells.join((cells.status("warn", _("Overdue")), cells.html(" {when}", when=when)))


def user_link(scope: Scope, uid: str) -> SafeString:
    return cells.ident(uid, url_of("user", scope.slug, uid), _("Copy uid"))


# -- looking up --------------------------------------------------------------------------------------------------------


def lookup_table(scope: Scope, rows: Sequence[LookupRow]) -> Table:
    def online(row: LookupRow) -> object:
        if row.is_online is None:
            return cells.status("unknown", _("Unknown"))
        return cells.status("ok", _("Online")) if row.is_online else cells.status("off", _("Offline"))

    return Table(
        columns=[
            Column("uid", _("Uid"), lambda row: user_link(scope, row.uid), "id", "m1"),
            Column("online", _("Presence"), online, "status", "m2"),
            Column("devices", _("Devices"), lambda row: ", ".join(map(device_name, row.flags)), phone="m3"),
            Column(
                "restrictions",
                _("Restrictions"),
                lambda row: cells.join(
                    (cells.tag(restriction_short(one.kind), "warn") for one in row.restrictions), " "
                ),
                phone="m3",
            ),
        ],
        rows=rows,
        caption=_("Looked up"),
    )


def restriction_short(kind: str) -> str:
    return {
        Kind.KEEP_OUT: _("kept out"),
        Kind.STOP_SENDING: _("sending stopped"),
        Kind.DENY: _("denied in a channel"),
    }[Kind(kind)]


def bad_uids(found: Lookup) -> str:
    return " ".join(complaints(UidList((), found.bad))) if found.bad else ""
