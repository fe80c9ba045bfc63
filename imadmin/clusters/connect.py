"""From a stored cluster to a live gateway: the one place where cluster secrets are opened."""

import threading

from django.conf import settings

from imadmin.clusters.models import Cluster
from imadmin.core import aio, crypto
from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.contract import Connection, Gateway
from imadmin.gateway.registry import open_gateway

_lock = threading.Lock()
_open: dict[int, tuple[int, Gateway]] = {}


class SecretLost(AppError):
    code = "secret_lost"
    status = 503
    title = gettext_noop("The stored credentials of this cluster can't be opened with the configured keys")


def connection_of(cluster: Cluster) -> Connection:
    """Raises SecretLost when a key was lost."""
    try:
        return Connection(
            api_url=cluster.api_url,
            manager_url=cluster.manager_url,
            token=crypto.unseal(cluster.sealed_token),
            jwt_user=cluster.jwt_user,
            jwt_password=crypto.unseal(cluster.sealed_jwt_password),
            node_apis=tuple(cluster.node_apis),
            networks=tuple(settings.IMADMIN_CLUSTER_NETWORKS),
        )
    except crypto.Undecryptable:
        raise SecretLost(hint=gettext_noop("Enter them again under Settings, Clusters.")) from None


def gateway_for(cluster: Cluster) -> Gateway:
    """The shared gateway of a cluster; made anew when its address or credentials changed."""
    with _lock:
        known = _open.get(cluster.pk)
        if known and known[0] == cluster.revision:
            return known[1]
        gateway = open_gateway(cluster.kind, connection_of(cluster))
        _open[cluster.pk] = (cluster.revision, gateway)
    if known:
        aio.run(known[1].aclose())
    return gateway


def forget(cluster_id: int) -> None:
    """Close the gateway of a cluster that is gone."""
    with _lock:
        known = _open.pop(cluster_id, None)
    if known:
        aio.run(known[1].aclose())


async def close_all() -> None:
    """At the end of the process, on the network loop."""
    with _lock:
        gateways = [gateway for _, gateway in _open.values()]
        _open.clear()
    for gateway in gateways:
        await gateway.aclose()
