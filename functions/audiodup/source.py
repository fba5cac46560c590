"""Audio files by way of a provider's download API: ask it for a signed URL, fetch what that leads to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TypeVar

from audiodup.addresses import Url
from audiodup.answers import CHUNK_BYTES, PRINTABLE, QUICK_WAIT, Later, Part, etag, judged, part, refuse_encoded, whole
from audiodup.connections import Resolver, resolve
from audiodup.errors import (
    ApiUnavailable,
    DownloadFailed,
    SecretUnavailable,
    TooLarge,
    Transient,
    UnknownProvider,
)
from audiodup.model import Asset, FileIdentity
from audiodup.network import Answer, HttpClient, TransportError
from audiodup.opened import OpenedFile
from audiodup.providers import Endpoint, ProviderSettings
from audiodup.steps import AudioFile, Deadline
from audiodup.tempfiles import Budget, TemporaryFile, TemporaryFiles

API_TRIES = 3
DOWNLOAD_TRIES = 2
_REFUSED = (400, 401, 403)
"""S3: "Request has expired" is 403, ExpiredToken 400."""
_NO_RANGE = (206, 412, 416)
"""A part, but not the one that was asked for; another version by now; nothing to take a part of."""
_UNCOMPRESSED = frozenset({"wav", "wave", "bwf", "rf64", "aif", "aiff", "aifc"})
"""Names of formats whose samples may lie in the file as they are."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Download:
    size: int = 0
    """Of the whole file, of which not all may have been fetched."""
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
        needs: Callable[[AudioFile], Sequence[tuple[int, int]]] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            needs: start and end of the parts that a file is to have, of which so far only the headers are there; None
                fetches whole files.

        Raises:
            SettingsInvalid: a provider's URL, header, pointer or host is none.
        """
        self.allow_loopback = allow_loopback
        self.file_hosts = sorted({host for provider in providers.values() for host in provider.hosts})
        """Patterns of all hosts that a signed URL may name."""
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
        self._needs = needs
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
        endpoint = self._endpoint(asset)
        with self._files.create() as file:
            yield self._fill(file, endpoint, asset, deadline)

    def signed_url(self, asset: Asset, deadline: Deadline) -> str:
        """Where a browser gets the asset's file itself, for as long as the provider lets the URL live.

        Raises:
            Permanent, Transient: as `open`.
        """
        endpoint = self._endpoint(asset)
        signed = self._signed_url(endpoint, endpoint.question(asset), deadline)
        endpoint.file_hosts.check(signed)
        return signed.text

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()

    def _endpoint(self, asset: Asset) -> Endpoint:
        endpoint = self._endpoints.get(asset.provider or "")
        if endpoint is None:
            raise UnknownProvider(f"{asset.provider!a:.60} is not in PROVIDERS")
        return endpoint

    def _fill(
        self, file: TemporaryFile, endpoint: Endpoint, asset: Asset, deadline: Deadline, *, all_of_it: bool = False
    ) -> OpenedFile:
        question = endpoint.question(asset)
        seconds = {"api": 0.0, "download": 0.0}
        get = self._get_whole if all_of_it or self._needs is None or not _uncompressed(asset) else self._get_needed
        # A message may have waited in the queue for longer than its URL lives: a refused one is asked for anew, once.
        for _ in range(2):
            start = time.monotonic()
            signed = self._signed_url(endpoint, question, deadline)
            asked = time.monotonic()
            download = self._persist(
                partial(get, file, endpoint, signed), DOWNLOAD_TRIES, self._download_seconds, deadline, DownloadFailed
            )
            seconds["api"] += asked - start
            seconds["download"] += time.monotonic() - asked
            if download.refusal is None:
                file.rewind()
                is_whole = file.size == download.size
                return OpenedFile(
                    descriptor=file.descriptor,
                    path=file.path,
                    identity=FileIdentity(download.size, file.sha256 if is_whole else None, download.etag),
                    milliseconds={part: round(1000 * spent) for part, spent in seconds.items()},
                    complete=None if is_whole else lambda then: self._fill(file, endpoint, asset, then, all_of_it=True),
                )
        raise DownloadFailed(f"{download.refusal}, with a new signed URL too")

    def _signed_url(self, endpoint: Endpoint, question: Url, deadline: Deadline) -> Url:
        credentials = {endpoint.header: self._credential(endpoint.secret)} if endpoint.secret else {}

        def ask(seconds: float) -> Url | Later:
            with self._client.get(
                question, endpoint.api_hosts, seconds, {"Accept": "application/json"}, credentials
            ) as answer:
                if 200 <= answer.status < 300:
                    return endpoint.signed_url(whole(answer))
                return judged(answer)

        return self._persist(ask, API_TRIES, self._api_seconds, deadline, ApiUnavailable)

    def _credential(self, name: str) -> str:
        value = self._secret(name)
        # http.client would refuse it too, with the value in its error.
        if not PRINTABLE.fullmatch(value):
            raise SecretUnavailable(f"{name} holds characters that no request header takes")
        return value

    def _get_whole(self, file: TemporaryFile, endpoint: Endpoint, signed: Url, seconds: float) -> _Download | Later:
        file.clear()
        with self._client.get(signed, endpoint.file_hosts, seconds) as answer:
            if answer.status in _REFUSED:
                return _refused(answer)
            if answer.status != 200:
                return judged(answer)
            self._receive(answer, file)
            return _Download(file.size, etag(answer))

    def _get_needed(self, file: TemporaryFile, endpoint: Endpoint, signed: Url, seconds: float) -> _Download | Later:
        """The headers first, then the parts that they say are needed; all of it from a host that gives no parts."""
        end = time.monotonic() + seconds
        file.clear()
        with self._client.get(signed, endpoint.file_hosts, seconds, _range(0, CHUNK_BYTES)) as answer:
            if answer.status in _REFUSED:
                return _refused(answer)
            head, version = part(answer), etag(answer)
            if answer.status == 200:
                self._receive(answer, file)
                return _Download(file.size, version)
            if answer.status not in _NO_RANGE:
                return judged(answer)
            if head is not None:
                self._refuse_large(head.size)
                self._receive(answer, file)
        # Without a version the two parts could be of two files.
        if head is not None and version is not None and file.size == head.end and not head.start:
            rest = self._get_rest(file, endpoint, signed, head.size, version, end - time.monotonic())
            if rest is not None:
                return rest
        return self._get_whole(file, endpoint, signed, end - time.monotonic())

    def _get_rest(  # noqa: PLR0913 - what a range is asked for with
        self, file: TemporaryFile, endpoint: Endpoint, signed: Url, size: int, version: str, seconds: float
    ) -> _Download | Later | None:
        """None: the host does not give these parts of that version."""
        end = time.monotonic() + seconds
        begun = file.size
        if begun == size:
            return _Download(size, version)
        file.extend(size)
        headers = OpenedFile(file.descriptor, file.path, FileIdentity(size), {}, complete=_never)
        for first, last in self._needs(headers) if self._needs else [(0, size)]:
            wanted = Part(max(first, begun), last, size)
            if wanted.start >= last:
                continue
            asked = {**_range(wanted.start, last), "If-Match": f'"{version}"'}
            with self._client.get(signed, endpoint.file_hosts, end - time.monotonic(), asked) as answer:
                if part(answer) != wanted or etag(answer) != version:
                    return None if answer.status in (200, *_REFUSED, *_NO_RANGE) else judged(answer)
                file.skip_to(wanted.start)
                there = file.size
                self._receive(answer, file)
                if file.size - there != last - wanted.start:
                    return None
        return _Download(size, version)

    def _receive(self, answer: Answer, file: TemporaryFile) -> None:
        """Append the body to the file."""
        refuse_encoded(answer)
        if answer.length is not None:
            self._refuse_large(file.size + answer.length)
            file.reserve(file.size + answer.length)
        for chunk in answer.chunks(CHUNK_BYTES):
            self._refuse_large(file.size + len(chunk))
            file.write(chunk)

    def _refuse_large(self, size: int) -> None:
        if size > self._max_file_bytes:
            raise TooLarge(f"at least {size} bytes, at most {self._max_file_bytes} are taken")

    def _persist(
        self,
        once: Callable[[float], T | Later],
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
                if not isinstance(result, Later):
                    return result
                later = result
            except TransportError as error:
                later = Later(error.words, QUICK_WAIT)
            if not others or later.wait is None or later.wait >= end - time.monotonic():
                break
            self._sleep(later.wait)
        raise failure(later.words)


def _uncompressed(asset: Asset) -> bool:
    name = asset.format or PurePosixPath(asset.file_key).suffix
    return name.lower().lstrip(".") in _UNCOMPRESSED


def _refused(answer: Answer) -> _Download:
    return _Download(refusal=f"{answer.host} answered {answer.status}")


def _range(start: int, end: int) -> dict[str, str]:
    return {"Range": f"bytes={start}-{end - 1}"}


def _never(_: Deadline) -> OpenedFile:
    # Nobody asks for it: `needs` looks at headers. Whoever should gets the file another time.
    raise DownloadFailed("only its headers are there")
