"""Until when a restriction holds: some usual lengths, or a moment of one's own."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

AT = "at"
LENGTHS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


class EndFields(forms.Form):
    """Give it to a form that begins a restriction; `end()` is the aware moment, None = until somebody lifts it."""

    ends = forms.ChoiceField(
        label=_("It holds"),
        required=False,
        choices=[
            ("", _("until somebody lifts it")),
            ("1h", _("for 1 hour")),
            ("24h", _("for 24 hours")),
            ("7d", _("for 7 days")),
            ("30d", _("for 30 days")),
            (AT, _("until the time below")),
        ],
        error_messages={"invalid_choice": _("Choose how long it holds.")},
    )
    until = forms.DateTimeField(
        label=_("Ends at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "autocomplete": "off"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        help_text=_("In your time zone. It is lifted by itself within a minute of that."),
        error_messages={"invalid": _("Write a date and a time, like 2026-11-30 18:00.")},
    )

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("ends") == AT and not cleaned.get("until") and "until" not in self.errors:
            self.add_error("until", _now("Say when it ends."))
        return cleaned

    def end(self) -> datetime | None:
        """A time given without choosing “until the time below” counts all the same."""
        ends, until = self.cleaned_data.get("ends"), self.cleaned_data.get("until")
        if ends in LENGTHS:
            return timezone.now() + LENGTHS[ends]
        return until if isinstance(until, datetime) else None
