"""Which URLs, hosts and addresses may be contacted. Pure: no network, no SDK.

A download API's answer decides what this system fetches, so it is checked as hostile input: first the URL's spelling,
then its host against a list, then (network.py) each address that the host's name stands for.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from audiodup.errors import ForbiddenHost

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}

# One strict grammar, used for the check and for the connection alike: two parsers that disagree on where the host ends
# (userinfo, backslash, tab, full-width dot) are how such checks are passed by.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\]"
_URL = re.compile(
    rf"(?P<scheme>[A-Za-z]{{1,10}})://(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<target>[/?][^#\x00-\x1f\x7f]*)?(?:#[^\x00-\x1f\x7f]*)?"
)
_HOST_PATTERN = re.compile(rf"(?P<any>\*\.)?(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?")

# IANA's special-purpose registries. Spelled out, since `is_global` of the standard library changed its mind about
# several of them between 3.11 and 3.13.
_SPECIAL_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, with the clouds' metadata server
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# All that is public; loopback, unique local, link-local, multicast, IPv4-mapped and NAT64 (64:ff9b::) lie outside.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # Teredo and other protocols' own
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address, perhaps a private one, inside
            "3fff::/20",
        ),
    )
)


_LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


def is_loopback(address: IPAddress) -> bool:
    """Whether it is this machine, spelled plainly (the standard library varies on IPv4-mapped spellings)."""
    return any(address in network for network in _LOOPBACK if network.version == address.version)


def is_public(address: IPAddress) -> bool:
    """Whether it is a unicast address of the public internet that embeds no other."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    return address in _GLOBAL_IPV6 and not any(address in network for network in _SPECIAL_IPV6)


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in its parts. Its repr names the origin alone: path and query of a signed URL are a credential."""

    scheme: str
    host: str
    """Lower case, without brackets and trailing dot."""
    port: int
    target: str = field(repr=False)
    """Path and query, as given: a signature covers every byte of it."""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def text(self) -> str:
        """The whole URL. Never for a log or an error."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.target}"


def parse_url(text: str) -> Url:
    """Read an absolute http or https URL.

    Raises:
        ForbiddenHost: it is none, or is spelled in a way that parsers disagree on.
    """
    match = _URL.fullmatch(text)
    if match is None:
        raise ForbiddenHost("the URL is not of the form https://host/path")
    scheme = match["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise ForbiddenHost(f"the URL's scheme is {scheme}, not https")
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[scheme]
    host = _normal(match["host"])
    if not 0 < port < 65_536 or len(host) > 253:
        raise ForbiddenHost("the URL's host or port is out of range")
    target = match["target"] or "/"
    return Url(scheme, host, port, target if target.startswith("/") else "/" + target)


class HostList:
    """The hosts that may be named: `files.example.com`, `*.example.com` (one level below), either with `:port`.

    Without a port the scheme's own is meant. With `allow_loopback` (stand-ins on one machine, each on a port of its
    own) http and every port are taken.
    """

    def __init__(self, patterns: Iterable[str], *, allow_loopback: bool = False) -> None:
        """
        Raises:
            ValueError: a pattern is none.
        """
        self._allow_loopback = allow_loopback
        self._patterns = [_parse_pattern(pattern) for pattern in patterns]

    def check(self, url: Url) -> None:
        """
        Raises:
            ForbiddenHost: the URL's scheme, host or port is not allowed.
        """
        if url.scheme != "https" and not self._allow_loopback:
            raise ForbiddenHost(f"{url.host} is named with {url.scheme}, not https")
        if not any(self._matches(url, *pattern) for pattern in self._patterns):
            raise ForbiddenHost(f"{url.host}:{url.port} is not among the provider's hosts")

    def _matches(self, url: Url, any_below: bool, host: str, port: int | None) -> bool:
        name = url.host.partition(".")[2] if any_below else url.host
        if name != host:
            return False
        return self._allow_loopback or url.port == (port or DEFAULT_PORTS[url.scheme])


def _parse_pattern(pattern: str) -> tuple[bool, str, int | None]:
    match = _HOST_PATTERN.fullmatch(pattern)
    if match is None or (match["any"] and "." not in match["host"]):
        raise ValueError(f"{pattern!r} is no host such as files.example.com or *.example.com")
    return bool(match["any"]), _normal(match["host"]), int(match["port"]) if match["port"] else None


def _normal(host: str) -> str:
    return host.strip("[]").removesuffix(".").lower()
