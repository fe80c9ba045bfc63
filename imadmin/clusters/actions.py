"""Changes to which clusters there are and how they are reached, and the connection test."""

import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from imadmin.accounts.permissions import Permission
from imadmin.audit import record
from imadmin.audit.record import Target, recorded
from imadmin.clusters import connect
from imadmin.clusters.access import SiteScope
from imadmin.clusters.models import Cluster
from imadmin.core import aio, crypto, events
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop
from imadmin.gateway.address import AddressGuard, NoAddress
from imadmin.gateway.contract import Connection
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.http import base_url
from imadmin.gateway.registry import open_gateway
from imadmin.gateway.types import ProbeReport

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
KINDS = {"wukongim2": "WuKongIM v2"}
NODE_APIS_MAX = 50
SECRET_MAX = 500

BAD_SLUG = gettext_noop("Use small letters, digits and single hyphens, 50 characters at most.")
TAKEN_SLUG = gettext_noop("There is a cluster of this short name already.")
OUTSIDE = gettext_noop("This address lies outside the networks that IMADMIN_CLUSTER_NETWORKS allows.")
NO_ADDRESS = gettext_noop("This host name leads to no address.")
MOVED_SECRET = gettext_noop("The address changed: enter this again, so that it is never sent somewhere unseen.")
CHOOSE = gettext_noop("Choose one of the list.")
BAD_SECRET = gettext_noop("Use visible ASCII characters, 500 at most.")


@dataclass(frozen=True, slots=True)
class ClusterDraft:
    """What a person entered.  token, jwt_password: None keeps what is stored, "" means none."""

    slug: str
    api_url: str
    manager_url: str
    name: str = ""
    kind: str = "wukongim2"
    environment: str = Cluster.Environment.TEST.value
    node_apis: tuple[str, ...] = ()
    jwt_user: str = ""
    token: str | None = ""
    jwt_password: str | None = ""

    def __repr__(self) -> str:
        return f"ClusterDraft({self.slug!r}, {self.api_url!r}, {self.manager_url!r})"


def add_cluster(scope: SiteScope, draft: ClusterDraft, *, reason: str) -> Cluster:
    """Store a new cluster.  Raises Forbidden, InvalidInput naming the fields."""
    scope.require(Permission.MANAGE_SITE)
    draft = clean_draft(draft)
    cluster = Cluster(slug=draft.slug)
    with recorded(scope.actor, "cluster.add", Target("cluster", draft.slug), reason, cluster=draft.slug) as entry:
        _fill(cluster, draft)
        try:
            with transaction.atomic():
                cluster.save(force_insert=True)
        except IntegrityError:
            raise InvalidInput({"slug": [TAKEN_SLUG]}) from None
        entry.finish(after=described(cluster))
    events.changed(f"{cluster.slug}/cluster")
    return cluster


def edit_cluster(scope: SiteScope, slug: str, draft: ClusterDraft, *, reason: str) -> Cluster:
    """Change a cluster; its short name stays.  Secrets that are kept are only kept for addresses they were for."""
    scope.require(Permission.MANAGE_SITE)
    cluster = stored(slug)
    draft = clean_draft(replace(draft, slug=slug), cluster)
    before = described(cluster)
    with recorded(scope.actor, "cluster.edit", Target("cluster", slug), reason, cluster=slug) as entry:
        with transaction.atomic():
            cluster = Cluster.objects.select_for_update().get(pk=cluster.pk)
            secrets_before, reached_before = _sealed(cluster), _reached(cluster)
            _fill(cluster, draft)
            if _reached(cluster) != reached_before:  # another name needs no other gateway
                cluster.revision += 1
            cluster.save()
        after = described(cluster)
        for name, old, new in zip(("token", "jwt_password"), secrets_before, _sealed(cluster), strict=True):
            if old and new and old != new:
                after[name] = "stored anew"
        entry.finish(before=before, after=after)
    events.changed(f"{slug}/cluster")
    return cluster


def remove_cluster(scope: SiteScope, slug: str, *, typed: str, reason: str) -> Cluster:
    """Forget a cluster with its roles, restrictions and plans; the cluster itself is not touched, the trail stays.

    typed: the short name once more.  Raises InvalidInput (typed), NotFound.
    """
    scope.require(Permission.MANAGE_SITE)
    cluster = stored(slug)
    if typed.strip() != slug:
        raise InvalidInput({"typed": [gettext_noop("Type the short name of the cluster exactly.")]})
    with recorded(scope.actor, "cluster.remove", Target("cluster", slug), reason, cluster=slug) as entry:
        before = described(cluster) | {"roles": cluster.grants.count()}
        cluster_id = cluster.pk
        cluster.delete()
        entry.finish(before=before)
    connect.forget(cluster_id)
    events.changed(f"{slug}/cluster")
    return cluster


def test_cluster(scope: SiteScope, slug: str) -> ProbeReport:
    """Ask a stored cluster step by step what works; leaves an event on the trail."""
    scope.require(Permission.MANAGE_SITE)
    cluster = stored(slug)
    report = _probe(cluster.kind, connect.connection_of(cluster))
    _remember_test(scope, slug, report)
    return report


def test_draft(scope: SiteScope, draft: ClusterDraft, slug: str = "") -> ProbeReport:
    """The same for what was entered and isn't saved.  slug: the stored cluster whose secrets stand in for None."""
    scope.require(Permission.MANAGE_SITE)
    cluster = stored(slug) if slug else None
    draft = clean_draft(replace(draft, slug=slug) if slug else draft, cluster)
    trial = Cluster(slug=draft.slug)
    if cluster:
        trial.sealed_token, trial.sealed_jwt_password = _sealed(cluster)
    _fill(trial, draft)
    report = _probe(trial.kind, connect.connection_of(trial))
    _remember_test(scope, draft.slug, report)
    return report


def clean_draft(draft: ClusterDraft, cluster: Cluster | None = None) -> ClusterDraft:
    """The draft tidied up.  Raises InvalidInput naming every field that can't be used; resolves host names."""
    fields: dict[str, list[str]] = {}
    clean = replace(
        draft,
        slug=draft.slug.strip(),
        name=" ".join(draft.name.split()) or draft.slug.strip(),
        jwt_user=draft.jwt_user.strip(),
        node_apis=tuple(filter(None, (text.strip() for text in draft.node_apis))),
    )
    if cluster is None:
        _check_slug(clean.slug, fields)
    if len(clean.name) > 80:
        fields["name"] = [gettext_noop("Use 80 characters at most.")]
    if clean.kind not in KINDS:
        fields["kind"] = [CHOOSE]
    if clean.environment not in Cluster.Environment.values:
        fields["environment"] = [CHOOSE]
    if len(clean.jwt_user) > 100:
        fields["jwt_user"] = [gettext_noop("Use 100 characters at most.")]
    if clean.jwt_password and not clean.jwt_user:
        fields["jwt_user"] = [gettext_noop("A password needs the account it belongs to.")]
    for name in ("token", "jwt_password"):
        value = getattr(clean, name)
        if value and (len(value) > SECRET_MAX or not value.isascii() or not value.isprintable()):
            fields[name] = [BAD_SECRET]
    clean = _check_addresses(clean, fields)
    if cluster and not fields:
        _keep_secrets_home(clean, cluster, fields)
    if fields:
        raise InvalidInput(fields)
    return clean


def described(cluster: Cluster) -> dict[str, Any]:
    """A cluster for the trail: everything but the secrets, of which only whether they are stored."""
    return {
        "name": cluster.name,
        "kind": cluster.kind,
        "environment": cluster.environment,
        "api_url": cluster.api_url,
        "manager_url": cluster.manager_url,
        "node_apis": list(cluster.node_apis),
        "jwt_user": cluster.jwt_user,
        "token": "stored" if cluster.sealed_token else "none",
        "jwt_password": "stored" if cluster.sealed_jwt_password else "none",
    }


def stored(slug: str) -> Cluster:
    """Raises NotFound."""
    cluster = Cluster.objects.filter(slug=slug).first()
    if cluster is None:
        raise NotFound(gettext_noop("There is no such cluster, or you have no role on it."))
    return cluster


def _probe(kind: str, connection: Connection) -> ProbeReport:
    """Through a gateway of its own, so that a test tells of now and leaves nothing behind."""
    gateway = open_gateway(kind, connection)

    async def ask() -> ProbeReport:
        try:
            return await gateway.probe()
        finally:
            await gateway.aclose()

    return aio.run(ask())


def _remember_test(scope: SiteScope, slug: str, report: ProbeReport) -> None:
    record.event(
        scope.actor,
        "cluster.test",
        Target("cluster", slug),
        cluster=slug,
        outcome="done" if report.is_usable else "failed",
        detail={"steps": {step.code: step.result.value for step in report.steps}},
    )


def _fill(cluster: Cluster, draft: ClusterDraft) -> None:
    cluster.name, cluster.kind, cluster.environment = draft.name, draft.kind, draft.environment
    cluster.api_url, cluster.manager_url = draft.api_url, draft.manager_url
    cluster.node_apis, cluster.jwt_user = list(draft.node_apis), draft.jwt_user
    if draft.token is not None:
        cluster.sealed_token = crypto.seal(draft.token)
    if draft.jwt_password is not None:
        cluster.sealed_jwt_password = crypto.seal(draft.jwt_password)


def _sealed(cluster: Cluster) -> tuple[str, str]:
    return cluster.sealed_token, cluster.sealed_jwt_password


def _reached(cluster: Cluster) -> tuple[object, ...]:
    """All that a gateway is made of."""
    addresses = (cluster.api_url, cluster.manager_url, *cluster.node_apis)
    return cluster.kind, addresses, cluster.jwt_user, *map(_unsealed, _sealed(cluster))


def _unsealed(sealed: str) -> str:
    try:
        return crypto.unseal(sealed)
    except crypto.Undecryptable:
        return sealed


def _check_slug(slug: str, fields: dict[str, list[str]]) -> None:
    if not SLUG.fullmatch(slug) or len(slug) > 50:
        fields["slug"] = [BAD_SLUG]
    elif Cluster.objects.filter(slug=slug).exists():
        fields["slug"] = [TAKEN_SLUG]


def _check_addresses(draft: ClusterDraft, fields: dict[str, list[str]]) -> ClusterDraft:
    """Every address in one form and inside the allowed networks; what is wrong goes to `fields`."""
    if len(draft.node_apis) > NODE_APIS_MAX:
        fields["node_apis"] = [gettext_noop("Give 50 addresses at most.")]
        return draft
    return replace(
        draft,
        api_url=_checked(draft.api_url, "api_url", fields),
        manager_url=_checked(draft.manager_url, "manager_url", fields),
        node_apis=tuple(_checked_node(text, fields) for text in draft.node_apis),
    )


def _checked_node(text: str, fields: dict[str, list[str]]) -> str:
    """`http://host:5001`, or `1001=http://host:5001` for a node that can't be asked who it is.

    `1001 manager=http://host:5300` is where its manager API is, should the port it tells not be the one to ask at.
    """
    whose, address = _split_node(text)
    checked = _checked(address, "node_apis", fields)
    return f"{whose}={checked}" if whose else checked


def _split_node(text: str) -> tuple[str, str]:
    """Whose address it is ("", "1001", "1001 manager"), and the address; other `=` are part of the address."""
    node, equals, address = text.partition("=")
    number, _, word = node.strip().partition(" ")
    if not equals or not number.isdecimal() or word.strip() not in ("", connect.MANAGER):
        return "", text
    return f"{int(number)} {word.strip()}".strip(), address


def _checked(text: str, field: str, fields: dict[str, list[str]]) -> str:
    try:
        base = base_url(text, field_name=field)
        if len(base) > 300 or not base.isprintable() or " " in base:
            raise InvalidInput({field: [gettext_noop("Give an address like http://host:5001, without credentials.")]})
        aio.run(AddressGuard(tuple(settings.IMADMIN_CLUSTER_NETWORKS)).addresses(base), seconds=10)
    except (NoAddress, TimeoutError, UnicodeError):
        fields.setdefault(field, []).append(NO_ADDRESS)
    except RefusedLocally as error:
        fields.setdefault(field, []).extend(error.fields.get(field, [OUTSIDE]))
    except InvalidInput as error:
        fields.setdefault(field, []).extend(error.fields[field])
    else:
        return base
    return text


def _keep_secrets_home(draft: ClusterDraft, cluster: Cluster, fields: dict[str, list[str]]) -> None:
    """A stored secret goes only where it went before; otherwise changing the address would read it out."""
    if _origins(draft) <= _origins(cluster):
        return
    if draft.token is None and cluster.sealed_token:
        fields["token"] = [MOVED_SECRET]
    if draft.jwt_password is None and cluster.sealed_jwt_password:
        fields["jwt_password"] = [MOVED_SECRET]


def _origins(target: ClusterDraft | Cluster) -> set[str]:
    """Every scheme, host and port that secrets are sent to."""
    nodes = (_split_node(text)[1] for text in target.node_apis)
    return {_origin(address) for address in (target.api_url, target.manager_url, *nodes)}


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
