"""Filters of the feed of connects and disconnects; all of them live in the address."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.gateway.types import DeviceFlag
from imadmin.live.presence import FeedFilter
from imadmin.monitor.models import Presence
from imadmin.web.forms.users import ReasonForm

DEVICES = [
    ("", _("Any device")),
    (str(int(DeviceFlag.APP)), _("App")),
    (str(int(DeviceFlag.WEB)), _("Web")),
    (str(int(DeviceFlag.PC)), _("PC")),
]
CAME, WENT = "came", "went"


class FeedForm(forms.Form):
    uid = forms.CharField(
        label=_("Uid"),
        required=False,
        strip=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "data-search": True,
                "placeholder": _("uid, or begin*"),
            }
        ),
    )
    what = forms.ChoiceField(
        label=_("What"), required=False, choices=[("", _("Both")), (CAME, _("Connected")), (WENT, _("Disconnected"))]
    )
    device = forms.ChoiceField(label=_("Device"), required=False, choices=DEVICES)
    source = forms.ChoiceField(
        label=_("Told by"),
        required=False,
        choices=[
            ("", _("Any source")),
            (Presence.Source.WEBHOOK.value, _("Webhook")),
            (Presence.Source.POLLER.value, _("Comparison")),
        ],
    )

    def clean_uid(self) -> str:
        uid: str = self.cleaned_data["uid"]
        if "\0" in uid:
            raise forms.ValidationError(_("A uid holds no such character."))
        return uid

    def wanted(self) -> FeedFilter:
        typed: dict[str, Any] = self.cleaned_data
        return FeedFilter(
            uid=typed["uid"],
            device_flag=int(typed["device"]) if typed["device"] else None,
            source=typed["source"],
            is_online={CAME: True, WENT: False}.get(typed["what"]),
        )


class HookForm(ReasonForm):
    """Why the door is opened, shown, locked anew or closed."""
