"""Forms of Settings, Tokens."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imadmin.accounts.permissions import ROLE_WORDS, Role
from imadmin.web.forms.clusters import ReasonForm


class TokenForm(ReasonForm):
    name = forms.CharField(
        label=_("Name"), max_length=1000, help_text=_("Who uses it; it signs what they change on the audit trail.")
    )
    role = forms.ChoiceField(label=_("Role"), initial=Role.VIEWER)
    cluster = forms.ChoiceField(label=_("Cluster"), required=False)
    days = forms.IntegerField(
        label=_("Days until it expires"), required=False, min_value=1, max_value=3650, initial=90,
        help_text=_("Empty: never."),
    )  # fmt: skip
    field_order = ["name", "role", "cluster", "days", "reason"]

    def __init__(self, *args: Any, clusters: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.value, gettext(ROLE_WORDS[role])) for role in Role]  # type: ignore[attr-defined]
        self.fields["cluster"].choices = [("", gettext("All clusters")), *clusters]  # type: ignore[attr-defined]
