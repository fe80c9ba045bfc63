"""Filters of the audit page; all of them live in the address."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imadmin.audit.queries import AuditFilter
from imadmin.web import audit_words

MOMENT = "%Y-%m-%dT%H:%M"
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class MomentField(forms.DateTimeField):
    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(format=MOMENT, attrs={"type": "datetime-local"})
        words = {"invalid": _("Write a time like 2026-01-31 08:00.")}
        super().__init__(
            required=False,
            widget=widget,
            error_messages=words,
            **kwargs,
        )

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        if moment and not FIRST <= moment < LAST:
            raise forms.ValidationError(_("Choose a time between 2000 and 2199."))
        return moment


class AuditFilterForm(forms.Form):
    cluster = forms.ChoiceField(label=_("Cluster"), required=False)
    actor = forms.CharField(label=_("Who"), required=False, max_length=150)
    action = forms.ChoiceField(label=_("What"), required=False)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    target = forms.CharField(
        label=_("Target"), required=False, max_length=1000,
        widget=forms.TextInput(attrs={"placeholder": _("uid, 2/channel, message id")}),
    )  # fmt: skip
    since = MomentField(label=_("From"))
    until = MomentField(label=_("Until"))

    def __init__(self, *args: Any, clusters: Iterable[tuple[str, str]], actions: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        anything = ("", gettext("Any"))
        outcomes = [(code, str(word)) for code, (_shape, word) in audit_words.OUTCOMES.items()]
        words = sorted((audit_words.action(code), code) for code in actions)
        choices = {
            "cluster": [("", gettext("All")), *clusters],
            "action": [("", gettext("Anything")), *((code, word) for word, code in words)],
            "outcome": [anything, *outcomes],
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]

    def wanted(self, clusters: tuple[str, ...] | None) -> AuditFilter:
        """clusters: what this person may see at all."""
        typed = self.cleaned_data
        return AuditFilter(clusters=clusters, **{name: typed[name] for name in self.fields})
