"""What is typed to keep a search, and to take its result along."""

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.archive.asking import LONGEST
from imadmin.archive.models import Export
from imadmin.archive.saved import NAME_MOST
from imadmin.web.forms.users import ReasonForm

_PLAIN = {"rows": 2, "autocomplete": "off", "spellcheck": "false"}


class SavedForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_MOST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "data-autofocus": True}),
        error_messages={"required": _("Give it a name.")},
    )
    query = forms.CharField(
        label=_("Search"),
        max_length=LONGEST,
        widget=forms.Textarea(attrs=_PLAIN),
        error_messages={"required": _("Write what to search for.")},
        help_text=_("As in the search box. Times like -7d count from when it is opened."),
    )
    is_shared = forms.BooleanField(
        label=_("Share with everybody who may search this cluster"),
        required=False,
        help_text=_("They see your name beside it. Its words stay hidden from roles that read no bodies."),
    )

    def clean_query(self) -> str:
        return one_line(self.cleaned_data["query"])


class ExportForm(ReasonForm):
    q = forms.CharField(
        label=_("Search"),
        max_length=LONGEST,
        required=False,
        widget=forms.Textarea(attrs=_PLAIN),
        help_text=_("Empty means every message of the archive."),
    )
    format = forms.ChoiceField(
        label=_("Format"),
        choices=[
            (Export.Format.CSV.value, _("CSV, for a spreadsheet")),
            (Export.Format.JSONL.value, _("JSONL, one message a line")),
        ],
    )
    has_bom = forms.BooleanField(
        label=_("Begin with a byte order mark"),
        required=False,
        help_text=_("For CSV: Excel reads Chinese right only with it."),
    )
    field_order = ("q", "format", "has_bom", "reason")

    def clean_q(self) -> str:
        return one_line(self.cleaned_data["q"])


def one_line(typed: str) -> str:
    """A text area may hold line breaks; a query has none."""
    return " ".join(typed.split("\n")).replace("\r", "").strip()
