"""Forms of Settings, Clusters.  They only shape what was typed; clusters/actions.py says what can be used."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.clusters.actions import KINDS, ClusterDraft
from imadmin.clusters.models import Cluster
from imadmin.web.context import ENVIRONMENT_WORDS

KEEP = _("Stored. Leave empty to keep it.")


class ReasonForm(forms.Form):
    """Every change says why."""

    reason = forms.CharField(
        label=_("Reason"), help_text=_("Kept on the audit trail."), max_length=2000, strip=True, required=False
    )


class ClusterForm(ReasonForm):
    """field_order puts the reason last.  cluster: the stored one when it is edited; its secrets are never shown."""

    slug = forms.CharField(
        label=_("Short name"), help_text=_("Stands in addresses and never changes: prod-sh."), max_length=200
    )
    name = forms.CharField(label=_("Name"), required=False, max_length=200)
    kind = forms.ChoiceField(label=_("Kind of server"), choices=sorted(KINDS.items()))
    environment = forms.ChoiceField(
        label=_("Environment"),
        choices=[(value, ENVIRONMENT_WORDS[value]) for value in Cluster.Environment],
        initial=Cluster.Environment.TEST,
        help_text=_("Colours every page of the cluster: red for production."),
    )
    api_url = forms.CharField(
        label=_("Main API"), help_text=_("Of any node, like http://host:5001."), max_length=1000,
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
    )  # fmt: skip
    manager_url = forms.CharField(
        label=_("Manager API"), help_text=_("Of any node, like http://host:5300."), max_length=1000,
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
    )  # fmt: skip
    node_apis = forms.CharField(
        label=_("Addresses of further nodes"),
        required=False,
        max_length=20_000,
        help_text=_(
            "One a line, only where what the cluster tells can't be reached from here: 1002=http://host:5011, and for "
            "its manager API: 1002 manager=http://host:5311"
        ),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    token = forms.CharField(
        label=_("Manager token"), required=False, strip=True, max_length=1000,
        help_text=_("The managerToken of the server's configuration."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    forget_token = forms.BooleanField(label=_("Remove the stored token"), required=False)
    jwt_user = forms.CharField(
        label=_("Manager account"), required=False, max_length=200,
        help_text=_("A user of auth.users, with all rights if slots are to be moved."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    jwt_password = forms.CharField(
        label=_("Its password"), required=False, strip=False, max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    forget_jwt_password = forms.BooleanField(label=_("Remove the stored password"), required=False)

    field_order = [
        "slug", "name", "kind", "environment", "api_url", "manager_url", "node_apis", "token", "forget_token",
        "jwt_user", "jwt_password", "forget_jwt_password", "reason",
    ]  # fmt: skip

    def __init__(self, *args: Any, cluster: Cluster | None = None, **kwargs: Any) -> None:
        if cluster:
            kwargs.setdefault("initial", _shown(cluster))
        super().__init__(*args, **kwargs)
        self.cluster = cluster
        if cluster:
            self.fields["slug"].disabled = True
        for name, stored in (
            ("token", cluster and cluster.sealed_token),
            ("jwt_password", cluster and cluster.sealed_jwt_password),
        ):
            if stored:
                self.fields[name].help_text = KEEP
            else:
                del self.fields[f"forget_{name}"]

    def draft(self) -> ClusterDraft:
        """What was typed, once the form is valid."""
        typed = self.cleaned_data
        return ClusterDraft(
            slug=typed["slug"],
            name=typed["name"],
            kind=typed["kind"],
            environment=typed["environment"],
            api_url=typed["api_url"],
            manager_url=typed["manager_url"],
            node_apis=tuple(typed["node_apis"].splitlines()),
            jwt_user=typed["jwt_user"],
            token=self._secret("token"),
            jwt_password=self._secret("jwt_password"),
        )

    def _secret(self, name: str) -> str | None:
        """None keeps what is stored."""
        if typed := self.cleaned_data[name]:
            return str(typed)
        return "" if self.cleaned_data.get(f"forget_{name}") or f"forget_{name}" not in self.fields else None


class RemoveClusterForm(ReasonForm):
    typed = forms.CharField(label=_("Short name, once more"), required=False, max_length=200)
    field_order = ["typed", "reason"]


def _shown(cluster: Cluster) -> dict[str, Any]:
    """Everything but the secrets."""
    return {
        "slug": cluster.slug,
        "name": cluster.name,
        "kind": cluster.kind,
        "environment": cluster.environment,
        "api_url": cluster.api_url,
        "manager_url": cluster.manager_url,
        "node_apis": "\n".join(cluster.node_apis),
        "jwt_user": cluster.jwt_user,
    }
