"""What is typed on the pages about people."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.audit.record import REASON_MAX, REASON_MIN
from imadmin.gateway.types import ChannelRef, ChannelType
from imadmin.web.forms.ends import EndFields
from imadmin.web.message_words import CHANNEL_KINDS


class LookupForm(forms.Form):
    """One uid opens its page, several give a list."""

    uids = forms.CharField(
        label=_("Uid, or several"),
        required=False,
        strip=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false", "data-search": True}),
        help_text=_("Exact: capital letters count. Several, one a line or with commas, give a list of who is online."),
    )


class MaySendForm(forms.Form):
    to = forms.CharField(
        label=_("Channel id, or the uid of a person"),
        max_length=500,
        error_messages={"required": _("Give a channel id, or the uid of a person.")},
    )
    type = forms.TypedChoiceField(
        label=_("Kind"),
        choices=[(int(number), word) for number, word in CHANNEL_KINDS.items()],
        coerce=int,
        initial=int(ChannelType.GROUP),
        required=False,
    )

    def clean_type(self) -> int:
        return int(self.cleaned_data["type"] or ChannelType.GROUP)

    def channel(self) -> ChannelRef:
        return ChannelRef(self.cleaned_data["to"], self.cleaned_data["type"])


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason, kept in the audit"),
        max_length=REASON_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-autofocus": True, "minlength": REASON_MIN}),
        error_messages={"required": _("Say why, in a few words: it is kept on the audit trail.")},
    )


class RestrictForm(ReasonForm, EndFields):
    """What holds for a while, or until somebody lifts it."""

    field_order = ("ends", "until", "reason")

    def wanted(self) -> dict[str, Any]:
        return {"until": self.end()}


class KickForm(ReasonForm):
    """node, session: which one; both are in the address of the dialog."""

    node = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    session = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def wanted(self) -> dict[str, Any]:
        return {"node_id": self.cleaned_data["node"], "session_id": self.cleaned_data["session"]}


class SignOutForm(ReasonForm):
    flag = forms.IntegerField(min_value=0, max_value=255, widget=forms.HiddenInput)

    def wanted(self) -> dict[str, Any]:
        return {"flag": self.cleaned_data["flag"]}
