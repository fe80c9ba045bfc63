"""Where a node's manager API is reached: as given, or put together from what the node says that it listens on."""

from __future__ import annotations

from urllib.parse import urlsplit

from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.http import base_url

ANY_ADDRESS = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - what a server says that it listens on
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def address(api_url: str, listens_on: str) -> str:
    """listens_on: host:port as the node tells; "" for what can't be an address.

    The port goes with the host we reach the node at, unless the node names another; its loopback is never ours.
    """
    host, _, port = listens_on.rpartition(":")
    named = urlsplit(api_url).hostname or ""
    if not (port.isascii() and port.isdecimal()):
        return ""
    is_elsewhere = host in ANY_ADDRESS or (host in LOOPBACK and named not in LOOPBACK)
    shown = (f"[{named}]" if ":" in named else named) if is_elsewhere else host
    try:
        return base_url(f"http://{shown}:{port}")
    except RefusedLocally:
        return ""
