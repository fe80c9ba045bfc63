"""What came of a question or an action on a person, as the page tells it: explained answers and reports."""

from typing import Any

from django.utils.translation import gettext as _

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.core.outcomes import RESULT_WORDS, Result
from imadmin.directory.actions.sessions import label_of
from imadmin.directory.queries.sending import Check, MaySend, Source, State
from imadmin.directory.steps import Report
from imadmin.web import cells
from imadmin.web.templatetags.ui import OUTCOME_SHAPES
from imadmin.web.views.users_show import SESSIONS_SHOWN, act_button, channel_link


def answer(scope: Scope, found: MaySend) -> dict[str, Any]:
    shape = {True: "ok", False: "bad", None: "unknown"}[found.answer]
    return {
        "kind": {"ok": "ok", "bad": "bad"}.get(shape, "warn"),
        "shape": shape,
        "title": found.words(),
        "channel": channel_link(scope, found.channel),
        "as_of": found.as_of,
        "checks": [_check(check) for check in found.checks],
    }


def _check(check: Check) -> dict[str, object]:
    shape = {
        State.PASSED: "ok", State.EXEMPT: "ok", State.REFUSED: "bad", State.NEUTRAL: "off", State.UNKNOWN: "unknown",
    }[check.state]  # fmt: skip
    words = check.text()
    if check.rule:
        words = f"{words} " + _("By %(name)s: “%(reason)s”.") % {
            "name": check.rule.created_by,
            "reason": check.rule.reason,
        }
    if not check.is_reached:
        prefix = {"ok": _("Not asked any more; would pass."), "bad": _("Not asked any more; would refuse too.")}.get(
            shape, _("Not asked any more.")
        )
        words, shape = f"{prefix} {words}", "off"
    return {
        "shape": shape,
        "label": _shape_word(check),
        "title": _(check.title),
        "words": words,
        "source": _source(check),
        "reason": int(check.reason) if check.reason and check.is_reached else None,
    }


def _shape_word(check: Check) -> str:
    if not check.is_reached:
        return _("not asked")
    return {
        State.PASSED: _("passes"),
        State.EXEMPT: _("passes at once"),
        State.REFUSED: _("refuses"),
        State.NEUTRAL: _("decides nothing"),
        State.UNKNOWN: _("unknown"),
    }[check.state]


def _source(check: Check) -> object:
    if check.source is Source.UNREADABLE:
        return _("can’t be read")
    if check.source is Source.RULE:
        return _("by its kind")
    word = _("our record") if check.source is Source.RECORD else _("read")
    return cells.html("{word} {when}", word=word, when=cells.clock(check.as_of)) if check.as_of else word


def report(scope: Scope, told: Report) -> dict[str, Any]:
    kinds = {"done": "ok", "partial": "warn", "failed": "bad", "unknown": "warn"}
    return {
        "title": _report_title(told),
        "kind": kinds[told.verdict],
        "shape": {"done": "ok", "partial": "half", "failed": "bad", "unknown": "unknown"}[told.verdict],
        "steps": [
            {
                "shape": OUTCOME_SHAPES[step.result],
                "word": _(RESULT_WORDS[Result(step.result)]),
                "title": step.sent_text(),
                "target": step.target,
                "words": step.found_text(),
            }
            for step in told.steps
        ],
        "notes": told.notes_text(),
        "remaining": [
            {
                "label": label_of(one),
                "button": act_button(scope, told.uid, "kick", _("Kick…"), node=one.node_id, session=one.id),
            }
            for one in (told.remaining or ())[:SESSIONS_SHOWN]
        ]
        if scope.can(Permission.KICK)
        else [],
    }


def _report_title(told: Report) -> str:
    words = {
        "kick": _("Kick"),
        "sign-out": _("Sign out a device"),
        "log-out": _("Log out"),
        "keep-out": _("Keep out"),
        "let-in": _("Let in"),
        "stop-sending": _("Stop sending"),
        "allow-sending": _("Allow sending"),
    }
    results = {
        "done": _("done"),
        "partial": _("done in part"),
        "failed": _("not done"),
        "unknown": _("not known whether it happened"),
    }
    return _("%(action)s: %(result)s") % {"action": words[told.action], "result": results[told.verdict]}
