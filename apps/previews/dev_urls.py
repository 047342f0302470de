"""Which addresses of development servers are taken (previews.md section 2). Nothing is looked up or called.

The client resolves and calls the address itself, after its person has confirmed the host; so a name that
resolves to something else, or a redirect, is the client's risk, and no risk of this server.
"""

from ipaddress import IPv4Network, IPv6Network
from typing import Final

from apps.common.outbound.addresses import Address, in_any, unwrapped
from apps.common.outbound.errors import OutboundBlocked
from apps.common.outbound.urls import Target, parse_target
from apps.previews.errors import DevUrlNotAllowed

PRIVATE: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),  # what private overlay networks hand out
    IPv6Network("fc00::/7"),
)


def checked_dev_url(url: str) -> str:
    """Return an address in its canonical form; raises DevUrlNotAllowed."""
    if "#" in url:
        raise DevUrlNotAllowed("The address must not have a fragment.")
    try:
        # Any port, and http besides https, which the rules below judge.
        target = parse_target(url, by_operator=True)
    except OutboundBlocked as error:
        raise DevUrlNotAllowed(error.detail) from error
    _refuse_local(target)
    if target.scheme == "http" and not _may_be_plain(target):
        raise DevUrlNotAllowed("Plain http is for private addresses and names under .local; use https.")
    return target.url


def is_insecure(url: str) -> bool:
    """Tell whether what goes to an address can be read and changed on the way."""
    return url.startswith("http:")


def _refuse_local(target: Target) -> None:
    """Refuse what means another machine to everybody who opens it: loopback, link-local, nothing at all."""
    is_named_so = target.host == "localhost" or target.host.endswith(".localhost")
    literal = target.literal
    if is_named_so or (literal is not None and any(map(_is_local, (literal, *unwrapped(literal))))):
        raise DevUrlNotAllowed("Loopback and link-local addresses lead each device to itself.")


def _is_local(address: Address) -> bool:
    return address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast


def _may_be_plain(target: Target) -> bool:
    literal = target.literal
    if literal is not None:
        return in_any(literal, PRIVATE)
    return target.host.endswith(".local")
