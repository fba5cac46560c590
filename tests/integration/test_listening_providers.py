"""The sound of a provider's file: where its signed URL leads, and where a browser is never sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from tests.download import ASSET, QUESTION, Api, Provider
from tests.listening import CONTENT, query, serving
from tests.loopback import Server

from audiodup.errors import AudioDupError, ForbiddenHost, NotFound, TimedOut, UnknownProvider
from audiodup.model import Asset
from audiodup.pages.audio import Listen, from_providers, media_hosts
from audiodup.source import DownloadApi
from audiodup.steps import Deadline
from stack.processes import Processes
from stack.provider import ProviderConfig, start_provider


def heard(listen: Listen, **headers: str) -> requests.Response:
    with serving(listen) as port:
        url = f"http://127.0.0.1:{port}/audio?asset={ASSET.asset_id}&key=k/1.wav"
        return requests.get(url, headers=headers, timeout=20, allow_redirects=False)


def minute() -> Deadline:
    return Deadline(60)


def test_a_presigned_url_is_where_the_sound_is(tmp_path: Path) -> None:
    """Of a real S3: the browser follows, and has its ranges from there."""
    key = 'Album 1/it\'s "quoted" & 100% ünï+~.wav'
    (tmp_path / "audio/Album 1").mkdir(parents=True)
    (tmp_path / "audio" / key).write_bytes(CONTENT)
    with Processes(tmp_path / "stack") as processes:
        config = ProviderConfig(str(tmp_path / "audio"))
        provider = start_provider(processes, config)
        api = DownloadApi(
            {"artlist": Provider(provider.url_template, hosts=(f"127.0.0.1:{config.object_port}",))},
            lambda name: config.authorization,
            api_seconds=20,
            download_seconds=20,
            max_file_bytes=50_000_000,
            files_in_flight_bytes=50_000_000,
            allow_loopback=True,
        )
        with serving(from_providers(api, minute)) as port:
            url = f"http://127.0.0.1:{port}/audio?{query(key)}"
            sent = requests.get(url, timeout=20, allow_redirects=False)
            part = requests.get(url, headers={"Range": "bytes=5-9"}, timeout=20)
            whole = requests.get(url, timeout=20)
        api.close()
    assert (sent.status_code, sent.content) == (302, b"")
    assert "Signature=" in sent.headers["Location"]
    assert sent.headers["Cache-Control"] == "no-store"
    assert sent.headers["Referrer-Policy"] == "no-referrer"
    assert (part.status_code, part.content) == (206, CONTENT[5:10])
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert whole.history[0].headers["Location"].startswith(f"http://127.0.0.1:{config.object_port}/")


@pytest.mark.parametrize(
    "target", ["/file?a=%2F%2f+b%20c&Signature=x~y%3D%3D", "/a%25b/%C3%BC?x=1;y='(2)*", "/%2e%2e/a?q=//x:y@z"]
)
def test_a_signed_url_is_passed_on_byte_by_byte(server: Server, api: Api, target: str) -> None:
    """A signature covers all of them."""
    server.on(QUESTION, lambda exchange: exchange.answer_json({"data": {"url": server.url(target)}}))
    assert heard(from_providers(api.source, minute)).headers["Location"] == server.url(target)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://evil.example.com/a", ForbiddenHost),
        ("http://127.0.0.1:1@evil.example.com/a", ForbiddenHost),
        ("javascript:alert(1)", ForbiddenHost),
        ("data:text/html,<script>", ForbiddenHost),
        ("http://127.0.0.1/a\r\nSet-Cookie: a=b", ForbiddenHost),
    ],
)
def test_a_browser_is_sent_nowhere_but_to_the_providers_hosts(
    server: Server, api: Api, url: str, error: type[AudioDupError]
) -> None:
    """Whatever the download API answers: it is an open redirect otherwise."""
    server.on(QUESTION, lambda exchange: exchange.answer_json({"data": {"url": url}}))
    with pytest.raises(error):
        api.source.signed_url(ASSET, minute())
    answer = heard(from_providers(api.source, minute))
    assert (answer.status_code, answer.text.partition(":")[0]) == (502, error.code)
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda api: api.signed_url(Asset("a1", "k/1.wav", provider="nobody"), minute()), UnknownProvider),
        (lambda api: api.signed_url(Asset("a1", "k/2.wav", provider="artlist"), minute()), NotFound),
        (lambda api: api.signed_url(ASSET, Deadline(0)), TimedOut),
    ],
)
def test_what_has_no_signed_url_says_why(
    server: Server, api: Api, ask: Callable[[DownloadApi], str], error: type[AudioDupError]
) -> None:
    server.on(QUESTION.replace("1.wav", "2.wav"), lambda exchange: exchange.answer(404))
    with pytest.raises(error):
        ask(api.source)


@pytest.mark.parametrize(
    ("hosts", "allow_loopback", "sources"),
    [
        (["files.example.com"], False, ["https://files.example.com"]),
        (["*.example.com", "b.example.com.:8443"], False, ["https://*.example.com", "https://b.example.com:8443"]),
        (["127.0.0.1:9000", "localhost"], True, ["http://127.0.0.1:*", "http://localhost:*"]),
    ],
)
def test_the_policy_names_the_hosts_that_may_be_named(
    server: Server, tmp_path: Path, hosts: list[str], allow_loopback: bool, sources: list[str]
) -> None:
    """So that the browser plays from all of them, and from no other."""
    provider = Provider("https://api.example.com/{asset_id}/{file_key}", hosts=tuple(hosts))
    api = Api(server, tmp_path, provider, allow_loopback=allow_loopback)
    assert media_hosts(api.source) == sources
    api.source.close()
