"""The provider's stand-in: presigned URLs are checked as S3 does, the download API misbehaves as told."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests

from stack.objects import BUCKET, REGION
from stack.processes import HOST, Processes, accepts
from stack.provider import Provider, ProviderConfig, start_provider
from stack.signatures import Keys, presign

NAMES = [
    "plain.wav",
    "with space.wav",
    "a+b=c&d.wav",
    "folder/deep/x.wav",
    "Größe ünï 音楽.wav",
    "Gro\u0308sse.wav",
    "100%25 sure?.wav",
    "semi;colon,#hash'quote\".wav",
    "tilde~dash-under_dot..wav",
    "-leading.wav",
    "x" * 200 + ".wav",
]
CONTENT = bytes(range(256)) * 40
FAULTS = {
    "twice": [{"status": 500, "times": 2}],
    "stale": [{"expired": True}],
    "busy": [{"status": 429, "headers": {"Retry-After": "3"}}],
    "reset": [{"reset": True}],
    "slow": [{"seconds": 0.3}],
    "page": [{"body": "<html>sorry</html>"}],
    "down": [{"status": 503, "times": None}],
    "mixed": [{"status": 502}, {"expired": True}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio")
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
    (folder.parent / "outside.wav").write_bytes(b"secret")
    (folder / "link.wav").symlink_to(folder.parent / "outside.wav")
    return folder


@pytest.fixture(scope="module")
def provider(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "listed.wav"
    elsewhere.write_bytes(b"listed")
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        config = ProviderConfig(str(folder), files=[("7", "key of 7", str(elsewhere))], faults=FAULTS)
        yield start_provider(processes, config)
    assert not accepts(config.api_port)()
    assert not accepts(config.object_port)()


def ask(provider: Provider, asset_id: str, file_key: str, **kwargs: object) -> requests.Response:
    url = provider.url_template.format(asset_id=quote(asset_id, safe=""), file_key=quote(file_key, safe=""))
    headers = {"Authorization": provider.config.authorization}
    return requests.get(url, headers=headers, timeout=10, **kwargs)  # type: ignore[arg-type]


def signed(provider: Provider, file_key: str = "plain.wav") -> str:
    answer = ask(provider, "1", file_key)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["url"])


def fetch(url: str, **kwargs: object) -> requests.Response:
    return requests.get(url, timeout=10, **kwargs)  # type: ignore[arg-type]


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.text[:1000].partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_url_serves_the_file_whatever_its_name(provider: Provider, name: str) -> None:
    answer = fetch(signed(provider, name))
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["ETag"]
    assert answer.headers["Content-Length"] == str(len(CONTENT))


def test_both_ports_keep_the_connection(provider: Provider) -> None:
    """HTTP/1.1: a client that reuses connections needs one for all its files."""
    parts = urlsplit(signed(provider))
    for port, target in ((parts.port, f"{parts.path}?{parts.query}"), (provider.config.api_port, "/health")):
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        sockets = set()
        for _ in range(3):
            connection.request("GET", target)
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.read()
            sockets.add(connection.sock)
        assert len(sockets) == 1
        assert None not in sockets
        connection.close()


def test_ranges(provider: Provider) -> None:
    url = signed(provider)
    part = fetch(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, CONTENT[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(CONTENT)}"
    assert fetch(url, headers={"Range": "bytes=-16"}).content == CONTENT[-16:]
    assert fetch(url, headers={"Range": f"bytes={len(CONTENT)}-"}).status_code == 416


def test_a_forged_url_is_refused(provider: Provider) -> None:
    """moto alone serves every one of these."""
    url = signed(provider)
    last = "0" if url[-1] != "0" else "1"
    forged = [
        url[:-1] + last,
        url.replace("plain.wav", "-leading.wav"),
        url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        url + "&response-content-type=text/html",
        url.replace(f"{HOST}:", "localhost:"),
    ]
    for one in forged:
        assert one != url
        assert refusal(fetch(one)) == (403, "SignatureDoesNotMatch"), one
    assert refusal(requests.head(url, timeout=10))[0] == 403, "the method is signed, too"


def test_a_url_signed_with_another_key_is_refused(provider: Provider) -> None:
    config = provider.config
    url = f"http://{HOST}:{config.object_port}/{BUCKET}/plain.wav"
    now = time.time()

    def answer(
        key_id: str, secret: str, *, age: float = 0, seconds: int = 300, region: str = REGION
    ) -> tuple[int, str]:
        one = presign(url, Keys(key_id, secret), region=region, seconds=seconds, signed_at=now - age)
        return refusal(fetch(one))

    assert answer("AKIANOBODY", "x") == (403, "InvalidAccessKeyId")
    assert answer(config.key_id, "x") == (403, "SignatureDoesNotMatch")
    assert answer(config.key_id, config.secret) == (200, "")
    assert answer(config.key_id, config.secret, age=301) == (403, "AccessDenied")
    assert answer(config.key_id, config.secret, age=-1000) == (403, "AccessDenied")
    assert answer(config.key_id, config.secret, seconds=604_801) == (400, "AuthorizationQueryParametersError")
    assert answer(config.key_id, config.secret, region="eu-west-1") == (400, "AuthorizationQueryParametersError")


def test_an_expired_url_says_so(provider: Provider) -> None:
    url = ask(provider, "stale", "plain.wav").json()["data"]["url"]
    answer = fetch(url)
    assert refusal(answer) == (403, "AccessDenied")
    assert "Request has expired" in answer.text
    assert fetch(ask(provider, "stale", "plain.wav").json()["data"]["url"]).content == CONTENT


def test_without_a_whole_signature_nothing_is_served(provider: Provider) -> None:
    """Anonymous requests, halves of a signature, other methods, and moto's own pages."""
    url = signed(provider)
    base = url.partition("?")[0]
    origin = f"http://{urlsplit(url).netloc}"
    assert refusal(fetch(base)) == (403, "AccessDenied")
    assert refusal(fetch(url.partition("&X-Amz-Signature")[0])) == (400, "AuthorizationQueryParametersError")
    assert refusal(fetch(f"{origin}/{BUCKET}")) == (403, "AccessDenied")
    assert refusal(fetch(f"{origin}/moto-api/data.json")) == (403, "AccessDenied")
    assert refusal(fetch(base, headers={"Authorization": "AWS4-HMAC-SHA256 Credential=x"})) == (403, "AccessDenied")
    assert refusal(requests.put(url, data=b"x", timeout=10)) == (405, "MethodNotAllowed")
    assert refusal(requests.post(f"{origin}/moto-api/reset", timeout=10)) == (405, "MethodNotAllowed")


def test_the_apis_authorization_must_not_be_sent_on(provider: Provider) -> None:
    """S3 refuses a request with two sorts of credentials; moto does not mind."""
    answer = fetch(signed(provider), headers={"Authorization": provider.config.authorization})
    assert refusal(answer) == (400, "InvalidArgument")


def test_unknown_files_are_404(provider: Provider) -> None:
    for name in ("nothing.wav", "folder", "", "../outside.wav", "link.wav", "/etc/hostname", "y" * 300):
        assert ask(provider, "1", name).status_code == 404, name
    assert fetch(f"http://{HOST}:{provider.config.api_port}/other").status_code == 404


def test_the_api_wants_its_token(provider: Provider) -> None:
    url = provider.url_template.format(asset_id="1", file_key="plain.wav")
    assert fetch(url).status_code == 401
    assert fetch(url, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_key_with_slashes_may_come_encoded_or_not(provider: Provider) -> None:
    template = provider.url_template.replace("{asset_id}", "1")
    headers = {"Authorization": provider.config.authorization}
    for spelled in ("folder/deep/x.wav", "folder%2Fdeep%2Fx.wav"):
        answer = fetch(template.replace("{file_key}", spelled), headers=headers)
        assert fetch(answer.json()["data"]["url"]).content == CONTENT


def test_a_listed_file_may_lie_anywhere(provider: Provider) -> None:
    assert fetch(ask(provider, "7", "key of 7").json()["data"]["url"]).content == b"listed"
    assert ask(provider, "8", "key of 7").status_code == 404


def test_new_and_changed_files_are_served(provider: Provider, folder: Path) -> None:
    late = folder / "late.wav"
    assert ask(provider, "1", "late.wav").status_code == 404
    late.write_bytes(b"first")
    assert fetch(signed(provider, "late.wav")).content == b"first"
    late.write_bytes(b"second")
    os.utime(late, (1, 1))
    assert fetch(signed(provider, "late.wav")).content == b"second"
    late.unlink()
    assert ask(provider, "1", "late.wav").status_code == 404


def test_faults_happen_as_often_as_told_and_are_counted(provider: Provider) -> None:
    def statuses(asset: str, times: int) -> list[int]:
        return [ask(provider, asset, "plain.wav").status_code for _ in range(times)]

    assert statuses("twice", 3) == [500, 500, 200]
    assert statuses("down", 4) == [503] * 4
    busy = ask(provider, "busy", "plain.wav")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "3")
    assert ask(provider, "page", "plain.wav").text == "<html>sorry</html>"
    with pytest.raises(requests.ConnectionError, match=r"reset|Connection aborted"):
        ask(provider, "reset", "plain.wav")
    assert statuses("reset", 1) == [200]
    begin = time.monotonic()
    assert statuses("slow", 1) == [200]
    assert time.monotonic() - begin >= 0.3
    assert statuses("mixed", 1) == [502]
    assert refusal(fetch(ask(provider, "mixed", "plain.wav").json()["data"]["url"])) == (403, "AccessDenied")
    counts = fetch(provider.counts_url).json()
    assert (counts["asked"]["twice"], counts["faults"]["twice"]) == (3, 2)
    assert (counts["asked"]["reset"], counts["faults"]["reset"]) == (2, 1)


def test_a_bucket_that_is_too_small_holds_what_was_asked_for_last(folder: Path, tmp_path: Path) -> None:
    """A library larger than the disk has room for is served all the same."""
    with Processes(tmp_path) as processes:
        config = ProviderConfig(str(folder), keep_bytes=2 * len(CONTENT), upload_first=False)
        small = start_provider(processes, config)
        urls = [signed(small, name) for name in NAMES[:4]]
        assert [fetch(url).status_code for url in urls] == [404, 404, 200, 200]
        assert fetch(signed(small, NAMES[0])).content == CONTENT
