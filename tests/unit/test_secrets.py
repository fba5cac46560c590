"""Secrets from files and from Secret Manager, the latter by its real client over gRPC."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.secretmanager import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from google.cloud.secretmanager_v1.types import AccessSecretVersionRequest, AccessSecretVersionResponse

from audiodup.errors import SecretUnavailable
from audiodup.secrets import SecretFiles, SecretManager


class StandIn(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Answers AccessSecretVersion; what is not in `values` is not found."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.status: grpc.StatusCode | None = None
        self.port = 0

    def service(self, call: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            self.access,
            request_deserializer=AccessSecretVersionRequest.deserialize,
            response_serializer=AccessSecretVersionResponse.serialize,
        )

    def access(self, request: AccessSecretVersionRequest, context: Any) -> AccessSecretVersionResponse:
        self.asked.append(request.name)
        if self.status is not None:
            context.abort(self.status, "told to")
        if request.name not in self.values:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such secret")
        return AccessSecretVersionResponse(name=request.name, payload={"data": self.values[request.name]})

    def client(self) -> SecretManagerServiceClient:
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    handler = StandIn()
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handler])
    handler.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield handler
    server.stop(None).wait()


TOKEN = "projects/p1/secrets/artlist-token/versions/latest"


def test_a_short_name_is_the_projects_newest_version(stand_in: StandIn) -> None:
    """`artlist-token` is read from the project given, without the line break at its end."""
    stand_in.values[TOKEN] = b"Bearer t\xc3\xb6ken\n"

    assert SecretManager("p1", client=stand_in.client)("artlist-token") == "Bearer töken"


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("projects/p2/secrets/s/versions/7", "projects/p2/secrets/s/versions/7"),
        ("projects/p2/secrets/s", "projects/p2/secrets/s/versions/latest"),
    ],
)
def test_a_full_name_is_taken_as_it_is(stand_in: StandIn, name: str, asked: str) -> None:
    """Of another project, or of a version that is pinned."""
    stand_in.values[asked] = b"value"

    assert SecretManager("p1", client=stand_in.client)(name) == "value"


def test_a_secret_is_read_once_and_again_when_it_has_grown_old(stand_in: StandIn) -> None:
    """A rotated secret arrives, and not every request asks."""
    stand_in.values[TOKEN] = b"old"
    kept, at_once = (SecretManager("p1", keep_seconds=seconds, client=stand_in.client) for seconds in (600, 0))
    assert [kept("artlist-token"), kept("artlist-token")] == ["old", "old"]
    assert len(stand_in.asked) == 1
    assert at_once("artlist-token") == "old"

    stand_in.values[TOKEN] = b"new"

    assert at_once("artlist-token") == "new"
    assert kept("artlist-token") == "old"


def test_threads_that_come_at_once_ask_once(stand_in: StandIn) -> None:
    """A cold instance does not ask once per request."""
    stand_in.values[TOKEN] = b"value"
    secret = SecretManager("p1", client=stand_in.client)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(secret, ["artlist-token"] * 8)) == ["value"] * 8
    assert len(stand_in.asked) == 1


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED, None])
def test_what_cannot_be_read_is_unavailable(stand_in: StandIn, status: grpc.StatusCode | None) -> None:
    """Away, forbidden or not there: the error names the secret, is transient, and the next call asks again."""
    stand_in.status = status
    secret = SecretManager("p1", client=stand_in.client)

    for _ in range(2):
        with pytest.raises(SecretUnavailable, match="artlist-token: "):
            secret("artlist-token")
    assert len(stand_in.asked) == 2


def test_a_secret_manager_that_does_not_answer_is_given_up(stand_in: StandIn) -> None:
    """Its client would wait a minute."""
    stand_in.access = lambda request, context: __import__("time").sleep(3)  # type: ignore[method-assign]

    with pytest.raises(SecretUnavailable, match="DeadlineExceeded"):
        SecretManager("p1", seconds=0.2, client=stand_in.client)("artlist-token")


def test_a_value_that_is_no_text_is_not_shown(stand_in: StandIn) -> None:
    """A UnicodeDecodeError holds the value; nothing of it is left in the chain of errors."""
    stand_in.values[TOKEN] = b"hidden\xff"

    with pytest.raises(SecretUnavailable) as caught:
        SecretManager("p1", client=stand_in.client)("artlist-token")

    assert caught.value.__context__ is None
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


def test_importing_the_module_does_not_import_googles_client() -> None:
    """It takes a second, which a local run should not pay."""
    code = "import sys, audiodup.secrets; sys.exit('grpc' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_is_a_secret(tmp_path: Path) -> None:
    """Read anew each time, without the line break at its end."""
    (tmp_path / "artlist-token").write_text("Bearer abc\r\n")
    secret = SecretFiles(tmp_path)
    assert secret("artlist-token") == "Bearer abc"

    (tmp_path / "artlist-token").write_text("Bearer def")
    assert secret("artlist-token") == "Bearer def"


@pytest.mark.parametrize("name", ["", ".", "..", "../outside", "/etc/passwd", "a/b", ".hidden", "a\0b", "a b"])
def test_a_secrets_file_is_in_its_folder(tmp_path: Path, name: str) -> None:
    """No name leads out of the folder."""
    (tmp_path / "outside").write_text("no secret")
    folder = tmp_path / "secrets"
    folder.mkdir()

    with pytest.raises(SecretUnavailable, match="no name of a secret"):
        SecretFiles(folder)(name)


def test_a_missing_file_is_unavailable(tmp_path: Path) -> None:
    """By name, and without a chain."""
    with pytest.raises(SecretUnavailable, match="artlist-token: FileNotFoundError") as caught:
        SecretFiles(tmp_path)("artlist-token")
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["", "a b", "a/b", "projects/p/secrets/", "projects/p/secrets/s/versions/1/2", "../s"])
def test_secret_manager_takes_names_of_secrets_only(stand_in: StandIn, name: str) -> None:
    """What is no name is told so, without a question to Google."""
    with pytest.raises(SecretUnavailable, match="no name of a secret"):
        SecretManager("p1", client=stand_in.client)(name)
    assert stand_in.asked == []
