"""How a browser gets a file's sound: from the folder, in ranges, or from the provider's host by a signed URL."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import BinaryIO

from flask import Request, Response
from werkzeug.wsgi import FileWrapper

from audiodup.folder import LocalFolder
from audiodup.model import Asset
from audiodup.source import DownloadApi
from audiodup.steps import Deadline

Listen = Callable[[Asset, Request], Response]

_BUFFER_BYTES = 64 * 1024
# By extension and by nothing else: a file of whatever name and content is never a page or a script of ours.
_TYPES = {
    "aac": "audio/aac",
    "aif": "audio/aiff",
    "aifc": "audio/aiff",
    "aiff": "audio/aiff",
    "au": "audio/basic",
    "bwf": "audio/wav",
    "caf": "audio/x-caf",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "mka": "audio/x-matroska",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp2": "audio/mpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "wave": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "wma": "audio/x-ms-wma",
}
_UNKNOWN_TYPE = "application/octet-stream"
_PORT = re.compile(r":[0-9]+$")


def from_folder(folder: LocalFolder) -> Listen:
    """The folder's files themselves; a browser asks for the ranges that it plays."""

    def listen(asset: Asset, request: Request) -> Response:
        file = folder.stream(asset)
        try:
            response = _response(file, asset, request)
        except BaseException:
            file.close()
            raise
        # Then nobody reads the body, and nobody closes it.
        if request.method == "HEAD" or response.status_code not in {200, 206}:
            file.close()
        return response

    return listen


def from_providers(api: DownloadApi, deadline: Callable[[], Deadline]) -> Listen:
    """The way to the provider's host: the URL is a credential, not to be kept by a cache nor told to others."""

    def listen(asset: Asset, request: Request) -> Response:  # noqa: ARG001 - the host answers its ranges
        headers = {
            "Location": api.signed_url(asset, deadline()),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
        return Response(status=302, headers=headers)

    return listen


def media_hosts(api: DownloadApi) -> list[str]:
    """What a Content-Security-Policy calls the hosts that signed URLs may name.

    As in HostList, where loopback is allowed, so are http and every port; but a `*` stands for any number of levels.
    """
    scheme, any_port = ("http", ":*") if api.allow_loopback else ("https", "")
    return [f"{scheme}://{host}{any_port or port}" for host, port in map(_host_and_port, api.file_hosts)]


def _host_and_port(pattern: str) -> tuple[str, str]:
    """The port with its colon, or nothing. Browsers have dropped the dot that may end a name."""
    port = _PORT.search(pattern)
    return pattern.removesuffix(port[0] if port else "").removesuffix("."), port[0] if port else ""


def _response(file: BinaryIO, asset: Asset, request: Request) -> Response:
    status = os.fstat(file.fileno())
    response = Response(FileWrapper(file, _BUFFER_BYTES), direct_passthrough=True)
    response.content_type = _TYPES.get(PurePosixPath(asset.file_key).suffix.lower().lstrip("."), _UNKNOWN_TYPE)
    response.content_length = status.st_size
    response.last_modified = datetime.fromtimestamp(status.st_mtime, UTC)
    # So that ranges of two files are never put together, however soon the one replaced the other.
    response.set_etag(f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Disposition"] = "inline"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.make_conditional(request, accept_ranges=True, complete_length=status.st_size)
    return response
