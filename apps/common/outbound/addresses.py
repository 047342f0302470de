"""Which IP addresses are public: pure arithmetic, no network.

Sources: RFC 4291 (mapped, compatible), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 6052 and RFC 8215 (NAT64),
RFC 5214 (ISATAP), RFC 6598 (shared), RFC 7526 (6to4 relay anycast).
"""

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAPPED: Final = IPv6Network("::ffff:0:0/96")
COMPATIBLE: Final = IPv6Network("::/96")
SIX_TO_FOUR: Final = IPv6Network("2002::/16")
TEREDO: Final = IPv6Network("2001::/32")
NAT64: Final = IPv6Network("64:ff9b::/96")
NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
ISATAP_IDENTIFIERS: Final = frozenset({0x00005EFE, 0x02005EFE})

# What Python calls global, or may in one of its versions, and is not to be reached from here.
NEVER: Final[tuple[Network, ...]] = (
    IPv4Network("100.64.0.0/10"),  # shared between a provider and its customers
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("168.63.129.16/32"),  # a cloud's own services
    IPv6Network("fec0::/10"),  # site-local
)


def is_public(address: Address) -> bool:
    """Tell whether an address, and every address wrapped in it, lies in the public Internet."""
    inner = list(unwrapped(address))
    if inner:
        return all(is_public(each) for each in inner) and _is_carrier(address)
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified)
        and not (isinstance(address, IPv6Address) and (address.is_site_local or address.scope_id is not None))
        and not in_any(address, NEVER)
    )


def unwrapped(address: Address) -> Iterable[Address]:
    """Return the addresses that an IPv6 address stands for; none if it stands for itself."""
    if not isinstance(address, IPv6Address):
        return
    bits = int(address)
    if any(address in network for network in (MAPPED, COMPATIBLE, NAT64, NAT64_LOCAL)):
        yield IPv4Address(bits & 0xFFFF_FFFF)
    elif address in SIX_TO_FOUR:
        yield IPv4Address(bits >> 80 & 0xFFFF_FFFF)
    elif address in TEREDO:
        yield IPv4Address(bits >> 64 & 0xFFFF_FFFF)  # the server
        yield IPv4Address(~bits & 0xFFFF_FFFF)  # the client, written inverted
    elif bits >> 32 & 0xFFFF_FFFF in ISATAP_IDENTIFIERS:
        yield IPv4Address(bits & 0xFFFF_FFFF)
        yield IPv6Address(bits & ~0xFFFF_FFFF_FFFF_FFFF | 1)  # and its network must be public itself


def _is_carrier(address: Address) -> bool:
    """Tell whether the wrapping itself is well formed; a local NAT64 may hide another address in the middle.

    RFC 6052 lets a /48 prefix carry the address in bits 48 to 87 and ignore the rest, so only the plain
    form with nothing there is taken.
    """
    if address in NAT64_LOCAL:
        return int(address) >> 32 & 0xFFFF_FFFF_FFFF == 0
    return True


def in_any(address: Address, networks: Iterable[Network]) -> bool:
    """Tell whether an address lies in one of the networks; a mapped one counts in its plain form, too."""
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(each in network for network in networks for each in {address, plain})


def parse_literal(host: str) -> Address | None:
    """Return the address of a host that is written as one, in any form that Python knows; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
