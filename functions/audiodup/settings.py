"""Every setting: name, type, default, meaning. Read from the environment once at start, by `wiring` alone.

docs/settings.md is generated from this file (`make docs`), and a test holds it to that.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from audiodup.errors import SettingsInvalid

_PUBSUB_FILE = Path(__file__).resolve().parents[2] / "infra" / "pubsub.json"


class PubSubProfile(StrEnum):
    """Which block of infra/pubsub.json holds."""

    PRODUCTION = "production"
    LOCAL = "local"


class Provider(BaseModel):
    """One entry of PROVIDERS: how to ask a provider's download API for a file's signed URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    """Template with `{asset_id}` and `{file_key}`, both percent-encoded when filled in."""
    header: str = "Authorization"
    """Name of the request header that carries the secret."""
    secret: str | None = None
    """Name of the secret whose text is that header's value; none sends no header."""
    pointer: str = "/data/url"
    """JSON pointer (RFC 6901) to the signed URL in the answer."""
    hosts: tuple[str, ...] = Field(min_length=1)
    """Hosts a signed URL and its redirects may name; `*.example.com` takes any one level below."""


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def identifier(value: str) -> str:
    """Unquoted Snowflake identifiers only, so that no setting can carry SQL."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]{0,254}", value):
        raise ValueError("is no plain Snowflake identifier (letters, digits, _ and $)")
    return value


Identifier = Annotated[str, AfterValidator(identifier)]


class Settings(BaseSettings):
    """All settings; each is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    # Snowflake
    snowflake_account: str = Field("", description="Account identifier, as in `myorg-account1`.")
    snowflake_user: str = Field("", description="Service user; not needed with workload identity.")
    snowflake_role: Identifier | None = Field(None, description="Role to take; none takes the user's default.")
    snowflake_warehouse: Identifier | None = Field(None, description="Warehouse to use; none takes the user's default.")
    snowflake_database: Identifier = Field("BI_PROD", description="Database of all tables.")
    snowflake_schema: Identifier = Field("AI_DATA", description="Schema of all tables.")
    snowflake_private_key: str | None = Field(
        None,
        description="Name of the secret that holds the service user's private key (PEM, PKCS #8, no passphrase); "
        "none signs in by workload identity.",
    )
    snowflake_host: str | None = Field(
        None, description="Another host than the account's: a private link or a stand-in."
    )
    snowflake_port: int = Field(443, ge=1, le=65535, description="Port of that host.")
    snowflake_protocol: str = Field("https", pattern="^https?$", description="`http` only for a stand-in on loopback.")
    snowflake_login_seconds: int = Field(15, gt=0, description="Limit for signing in.")
    snowflake_network_seconds: int = Field(
        75, gt=0, description="Limit for one exchange with all its retries (the connector's default is for ever)."
    )
    snowflake_socket_seconds: int = Field(
        60, gt=0, description="Limit for one answer; the server holds a long statement's for about 45 s."
    )
    batch_outcomes: int = Field(200, ge=1, le=1000, description="At most so many outcomes share one INSERT.")
    batch_milliseconds: int = Field(
        2000,
        ge=0,
        le=5000,
        description="So long the first outcome of a batch waits, and its request with it: at ten files a second "
        "twenty share an INSERT.",
    )

    # Secrets and providers
    secrets: str = Field(
        "gcp",
        description="`gcp` reads Secret Manager in GOOGLE_CLOUD_PROJECT; anything else is a folder, one file a secret.",
    )
    google_cloud_project: str = Field("", description="Project of topics and secrets.")
    providers: Annotated[dict[str, Provider], BeforeValidator(_json)] = Field(
        default_factory=dict,
        description='Download APIs, JSON: `{"artlist": {"url": "https://api.example.com/{asset_id}/{file_key}", '
        '"secret": "artlist-token", "hosts": ["s3.example.com"]}}`; all fields stand below.',
    )
    allow_loopback: bool = Field(
        False, description="Take http and loopback addresses; only for one machine's stand-ins."
    )
    api_seconds: float = Field(30, gt=0, description="Limit for one question to the download API, with its redirects.")
    download_seconds: float = Field(210, gt=0, description="Limit for one file's download (wall clock).")
    partial_downloads: bool = Field(
        False,
        description="Of WAV and AIFF fetch only what is fingerprinted: a third fewer bytes of three minutes, four "
        "fifths of ten. SHA256 and PCM_MD5 are NULL then, and no rule may act on copies of such files.",
    )
    max_file_bytes: int = Field(2_000_000_000, gt=0, description="Larger files are TOO_LARGE.")
    files_in_flight_bytes: int = Field(
        8_000_000_000, gt=0, description="Budget of all files in flight in one instance; the file system is its memory."
    )

    # Fingerprints
    fingerprint_seconds: int = Field(
        120,
        ge=0,
        le=36_000,
        description="How much of a file is fingerprinted (fpcalc's and AcoustID's 120); 0 is all of it.",
    )
    fpcalc: str = Field("fpcalc", description="fpcalc's name on the PATH, or its absolute path.")
    ffmpeg: str = Field("ffmpeg", description="ffmpeg's name on the PATH, or its absolute path.")
    fpcalc_processes: int = Field(
        0, ge=0, description="At most so many fpcalc and ffmpeg at once in one instance; 0 is one per CPU."
    )
    fpcalc_seconds: float = Field(120, gt=0, description="Wall-clock limit for one run of fpcalc or ffmpeg.")
    fpcalc_cpu_seconds: int = Field(90, gt=0, description="CPU limit for one run of fpcalc or ffmpeg.")
    fpcalc_memory_bytes: int = Field(1_500_000_000, gt=0, description="Address-space limit of one of them.")
    store_seconds: float = Field(
        150, gt=0, description="What is kept of REQUEST_SECONDS for storing the outcome (the matcher: for the groups)."
    )
    request_seconds: float = Field(
        540,
        gt=0,
        description="Limit for one request, waiting included; below the service's own time-out and the ack deadline.",
    )

    # Pub/Sub and the scheduler
    pubsub_file: Path = Field(
        _PUBSUB_FILE, description="Attempts, back-off, deadlines, retention and names, shared with Terraform."
    )
    pubsub_profile: PubSubProfile = Field(PubSubProfile.PRODUCTION, description="Which block of that file holds.")
    room: int = Field(5000, ge=1, le=1_000_000, description="At most so many assets are in flight at once.")
    publish_seconds: float = Field(60, gt=0, description="Limit for a message to be taken by Pub/Sub.")

    # The review page
    review_audience: str = Field(
        "",
        description="Whom Identity-Aware Proxy signs for: `/projects/NUMBER/locations/REGION/services/NAME`; without "
        "it the function `review` lets nobody in.",
    )

    # The server of one instance
    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - inside a container
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on; Cloud Run sets it.")
    threads: int = Field(32, ge=1, le=1000, description="Threads: one a request at once, and some for probes.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severity that is logged.")

    @model_validator(mode="after")
    def _fits_into_a_request(self) -> Settings:
        parts = ("api_seconds", "download_seconds", "fpcalc_seconds", "store_seconds")
        total = sum(getattr(self, part) for part in parts)
        if total > self.request_seconds:
            # A late answer is no acknowledgement: the message would come again while the first request still runs.
            raise ValueError(f"{' + '.join(parts).upper()} = {total:g} is more than REQUEST_SECONDS")
        return self


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` win over the environment (command lines use them).

    Raises:
        SettingsInvalid: naming each setting that is wrong, without its value (it could be a secret).
    """
    try:
        return Settings(**overrides)
    except (ValidationError, ValueError) as error:
        raise SettingsInvalid(_explain(error)) from None


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name, *inside = (str(part) for part in problem["loc"] or [""])
        place = ".".join([name.upper(), *inside])
        lines.append(f"{place}: ".lstrip(": ") + problem["msg"].removeprefix("Value error, "))
    return "; ".join(lines)
