"""One provider's download API: the question that is put to it, and the signed URL in its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from audiodup.addresses import HostList, Url, parse_url
from audiodup.errors import ForbiddenHost, Refused, SettingsInvalid
from audiodup.json_pointer import parse_pointer, resolve_pointer
from audiodup.model import Asset

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DOT_SEGMENT = re.compile(r"/\.{1,2}(?:[/?]|$)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class ProviderSettings(Protocol):
    """What PROVIDERS says of one provider; settings.Provider fulfils it."""

    @property
    def url(self) -> str: ...
    @property
    def header(self) -> str: ...
    @property
    def secret(self) -> str | None: ...
    @property
    def pointer(self) -> str: ...
    @property
    def hosts(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider's settings, checked."""

    template: str
    header: str
    secret: str | None
    pointer: tuple[str, ...]
    api_hosts: HostList
    file_hosts: HostList

    @classmethod
    def of(cls, name: str, settings: ProviderSettings, *, allow_loopback: bool) -> Endpoint:
        """
        Raises:
            SettingsInvalid: naming what is wrong.
        """
        try:
            # The host must not depend on the asset: it alone gets the secret.
            urls = [parse_url(_fill(settings.url, filler, filler)) for filler in ("x", "y")]
            if urls[0].origin != urls[1].origin or "{" in urls[0].target or "}" in urls[0].target:
                raise ValueError("url: {asset_id} and {file_key} are the placeholders, in path or query")
            if not _HEADER_NAME.fullmatch(settings.header):
                raise ValueError("header: no name of a request header")
            host, port = urls[0].host, urls[0].port
            api_host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            api_hosts = HostList([api_host], allow_loopback=allow_loopback)
            api_hosts.check(urls[0])
            return cls(
                template=settings.url,
                header=settings.header,
                secret=settings.secret,
                pointer=parse_pointer(settings.pointer),
                api_hosts=api_hosts,
                file_hosts=HostList(settings.hosts, allow_loopback=allow_loopback),
            )
        except ForbiddenHost as error:
            words = f"url: {error.words}"
        except ValueError as error:
            words = str(error)
        raise SettingsInvalid(f"PROVIDERS.{name}: {words}")

    def question(self, asset: Asset) -> Url:
        """The URL that asks for the asset's file.

        Raises:
            Refused: a key that no URL can carry.
        """
        try:
            text = _fill(self.template, quote(asset.asset_id, safe=""), quote(asset.file_key, safe=""))
        except UnicodeEncodeError:
            text = "/."
        # Percent-encoding leaves dots alone: a key of `..` would ask for another path than the template's.
        if _DOT_SEGMENT.search(text):
            raise Refused("the asset's id or file key is no text, or a dot segment, which no URL can carry")
        return parse_url(text)

    def signed_url(self, answer: bytes) -> Url:
        """The signed URL in the API's answer.

        Raises:
            Refused: there is none.
            ForbiddenHost: it is spelled as none may be.
        """
        try:
            found = resolve_pointer(json.loads(answer), self.pointer)
        except (ValueError, RecursionError):
            words = "the download API's answer is not JSON"
        except LookupError:
            words = "the pointer leads nowhere in the download API's answer"
        else:
            if isinstance(found, str) and _SCHEME.match(found):
                return parse_url(found)
            words = "the pointer leads to no URL in the download API's answer"
        raise Refused(words)


def _fill(template: str, asset_id: str, file_key: str) -> str:
    return template.replace("{asset_id}", asset_id).replace("{file_key}", file_key)
