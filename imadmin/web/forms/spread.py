"""What is asked of a spread: a message or a text, and how far back; and whom a selection is for."""

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.archive.spread import DAYS, TEXT_MOST

SPANS = ((1, _("last day")), (7, _("last 7 days")), (30, _("last 30 days")), (90, _("last 90 days")),
         (365, _("last year")))  # fmt: skip
CHOSEN_MOST = 200


class SpreadForm(forms.Form):
    id = forms.RegexField(r"^\d{1,19}$", label=_("Message id"), required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("Text"),
        required=False,
        max_length=TEXT_MOST,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "dir": "auto"}),
    )
    days = forms.TypedChoiceField(
        label=_("How far back"),
        required=False,
        coerce=int,
        empty_value=str(DAYS),
        choices=[(str(days), word) for days, word in SPANS],
    )

    @property
    def message_id(self) -> int | None:
        """A typed text counts before the message that the page was opened with."""
        return int(self.cleaned_data["id"]) if self.cleaned_data["id"] and not self.cleaned_data["text"] else None


class ChosenForm(forms.Form):
    """Senders that were marked, and what is to be looked at next."""

    go = forms.ChoiceField(choices=[("connections", ""), ("users", ""), ("denylist", "")])
    channel = forms.CharField(required=False, max_length=600)
    uids = forms.Field(required=False)

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        uids = [uid for uid in dict.fromkeys(self.data.getlist("uids")) if uid]  # type: ignore[attr-defined]
        if not uids:
            raise forms.ValidationError(_("Choose at least one sender."))
        if len(uids) > CHOSEN_MOST:
            raise forms.ValidationError(_("Choose at most 200 senders at a time."))
        return cleaned | {"uids": uids}
