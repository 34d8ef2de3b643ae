"""Which web addresses the service may be sent to by somebody else: none inside its own network."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LONGEST = 2_000
_PORTS = {"https": 443, "http": 80}
# Web servers alone listen there; a request to a mail or database server could be made to say something to it.
_LOWEST_FREE_PORT = 1_024
_REFUSED_PORTS = frozenset(
    {
        1433,
        1521,
        2049,
        2375,
        2376,
        2379,
        3306,
        3389,
        5432,
        5900,
        5984,
        6379,
        6443,
        6667,
        9042,
        9200,
        10250,
        11211,
        27017,
    }
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Reachable from everywhere by the registry, and yet no place of somebody else's: what is translated or relayed inside.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carriers' own
        "168.63.129.16/32",  # a cloud's own services
        "192.0.0.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.175.48.0/24",
        "64:ff9b:1::/48",
        "2001::/23",  # protocols, Teredo among them
        "5f00::/16",
        "fec0::/10",
    )
)
_CARRIES_IPV4 = tuple(  # prefix, and the bit from the left where the IPv4 address begins
    (ipaddress.ip_network(text), bit)
    for text, bit in (
        ("::/96", 96),
        ("::ffff:0:0/96", 96),
        ("::ffff:0:0:0/96", 96),
        ("64:ff9b::/96", 96),
        ("2002::/16", 16),
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an allowed address leads."""

    scheme: str
    host: str  # a name in lower case, or an address without brackets
    port: int
    path: str  # with its query

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str, *, private: bool = False) -> Target:
    """Raises InvalidInput for what is no plain web address. `private` allows http, any port and names of one label."""
    if len(url) > _LONGEST or not url.isascii() or any(not "!" <= sign <= "~" or sign == "\\" for sign in url):
        raise _refused("It is too long, or holds characters that no web address has.")
    try:
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        host = (parts.hostname or "").removesuffix(".")
    except ValueError as error:
        raise _refused("It cannot be read as a web address.") from error
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise _refused("It has to begin with https://.")
    if "@" in parts.netloc or parts.fragment or "#" in url:
        raise _refused("It may hold no user, password or fragment.")
    if not _is_name(host, private=private) and address_of(host) is None:
        raise _refused("It names no host.")
    if not private and (port in _REFUSED_PORTS or (port < _LOWEST_FREE_PORT and port not in _PORTS.values())):
        raise _refused(f"Nothing is sent to port {port}.")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port, (parts.path or "/") + query)


def address_of(host: str) -> Address | None:
    """The address that a host is written as; None for a name, and for an address of one network card alone."""
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether everybody can reach it: not for private, local, shared, reserved and multicast addresses, nor for those
    of IPv6 that carry such an address of IPv4."""
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv6Address):
        for network, bit in _CARRIES_IPV4:
            if address in network:
                return ipaddress.IPv4Address((int(address) >> (96 - bit)) & 0xFFFFFFFF)
    return None


def _is_name(host: str, *, private: bool) -> bool:
    """Whether it is a name that nobody reads as a number, as `0x7f.1` and `2130706433` are."""
    labels = host.split(".")
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return (len(labels) > 1 or private) and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1])


def _refused(why: str) -> InvalidInput:
    return InvalidInput(
        f"This is no address for webhooks: {why}",
        field="url",
        remedy="Send an https:// address that can be reached from the internet.",
    )
