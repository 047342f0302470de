"""What operators allow beyond the public Internet: OUTBOUND_ALLOW, of hosts, host:port and networks."""

import functools
import ipaddress
from dataclasses import dataclass

from django.conf import settings

from apps.common.outbound.addresses import Address, Network, in_any, parse_literal


@dataclass(frozen=True, slots=True)
class Allowed:
    """The parsed setting."""

    hosts: frozenset[tuple[str, int | None]]
    networks: tuple[Network, ...]

    def has_host(self, host: str, port: int) -> bool:
        """Tell whether a name, or a literal address, is allowed on a port."""
        literal = parse_literal(host)
        if literal is not None and in_any(literal, self.networks):
            return True
        return (host, None) in self.hosts or (host, port) in self.hosts

    def has_address(self, address: Address) -> bool:
        """Tell whether an address lies in an allowed network."""
        return in_any(address, self.networks)


def parse_allowed(items: tuple[str, ...]) -> Allowed:
    """Return the allowed hosts and networks; raises ValueError naming the item that is neither."""
    hosts: set[tuple[str, int | None]] = set()
    networks: list[Network] = []
    for item in items:
        if "/" in item:
            networks.append(ipaddress.ip_network(item, strict=False))
        else:
            hosts.add(_host_and_port(item))
    return Allowed(frozenset(hosts), tuple(networks))


def current_allowed() -> Allowed:
    """Return what OUTBOUND_ALLOW allows now."""
    return _parsed(tuple(settings.OUTBOUND_ALLOW))


def _host_and_port(item: str) -> tuple[str, int | None]:
    text = item.strip().lower()
    if parse_literal(text.strip("[]")) is not None:
        return text.strip("[]"), None
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, None
    if not port.isascii() or not port.isdigit():
        raise ValueError(f"{item!r} is no host, host:port or network")
    return host.strip("[]"), int(port)


_parsed = functools.lru_cache(maxsize=8)(parse_allowed)
