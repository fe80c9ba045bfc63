"""Which addresses we connect to: a cluster's settings may confine them to networks, nobody makes us ask others."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from imadmin.core.errors import gettext_noop
from imadmin.gateway.errors import RefusedLocally

OUTSIDE = gettext_noop("This address lies outside the networks allowed for this cluster.")
BAD_NETWORK = gettext_noop("Networks are written like 10.0.0.0/8.")


class NoAddress(Exception):
    """The name resolves to nothing."""


class AddressGuard:
    """Resolves a host and lets only addresses inside the networks pass; without networks it lets everything pass."""

    def __init__(self, networks: tuple[str, ...]) -> None:
        try:
            self._networks = tuple(ip_network(text.strip(), strict=False) for text in networks if text.strip())
        except ValueError:
            raise RefusedLocally({"networks": [BAD_NETWORK]}) from None

    async def addresses(self, base: str) -> tuple[str | None, ...]:
        """The addresses to connect to, in order; (None,) where anything goes.

        The caller connects to exactly these, so a name that resolves differently a moment later changes nothing.
        Raises NoAddress, RefusedLocally (when all of the addresses lie outside).
        """
        if not self._networks:
            return (None,)
        parts = urlsplit(base)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NoAddress from error
        texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not texts:
            raise NoAddress
        allowed = tuple(text for text in texts if self._allows(text))
        if not allowed:
            raise RefusedLocally({"connection": [OUTSIDE]})
        return allowed

    def _allows(self, text: str) -> bool:
        address = ip_address(text.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(_same_family(address.version, network) and address in network for network in self._networks)


def _same_family(version: int, network: IPv4Network | IPv6Network) -> bool:
    return network.version == version
