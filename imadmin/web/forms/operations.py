"""What is typed to apply a plan, and to plan a move of slots."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.audit.record import REASON_MAX, REASON_MIN
from imadmin.monitor.actions.operations import PER_SECOND_MOST

MOST_SLOTS = 1024
_RANGE = re.compile(r"(\d{1,6})(?:(?:\.\.|-|–)(\d{1,6}))?")


class ApplyForm(forms.Form):
    """confirm: the cluster's slug, typed, where it is in production."""

    hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = forms.CharField(
        label=_("Reason, kept in the audit"),
        required=False,  # the action says what a reason must be
        widget=forms.TextInput(attrs={"autocomplete": "off", "minlength": REASON_MIN, "maxlength": REASON_MAX}),
    )
    per_second = forms.IntegerField(
        label=_("Pace, in sessions per second"),
        min_value=1,
        max_value=PER_SECOND_MOST,
        required=False,
        error_messages={
            "invalid": _("A pace is a whole number."),
            "min_value": _("Choose a pace from 1 to %(limit_value)s a second.") % {"limit_value": PER_SECOND_MOST},
            "max_value": _("Choose a pace from 1 to %(limit_value)s a second.") % {"limit_value": PER_SECOND_MOST},
        },
    )
    confirm = forms.CharField(
        label=_("Type the cluster's name to confirm"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "mono", "spellcheck": "false"}),
    )

    def __init__(
        self, data: Any = None, *, slug: str, is_paced: bool, is_production: bool, initial: Any = None
    ) -> None:
        super().__init__(data, initial=initial)
        self._slug = slug
        if not is_paced:
            del self.fields["per_second"]
        if not is_production:
            del self.fields["confirm"]

    def clean_confirm(self) -> str:
        typed = str(self.cleaned_data["confirm"]).strip()
        if typed != self._slug:
            raise forms.ValidationError(_("This is not the name: type %(slug)s."), params={"slug": self._slug})
        return typed

    def wanted(self) -> dict[str, Any]:
        found = self.cleaned_data
        return {
            "reason": found["reason"],
            "state_hash": found["hash"],
            "per_second": found.get("per_second") or None,
        }


class MoveForm(forms.Form):
    """slot: numbers and ranges ("3, 5-9").  from: empty = whoever leads it."""

    slot = forms.CharField(
        label=_("Slots"),
        max_length=2000,
        help_text=_("Numbers and ranges, like 3, 5-9."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "mono", "inputmode": "numeric"}),
        error_messages={"required": _("Name at least one slot.")},
    )
    to = forms.IntegerField(
        label=_("To node"),
        min_value=1,
        max_value=2**63 - 1,
        error_messages={"required": _("Name the node that shall have it."), "invalid": _("A node is a number.")},
    )

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["from"] = forms.IntegerField(
            label=_("From node"),
            min_value=1,
            max_value=2**63 - 1,
            required=False,
            help_text=_("Empty: the one that leads it."),
            error_messages={"invalid": _("A node is a number.")},
        )
        self.order_fields(["slot", "from", "to"])

    def clean_slot(self) -> list[int]:
        found: list[int] = []
        for piece in filter(None, re.split(r"[\s,，、;]+", str(self.cleaned_data["slot"]))):
            match = _RANGE.fullmatch(piece)
            if match is None:
                raise forms.ValidationError(
                    _("“%(piece)s” is no slot: give numbers and ranges, like 3, 5-9."), params={"piece": piece[:40]}
                )
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first or len(found) + last - first >= MOST_SLOTS:
                raise forms.ValidationError(_("Name at most %(most)s slots."), params={"most": MOST_SLOTS})
            found += range(first, last + 1)
        return found

    def moves(self) -> list[tuple[int, int, int]]:
        found = self.cleaned_data
        return [(slot, found["from"] or 0, found["to"]) for slot in found["slot"]]
