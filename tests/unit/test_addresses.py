"""Which URLs, hosts and addresses may be contacted."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
import urllib3.util
from hypothesis import example, given
from hypothesis import strategies as st

from audiodup.addresses import HostList, is_loopback, is_public, parse_url
from audiodup.errors import ForbiddenHost


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "fc00::1",
        "fd20:ce::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_special_addresses_are_not_public(address: str) -> None:
    """Private, shared, loopback, link-local, multicast, reserved and IPv4-embedding addresses are refused."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "52.216.0.1", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    """The rule does not refuse what it is meant to let through."""
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses())
def test_nothing_public_is_special_to_the_standard_library(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Our list is at least as strict as the standard library's, in every version of Python."""
    if is_public(address):
        assert address.is_global
        assert not any((address.is_private, address.is_multicast, address.is_reserved, address.is_loopback))


@given(st.ip_addresses(v=4))
def test_no_ipv6_address_that_embeds_an_ipv4_address_is_public(inner: ipaddress.IPv4Address) -> None:
    """IPv4-mapped, IPv4-compatible, 6to4, NAT64 and Teredo are refused whatever is inside."""
    number = int(inner)
    embedded = [
        number,
        (0xFFFF << 32) | number,
        (0x2002 << 112) | (number << 80),
        (0x64FF9B << 96) | number,
        (0x20010000 << 96) | (number ^ 0xFFFFFFFF),
    ]
    for value in embedded:
        assert not is_public(ipaddress.IPv6Address(value))


def test_loopback_is_only_what_is_spelled_so() -> None:
    """Loopback mode takes 127.0.0.0/8 and ::1, not an IPv4-mapped spelling or a private address."""
    assert [
        text
        for text in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "::")
        if is_loopback(ipaddress.ip_address(text))
    ] == ["127.0.0.1", "127.9.9.9", "::1"]


def test_a_url_is_taken_apart_without_changing_what_is_signed() -> None:
    """Path and query stay byte for byte, dot segments and escapes included; the fragment is not sent."""
    url = parse_url("HTTPS://Files.Example.COM.:8443/a/../b%2fc+d ü?X=%7e&Y=a/b?#top")

    assert (url.scheme, url.host, url.port, url.target) == (
        "https",
        "files.example.com",
        8443,
        "/a/../b%2fc+d ü?X=%7e&Y=a/b?",
    )
    assert parse_url("https://h?q").target == "/?q"
    assert parse_url("https://[2606:4700::1111]/").host == "2606:4700::1111"
    assert parse_url("http://h").port == 80


def test_a_urls_repr_does_not_show_what_is_signed() -> None:
    """Path and query are a credential; a repr ends in logs."""
    assert "signature" not in repr(parse_url("https://h/key?signature=1"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "files.example.com/x",
        "//files.example.com/x",
        "https:files.example.com",
        "https:///x",
        "ftp://files.example.com/x",
        "file:///etc/passwd",
        "data://x/y",
        "gopher://h/x",
        "https://user@files.example.com/",
        "https://files.example.com@169.254.169.254/",
        "https://files.example.com:443@169.254.169.254/",
        "https://169.254.169.254\\@files.example.com/",
        "https://files.example.com\\@169.254.169.254/",
        "https://files.example.com%2f@evil/",
        "https://files.example.com%00.evil/",
        "https://files。example.com/",
        "https://ｆiles.example.com/",
        "https://exämple.com/",
        "https://files..example.com/",
        "https://.example.com/",
        "https://-/",
        "https://files.example.com:0/",
        "https://files.example.com:65536/",
        "https://files.example.com:/",
        "https://files.example.com:44٣/",
        "https://files.example.com:443:443/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://::1/",
        " https://files.example.com/",
        "https://files.example.com/\r\nHost: evil",
        "https://files.example.com/\tx",
        "https://files.example.com/\x00",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 130 + "com/",
    ],
)
def test_odd_spellings_of_a_url_are_refused(text: str) -> None:
    """What parsers are known to disagree on is refused before anybody has to agree."""
    with pytest.raises(ForbiddenHost):
        parse_url(text)


@given(st.text("htps:/\\@.?#[]%a1-_ \té。", max_size=40).map(lambda tail: "https://" + tail))
@example("https://a:80\\@1/")
def test_other_parsers_agree_on_the_host_of_every_url_taken(text: str) -> None:
    """The host that was checked is the host that any other parser would connect to."""
    try:
        url = parse_url(text)
    except ForbiddenHost:
        return
    for host in (urlsplit(text).hostname, urllib3.util.parse_url(text).host):
        assert (host or "").strip("[]").rstrip(".").lower() == url.host


@pytest.mark.parametrize(
    ("pattern", "url", "allowed"),
    [
        ("files.example.com", "https://files.example.com/x", True),
        ("Files.Example.com", "https://FILES.example.com./x", True),
        ("files.example.com", "https://files.example.com:443/x", True),
        ("files.example.com", "https://files.example.com:22/x", False),
        ("files.example.com:8443", "https://files.example.com:8443/x", True),
        ("files.example.com:8443", "https://files.example.com/x", False),
        ("files.example.com", "http://files.example.com/x", False),
        ("files.example.com", "https://evilfiles.example.com/x", False),
        ("files.example.com", "https://files.example.com.evil.net/x", False),
        ("*.example.com", "https://a.example.com/x", True),
        ("*.example.com", "https://a.b.example.com/x", False),
        ("*.example.com", "https://example.com/x", False),
        ("*.example.com", "https://aexample.com/x", False),
        ("*.example.com", "https://a.example.com.evil.net/x", False),
        ("127.0.0.1", "https://2130706433/x", False),
        ("[2606:4700::1111]", "https://[2606:4700::1111]/x", True),
    ],
)
def test_hosts_are_matched_whole_with_their_port(pattern: str, url: str, allowed: bool) -> None:
    """A pattern is one host, or one level below a domain, on the scheme's own port unless it names another."""
    hosts = HostList(["other.example.net", pattern])
    if allowed:
        hosts.check(parse_url(url))
    else:
        with pytest.raises(ForbiddenHost):
            hosts.check(parse_url(url))


def test_on_one_machine_http_and_any_port_are_taken_but_not_any_host() -> None:
    """Stand-ins listen where there is room; the list of hosts holds all the same."""
    hosts = HostList(["127.0.0.1"], allow_loopback=True)

    hosts.check(parse_url("http://127.0.0.1:43210/x"))
    with pytest.raises(ForbiddenHost):
        hosts.check(parse_url("http://localhost:43210/x"))


@pytest.mark.parametrize(
    "pattern", ["", "*", "*.com", "https://files.example.com", "a.*.com", "files.example.com/x", "a b"]
)
def test_a_pattern_that_is_no_host_is_refused(pattern: str) -> None:
    """A slip in PROVIDERS is told at the start, not by every asset."""
    with pytest.raises(ValueError, match="no host such as"):
        HostList([pattern])
