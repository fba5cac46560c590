"""Audio files by way of a provider's download API: ask it for a signed URL, fetch what that leads to."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from audiodup.addresses import Url
from audiodup.connections import Resolver, resolve
from audiodup.errors import (
    ApiUnavailable,
    DownloadFailed,
    NotFound,
    Refused,
    SecretUnavailable,
    TooLarge,
    Transient,
    UnknownProvider,
)
from audiodup.model import Asset, FileIdentity
from audiodup.network import Answer, HttpClient, TransportError
from audiodup.opened import OpenedFile
from audiodup.providers import Endpoint, ProviderSettings
from audiodup.steps import Deadline
from audiodup.tempfiles import Budget, TemporaryFile, TemporaryFiles

API_TRIES = 3
DOWNLOAD_TRIES = 2
QUICK_WAIT = 0.3
"""Seconds before another try in process: for the odd reset or 503. What lasts longer is Pub/Sub's to back off from."""
LONGEST_WAIT = 5.0
"""A Retry-After of more seconds is left to Pub/Sub: here it would hold a thread that others need."""
ANSWER_BYTES = 1_000_000
"""More than a signed URL and its wrapping ever need."""
CHUNK_BYTES = 256 * 1024
ETAG_LENGTH = 200

_PRINTABLE = re.compile(r"[\x20-\x7e]+")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Later:
    """A try that came to nothing, but another may."""

    words: str
    wait: float | None
    """Seconds until then; None leaves it to Pub/Sub."""


@dataclass(frozen=True, slots=True)
class _Download:
    etag: str | None = None
    refusal: str | None = None
    """How the file's host refused the signed URL, if it did: most often it has expired."""


class DownloadApi:
    """Fulfils steps.Source; many threads may use it at once."""

    def __init__(  # noqa: PLR0913 - limits and ports, each by its name
        self,
        providers: Mapping[str, ProviderSettings],
        secret: Callable[[str], str],
        *,
        api_seconds: float,
        download_seconds: float,
        max_file_bytes: int,
        files_in_flight_bytes: int,
        allow_loopback: bool = False,
        temporary_folder: str | None = None,
        resolver: Resolver = resolve,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Raises:
            SettingsInvalid: a provider's URL, header, pointer or host is none.
        """
        self._endpoints = {
            name: Endpoint.of(name, provider, allow_loopback=allow_loopback) for name, provider in providers.items()
        }
        self._secret = secret
        self._api_seconds = api_seconds
        self._download_seconds = download_seconds
        # A file larger than the whole budget would never find room: better said at once than after the last attempt.
        self._max_file_bytes = min(max_file_bytes, files_in_flight_bytes)
        self._budget = Budget(files_in_flight_bytes)
        self._files = TemporaryFiles(self._budget, temporary_folder)
        self._client = HttpClient(allow_loopback=allow_loopback, resolver=resolver)
        self._sleep = sleep

    @property
    def bytes_in_flight(self) -> int:
        return self._budget.taken

    @contextmanager
    def open(self, asset: Asset, deadline: Deadline) -> Iterator[OpenedFile]:
        """The asset's file, downloaded, for the length of the block.

        Raises:
            Permanent, Transient: see audiodup.errors.
        """
        endpoint = self._endpoints.get(asset.provider or "")
        if endpoint is None:
            raise UnknownProvider(f"{asset.provider!a:.60} is not in PROVIDERS")
        with self._files.create() as file:
            yield self._fill(file, endpoint, asset, deadline)

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()

    def _fill(self, file: TemporaryFile, endpoint: Endpoint, asset: Asset, deadline: Deadline) -> OpenedFile:
        question = endpoint.question(asset)
        seconds = {"api": 0.0, "download": 0.0}
        # A message may have waited in the queue for longer than its URL lives: a refused one is asked for anew, once.
        for _ in range(2):
            start = time.monotonic()
            signed = self._signed_url(endpoint, question, deadline)
            asked = time.monotonic()
            download = self._download(file, endpoint, signed, deadline)
            seconds["api"] += asked - start
            seconds["download"] += time.monotonic() - asked
            if download.refusal is None:
                file.rewind()
                return OpenedFile(
                    descriptor=file.descriptor,
                    path=file.path,
                    identity=FileIdentity(file.size, file.sha256, download.etag),
                    milliseconds={part: round(1000 * spent) for part, spent in seconds.items()},
                )
        raise DownloadFailed(f"{download.refusal}, with a new signed URL too")

    def _signed_url(self, endpoint: Endpoint, question: Url, deadline: Deadline) -> Url:
        credentials = {endpoint.header: self._credential(endpoint.secret)} if endpoint.secret else {}

        def ask(seconds: float) -> Url | _Later:
            with self._client.get(
                question, endpoint.api_hosts, seconds, {"Accept": "application/json"}, credentials
            ) as answer:
                if 200 <= answer.status < 300:
                    return endpoint.signed_url(_whole(answer))
                return _judged(answer)

        return self._persist(ask, API_TRIES, self._api_seconds, deadline, ApiUnavailable)

    def _credential(self, name: str) -> str:
        value = self._secret(name)
        # http.client would refuse it too, with the value in its error.
        if not _PRINTABLE.fullmatch(value):
            raise SecretUnavailable(f"{name} holds characters that no request header takes")
        return value

    def _download(self, file: TemporaryFile, endpoint: Endpoint, signed: Url, deadline: Deadline) -> _Download:
        def fetch(seconds: float) -> _Download | _Later:
            file.clear()
            with self._client.get(signed, endpoint.file_hosts, seconds) as answer:
                if answer.status in (400, 401, 403):  # S3: "Request has expired" is 403, ExpiredToken 400
                    return _Download(refusal=f"{answer.host} answered {answer.status}")
                if answer.status != 200:
                    return _judged(answer)
                self._receive(answer, file)
                return _Download(etag=_etag(answer))

        return self._persist(fetch, DOWNLOAD_TRIES, self._download_seconds, deadline, DownloadFailed)

    def _receive(self, answer: Answer, file: TemporaryFile) -> None:
        _refuse_encoded(answer)
        if answer.length is not None:
            self._refuse_large(answer.length)
            file.reserve(answer.length)
        for chunk in answer.chunks(CHUNK_BYTES):
            self._refuse_large(file.size + len(chunk))
            file.write(chunk)

    def _refuse_large(self, size: int) -> None:
        if size > self._max_file_bytes:
            raise TooLarge(f"at least {size} bytes, at most {self._max_file_bytes} are taken")

    def _persist(
        self,
        once: Callable[[float], T | _Later],
        tries: int,
        seconds: float,
        deadline: Deadline,
        failure: type[Transient],
    ) -> T:
        """Try a few times within the seconds, which all tries and waits share.

        Raises:
            failure: none succeeded, or the next one may not come soon.
        """
        end = time.monotonic() + deadline.remaining(seconds)
        for others in reversed(range(tries)):
            try:
                result = once(end - time.monotonic())
                if not isinstance(result, _Later):
                    return result
                later = result
            except TransportError as error:
                later = _Later(error.words, QUICK_WAIT)
            if not others or later.wait is None or later.wait >= end - time.monotonic():
                break
            self._sleep(later.wait)
        raise failure(later.words)


def _judged(answer: Answer) -> _Later:
    """What an unsuccessful answer means.

    Raises:
        NotFound, Refused: it is final.
    """
    words = f"{answer.host} answered {answer.status}"
    if answer.status in (404, 410):
        raise NotFound(words)
    if answer.status in (401, 403):
        # Most often a rotated secret: were it final, the whole library would fail, one room after the other.
        return _Later(f"{words}: check the provider's secret", None)
    if answer.status not in (408, 429) and answer.status < 500:
        raise Refused(words)
    asked_for = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
    if asked_for is None:
        # "Too many requests" without a time: asking again at once makes it worse.
        return _Later(words, None if answer.status == 429 else QUICK_WAIT)
    return _Later(words, max(asked_for, QUICK_WAIT) if asked_for <= LONGEST_WAIT else None)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, in either of its forms; None where it has none."""
    if value is None:
        return None
    # `float` would strip other characters than `strip` does.
    if re.fullmatch(r"[0-9]{1,9}", seconds := value.strip()):
        return float(seconds)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _whole(answer: Answer) -> bytes:
    _refuse_encoded(answer)
    body = bytearray()
    for chunk in answer.chunks(CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise Refused(f"{answer.host} answered with more than {ANSWER_BYTES} bytes")
    return bytes(body)


def _refuse_encoded(answer: Answer) -> None:
    """Nothing is decompressed, so that no few bytes become many: `identity` was asked for.

    (S3 repeats `aws-chunked` where an upload was stored with it; the body is plain.)
    """
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "aws-chunked"):
        raise Refused(f"{answer.host} answered with a compressed body, which was not asked for")


def _etag(answer: Answer) -> str | None:
    etag = answer.headers.get("ETag", "").strip()
    if etag.startswith("W/"):
        # A weak one says that the meaning is the same, not the bytes.
        return None
    etag = etag.strip('"')
    return etag if len(etag) <= ETAG_LENGTH and _PRINTABLE.fullmatch(etag) else None
