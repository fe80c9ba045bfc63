"""Filters of the events page; all of them live in the address."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imadmin.monitor.event_words import GROUP_WORDS
from imadmin.monitor.events import EventFilter
from imadmin.web.forms.audit import MomentField

LEVELS = (("bad", _("Bad")), ("warn", _("Warning")), ("info", _("Info")), ("ok", _("Good")))


class EventFilterForm(forms.Form):
    node = forms.ChoiceField(label=_("Node"), required=False)
    kind = forms.ChoiceField(label=_("What about"), required=False)
    level = forms.ChoiceField(label=_("How bad"), required=False)
    since = MomentField(label=_("From"))
    until = MomentField(label=_("Until"))

    def __init__(self, *args: Any, nodes: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {
            "node": [("", gettext("All")), *((str(node), str(node)) for node in nodes)],
            "kind": [("", gettext("Anything")), *GROUP_WORDS.items()],
            "level": [("", gettext("Any")), *LEVELS],
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]

    def wanted(self) -> EventFilter:
        typed = self.cleaned_data
        return EventFilter(
            node=int(typed["node"]) if typed["node"] else None,
            groups=(typed["kind"],) if typed["kind"] else (),
            levels=(typed["level"],) if typed["level"] else (),
            since=typed["since"],
            until=typed["until"],
        )
