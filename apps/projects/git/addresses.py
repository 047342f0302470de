"""Addresses of remote repositories: what may be linked at all, and the one address a run connects to.

Syntax alone decides here what a link may say (projects.md section 3, Address); the host is resolved and
vetted before every run, by `pin`.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from django.conf import settings

from apps.common.errors import Invalid
from apps.common.outbound.addresses import is_public, parse_literal
from apps.common.outbound.allowed import current_allowed
from apps.common.outbound.errors import OutboundBlocked
from apps.common.outbound.resolving import NotReachable, vet_host
from apps.common.outbound.urls import Target, parse_target
from apps.projects.git.failures import RepoUnreachable

URL_MAX_CHARS: Final = 2_048
DEFAULT_PORTS: Final = {"https": 443, "http": 80, "git": 9_418}
FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}]")
# In an escaped path, too, and no step out of it.
FORBIDDEN_BYTES: Final = re.compile(rb"[\x00-\x1f\x7f\\]")
SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class RepoUrlInvalid(Invalid):
    """This is no address of a repository that can be linked.

    Write `https://host/path`, without user, password, query or fragment, on a port that is open here.
    """

    code = "projects.repo_url_invalid"


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository's address in its one form: lower-case ASCII host, port always known.

    `is_allowed` tells that operators opened exactly this host, so its addresses need not be public.
    """

    scheme: str
    host: str
    port: int
    path: str
    is_allowed: bool

    @property
    def authority(self) -> str:
        """Return host and port as an address carries them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the address; it never holds a secret."""
        return f"{self.scheme}://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True)
class PinnedRemote:
    """A remote with the one vetted address (as text) that a run connects to."""

    remote: Remote
    address: str

    @property
    def url(self) -> str:
        """Return what git is given: a plain git:// cannot be pinned otherwise than by naming the address."""
        if self.remote.scheme != "git":
            return self.remote.url
        return f"git://{_bracketed(self.address)}:{self.remote.port}{self.remote.path}"

    @property
    def settings(self) -> tuple[str, ...]:
        """Return git's settings that keep it at the address, whatever a resolver says meanwhile."""
        if self.remote.scheme == "git" or parse_literal(self.remote.host) is not None:
            return ()
        place = f"{self.remote.host}:{self.remote.port}:{_bracketed(self.address)}"
        return (f"http.curloptResolve={place}",)


def parse_remote(url: str) -> Remote:
    """Return the parts of an address; raises RepoUrlInvalid, OutboundBlocked for one that is not public."""
    parts = _split(url)
    scheme = parts.scheme.lower()
    target = _canonical(scheme, parts)
    # For git:// the port of https was filled in where none is written.
    port = parts.port or DEFAULT_PORTS[scheme]
    is_test = scheme != "https" and is_test_remote(target.host, port)
    is_allowed = is_test or current_allowed().has_host(target.host, port)
    if not is_test and (scheme == "git" or (scheme == "http" and not is_allowed)):
        raise RepoUrlInvalid("The address must begin with https://.")
    if not is_allowed and port != DEFAULT_PORTS["https"] and str(port) not in settings.PROJECTS_EXTRA_PORTS:
        raise RepoUrlInvalid("This port is not open.")
    if not is_allowed:
        _refuse_private(target)
    return Remote(scheme, target.host, port, target.path, is_allowed)


def is_test_remote(host: str, port: int) -> bool:
    """Tell whether PROJECTS_TEST_REMOTES opens a loopback host and port to plain git:// and http://."""
    literal = parse_literal(host)
    is_loopback = host == "localhost" or (literal is not None and literal.is_loopback)
    name = f"[{host}]" if ":" in host else host
    return is_loopback and f"{name}:{port}" in settings.PROJECTS_TEST_REMOTES


def pin(url: str) -> PinnedRemote:
    """Resolve the host once and vet every address of it; raises RepoUnreachable, whose cause says why.

    The address itself is vetted again, too: what was open at the link may be closed by now.
    """
    try:
        remote = parse_remote(url)
        found = vet_host(remote.host, remote.port, is_allowed=remote.is_allowed)
    except (Invalid, NotReachable) as error:
        raise RepoUnreachable(cause=str(error)) from error
    return PinnedRemote(remote, str(found[0]))


def _split(url: str) -> SplitResult:
    if len(url) > URL_MAX_CHARS or FORBIDDEN.search(url):
        raise RepoUrlInvalid("The address is too long, or holds a character that no address has.")
    if not SCHEME.match(url):
        raise RepoUrlInvalid("The address must begin with https://.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RepoUrlInvalid("This is no address of the form https://host/path.") from error
    if parts.scheme.lower() not in DEFAULT_PORTS or port == 0:
        raise RepoUrlInvalid("The address must begin with https://.")
    if "@" in parts.netloc or not parts.hostname:
        raise RepoUrlInvalid("The address must name a host, and neither a user nor a password.")
    if "?" in url or "#" in url:
        raise RepoUrlInvalid("The address must have neither a query nor a fragment.")
    _check_path(parts.path)
    return parts


def _check_path(path: str) -> None:
    plain = unquote_to_bytes(path)
    if not plain.strip(b"/"):
        raise RepoUrlInvalid("The address must name a repository on its host.")
    steps = plain.split(b"/")
    if FORBIDDEN_BYTES.search(plain) or b".." in steps or b"." in steps:
        raise RepoUrlInvalid("The address holds a path that no repository has.")


def _canonical(scheme: str, parts: SplitResult) -> Target:
    """Return host and path in the form in which all of this product compares them."""
    try:
        return parse_target(
            f"{'http' if scheme == 'git' else scheme}://{parts.netloc}{parts.path}", by_operator=True
        )
    except OutboundBlocked as error:
        raise RepoUrlInvalid(error.detail) from error


def _refuse_private(target: Target) -> None:
    is_local = target.host == "localhost" or target.host.endswith(".localhost")
    literal = target.literal
    is_private = literal is not None and not (is_public(literal) or current_allowed().has_address(literal))
    if is_local or is_private:
        raise OutboundBlocked("This address is not public.")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
