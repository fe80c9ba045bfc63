"""What is typed into the message search, and why one is revealed.  What may be asked is decided in archive.wanted."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.archive.wanted import SearchFields
from imadmin.web.forms.channels import KeptSelect
from imadmin.web.message_words import CHANNEL_KINDS


def _text(label: Any, **options: Any) -> forms.CharField:
    attributes = {"autocomplete": "off", "spellcheck": "false", "class": "mono", **options.pop("attrs", {})}
    return forms.CharField(label=label, required=False, widget=forms.TextInput(attrs=attributes), **options)


class MessageSearchForm(forms.Form):
    channel_type = forms.IntegerField(
        label=_("Kind of channel"),
        required=False,
        widget=KeptSelect(choices=[("", _("Any")), *((str(number), word) for number, word in CHANNEL_KINDS.items())]),
    )
    channel_id = _text(_("Channel id"))
    uid_one = _text(_("Person chat of"))
    uid_two = _text(_("and of"), attrs={"placeholder": _("the other uid")})
    sender = _text(_("Sender"))
    message_id = _text(_("Message id"), attrs={"inputmode": "numeric"})
    client_msg_no = _text(_("Client number"))
    text = _text(_("Text, inside one channel"), strip=False, attrs={"type": "search", "class": "", "dir": "auto"})

    def wanted(self) -> SearchFields:
        return SearchFields(**self.cleaned_data)


class RevealForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you read it?"),
        required=False,  # the action says what a reason must be, in one place
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 500}),
    )
    show_all = forms.BooleanField(label=_("Show all of it, up to 1 MB"), required=False)


class AroundForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you read the conversation?"),
        required=False,  # the action says what a reason must be, in one place
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 500}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="around_%s")  # beside the form for one message
