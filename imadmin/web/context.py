"""What every page's frame needs to know: who, where, how it should look.  Worked out only when a template asks."""

from dataclasses import replace
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from imadmin.accounts.permissions import ROLE_PERMISSIONS, ROLE_WORDS, Permission, Role
from imadmin.clusters import access
from imadmin.clusters.models import Cluster
from imadmin.core.errors import AppError
from imadmin.web import cells, respond
from imadmin.web import nav as navigation

ENVIRONMENT_WORDS = {
    Cluster.Environment.PRODUCTION: translation.gettext_lazy("Production"),
    Cluster.Environment.STAGING: translation.gettext_lazy("Staging"),
    Cluster.Environment.TEST: translation.gettext_lazy("Test"),
}
HTML_LANG = {"zh-hans": "zh-Hans"}
_SWITCHER_MAX = 20


class Shell:
    """`shell` in templates."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def user(self) -> Any:
        user = getattr(self._request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @property
    def scope(self) -> Any:
        return getattr(self._request, "imadmin_scope", None)

    @property
    def cluster(self) -> Cluster | None:
        return self.scope.cluster if self.scope else None

    @property
    def environment(self) -> str:
        return self.cluster.environment if self.cluster else "none"

    @property
    def environment_word(self) -> str:
        return str(ENVIRONMENT_WORDS[Cluster.Environment(self.environment)]) if self.cluster else ""

    @property
    def lang(self) -> str:
        code = translation.get_language() or settings.LANGUAGE_CODE
        return HTML_LANG.get(code, code)

    @property
    def other_language(self) -> dict[str, str]:
        """The one the language button switches to; written in itself."""
        if self.lang == "zh-Hans":
            return {"code": "en", "lang": "en", "label": "English"}
        return {"code": "zh-hans", "lang": "zh-Hans", "label": "中文"}

    @property
    def theme(self) -> str:
        return self._preference("theme", {"light", "dark"})

    @property
    def density(self) -> str:
        return self._preference("density", {"compact", "comfortable"})

    @property
    def zone(self) -> str:
        return cells.zone_name(timezone.localtime())

    @property
    def needs_zone(self) -> bool:
        """The browser should tell its zone, because the person chose none."""
        return not getattr(self.user, "timezone", "")

    @property
    def ago(self) -> Any:
        return cells.attributes({f"data-{name}": phrase for name, phrase in cells.ago_words().items()})

    @property
    def role_word(self) -> str:
        if not self.user:
            return ""
        if self.user.is_owner:
            return _(ROLE_WORDS[Role.OWNER])
        if not self.scope:
            return ""
        for role in (Role.ADMIN, Role.MODERATOR, Role.SUPPORT, Role.VIEWER):
            if ROLE_PERMISSIONS[role] <= self.scope.permissions:
                return _(ROLE_WORDS[role])
        return ""

    @cached_property
    def nav(self) -> list[navigation.Group]:
        if not self.user:
            return []
        if self.scope:
            inside = navigation.groups(navigation.CLUSTER, self.can, slug=self.scope.slug, current=self._current)
            return [*inside, *navigation.groups(navigation.WORK, self.can, current=self._current)]
        return navigation.groups((*navigation.SITE, *navigation.SETTINGS), self.can, current=self._current)

    @cached_property
    def foot(self) -> list[navigation.Link]:
        """Inside a cluster the settings are one line at the foot of the rail."""
        if not (self.user and self.scope and self.user.is_owner):
            return []
        first = navigation.Section("", navigation.SETTINGS[0].items[:1])
        found = navigation.groups([first], self.can, current=self._current)
        return [replace(link, label=_("Settings"), icon="settings") for group in found for link in group.links]

    @property
    def account_url(self) -> str:
        own = navigation.Section("", navigation.SETTINGS[0].items[-1:])
        return next((link.url for group in navigation.groups([own], self.can) for link in group.links), "/")

    @cached_property
    def phone(self) -> list[navigation.Link]:
        return [link for group in self.nav for link in group.links if link.phone][:4]

    @cached_property
    def clusters(self) -> list[Cluster]:
        """For the cluster switcher."""
        return list(access.visible_clusters(self.user)[:_SWITCHER_MAX]) if self.user else []

    @cached_property
    def toasts(self) -> list[respond.Toast]:
        return respond.remembered(self._request)

    def can(self, permission: Permission) -> bool:
        scope = self.scope or self._site
        return bool(scope and scope.can(permission))

    @cached_property
    def _site(self) -> access.SiteScope | None:
        try:
            return access.enter_site(self._request) if self.user else None
        except AppError:
            return None

    @property
    def _current(self) -> str:
        match = getattr(self._request, "resolver_match", None)
        return (match.url_name or "") if match else ""

    def _preference(self, name: str, allowed: set[str]) -> str:
        chosen = getattr(self.user, name, "") or self._request.COOKIES.get(f"imadmin_{name}", "")
        return chosen if chosen in allowed else ""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    frame = Shell(request)
    return {"shell": frame, "scope": frame.scope}
