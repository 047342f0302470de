"""The wall around the suite: no socket to anywhere but loopback, Unix sockets and the configured servers."""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

_GUARDED = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0}
_refused: list[str] = []


class NetworkBlocked(RuntimeError):
    """A test tried to leave the machine."""


def _is_allowed(host: str) -> bool:
    if host in {"", "localhost", urlsplit(settings.REDIS_URL).hostname}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _target(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return the host that an audited call is about; None for Unix sockets and calls without an address."""
    subject = arguments[_GUARDED[event]]
    if event == "socket.getaddrinfo":
        return subject.decode() if isinstance(subject, bytes) else subject
    if arguments[0].family == socket.AF_UNIX or not isinstance(subject, tuple):
        return None
    return str(subject[0])


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    # The hook outlives its module: at the interpreter's end there are no names any more.
    if not _GUARDED or event not in _GUARDED:
        return
    host = _target(event, arguments)
    if host is not None and not _is_allowed(host):
        _refused.append(host)
        raise NetworkBlocked(f"a test tried to reach {host}")


# Seen by every thread and every event loop that uses Python's sockets; it cannot be taken off again.
sys.addaudithook(_guard)


@pytest.fixture
def refused_hosts() -> list[str]:
    """Give the list of hosts that this test was kept from; a test that expects some empties it."""
    return _refused


@pytest.fixture(autouse=True)
def _no_foreign_host(refused_hosts: list[str]) -> Iterator[None]:
    """Fail the test even if the code under test has swallowed the refusal."""
    refused_hosts.clear()
    yield
    hosts = refused_hosts.copy()
    refused_hosts.clear()
    assert not hosts, f"a test tried to reach {', '.join(hosts)}"
