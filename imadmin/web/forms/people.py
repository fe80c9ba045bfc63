"""Forms of Settings, People."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imadmin.accounts.permissions import CLUSTER_ROLES, ROLE_WORDS
from imadmin.clusters.grants import EVERYWHERE
from imadmin.web.forms.clusters import ReasonForm


class RolesForm(ReasonForm):
    """A box for each role on each cluster; values are "slug:role", "*" for all clusters."""

    roles = forms.MultipleChoiceField(label=_("Roles"), required=False)
    is_owner = forms.BooleanField(
        label=_("Owner of the site"), required=False, help_text=_("Every cluster, people, tokens and the audit trail.")
    )
    field_order = ["is_owner", "roles", "reason"]

    def __init__(self, *args: Any, clusters: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = [(EVERYWHERE, gettext("All clusters")), *clusters]
        choices = [(f"{slug}:{role}", role) for slug, _name in self.places for role in CLUSTER_ROLES]
        self.fields["roles"].choices = choices  # type: ignore[attr-defined]

    def wanted(self) -> list[tuple[str, str]]:
        """(cluster, role) pairs, once the form is valid."""
        pairs = (value.rpartition(":") for value in self.cleaned_data["roles"])
        return [(slug, role) for slug, _colon, role in pairs]

    def grid(self) -> list[dict[str, Any]]:
        """Rows for the table of boxes: a cluster and its four boxes with what is ticked."""
        ticked = set(self["roles"].value() or ())
        return [
            {
                "slug": slug,
                "name": name,
                "boxes": [
                    {
                        "value": f"{slug}:{role}",
                        "ticked": f"{slug}:{role}" in ticked,
                        "label": gettext(ROLE_WORDS[role]),
                    }
                    for role in CLUSTER_ROLES
                ],
            }
            for slug, name in self.places
        ]


class AddPersonForm(RolesForm):
    username = forms.CharField(
        label=_("Name"), max_length=1000, strip=True,
        help_text=_("What they sign in with: letters, digits and @ . + - _"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("First password"), required=False, strip=False, max_length=1000,
        help_text=_("Leave empty: one is made and shown once."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    field_order = ["username", "password", "is_owner", "roles", "reason"]


class PasswordForm(ReasonForm):
    password = forms.CharField(
        label=_("New password"), required=False, strip=False, max_length=1000,
        help_text=_("Leave empty: one is made and shown once. Open sessions end."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    field_order = ["password", "reason"]


class ActiveForm(ReasonForm):
    """is_active: what they shall be."""

    is_active = forms.TypedChoiceField(
        choices=[("1", "1"), ("0", "0")], coerce=lambda value: value == "1", widget=forms.HiddenInput
    )
