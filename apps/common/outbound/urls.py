"""The syntax of addresses that may be called; nothing is looked up here."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import idna

from apps.common.outbound.addresses import Address, parse_literal
from apps.common.outbound.allowed import current_allowed
from apps.common.outbound.errors import OutboundBlocked

URL_MAX_LENGTH: Final = 2_048
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
HOST_MAX_LENGTH: Final = 253
LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# A host whose last label is a number is an IPv4 address to some resolver (WHATWG URL, section 3.5).
NUMERIC_LABEL: Final = re.compile(r"\d+|0x[0-9a-f]*")
FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Target:
    """One vetted address: the host in lower-case ASCII without a trailing dot, the path with its query."""

    scheme: str
    host: str
    port: int
    path: str
    # Whether an operator allowed exactly this host; then its addresses need not be public.
    is_allowed: bool

    @property
    def literal(self) -> Address | None:
        """Return the address if the host is written as one."""
        return parse_literal(self.host)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Return what credentials belong to."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Return what the Host header carries."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the canonical address."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_target(url: str, *, by_operator: bool = False, plain: bool = False) -> Target:
    """Return the parts of an address that may be called; raises OutboundBlocked.

    Scheme and port are free where an operator set the address or OUTBOUND_ALLOW names it; else it is https,
    or with `plain` also http, on port 443 or 80.
    """
    if len(url) > URL_MAX_LENGTH or FORBIDDEN.search(url):
        raise OutboundBlocked("The address is too long, or holds a character that no address has.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise OutboundBlocked("This is no address of the form https://host/path.") from error
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise OutboundBlocked("The address must begin with https:// and name a host.")
    if "@" in parts.netloc:
        raise OutboundBlocked("The address must not hold a user name or a password.")
    host = _canonical_host(parts.hostname)
    if ("[" in parts.netloc) != (":" in host):
        raise OutboundBlocked("Brackets hold an IPv6 address, and nothing else.")
    port = DEFAULT_PORTS[scheme] if port is None else port
    is_allowed = by_operator or current_allowed().has_host(host, port)
    if not is_allowed and (not (plain or scheme == "https") or port not in DEFAULT_PORTS.values()):
        raise OutboundBlocked(f"The address must be {'http or ' * plain}https, on port 443 or 80.")
    query = f"?{parts.query}" if parts.query else ""
    return Target(scheme, host, port, _ascii_path(parts.path or "/") + _ascii_path(query), is_allowed)


def redirect_target(source: Target, location: str, *, plain: bool = False) -> Target:
    """Return where a redirect leads; raises OutboundBlocked, also for a step from https to http."""
    target = parse_target(urljoin(source.url, location), plain=plain)
    if source.scheme == "https" and target.scheme != "https":
        raise OutboundBlocked("The other host redirects from https to http.")
    return target


def _canonical_host(host: str) -> str:
    """Return a host in the one form that is compared, resolved and sent."""
    literal = parse_literal(host)
    if literal is not None:
        if "%" in host:
            raise OutboundBlocked("An address with a zone is local to one machine.")
        return str(literal)
    try:
        name = idna.encode(host.rstrip("."), uts46=True).decode() if not host.isascii() else host.rstrip(".")
    except idna.IDNAError as error:
        raise OutboundBlocked("The host is no valid name.") from error
    name = name.lower()
    labels = name.split(".")
    if len(name) > HOST_MAX_LENGTH or not all(LABEL.fullmatch(label) for label in labels):
        raise OutboundBlocked("The host is no valid name.")
    # Full-width digits have become plain ones by now, so this is looked at last.
    if NUMERIC_LABEL.fullmatch(labels[-1]):
        if parse_literal(name) is None:
            raise OutboundBlocked("Write the IP address in its usual form.")
        return str(parse_literal(name))
    return name


def _ascii_path(text: str) -> str:
    """Return a path or query as it goes over the wire; what is not ASCII is percent-encoded UTF-8."""
    return "".join(char if char.isascii() else "".join(f"%{b:02X}" for b in char.encode()) for char in text)
