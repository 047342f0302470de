"""Calls to foreign hosts: which address is reached, redirects, caps, credentials, and what is told."""

import gzip
import socket
import threading
import time
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from apps.common.outbound.addresses import parse_literal
from apps.common.outbound.client import Limits, fetch, open_url
from apps.common.outbound.errors import OutboundBlocked, OutboundFailed
from apps.common.outbound.resolving import NotReachable, vet_host
from tests.common.foreign_host import plain, redirect, serving

PURPOSE = "test"
SILENT_S = 40.0
Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def row(address: str) -> tuple[Any, ...]:
    """Return one row of the resolver."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, 0))


class Resolver:
    """The resolver, which answers each question with the next of its answers; it is the network."""

    def __init__(self, *answers: Rows | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self._numbers = socket.getaddrinfo

    def __call__(self, host: str, *rest: Any, **options: Any) -> Any:
        if parse_literal(host) is not None:
            return self._numbers(host, *rest, **options)  # no question to the network
        self.asked.append(host)
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """Take the resolver's place."""
    replaced = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", replaced)
    return replaced


def test_an_answer_comes_with_status_headers_and_body() -> None:
    with serving(plain(b"hello", "201 Created", "X-Kind: greeting")) as host:
        answer = fetch(host.url("/a?b=c"), purpose=PURPOSE, headers={"Accept": "text/plain"})
    assert (answer.status, answer.body, answer.headers["x-kind"]) == (201, b"hello", "greeting")
    assert host.heads[0].startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{host.port}\r\n" in host.heads[0]


def test_a_name_with_one_private_address_among_public_ones_is_refused(resolver: Resolver) -> None:
    """Edge case 18."""
    resolver.answers = [[row("93.184.216.34"), row("10.0.0.7")]]
    with pytest.raises(NotReachable):
        vet_host("mixed.example", 443)


def test_a_second_answer_of_the_resolver_is_never_used(resolver: Resolver, settings: Settings) -> None:
    """Edge case 18."""
    settings.OUTBOUND_ALLOW = ["rebind.example"]  # lifts scheme and port; both answers would be let through
    with serving(plain(b"first")) as first, serving(plain(b"second")):
        resolver.answers = [[row("127.0.0.1")], [row("127.0.0.2")]]
        answer = fetch(first.url(host="rebind.example"), purpose=PURPOSE)
    assert answer.body == b"first"
    assert resolver.asked == ["rebind.example"]


def test_a_rebinding_name_never_reaches_loopback(resolver: Resolver) -> None:
    reached = []
    with serving(lambda connection, request: reached.append(request)):
        resolver.answers = [[row("127.0.0.2")]]
        with pytest.raises(OutboundFailed):
            fetch("https://rebind.example/", purpose=PURPOSE)
    assert reached == []


def test_every_failure_of_the_network_reads_the_same_and_takes_a_second(resolver: Resolver) -> None:
    details = set()
    for answer in ([row("10.0.0.7")], socket.gaierror("no such name"), []):
        resolver.answers = [answer]
        started_s = time.monotonic()
        with capture_logs() as lines, pytest.raises(OutboundFailed) as refused:
            fetch("https://somewhere.example/", purpose=PURPOSE)
        assert time.monotonic() - started_s >= 1.0
        details.add(refused.value.detail)
        assert [line["host"] for line in lines if line["event"] == "outbound.failed"] == ["somewhere.example"]
    assert len(details) == 1


def test_a_refused_connection_is_a_failure_that_names_no_address(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(OutboundFailed) as refused:
        fetch(f"http://127.0.0.1:{port}/", purpose=PURPOSE)
    assert "127.0.0.1" not in refused.value.explain()


def test_a_silent_resolver_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(20) and [])
    monkeypatch.setattr("apps.common.outbound.resolving.RESOLVE_LIMIT_S", 0.2)
    with pytest.raises(NotReachable):
        vet_host("slow.example", 443)
    done.set()


def test_a_redirect_is_followed_with_credentials_to_the_same_host_only() -> None:
    with serving(plain(b"there")) as other, serving(redirect("/again"), redirect(other.url("/x"))) as host:
        answer = fetch(
            host.url(),
            purpose=PURPOSE,
            headers={"X-Kind": "a"},
            credentials={"Authorization": "Bearer s3cret"},
        )
    assert (answer.body, answer.url) == (b"there", other.url("/x"))
    assert all("s3cret" in head for head in host.heads)
    assert len(host.heads) == 2
    assert "s3cret" not in other.heads[0]
    assert "X-Kind: a" in other.heads[0]


def test_a_post_turns_to_get_after_303_and_stays_after_307() -> None:
    with serving(redirect("/got", "303 See Other"), plain(b"")) as host:
        fetch(host.url(), purpose=PURPOSE, method="POST", body=b"x=1")
    assert [head.split()[0] for head in host.heads] == ["POST", "GET"]
    with serving(redirect("/put", "307 Temporary Redirect"), plain(b"")) as host:
        fetch(host.url(), purpose=PURPOSE, method="POST", body=b"x=1")
    assert [head.split()[0] for head in host.heads] == ["POST", "POST"]


def test_a_fourth_redirect_ends_the_call() -> None:
    with serving(redirect("/round")) as host, pytest.raises(OutboundFailed, match="redirects more than 3"):
        fetch(host.url(), purpose=PURPOSE)
    assert len(host.heads) == 4


def test_a_call_without_redirects_returns_the_redirect_itself() -> None:
    with serving(redirect("http://169.254.169.254/")) as host:
        answer = fetch(host.url(), purpose=PURPOSE, limits=Limits(redirects=0))
    assert answer.status == 302


@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:7f00:1]/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:7f00:1::]/",
        "http://example.com/",
        "file:///etc/passwd",
        "//user:pass@example.com/",
    ],
)
def test_a_redirect_to_a_refused_address_is_refused(location: str) -> None:
    """Edge case 19."""
    with serving(redirect(location)) as host, pytest.raises((OutboundBlocked, OutboundFailed)):
        fetch(host.url(), purpose=PURPOSE)
    assert len(host.heads) == 1


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_body_beyond_the_limit_is_not_read_on(is_compressed: bool) -> None:
    def pour(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        piece = b"0" * 1_000_000
        if is_compressed:
            connection.sendall(
                b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(piece * 200)
            )
            return
        connection.sendall(b"Connection: close\r\n\r\n")
        for _ in range(200):
            connection.sendall(piece)

    with (
        serving(pour) as host,
        open_url(host.url(), purpose=PURPOSE, limits=Limits(max_bytes=100_000)) as exchange,
    ):
        taken: list[bytes] = []
        with pytest.raises(OutboundFailed, match="larger than 100000"):
            taken.extend(exchange.iter_bytes())
    assert sum(map(len, taken)) <= 100_000


def test_a_compressed_body_is_inflated_and_a_damaged_one_refused() -> None:
    whole = gzip.compress(b"a,b\n1,2\n")
    with serving(plain(whole, "200 OK", "Content-Encoding: gzip")) as host:
        assert fetch(host.url(), purpose=PURPOSE).body == b"a,b\n1,2\n"
    for damaged in (whole[:-9], b"not gzip at all", whole + b"tail"):
        with (
            serving(plain(damaged, "200 OK", "Content-Encoding: gzip")) as host,
            pytest.raises(OutboundFailed, match="damaged"),
        ):
            fetch(host.url(), purpose=PURPOSE)


def test_an_encoding_that_nobody_asked_for_is_refused() -> None:
    with (
        serving(plain(b"x", "200 OK", "Content-Encoding: br")) as host,
        pytest.raises(OutboundFailed, match="nobody asked for"),
    ):
        fetch(host.url(), purpose=PURPOSE)


def drip(connection: socket.socket, _request: bytes) -> None:
    """Send a byte at a time, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def hang(connection: socket.socket, _request: bytes) -> None:
    """Say nothing until the other side goes."""
    connection.settimeout(SILENT_S)
    connection.recv(1)


@pytest.mark.parametrize("respond", [drip, hang])
def test_a_slow_host_costs_no_more_than_its_time(respond: Any) -> None:
    limits = Limits(first_byte_s=0.6, total_s=1.2)
    started_s = time.monotonic()
    with serving(respond) as host, pytest.raises(OutboundFailed):
        fetch(host.url(), purpose=PURPOSE, limits=limits)
    assert time.monotonic() - started_s < SILENT_S / 2


def test_a_body_that_ends_early_is_a_failure() -> None:
    def short(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")

    with serving(short) as host, pytest.raises(OutboundFailed):
        fetch(host.url(), purpose=PURPOSE)


def test_what_the_caller_does_wrong_with_the_body_is_not_the_hosts_failure() -> None:
    with (
        serving(plain(b"x")) as host,
        pytest.raises(OSError, match="disk full"),
        open_url(host.url(), purpose=PURPOSE),
    ):
        raise OSError("disk full")


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(plain(b"direct")) as host:
        assert fetch(host.url(), purpose=PURPOSE).body == b"direct"


def test_the_operators_proxy_is_asked_for_the_vetted_address(settings: Settings) -> None:
    def tunnel(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with serving(tunnel) as proxy:
        settings.OUTBOUND_PROXY = f"http://127.0.0.1:{proxy.port}"
        assert fetch("http://127.0.0.1:81/", purpose=PURPOSE).body == b"ok"
    assert proxy.heads[0].startswith("CONNECT 127.0.0.1:81 HTTP/1.1\r\n")


def test_a_proxy_that_refuses_is_a_failure(settings: Settings) -> None:
    with serving(plain(b"", "403 Forbidden")) as proxy:
        settings.OUTBOUND_PROXY = f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(OutboundFailed):
            fetch("http://127.0.0.1:81/", purpose=PURPOSE)


def test_a_header_with_a_line_end_is_not_sent() -> None:
    with serving(plain(b"")) as host, pytest.raises(OutboundFailed):
        fetch(host.url(), purpose=PURPOSE, headers={"X-A": "b\r\nX-Evil: 1"})
    assert host.heads == []


def test_https_is_checked_against_the_name_not_the_address(settings: Settings, resolver: Resolver) -> None:
    settings.OUTBOUND_ALLOW = ["secure.example"]
    hello: list[bytes] = []

    def record(connection: socket.socket, request: bytes) -> None:
        hello.append(request)

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            record(connection, connection.recv(4_096))

    threading.Thread(target=accept, daemon=True).start()
    resolver.answers = [[row("127.0.0.1")]]
    with pytest.raises(OutboundFailed):
        fetch(f"https://secure.example:{port}/", purpose=PURPOSE)
    listener.close()
    assert b"secure.example" in hello[0]
