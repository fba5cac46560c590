"""Which digest a registry has for an image: one question of the OCI distribution API, asked without a builder."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Self

import requests

from audiodup.errors import Unusable

ARTIFACT_REGISTRY = ".pkg.dev"
_USER = "oauth2accesstoken"
_LOOPBACK = ("127.0.0.1", "localhost")
# A registry converts what it holds to an old form, with another digest, for those who do not name the others.
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
)
_SECONDS = (10, 30)
"""To connect, and to wait for the answer."""
_GCLOUD_SECONDS = 60

_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"({_HOST})/({_PART}(?:/{_PART})+)")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")

Credentials = tuple[str, str]
"""User and password."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """What docker writes before tag and digest: `host/path`."""

    host: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises:
        ValueError: it is no name with a registry's host, or bears a scheme, a tag or a digest.
        """
        found = _NAME.fullmatch(text)
        # docker takes a first part without dot or port for a folder of its own hub.
        if found is None or not (found[1] == "localhost" or "." in found[1] or ":" in found[1]):
            raise ValueError("lower case, with the registry's host, without scheme, tag and digest")
        return cls(found[1], found[2])

    def __truediv__(self, part: str) -> ImageName:
        return ImageName(self.host, f"{self.path}/{part}")

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


def parse_pinned(text: str) -> tuple[ImageName, str]:
    """Name and digest of `NAME@sha256:...`.

    Raises:
        ValueError: it is anything else.
    """
    name, _, digest = text.partition("@")
    if not _DIGEST.fullmatch(digest):
        raise ValueError("an image is named by its digest: @sha256: and 64 hexadecimal digits")
    return ImageName.parse(name), digest


def credentials(host: str) -> Credentials | None:
    """Whom to be at this registry. Google's token goes to Google's registry and to nobody else.

    Raises:
        Unusable: gcloud is missing, or nobody is signed in.
    """
    return (_USER, _access_token(host)) if host.endswith(ARTIFACT_REGISTRY) else None


def find_digest(name: ImageName, reference: str, login: Credentials | None) -> str | None:
    """The digest of the image with this tag or digest; None where there is none, or no such repository.

    Raises:
        Unusable: the registry does not say; one line with what to do next.
    """
    local = name.host.partition(":")[0] in _LOOPBACK
    url = f"{'http' if local else 'https'}://{name.host}/v2/{name.path}/manifests/{reference}"
    with requests.Session() as session:
        session.trust_env = not local  # no proxy between this machine and itself
        try:
            # A redirect is not followed: manifests have none, and it would say where to ask next, and whom to trust.
            answer = session.head(
                url, headers={"Accept": _MANIFESTS}, auth=login, timeout=_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise Unusable(
                f"{name.host} cannot be asked for {name.path}: {_reason(error)}; check its name and the network, "
                "then try again"
            ) from error
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise Unusable(_refusal(name, answer.status_code))
    digest = answer.headers.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(digest):
        raise Unusable(f"{name.host} gives no SHA-256 digest for {name.path}: it is no registry, or a proxy answers")
    if reference.startswith("sha256:") and digest != reference:
        raise Unusable(f"{name.host} gives another digest than {reference} for {name.path}: do not trust it")
    return digest


def _refusal(name: ImageName, status: int) -> str:
    """An answer that is neither yes nor no, and what to do about it."""
    host = name.host
    match status:
        case 401 if host.endswith(ARTIFACT_REGISTRY):
            return f"{host} does not take gcloud's access token (401); run `gcloud auth login`, then try again"
        case 401:
            return f"{host} wants credentials (401), and only hosts below {ARTIFACT_REGISTRY} are given any; use one"
        case 403:
            return (
                f"{host} refuses to show {name.path} (403): your account needs roles/artifactregistry.writer there; "
                "in a new project apply infra/bootstrap first"
            )
        case 429 | 500 | 502 | 503 | 504:
            return f"{host} answers {status} for {name.path}; try again in a minute"
        case _:
            return f"{host} answers {status} for {name.path}, as no registry does; check the repository's host"


def _reason(error: requests.RequestException) -> str:
    """Short: the library's own words repeat the address and its pools."""
    match error:
        case requests.exceptions.ProxyError():
            return "the proxy does not let it through"
        case requests.exceptions.SSLError():
            return "its certificate is not trusted (REQUESTS_CA_BUNDLE names a bundle)"
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError():
            return "no connection"
        case _:
            return type(error).__name__


def _access_token(host: str) -> str:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise Unusable(f"gcloud is not installed, and {host} wants its token; install the Google Cloud CLI, sign in")
    try:
        done = subprocess.run(
            [gcloud, "auth", "print-access-token"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GCLOUD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"`gcloud auth print-access-token` does not work: {error}") from error
    if done.returncode != 0:
        raise Unusable(f"gcloud gives no access token: {_complaint(done.stderr)} Run `gcloud auth login`")
    token = done.stdout.strip()
    if not re.fullmatch(r"[!-~]+", token):
        raise Unusable("`gcloud auth print-access-token` prints something else than a token; run it to see what")
    return token


def _complaint(stderr: str) -> str:
    """gcloud's own sentence, without the command's name before it and the advice of many lines after it."""
    line = next((line for line in stderr.splitlines() if line.startswith("ERROR: ")), "it does not say why.")
    return re.sub(r"^ERROR: (\([^)]*\) )?", "", line)
