"""The application that `provider` serves: files -> bucket -> download API and S3."""

from __future__ import annotations

import contextlib
import json
import os
import resource
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .bodies import Bodies
from .download_api import Fault, Faults
from .download_api import make_app as make_api
from .objects import BUCKET, Objects
from .processes import HOST
from .provider import ProviderConfig
from .signatures import Keys

_DESCRIPTORS = 8192


class Listing:
    """Which file an asset's file key means."""

    def __init__(self, folder: Path, files: Iterable[Sequence[str]]) -> None:
        self._folder = folder.resolve()
        self._files = {(asset_id, file_key): Path(path) for asset_id, file_key, path in files}

    def path(self, asset_id: str, file_key: str) -> Path | None:
        """The file, if it exists; never one outside of the folder unless it was listed."""
        listed = self._files.get((asset_id, file_key))
        if listed is not None:
            return listed if listed.is_file() else None
        return self._in_folder(file_key)

    def _in_folder(self, file_key: str) -> Path | None:
        try:
            path = (self._folder / file_key).resolve()
            file_key.encode()
            return path if path.is_relative_to(self._folder) and path.is_file() else None
        except (OSError, ValueError):  # a name too long for the file system, or no UTF-8
            return None

    def __iter__(self) -> Iterator[tuple[str, Path]]:
        """Object key and path of every file there is now."""
        for (_, file_key), path in self._files.items():
            yield file_key, path
        for parent, _, names in os.walk(self._folder):
            for name in sorted(names):
                key = os.path.relpath(f"{parent}/{name}", self._folder)
                if inside := self._in_folder(key):
                    yield key, inside


def make_app(config_file: str) -> Any:
    """gunicorn's factory: one WSGI application that tells API and S3 apart by the port they were asked on."""
    config = ProviderConfig(**json.loads(Path(config_file).read_text()))
    objects = Objects(
        f"{HOST}:{config.object_port}",
        Keys(config.key_id, config.secret),
        keep_bytes=config.keep_bytes,
        keep_objects=_room_for_objects(),
    )
    listing = Listing(Path(config.folder), config.files)

    def find(asset_id: str, file_key: str) -> str | None:
        path = listing.path(asset_id, file_key)
        if path is None:
            return None
        try:
            objects.put(file_key, path)
        except OSError:
            return None
        return file_key

    if config.upload_first:
        for key, path in listing:
            if objects.full:
                break
            with contextlib.suppress(OSError):
                objects.put(key, path)

    s3 = Bodies(objects.app, BUCKET, _faults(config.body_faults))
    api = make_api(
        find,
        lambda key: objects.url(key, config.url_seconds),
        objects.expired_url,
        config.authorization,
        _faults(config.faults),
        s3.counts,
    )

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        app = s3 if environ["SERVER_PORT"] == str(config.object_port) else api
        return app(environ, start_response)

    return application


def _faults(listed: Mapping[str, Sequence[Mapping[str, Any]]]) -> Faults:
    return Faults({name: [Fault(**fields) for fields in faults] for name, faults in listed.items()})


def _room_for_objects() -> int:
    """Each object holds a file open: allow as many as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(50, max(soft, wanted) - 300)
