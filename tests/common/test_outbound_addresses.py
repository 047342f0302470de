"""Which addresses a foreign host may have, and how an address to call may be written."""

import ipaddress

import pytest
from pytest_django.fixtures import Settings

from apps.common.outbound.addresses import is_public
from apps.common.outbound.allowed import parse_allowed
from apps.common.outbound.errors import OutboundBlocked
from apps.common.outbound.urls import Target, parse_target

PUBLIC = [
    "1.0.0.1",
    "185.199.108.153",
    "151.101.1.69",
    "4.4.4.4",
    "9.9.9.9",
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "192.169.0.1",
    "169.253.255.255",
    "169.255.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "11.0.0.1",
    "9.255.255.255",
    "168.63.129.15",
    "168.63.129.17",
    "192.88.98.1",
    "192.88.100.1",
    "198.17.255.255",
    "198.20.0.1",
    "203.0.112.1",
    "203.0.114.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:4860:4860::8888",
    "2620:fe::fe",
    "::ffff:8.8.8.8",
    "::ffff:808:808",
    "64:ff9b::8.8.8.8",
    "64:ff9b::101:101",
    "2002:808:808::",
    "2002:101:101::1",
    "::8.8.8.8",
    "64:ff9b:1::808:808",
    "2001:0:808:808::f7f7:f7f7",
    "2a00:1450:4001:81b:0:5efe:808:808",
    "2a00:1450:4001:81b:200:5efe:808:808",
]

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.88.99.1",
    "192.88.99.255",
    "168.63.129.16",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "233.252.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "feff::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "100::1",
    "5f00::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:168.63.129.16",
    "::ffff:100.64.0.1",
    "::127.0.0.1",
    "::7f00:1",
    "::10.0.0.1",
    "::a9fe:a9fe",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::a00:1",
    "64:ff9b:1::127.0.0.1",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:7f00:0:100::",
    "64:ff9b:1:7f00:0:100:808:808",
    "64:ff9b:1:ffff:ffff:ffff:808:808",
    "2002:7f00:1::",
    "2002:7f00:1::8.8.8.8",
    "2002:a9fe:a9fe::",
    "2002:a00:1::1",
    "2002:c0a8:101::",
    "2002:6440:1::",
    "2001:0:7f00:1::f7f7:f7f7",
    "2001:0:808:808::80ff:fffe",
    "2001:0:808:808::5601:5601",
    "2001:0:a00:1:0:0:f5ff:fffe",
    "2a00:1450:4001:81b:0:5efe:7f00:1",
    "2a00:1450:4001:81b:200:5efe:a9fe:a9fe",
    "fe80::5efe:808:808",
    "fd00::5efe:808:808",
    "2002:7f00:1:0:0:5efe:808:808",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_called(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", REFUSED)
def test_an_address_that_is_or_wraps_a_private_one_is_refused(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


def test_the_two_lists_hold_the_120_literals_of_the_proof() -> None:
    assert len({*PUBLIC, *REFUSED}) >= 120


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM./a/../b?x=1#part", "https://example.com/a/../b?x=1"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("https://bücher.example/ü?q=ß", "https://xn--bcher-kva.example/%C3%BC?q=%C3%9F"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://\uff11.\uff11.\uff11.\uff11/", "https://1.1.1.1/"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://_dmarc.example.com/", "https://_dmarc.example.com/"),
    ],
)
def test_an_address_has_one_canonical_form(url: str, canonical: str) -> None:
    assert parse_target(url).url == canonical


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://example.com/",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://@example.com/",
        "https://example.com:8443/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com\\@evil.example/",
        "https://example.com/\r\nHost: evil",
        "https://example.com/\x00",
        "https://-example.com/",
        "https://example..com/",
        "https://.example.com/",
        f"https://{'a' * 64}.com/",
        f"https://{'a.' * 130}com/",
        f"https://example.com/{'a' * 2_048}",
        "https://exa$mple.com/",
        "https://a\u2024b.example\u3002\u3002com/",
        # IPv4 in the forms that only some resolvers know
        "https://127.1/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://1.1.1.1.1/",
        "https://256.1.1.1/",
        "https://example.0x10/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://[v1.x]/",
    ],
)
def test_an_address_of_odd_syntax_is_blocked_unresolved(url: str) -> None:
    with pytest.raises(OutboundBlocked):
        parse_target(url)


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("intern.example", "http://intern.example:8080/"),
        ("intern.example:8080", "http://intern.example:8080/"),
        ("10.1.0.0/16", "http://10.1.2.3:9000/"),
        ("10.1.2.3", "http://10.1.2.3:9000/"),
        ("[fd00::5]", "http://[fd00::5]:9000/"),
        ("fd00::/8", "http://[fd00::5]:9000/"),
        ("[fd00::5]:9000", "http://[fd00::5]:9000/"),
    ],
)
def test_an_operator_lifts_scheme_and_port_for_what_is_allowed(
    settings: Settings, allow: str, url: str
) -> None:
    settings.OUTBOUND_ALLOW = [allow]
    assert parse_target(url).is_allowed


@pytest.mark.parametrize(
    "url",
    ["http://intern.example:8081/", "http://sub.intern.example:8080/", "http://10.2.0.1/", "http://other/"],
)
def test_what_is_not_allowed_by_name_stays_blocked(settings: Settings, url: str) -> None:
    settings.OUTBOUND_ALLOW = ["intern.example:8080", "10.1.0.0/16"]
    with pytest.raises(OutboundBlocked):
        parse_target(url)


@pytest.mark.parametrize("item", ["10.0.0.0/33", "host:port", "a/b"])
def test_an_exception_that_cannot_be_read_is_named(item: str) -> None:
    with pytest.raises(ValueError, match=item.split("/", maxsplit=1)[0]):
        parse_allowed((item,))


def test_an_operators_own_address_may_be_anything() -> None:
    target = parse_target("http://localhost:11434/v1", by_operator=True)
    assert target == Target("http", "localhost", 11434, "/v1", is_allowed=True)
