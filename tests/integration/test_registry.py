"""What a registry is asked, what it may answer, and who is given credentials."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.loopback import Handler, Server, raw, says_nothing, serving

from audiodup.errors import Unusable
from image import registry
from image.registry import ImageName, credentials, find_digest, parse_pinned
from stack.processes import HOST, free_port

PATH = "/v2/project/audiodup/audiodup/manifests/"
TAG = "src-0123456789abcdef"
DIGEST = "sha256:" + "5f" * 32
LOGIN = ("oauth2accesstoken", "ya29.token")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def name(server: Server) -> ImageName:
    return ImageName(f"{HOST}:{server.port}", "project/audiodup/audiodup")


def answers(status: int, digest: str | None = None) -> Handler:
    headers = {} if digest is None else {"Docker-Content-Digest": digest}
    return lambda exchange: exchange.answer(status, b"", headers)


def refusal(name: ImageName, reference: str = TAG) -> str:
    """The one line that a person reads."""
    with pytest.raises(Unusable) as caught:
        find_digest(name, reference, None)
    assert "\n" not in caught.value.words
    assert name.host in caught.value.words
    return caught.value.words


def test_the_tags_digest_is_what_the_registry_says(server: Server, name: ImageName) -> None:
    """All kinds of manifests will do, and nobody's credentials are sent."""
    server.on(PATH + TAG, answers(200, DIGEST))
    assert find_digest(name, TAG, None) == DIGEST
    [asked] = server.requests
    assert "authorization" not in asked.headers
    assert set(asked.headers["accept"].split(", ")) == {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }


def test_a_tag_that_is_not_there_is_no_error(server: Server, name: ImageName) -> None:
    """The answer to it is to build."""
    server.on(PATH + TAG, answers(404))
    assert find_digest(name, TAG, None) is None


def test_credentials_are_sent_where_they_are_given(server: Server, name: ImageName) -> None:
    """As a password, which is how Artifact Registry takes a token."""
    server.on(PATH + TAG, answers(200, DIGEST))
    find_digest(name, TAG, LOGIN)
    [asked] = server.requests
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "wants credentials (401)"),
        (403, "roles/artifactregistry.writer"),
        (429, "answers 429 for project/audiodup/audiodup; try again"),
        (500, "answers 500 for project/audiodup/audiodup; try again"),
        (503, "answers 503 for project/audiodup/audiodup; try again"),
        (418, "as no registry does"),
        (204, "as no registry does"),
    ],
)
def test_an_answer_that_is_neither_yes_nor_no_says_what_to_do(
    server: Server, name: ImageName, status: int, words: str
) -> None:
    """Least of all is it taken for a no: a registry that is out of order would have everything built again."""
    server.on(PATH + TAG, answers(status, DIGEST))
    assert words in refusal(name)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(server: Server, name: ImageName, status: int) -> None:
    """The token stays with whom it was meant for, and the digest comes from whom it was asked of."""
    with serving() as other:
        other.on(PATH + TAG, answers(200, DIGEST))
        server.on(PATH + TAG, lambda exchange: exchange.redirect(other.url(PATH + TAG), status))
        with pytest.raises(Unusable, match=f"answers {status} .*check the repository's host"):
            find_digest(name, TAG, LOGIN)
        assert other.connections == 0


@pytest.mark.parametrize(
    "digest",
    [None, "", "sha256:", "sha256:" + "5f" * 31, "sha256:" + "5F" * 32, "sha512:" + "5f" * 64, DIGEST + "x", "md5:5f"],
)
def test_a_digest_that_is_none_is_refused(server: Server, name: ImageName, digest: str | None) -> None:
    """A proxy's page with status 200 is no image."""
    server.on(PATH + TAG, answers(200, digest))
    assert "no SHA-256 digest" in refusal(name)


def test_another_digest_than_the_one_asked_for_is_refused(server: Server, name: ImageName) -> None:
    """Who rolls back gets what he named."""
    asked = "sha256:" + "00" * 32
    server.on(PATH + asked, answers(200, DIGEST))
    assert "another digest" in refusal(name, asked)


@pytest.mark.parametrize(
    "handler", [raw(b"", reset=True), raw(b"HTTP/1.1 200 OK\r\nDocker-Cont"), raw(b"SSH-2.0-x\r\n"), says_nothing]
)
def test_a_broken_answer_is_one_line(
    server: Server, name: ImageName, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reset, cut short, no HTTP, silence."""
    monkeypatch.setattr(registry, "_SECONDS", (1, 0.2))
    server.on(PATH + TAG, handler)
    refusal(name)


def test_a_registry_that_is_away_is_one_line() -> None:
    """Nobody listens there."""
    assert "no connection" in refusal(ImageName(f"{HOST}:{free_port()}", "project/audiodup/audiodup"))


def test_no_proxy_stands_before_loopback(server: Server, name: ImageName, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy has this machine's address for its own."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://{HOST}:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.on(PATH + TAG, answers(200, DIGEST))
    assert find_digest(name, TAG, None) == DIGEST


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("europe-west1-docker.pkg.dev/my-project/audiodup", "europe-west1-docker.pkg.dev", "my-project/audiodup"),
        ("us-docker.pkg.dev/example.com/my-project/a_b", "us-docker.pkg.dev", "example.com/my-project/a_b"),
        ("localhost:5000/p/r", "localhost:5000", "p/r"),
        ("localhost/p/r", "localhost", "p/r"),
    ],
)
def test_a_repository_is_host_and_path(text: str, host: str, path: str) -> None:
    """Projects of a domain have a part more."""
    assert ImageName.parse(text) == ImageName(host, path)
    assert str(ImageName.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "audiodup",
        "my-project/audiodup/audiodup",  # docker's hub
        "localhosts/p/r",
        "europe-west1-docker.pkg.dev",
        "europe-west1-docker.pkg.dev/my-project",
        "europe-west1-docker.pkg.dev/my-project/",
        "europe-west1-docker.pkg.dev//audiodup",
        "europe-west1-docker.pkg.dev/my-project/audiodup/",
        "europe-west1-docker.pkg.dev/my-project/audiodup\n",
        "europe-west1-docker.pkg.dev/My-Project/audiodup",
        "EUROPE-west1-docker.pkg.dev/my-project/audiodup",
        "europe-west1-docker.pkg.dev/my-project/audiodup:latest",
        f"europe-west1-docker.pkg.dev/my-project/audiodup@{DIGEST}",
        "https://europe-west1-docker.pkg.dev/my-project/audiodup",
        "user@europe-west1-docker.pkg.dev/my-project/audiodup",
        "europe-west1-docker.pkg.dev/../../my-project",
        "europe-west1-docker.pkg.dev/my-project/audiodup?x",
        "--tls-verify=false/p/r",
        "a..pkg.dev/p/r",
        "evil.example\\.pkg.dev/p/r",
    ],
)
def test_what_is_no_repository_is_refused(text: str) -> None:
    """Before it becomes a part of an address, or of a command."""
    with pytest.raises(ValueError, match="without scheme, tag and digest"):
        ImageName.parse(text)


@pytest.mark.parametrize("end", ["", ":latest", "@", "@sha256:5f", f"@{DIGEST}0", f"@{DIGEST}\n", f":tag@{DIGEST}"])
def test_an_image_is_named_by_its_digest(end: str) -> None:
    """A tag may be another image tomorrow."""
    name = "europe-west1-docker.pkg.dev/my-project/audiodup/audiodup"
    assert parse_pinned(f"{name}@{DIGEST}") == (ImageName.parse(name), DIGEST)
    with pytest.raises(ValueError, match="digest"):
        parse_pinned(name + end)


@pytest.fixture
def gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A stand-in that notes its arguments and does what a test says."""
    folder, calls = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    calls.touch()

    def make(script: str) -> Path:
        (folder / "gcloud").write_text(f'#!/bin/sh\necho "$*" >>{calls}\n{script}\n')
        (folder / "gcloud").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return calls

    return make


def test_googles_registry_is_given_gclouds_token(gcloud: Callable[[str], Path]) -> None:
    """As the user that Artifact Registry knows tokens by."""
    calls = gcloud("echo ya29.token")
    assert credentials("europe-west1-docker.pkg.dev") == LOGIN
    assert calls.read_text() == "auth print-access-token\n"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:5000",
        "localhost",
        "docker.io",
        "ghcr.io",
        "pkg.dev",
        "evilpkg.dev",
        "docker.pkg.dev.example.com",
        "europe-west1-docker.pkg.dev:8443",
        "europe-west1-docker.pkg.dev.",
    ],
)
def test_nobody_else_is_given_it(gcloud: Callable[[str], Path], host: str) -> None:
    """It is not even asked for."""
    calls = gcloud("echo ya29.token")
    assert credentials(host) is None
    assert calls.read_text() == ""


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            r'printf "ERROR: (gcloud.auth.print-access-token) You are not signed in.\nPlease run:\n" >&2; exit 1',
            "no access token: You are not signed in. Run `gcloud auth login`",
        ),
        ("echo ya29.half; exit 1", "it does not say why. Run `gcloud auth login`"),
        ("true", "something else than a token"),
        ("echo ya29.one; echo ya29.two", "something else than a token"),
    ],
)
def test_a_gcloud_without_a_token_says_what_to_do(gcloud: Callable[[str], Path], script: str, words: str) -> None:
    """One line, and nothing of what may have been a token."""
    gcloud(script)
    with pytest.raises(Unusable) as caught:
        credentials("europe-west1-docker.pkg.dev")
    assert words in caught.value.words
    assert "\n" not in caught.value.words
    assert "ya29" not in caught.value.words


def test_a_gcloud_that_does_not_answer_is_not_waited_for(
    gcloud: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may want to ask something of somebody who is not there."""
    monkeypatch.setattr(registry, "_GCLOUD_SECONDS", 0.2)
    gcloud("exec sleep 100")
    with pytest.raises(Unusable, match="timed out"):
        credentials("europe-west1-docker.pkg.dev")


def test_without_gcloud_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And for what it is needed."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unusable, match=r"gcloud is not installed, and europe-west1-docker\.pkg\.dev wants its token"):
        credentials("europe-west1-docker.pkg.dev")
