"""The token's way from gcloud to a registry that wants it: https, a password, and a *.pkg.dev name."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.checkout import Checkout
from tests.integration.test_tls import Authority
from tests.loopback import Exchange, Handler, Server, serving
from tests.registry import (
    RegistryOptions,
    buildah_environment,
    require,
    require_terraform,
    start_registry,
)

from stack.processes import HOST, Processes

NAME = "europe-west1-docker.pkg.dev"
TOKEN = "ya29.token-of-a-test"
USERS = "oauth2accesstoken:$2b$05$r5Z5G47kRy1o9hj4ypOPGeAcCKIqQlCcZ5bZxTg5M7WAN9lXX4sAe\n"
"""htpasswd's line for the token (bcrypt)."""


def tunnels(port: int) -> Handler:
    """A proxy's answer to CONNECT: from here on bytes, to this port and back."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def handler(exchange: Exchange) -> None:
        with socket.create_connection((HOST, port)) as upstream:
            exchange.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=copy, args=(upstream, exchange.connection))
            back.start()
            copy(exchange.connection, upstream)
            back.join()
        exchange.end()

    return handler


@dataclass
class Site:
    """A checkout whose registry is Google's by name, and its way there."""

    checkout: Checkout
    proxy: Server

    @property
    def arguments(self) -> str:
        """What the builder's command lines were."""
        return (self.checkout.folder / "arguments").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    require_terraform()
    require("docker-registry")
    environment = buildah_environment(tmp_path / "buildah")
    authority = Authority(tmp_path)
    authority.server_context(NAME)
    users = tmp_path / "users"
    users.write_text(USERS)
    options = RegistryOptions(certificate=tmp_path / f"{NAME}.pem", users=users)
    with Processes(tmp_path / "stack") as processes, serving() as proxy:
        proxy.on(f"{NAME}:443", tunnels(start_registry(processes, tmp_path / "registry", options).port))
        ways = {
            "HTTPS_PROXY": proxy.url(""),
            "REQUESTS_CA_BUNDLE": str(authority.bundle),
            "SSL_CERT_FILE": str(authority.bundle),
        }
        checkout = Checkout(tmp_path / "checkout", f"{NAME}/my-project/audiodup", environment | ways)
        checkout.program("buildah", f'echo "$*" >>"$HOME/arguments"; exec {shutil.which("buildah")} "$@"')
        checkout.program("gcloud", f"echo {TOKEN}")
        yield Site(checkout, proxy)


def test_the_token_opens_googles_registry_to_question_and_push(site: Site) -> None:
    """And is in no argument, where every user of the machine could read it, and in nothing that is printed."""
    first = site.checkout.deployed()
    assert first.built
    assert first.image.startswith(f"{NAME}/my-project/audiodup/audiodup@sha256:")
    assert set(site.checkout.resources.values()) == {first.image, "requests"}
    assert not site.checkout.deployed().built
    assert f"login --username=oauth2accesstoken --password-stdin {NAME}" in site.arguments
    assert TOKEN not in site.arguments + first.said
    assert {request.target for request in site.proxy.requests} == {f"{NAME}:443"}


def test_a_token_that_is_not_taken_ends_it_before_anything_is_built(site: Site) -> None:
    """One line that says who has to do what."""
    site.checkout.program("gcloud", "echo ya29.of-another")
    run = site.checkout.deploy("--yes")
    assert run.status == 3
    assert (
        run.stderr
        == f"UNUSABLE: {NAME} does not take gcloud's access token (401); run `gcloud auth login`, then try again\n"
    )
    assert not (site.checkout.folder / "arguments").exists()
    assert not site.checkout.state.exists()


def test_a_certificate_of_nobody_known_ends_it(site: Site) -> None:
    """The token is not sent there."""
    del site.checkout.environment["REQUESTS_CA_BUNDLE"]
    run = site.checkout.deploy("--yes")
    assert run.status == 3
    assert f"{NAME} cannot be asked for my-project/audiodup/audiodup: its certificate is not trusted" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_proxy_that_does_not_let_it_through_is_named(site: Site) -> None:
    """As a company's that knows no such host."""
    site.proxy.on(f"{NAME}:443", lambda exchange: exchange.answer(403))
    run = site.checkout.deploy("--yes")
    assert run.status == 3
    assert "the proxy does not let it through" in run.stderr
    assert run.stderr.count("\n") == 1
