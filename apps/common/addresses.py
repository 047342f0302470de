"""Network addresses of callers: who is behind a proxy, and which networks an address lies in."""

import ipaddress
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's address; X-Forwarded-For counts only as far as trusted proxies wrote it."""
    return caller_of(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def caller_of(peer: str, forwarded_for: str) -> str | None:
    """Return the caller behind a connection's peer, by what trusted proxies wrote of them."""
    address = _address(peer)
    forwarded = forwarded_for.split(",")
    while address and forwarded and _in_networks(address, settings.TRUSTED_PROXIES):
        address = _address(forwarded.pop()) or address
    return str(address) if address else None


def in_networks(address: str | None, networks: Sequence[str]) -> bool:
    """Tell whether an address lies in one of the CIDR networks; no address lies in none."""
    parsed = _address(address or "")
    return parsed is not None and _in_networks(parsed, networks)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the parsed address; a mapped IPv4 address in its plain form, None for a Unix socket's peer."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _in_networks(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Sequence[str]) -> bool:
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
