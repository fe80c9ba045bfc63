"""What the slot map shows: coloured by what, which slot is chosen."""

from django import forms
from django.utils.translation import gettext_lazy as _

WRITES, LEADER, LAG = "writes", "leader", "lag"
BY = ((WRITES, _("Writes")), (LEADER, _("Leader")), (LAG, _("Lag")))

NO_NUMBER = _("A slot is a whole number from 0 on.")


class MapForm(forms.Form):
    """All of it stands in the address; what can't be read falls back, except a slot, which is told."""

    by = forms.ChoiceField(choices=BY, required=False)
    led = forms.IntegerField(min_value=1, required=False)
    slot = forms.IntegerField(min_value=0, required=False, label=_("Slot"), error_messages={"invalid": NO_NUMBER})
    all = forms.BooleanField(required=False)

    @property
    def chosen_by(self) -> str:
        return self.cleaned_data.get("by") or WRITES
