"""The trail in words: actions, targets, outcomes, and what changed between before and after."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from imadmin.audit.models import AuditEntry
from imadmin.clusters.converters import ChannelConverter
from imadmin.core.errors import gettext_noop

DIFF_MAX = 400

ACTIONS: Mapping[str, Any] = {
    "channel.create": gettext_lazy("Create a channel"),
    "channel.set_flags": gettext_lazy("Change a channel's flags"),
    "channel.add_members": gettext_lazy("Add members"),
    "channel.remove_members": gettext_lazy("Remove members"),
    "channel.deny": gettext_lazy("Add to denylist"),
    "channel.undeny": gettext_lazy("Take off the denylist"),
    "channel.allow": gettext_lazy("Add to allowlist"),
    "channel.unallow": gettext_lazy("Take off the allowlist"),
    "message.reveal": gettext_lazy("Reveal a message body"),
    "message.reveal_conversation": gettext_lazy("Reveal a conversation"),
    "message.read": gettext_lazy("Read message bodies"),
    "message.search": gettext_lazy("Search messages"),
    "message.spread": gettext_lazy("Look who else wrote a text"),
    "message.tail": gettext_lazy("Follow messages live"),
    "message.export": gettext_lazy("Export messages"),
    "message.export_fetch": gettext_lazy("Download an export"),
    "message.export_delete": gettext_lazy("Delete an export"),
    "search.save": gettext_lazy("Save a search for words"),
    "search.share": gettext_lazy("Share a saved search"),
    "search.change": gettext_lazy("Change a saved search"),
    "search.delete": gettext_lazy("Delete a shared search"),
    "user.kick": gettext_lazy("Kick a session"),
    "user.sign-out": gettext_lazy("Sign a device out"),
    "user.log-out": gettext_lazy("Sign out everywhere"),
    "user.keep-out": gettext_lazy("Keep out"),
    "user.let-in": gettext_lazy("Let in again"),
    "user.stop-sending": gettext_lazy("Stop from sending"),
    "user.allow-sending": gettext_lazy("Allow sending again"),
    "job.run": gettext_lazy("Run a job"),
    "job.stop": gettext_lazy("Stop a run"),
    "sessions.kick": gettext_lazy("Kick many sessions"),
    "slots.move": gettext_lazy("Move slots"),
    "operation.pause": gettext_lazy("Pause an operation"),
    "operation.resume": gettext_lazy("Resume an operation"),
    "operation.stop": gettext_lazy("Stop an operation"),
    "cluster.add": gettext_lazy("Add a cluster"),
    "cluster.edit": gettext_lazy("Change a cluster"),
    "cluster.remove": gettext_lazy("Remove a cluster"),
    "cluster.test": gettext_lazy("Test a connection"),
    "hook.open": gettext_lazy("Set up the webhook"),
    "hook.change_secret": gettext_lazy("Change the webhook's secret"),
    "hook.reveal": gettext_lazy("Show the webhook's address"),
    "hook.close": gettext_lazy("Close the webhook"),
    "archive.open": gettext_lazy("Open the archive"),
    "archive.close": gettext_lazy("Close the archive"),
    "archive.budget": gettext_lazy("Change the archive's budget"),
    "archive.read": gettext_lazy("Read into the archive"),
    "person.add": gettext_lazy("Add a person"),
    "person.set_roles": gettext_lazy("Change roles"),
    "person.make_owner": gettext_lazy("Make owner"),
    "person.unmake_owner": gettext_lazy("Take ownership away"),
    "person.activate": gettext_lazy("Let sign in again"),
    "person.deactivate": gettext_lazy("Deactivate a person"),
    "person.reset_password": gettext_lazy("Give a new password"),
    "person.change_password": gettext_lazy("Change own password"),
    "person.change_preferences": gettext_lazy("Change own preferences"),
    "session.sign_in": gettext_lazy("Sign in"),
    "session.sign_out": gettext_lazy("Sign out"),
    "token.create": gettext_lazy("Make a token"),
    "token.revoke": gettext_lazy("Revoke a token"),
}

# outcome -> shape, word
OUTCOMES: Mapping[str, tuple[str, Any]] = {
    "done": ("ok", gettext_lazy("Done")),
    "already": ("off", gettext_lazy("Already so")),
    "partial": ("half", gettext_lazy("Partly done")),
    "failed": ("bad", gettext_lazy("Failed")),
    "unknown": ("unknown", gettext_lazy("Unknown")),
    "unfinished": ("unknown", gettext_lazy("No outcome")),
}

VIA = {
    "page": gettext_noop("page"),
    "api": gettext_noop("API"),
    "command": gettext_noop("command"),
    "job": gettext_noop("job"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """css: add | del | same, as in the diff of the look."""

    css: str
    text: str


def action(code: str) -> str:
    """The action in words; one we have no words for keeps its code."""
    return str(ACTIONS.get(code, code))


def target_url(entry: AuditEntry) -> str:
    """The page of what a row is about, "" when there is none."""
    try:
        match entry.target_kind:
            case "channel":
                return reverse("channel", args=[entry.cluster, ChannelConverter().to_python(entry.target)])
            case "user":
                return reverse("user", args=[entry.cluster, entry.target])
            case "message":
                return reverse("message", args=[entry.cluster, int(entry.target)])
            case "operation":
                return reverse("operation", args=[entry.cluster, entry.target])
            case "cluster":
                return reverse("overview", args=[entry.target])
            case "person" if entry.target:
                return reverse("settings-person", args=[entry.target])
    except (NoReverseMatch, ValueError):
        return ""
    return ""


def diff(before: Any, after: Any) -> list[Line]:
    """What changed, line by line: list entries, fields of an object, or the values themselves."""
    if isinstance(before, list) and isinstance(after, list):
        lines = list(_list_lines(before, after))
    elif isinstance(before or after, dict):
        lines = list(_field_lines(before or {}, after or {}))
    else:
        lines = [Line("del", text) for text in _texts(before)] + [Line("add", text) for text in _texts(after)]
    rest = len(lines) - DIFF_MAX
    return lines if rest <= 0 else [*lines[:DIFF_MAX], Line("same", _("… and %(count)s more lines") % {"count": rest})]


def _list_lines(before: list[Any], after: list[Any]) -> Iterator[Line]:
    old, new = [plain(item) for item in before], [plain(item) for item in after]
    was, now = set(old), set(new)
    yield from (Line("del", text) for text in old if text not in now)
    yield from (Line("add", text) for text in new if text not in was)
    kept = len(was & now)
    if kept:
        yield Line("same", _("%(count)s unchanged") % {"count": kept})


def _field_lines(before: Any, after: Any) -> Iterator[Line]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield from (Line("del", text) for text in _texts(before))
        yield from (Line("add", text) for text in _texts(after))
        return
    for name in dict.fromkeys([*before, *after]):
        if name in before and name in after and before[name] == after[name]:
            yield Line("same", f"{name}: {plain(after[name])}")
            continue
        if name in before:
            yield Line("del", f"{name}: {plain(before[name])}")
        if name in after:
            yield Line("add", f"{name}: {plain(after[name])}")


def _texts(value: Any) -> list[str]:
    if value is None or value == {}:
        return []
    return [plain(item) for item in value] if isinstance(value, list) else [plain(value)]


def plain(value: Any) -> str:
    """Texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
