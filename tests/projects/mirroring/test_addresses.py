"""Which addresses of repositories are taken, which are refused, and when."""

import pytest
from pytest_django.fixtures import Settings

from apps.common.outbound.errors import OutboundBlocked
from apps.projects.git.addresses import RepoUrlInvalid, parse_remote, pin
from apps.projects.git.failures import RepoUnreachable


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://git.example/a/b.git", "https://git.example/a/b.git"),
        ("HTTPS://Git.Example:443/a", "https://git.example/a"),
        ("https://git.example./a", "https://git.example/a"),
        ("https://8.8.8.8/a", "https://8.8.8.8/a"),
        # A Cyrillic twin stays apart from what it looks like.
        ("https://g\u0456t.example/a", "https://xn--gt-rmc.example/a"),
        ("https://git.example/ä", "https://git.example/%C3%A4"),
    ],
)
def test_an_address_has_one_form(url: str, kept: str) -> None:
    if "xn--" in kept:
        assert parse_remote(url).host.startswith("xn--")
    else:
        assert parse_remote(url).url == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "git.example/a",
        "-oProxyCommand=touch /tmp/x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% /tmp/x",
        "file:///etc",
        "/etc",
        "git@git.example:a/b.git",
        "ssh://git.example/a",
        "git://git.example/a",
        "http://git.example/a",
        "ftp://git.example/a",
        "https://user:secret@git.example/a",
        "https://user@git.example/a",
        "https://git.example/a?x=1",
        "https://git.example/a?",
        "https://git.example/a#x",
        "https://git.example:8443/a",
        "https://git.example:22/a",
        "https://git.example:0/a",
        "https://git.example:99999/a",
        "https://git.example/a\n/b",
        "https://git.example/a%0Ab",
        "https://git.example/a\\b",
        "https://git.example/a%5Cb",
        "https://git.example/a/../b",
        "https://git.example/a/%2e%2e/b",
        "https://git.example",
        "https://git.example/",
        "https:///a",
        "https://-git.example/a",
        "https://git..example/a",
        "https://[::1/a",
        "https://0x7f.1/a",
        "https://git.example/" + "a" * 2_048,
    ],
)
def test_what_is_no_address_of_a_repository_is_refused(url: str) -> None:
    with pytest.raises(RepoUrlInvalid):
        parse_remote(url)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "a.localhost", "127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::a00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00::1]",
    ],
)  # fmt: skip
def test_what_is_not_public_is_blocked(host: str) -> None:
    with pytest.raises(OutboundBlocked):
        parse_remote(f"https://{host}/a")


def test_operators_open_hosts_and_ports(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["git.internal:8080", "10.1.0.0/16"]
    settings.PROJECTS_EXTRA_PORTS = ["8443"]
    assert parse_remote("http://git.internal:8080/a").is_allowed
    assert parse_remote("https://10.1.2.3/a").is_allowed
    assert not parse_remote("https://git.example:8443/a").is_allowed
    with pytest.raises(RepoUrlInvalid):
        parse_remote("http://git.internal:8081/a")


def test_test_remotes_are_on_loopback_alone(settings: Settings) -> None:
    settings.PROJECTS_TEST_REMOTES = ["127.0.0.1:9000", "git.example:9000", "10.0.0.1:9000"]
    assert parse_remote("git://127.0.0.1:9000/a").port == 9_000
    assert parse_remote("http://127.0.0.1:9000/a").is_allowed
    for url in ("git://127.0.0.1:9001/a", "git://git.example:9000/a", "git://10.0.0.1:9000/a"):
        with pytest.raises((RepoUrlInvalid, OutboundBlocked)):
            parse_remote(url)


def test_a_run_is_pinned_to_one_vetted_address(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["localhost:443"]
    pinned = pin("https://localhost/a")
    assert pinned.settings == (f"http.curloptResolve=localhost:443:{pinned.address}",)
    assert pinned.address in {"127.0.0.1", "::1"}


def test_what_was_open_at_the_link_is_vetted_again_before_each_run(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["localhost:443"]
    assert pin("https://localhost/a").remote.is_allowed
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(RepoUnreachable) as refused:
        pin("https://localhost/a")
    assert "not public" in refused.value.cause
    assert refused.value.detail == RepoUnreachable.title()


@pytest.mark.parametrize("second", ["10.0.0.1", "::1", "64:ff9b::a00:1"])
def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, second: str
) -> None:
    found = [(0, 0, 0, "", (address, 443)) for address in ("8.8.8.8", second)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_options: found)
    with pytest.raises(RepoUnreachable):
        pin("https://git.example/a")
