"""Opening an archive, how hard it may ask, reading it now."""

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.archive.running import BUDGET_MAX, BUDGET_MIN
from imadmin.web.forms.users import ReasonForm


class BudgetForm(ReasonForm):
    budget = forms.IntegerField(
        label=_("Calls a second, to each node at most"),
        min_value=BUDGET_MIN,
        max_value=BUDGET_MAX,
        initial=20,
        help_text=_("Each call reads up to 1000 messages of one channel. A small server has plenty left at 20."),
    )
    field_order = ("budget", "reason")


class ReadForm(ReasonForm):
    """channel: as type/id, "" for a round over all."""

    channel = forms.CharField(required=False, max_length=600, strip=False, widget=forms.HiddenInput)
