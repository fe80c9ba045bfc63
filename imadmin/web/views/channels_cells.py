"""Channels in words and tables: kinds, states, who may send and why not."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from imadmin.audit.queries import AuditRow
from imadmin.core.errors import AppError, InvalidInput
from imadmin.core.outcomes import RESULT_WORDS, Result
from imadmin.directory.actions.lists import Verb
from imadmin.directory.queries.channels import ChannelPage, Sending, state_of_record, why_unknown
from imadmin.directory.queries.lists import ListName
from imadmin.directory.queries.members import ListPage, ListRow
from imadmin.gateway.types import ChannelRecord, ChannelRef, RuntimeChannel
from imadmin.web import audit_words, cells, states
from imadmin.web.message_words import channel_kind, url_of
from imadmin.web.tables import Column, Select, Table, clock, ident, mono, status, when

# (shape, what it means for the channel, what it means for one person)
SENDING = {
    Sending.ALLOWED: ("ok", gettext_lazy("Open to members"), gettext_lazy("May send")),
    Sending.EVERYBODY: ("ok", gettext_lazy("Open to everybody"), gettext_lazy("May send, as everybody")),
    Sending.NOT_ALLOWED: ("warn", gettext_lazy("Only the allowlist may send"), gettext_lazy("Not on the allowlist")),
    Sending.BANNED: ("bad", gettext_lazy("Closed: nobody may send"), gettext_lazy("Channel closed")),
    Sending.DISBANDED: ("bad", gettext_lazy("Disbanded: nobody may send"), gettext_lazy("Channel disbanded")),
    Sending.SYSTEM: ("info", gettext_lazy("System user"), gettext_lazy("System user")),
    Sending.DENIED: ("bad", gettext_lazy("Denied"), gettext_lazy("Denied")),
    Sending.NOT_MEMBER: ("off", gettext_lazy("Not a member"), gettext_lazy("Not a member")),
    Sending.UNKNOWN: ("unknown", gettext_lazy("Unknown"), gettext_lazy("Unknown")),
}
STATES = {
    "open": ("ok", gettext_lazy("Open")),
    "banned": ("bad", gettext_lazy("Closed")),
    "disbanded": ("bad", gettext_lazy("Disbanded")),
}
DEVICES = {0: "APP", 1: "WEB", 2: "PC"}
LIST_WORDS = {
    ListName.MEMBERS: gettext_lazy("Members"),
    ListName.DENYLIST: gettext_lazy("Denylist"),
    ListName.ALLOWLIST: gettext_lazy("Allowlist"),
}

CHANGE_WORDS = {
    (ListName.MEMBERS, Verb.ADD): gettext_lazy("Add members"),
    (ListName.MEMBERS, Verb.REMOVE): gettext_lazy("Remove members"),
    (ListName.DENYLIST, Verb.ADD): gettext_lazy("Deny"),
    (ListName.DENYLIST, Verb.REMOVE): gettext_lazy("Take off the denylist"),
    (ListName.ALLOWLIST, Verb.ADD): gettext_lazy("Add to the allowlist"),
    (ListName.ALLOWLIST, Verb.REMOVE): gettext_lazy("Take off the allowlist"),
}


# -- lists of channels -------------------------------------------------------------------------------------------------


def records_table(slug: str, rows: Sequence[ChannelRecord], empty: states.State) -> Table:
    return Table(
        columns=(
            Column("channel", _("Channel"), lambda row: _channel(slug, row.channel), kind="id", phone="m1"),
            Column("kind", _("Kind"), lambda row: kind_of(row.channel), phone="m3"),
            Column("members", _("Members"), _member_count, kind="num", phone="m3"),
            Column("denied", _("Denied"), lambda row: _counter(row.denylist_count), kind="num", hide="p2"),
            Column("allowed", _("Allowed"), lambda row: _counter(row.allowlist_count), kind="num", hide="p2"),
            Column("last", _("Last message"), lambda row: _last(row), kind="time", phone="m2"),
            Column("state", _("State"), _state, kind="status", phone="m3"),
            Column("slot", _("Slot"), lambda row: mono(row.slot) if row.slot is not None else _("unknown"), hide="p3",
                   css="num faint"),
        ),
        rows=rows,
        caption=_("Channel records, newest first"),
        empty=empty,
    )  # fmt: skip


def used_table(slug: str, rows: Sequence[RuntimeChannel], empty: states.State) -> Table:
    return Table(
        columns=(
            Column("channel", _("Channel"), lambda row: _channel(slug, row.channel), kind="id", phone="m1"),
            Column("kind", _("Kind"), lambda row: kind_of(row.channel), phone="m3"),
            Column("members", _("Members"), lambda row: cells.number(2 if row.channel.peers else None), kind="num",
                   hide="p2"),
            Column("last_seq", _("Last message no."), lambda row: mono(row.last_seq), kind="num", phone="m2"),
            Column("first", _("First used"), lambda row: when(row.created_at, never=_("unknown")), kind="time",
                   hide="p2"),
            Column("leader", _("Leader"), lambda row: mono(row.leader_id or _("unknown")), phone="m3"),
            Column("slot", _("Slot"), lambda row: mono(row.slot), css="num faint", hide="p3"),
        ),
        rows=rows,
        caption=_("Every channel used, newest first"),
        empty=empty,
    )  # fmt: skip


def unknown_state(error: AppError) -> states.State:
    """What stands in the place of something that could not be read."""
    if isinstance(error, InvalidInput):
        return states.State(_("The server can’t be asked for this"), why_unknown(error), shape="unknown")
    return states.of_error(error)


def kind_of(channel: ChannelRef) -> str:
    """The kind in words; a person's own entry is no chat."""
    return _("Person’s own entry") if channel.is_person and not channel.peers else channel_kind(channel)


def _member_count(row: ChannelRecord) -> object:
    if row.channel.is_person:
        return ""
    count = cells.number(row.subscriber_count)
    word = ngettext("member", "members", row.subscriber_count or 0)
    # A phone shows no heads of columns: the number says itself what it counts.
    return cells.html('{count}<span class="only-phone"> {word}</span>', count=count, word=word)


def _state(row: ChannelRecord) -> object:
    if row.channel.is_person and not row.channel.peers:
        # On a person's own entry the ban refuses logins; the other flag decides nothing.
        return status("bad", _("Login refused")) if row.ban else status("ok", _("Login open"))
    return status(*STATES[state_of_record(row)])


def _channel(slug: str, channel: ChannelRef) -> object:
    url = url_of("channel", slug, channel) if channel.id else ""
    return ident(channel.id or _("(no id)"), url, _("Copy channel id"))


def _counter(count: int | None) -> object:
    """The server counts every uid sent, also the ones that were on the list already; only 0 is exact."""
    if not count:
        return cells.number(count)
    return cells.html('<span title="{why}">≈{count}</span>', why=_("counted by the server, not exact"), count=count)


def _last(row: ChannelRecord) -> object:
    return (
        when(row.last_message_at) if row.last_message_at or row.last_seq is not None else when(None, never=_("unknown"))
    )


# -- one channel -------------------------------------------------------------------------------------------------------


def list_table(
    slug: str, page: ChannelPage, name: ListName, shown: ListPage, *, can_change: bool, empty: states.State
) -> Table:
    columns = [
        Column("uid", _("Uid"), lambda row: ident(row.uid, url_of("user", slug, row.uid), _("Copy uid")), kind="id",
               phone="m1"),
        Column("presence", _("Presence"), _presence, kind="status", phone="m2"),
        Column("sending", _("Sending here"), lambda row: _sending(page, row), kind="status", phone="m3"),
    ]  # fmt: skip
    if name is ListName.DENYLIST:
        columns.append(Column("ours", _("Denied by"), _ours, kind="fill", phone="m3"))
    if can_change:
        columns.append(
            Column("do", _("Actions"), lambda row: _row_verb(slug, page.channel, name, row), kind="actions", phone="m3")
        )
    return Table(
        columns=columns,
        rows=shown.rows,
        caption=LIST_WORDS[name],
        empty=empty,
        select=Select(lambda row: row.uid, lambda row: _("Select %s") % cells.visible(row.uid)) if can_change else None,
    )


def _presence(row: ListRow) -> object:
    if row.devices is None:
        return status("unknown", _("Unknown"))
    if not row.devices:
        return status("off", _("Offline"))
    return status("ok", _("Online"), ", ".join(DEVICES.get(flag, str(flag)) for flag in row.devices))


def _sending(page: ChannelPage, row: ListRow) -> object:
    if page.is_inbox:
        return status("bad", _("May not write to this person"))
    shape, _whole, word = SENDING[row.sending]
    detail = _("passes every list") if row.sending is Sending.SYSTEM else ""
    if row.sending is Sending.DENIED and row.is_member is False:
        detail = _("not a member either")
    return status(shape, word, detail)


def _ours(row: ListRow) -> object:
    """Who denied, when and why, by our own record; the server keeps none of it."""
    if row.restriction is None:
        return cells.html('<span class="faint">{word}</span>', word=_("no record here: not denied from this dashboard"))
    return cells.html(
        "<span>{who}, {when}: {reason}</span>",
        who=cells.visible(row.restriction.created_by),
        when=when(row.restriction.created_at),
        reason=cells.visible(row.restriction.reason),
    )


def _row_verb(slug: str, channel: ChannelRef, name: ListName, row: ListRow) -> object:
    """A way to the prefilled form; nothing changes by following it."""
    if name is ListName.MEMBERS:
        target, word = ListName.DENYLIST, _("Deny…")
    else:
        target, word = name, _("Take off…")
    query = urlencode({"uids": quoted(row.uid), **({} if name is ListName.MEMBERS else {"verb": "remove"})})
    url = f"{reverse(f'channel-{target}', args=[slug, channel])}?{query}#change"
    return cells.html('<a class="btn s quiet" href="{url}">{word}</a>', url=url, word=word)


def quoted(uid: str) -> str:
    """A uid as the paste field takes it: in quotes when it holds what separates uids there."""
    return '"' + uid.replace('"', '""') + '"' if any(sign in uid for sign in ' ,;，；、"\t') else uid


def history_table(rows: Sequence[AuditRow], empty: states.State) -> Table:
    return Table(
        columns=(
            Column("at", _("Time"), lambda row: clock(row.entry.at), kind="time", phone="m2"),
            Column("actor", _("Who"), lambda row: cells.visible(row.entry.actor), phone="m3", css="nw"),
            Column("action", _("Did"), _did, kind="id", phone="m1"),
            Column("outcome", _("Outcome"), _outcome, kind="status", phone="m3"),
            Column("reason", _("Reason"), lambda row: cells.visible(row.entry.reason), kind="fill"),
        ),
        rows=rows,
        caption=_("What was done here from this dashboard, newest first"),
        empty=empty,
    )


def _did(row: AuditRow) -> object:
    return cells.link(audit_words.action(row.entry.action), url_of("audit-entry", row.entry.pk))


def _outcome(row: AuditRow) -> object:
    shape, word = audit_words.OUTCOMES.get(row.outcome, ("unknown", row.outcome))
    counts = (row.result.detail or {}).get("counts", {}) if row.result else {}
    words = ", ".join(f"{number} {_(RESULT_WORDS[Result(name)])}" for name, number in counts.items())
    return status(shape, word, words if sum(counts.values()) > 1 else "")
