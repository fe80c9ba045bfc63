"""From a stored cluster to a live gateway: the one place where cluster secrets are opened."""

import asyncio
import threading
from concurrent.futures import Future

from django.conf import settings

from imadmin.clusters.models import Cluster
from imadmin.core import aio, crypto
from imadmin.core.errors import AppError, gettext_noop
from imadmin.gateway.contract import Connection, Gateway
from imadmin.gateway.http import CHANGING
from imadmin.gateway.registry import open_gateway

MANAGER = "manager"  # the word that tells a manager API's address from a main API's
REST_SECONDS = CHANGING.total + 15.0  # longer than any call, and than the pauses between the pieces of a change

Key = tuple[int, int]  # of a cluster: its primary key and revision

_lock = threading.Lock()
_open: dict[Key, Gateway] = {}
_leaving: dict[Key, tuple[Gateway, "Future[None]"]] = {}


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
            node_apis=tuple(text for text in cluster.node_apis if not _is_manager(text)),
            node_managers=tuple(
                text.replace(f" {MANAGER}=", "=", 1) for text in cluster.node_apis if _is_manager(text)
            ),
            networks=tuple(settings.IMADMIN_CLUSTER_NETWORKS),
        )
    except crypto.Undecryptable:
        raise SecretLost(hint=gettext_noop("Enter them again under Settings, Clusters.")) from None


def _is_manager(text: str) -> bool:
    """`1001 manager=http://host:5300`, as clusters/actions.py stores it."""
    return text.partition("=")[0].endswith(f" {MANAGER}")


def gateway_for(cluster: Cluster) -> Gateway:
    """The shared gateway of a cluster; made anew when its address or credentials changed.

    Who holds the cluster as it was before goes on with the older gateway, which is closed once nobody asks it anything.
    """
    key = (cluster.pk, cluster.revision)
    with _lock:
        gateway = _open.get(key)
        if gateway is None:
            gateway = _open[key] = open_gateway(cluster.kind, connection_of(cluster))
            newest = max(revision for pk, revision in _open if pk == cluster.pk)
            for known in [known for known in _open if known[0] == cluster.pk and known[1] < newest]:
                _let_go(known, _open[known])
    return gateway


def forget(cluster_id: int) -> None:
    """Let go of the gateways of a cluster that is gone."""
    with _lock:
        for key in [key for key in _open if key[0] == cluster_id]:
            _let_go(key, _open.pop(key))


async def close_all() -> None:
    """At the end of the process, on the network loop."""
    with _lock:
        gateways = {id(gateway): gateway for gateway in (*_open.values(), *(held for held, _ in _leaving.values()))}
        waiting = [task for _, task in _leaving.values()]
        _open.clear()
        _leaving.clear()
    for task in waiting:
        task.cancel()
    for gateway in gateways.values():
        await gateway.aclose()


def _let_go(key: Key, gateway: Gateway) -> None:
    """Close it later, beside the requests: a change under way must not lose its connections.  Called locked."""
    if key not in _leaving:
        _leaving[key] = (gateway, asyncio.run_coroutine_threadsafe(_close_unused(key, gateway), aio.loop()))


async def _close_unused(key: Key, gateway: Gateway) -> None:
    await gateway.unused_for(REST_SECONDS)
    with _lock:
        if _open.get(key) is gateway:
            del _open[key]
        _leaving.pop(key, None)
    await gateway.aclose()
