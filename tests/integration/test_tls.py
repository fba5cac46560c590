"""TLS towards the files' hosts: the certificate is the name's, though the connection goes to the checked address."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.loopback import Handler, drips, serving

from audiodup.addresses import HostList, parse_url
from audiodup.network import HttpClient, TransportError

# Servers that drip never end by themselves: without the remedy these tests hang, and the time-out is their failure.
pytestmark = pytest.mark.timeout(60)

OK = b"HTTP/1.1 200 OK\r\n"
DRIP_HEADERS = drips(b"X: y\r\n" + b"Z" * 60, after=OK)
DRIP_BODY = drips(b"x", after=OK + b"Content-Length: 1000000000\r\n\r\n")


def body(client: HttpClient, url: str, seconds: float = 20) -> bytes:
    with client.get(parse_url(url), HostList(["files.example.com"], allow_loopback=True), seconds) as answer:
        return b"".join(answer.chunks(1000))


class Authority:
    """A certificate authority for tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(self._sign(self._name, self._key, None))

    def server_context(self, name: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")]), key, name)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, name: str | None) -> bytes:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name is None, path_length=None), critical=True)
            .add_extension(_usage(ca=name is None), critical=True)  # Python 3.13 asks for it
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if name is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name)]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def tls_client() -> HttpClient:
    return HttpClient(allow_loopback=True, resolver=lambda host, port: ["127.0.0.1"])


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_tls_is_verified_against_the_name_with_the_environments_authorities(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """The connection goes to the checked address, the certificate is the name's; each usual variable is heeded."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    if variable == "SSL_CERT_DIR":
        subject_hash = os.popen(f"openssl x509 -hash -noout -in {authority.bundle}").read().strip()
        if not subject_hash:
            pytest.skip("the openssl command is not installed")
        (tmp_path / f"{subject_hash}.0").write_bytes(authority.bundle.read_bytes())
    monkeypatch.setenv(variable, str(tmp_path if variable == "SSL_CERT_DIR" else authority.bundle))
    with serving(authority.server_context("files.example.com")) as server:
        server.on("/", lambda exchange: exchange.answer(200, b"here" * 10_000))
        client = tls_client()

        for _ in range(3):
            assert body(client, server.url("/", "files.example.com")) == b"here" * 10_000
        assert server.connections == 1
        client.close()


@pytest.mark.parametrize("name", ["other.example.com", "127.0.0.1"])
def test_a_certificate_for_another_name_is_refused(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also one for the very address that is connected to."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with serving(authority.server_context(name)) as server:
        with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED"):
            body(tls_client(), server.url("/", "files.example.com"))
        assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification is on without any variable."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with serving(authority.server_context("files.example.com")) as server:
        with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED"):
            body(tls_client(), server.url("/", "files.example.com"))
        assert server.requests == []


@pytest.mark.parametrize("handler", [DRIP_HEADERS, DRIP_BODY], ids=["headers", "body"])
def test_dripping_ends_over_tls_too(authority: Authority, monkeypatch: pytest.MonkeyPatch, handler: Handler) -> None:
    """TLS sockets have the same end; theirs is another class of socket."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with serving(authority.server_context("files.example.com")) as server:
        server.on("/", handler)
        with pytest.raises(TransportError) as caught:
            body(tls_client(), server.url("/", "files.example.com"), seconds=0.8)
    assert "no whole answer in time" in caught.value.words
