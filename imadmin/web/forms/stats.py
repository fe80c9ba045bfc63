"""Which time the statistics are of; all of it lives in the address."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imadmin.monitor.windows import Window, window
from imadmin.web.forms.audit import MomentField

RANGES = {
    "1h": (_("1 h"), timedelta(hours=1)),
    "24h": (_("24 h"), timedelta(hours=24)),
    "7d": (_("7 d"), timedelta(days=7)),
    "30d": (_("30 d"), timedelta(days=30)),
    "1y": (_("1 y"), timedelta(days=365)),
}
USUAL = "24h"
LONGEST = timedelta(days=5 * 366)


class RangeForm(forms.Form):
    """range: one of RANGES up to now.  from, to: a time of one's own, in the reader's zone; they win over range."""

    range = forms.ChoiceField(choices=[(name, word) for name, (word, _span) in RANGES.items()], required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from"] = MomentField(label=_("From"))
        self.fields["to"] = MomentField(label=_("To"))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        start, end = self._span(found)
        if start >= end:
            self.add_error("to", gettext("This is before the beginning."))
        elif end - start > LONGEST:
            self.add_error("from", gettext("Choose at most five years."))
        elif start > datetime.now(UTC):
            self.add_error("from", gettext("This is still to come."))
        return found

    @property
    def chosen(self) -> str:
        """The range in force; "" for a time of one's own."""
        values: dict[str, Any] = getattr(self, "cleaned_data", {})
        return "" if values.get("from") or values.get("to") else values.get("range") or USUAL

    def window(self) -> Window:
        """Of what was asked for; the usual one when that can't be used."""
        now = datetime.now(UTC)
        found = self.cleaned_data if self.is_valid() else {}
        start, end = self._span(found)
        return window(start, min(end, now + timedelta(minutes=1)), zone=timezone.get_current_timezone(), now=now)

    def _span(self, found: dict[str, Any]) -> tuple[datetime, datetime]:
        now = datetime.now(UTC)
        start, end = found.get("from"), found.get("to")
        if not start and not end:
            return now - RANGES[found.get("range") or USUAL][1], now
        end = end or now
        return start or end - RANGES[USUAL][1], end
