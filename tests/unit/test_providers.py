"""Providers' settings, the question to their download APIs and the answer; Retry-After."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiodup.answers import retry_after
from audiodup.errors import ForbiddenHost, Refused, SettingsInvalid
from audiodup.model import Asset
from audiodup.providers import Endpoint


@dataclass(frozen=True)
class Provider:
    url: str = "https://api.example.com/assets/{asset_id}/files/{file_key}"
    header: str = "Authorization"
    secret: str | None = None
    pointer: str = "/data/url"
    hosts: tuple[str, ...] = ("files.example.com",)


ENDPOINT = Endpoint.of("artlist", Provider(), allow_loopback=False)


@pytest.mark.parametrize(
    ("asset_id", "file_key", "target"),
    [
        ("1", "a.wav", "/assets/1/files/a.wav"),
        ("a/b", "c/../d.wav", "/assets/a%2Fb/files/c%2F..%2Fd.wav"),
        ("?x=1#y", "&a=b%20 ü+", "/assets/%3Fx%3D1%23y/files/%26a%3Db%2520%20%C3%BC%2B"),
        ("{file_key}", "{asset_id}", "/assets/%7Bfile_key%7D/files/%7Basset_id%7D"),
        ("@evil.com", "\r\nHost: evil", "/assets/%40evil.com/files/%0D%0AHost%3A%20evil"),
    ],
)
def test_keys_are_percent_encoded(asset_id: str, file_key: str, target: str) -> None:
    """No key becomes a path, a query, another placeholder or a header."""
    assert ENDPOINT.question(Asset(asset_id, file_key)).target == target


@pytest.mark.parametrize(("asset_id", "file_key"), [("..", "x"), (".", "x"), ("x", ".."), ("x", "\ud800")])
def test_keys_that_no_url_can_carry_are_refused(asset_id: str, file_key: str) -> None:
    """Dots stay dots in percent-encoding: `..` would ask for another path of the API, with the secret."""
    with pytest.raises(Refused):
        ENDPOINT.question(Asset(asset_id, file_key))


@given(st.text(max_size=30), st.text(max_size=30))
def test_every_question_goes_to_the_templates_host_and_path(asset_id: str, file_key: str) -> None:
    """Whatever the keys hold."""
    try:
        url = ENDPOINT.question(Asset(asset_id, file_key))
    except Refused:
        return
    assert url.origin == ("https", "api.example.com", 443)
    assert url.target.startswith("/assets/")
    assert url.target.count("/") == 4
    assert "?" not in url.target


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (Provider(url="http://api.example.com/{asset_id}"), "url: api.example.com is named with http"),
        (Provider(url="api.example.com/{asset_id}"), "url: the URL is not of the form"),
        (Provider(url="https://{asset_id}.example.com/"), "url: "),
        (Provider(url="https://api.example.com/{asset}"), "url: .*placeholders"),
        (Provider(url="https://user:pass@api.example.com/{asset_id}"), "url: "),
        (Provider(header="X Token"), "header: "),
        (Provider(header="X:\r\nHost"), "header: "),
        (Provider(pointer="data.url"), "no JSON pointer"),
        (Provider(hosts=("https://files.example.com/",)), "no host such as"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(provider: Provider, words: str) -> None:
    """By the provider's name, and not by every asset."""
    with pytest.raises(SettingsInvalid, match=f"PROVIDERS.artlist: .*{words}") as caught:
        Endpoint.of("artlist", provider, allow_loopback=False)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>Sorry</html>",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"null",
        b'{"data": null}',
        b'{"data": {"url": null}}',
        b'{"data": {"url": 7}}',
        b'{"data": {"url": ["https://files.example.com/"]}}',
        b'{"data": {"url": ""}}',
        b'{"data": {"url": "/relative"}}',
        b'{"data": {"uri": "https://files.example.com/"}}',
        b'{"data": ' + b"9" * 10_000 + b"}",
    ],
)
def test_an_answer_without_a_url_is_refused(answer: bytes) -> None:
    """No JSON, nothing at the pointer, no text there, no URL."""
    with pytest.raises(Refused) as caught:
        ENDPOINT.signed_url(answer)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:audio/wav;base64,UklGRg==", "ftp://files.example.com/"])
def test_an_answer_with_another_kind_of_url_is_forbidden(url: str) -> None:
    """It names what nobody may be sent to."""
    with pytest.raises(ForbiddenHost):
        ENDPOINT.signed_url(b'{"data": {"url": "%b"}}' % url.encode())


NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        (" 7 ", 7),
        ("86400", 86_400),
        ("Wed, 02 Jan 2030 03:04:35 GMT", 30),
        ("Wednesday, 02-Jan-30 03:04:35 GMT", 30),
        ("Wed Jan  2 03:04:35 2030", 30),
        ("Wed, 02 Jan 2030 03:04:00 GMT", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("9" * 30, None),
        ("Wed, 99 Jan 2030 03:04:35 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds, and the three spellings of an HTTP date; anything else counts as none."""
    assert retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_breaks_the_reader(value: str) -> None:
    """It is the answer of a stranger."""
    seconds = retry_after(value, NOW)
    assert seconds is None or seconds >= 0
