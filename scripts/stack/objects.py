"""S3's stand-in: moto, in process, behind the signature check; files of a folder as its objects.

moto holds an object as one text of bytes while it is put or read, so a request costs its size in memory for a moment;
between requests objects lie in temporary files (MOTO_S3_DEFAULT_KEY_BUFFER_SIZE, set by `provider`).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import S3Backend, s3_backends

from .signatures import Keys, SignatureCheck, presign

BUCKET = "audio"
REGION = "us-east-1"


class Objects:
    """A bucket, and signed URLs for what is in it."""

    def __init__(self, host: str, keys: Keys, *, keep_bytes: int = 4_000_000_000, keep_objects: int = 500) -> None:
        self._host = host
        self._keys = keys
        self._keep_bytes = keep_bytes
        self._keep_objects = keep_objects
        self._held: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._moto: S3Backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        if BUCKET not in self._moto.buckets:
            self._moto.create_bucket(BUCKET, REGION)
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=f"http://{host}",
            region_name=REGION,
            aws_access_key_id=keys.key_id,
            aws_secret_access_key=keys.secret,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        self.app = SignatureCheck(create_backend_app("s3"), keys, REGION)
        """The WSGI application; `host` must lead to it, since the signature covers it."""

    def put(self, key: str, path: Path) -> None:
        """Make sure that the object is there and is what the file is now.

        A folder may be larger than the disk has room for a second time: the objects asked for longest ago are dropped.

        Raises:
            OSError: the file cannot be read.
        """
        with self._lock:
            stat = path.stat()
            version = (stat.st_size, stat.st_mtime_ns)
            if self._held.get(key) == version:
                self._held.move_to_end(key)
                return
            stored = self._moto.put_object(BUCKET, key, path.read_bytes())
            # Worked out when it is first asked for: better now than while fpcalc is being measured.
            _ = stored.etag
            self._bytes += stat.st_size - self._held.pop(key, (0, 0))[0]
            self._held[key] = version
            while len(self._held) > 1 and (self._bytes > self._keep_bytes or len(self._held) > self._keep_objects):
                oldest, (size, _) = self._held.popitem(last=False)
                self._moto.delete_object(BUCKET, oldest)
                self._bytes -= size

    @property
    def full(self) -> bool:
        """Whether one more object could push out another."""
        return self._bytes >= self._keep_bytes or len(self._held) >= self._keep_objects

    def url(self, key: str, seconds: int) -> str:
        """A presigned URL, by boto3."""
        return str(
            self._client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=seconds)
        )

    def expired_url(self, key: str) -> str:
        """A URL whose signature is right and whose time is over."""
        url = f"http://{self._host}/{BUCKET}/{quote(key, safe='/-_.~')}"
        return presign(url, self._keys, region=REGION, seconds=300, signed_at=time.time() - 3600)
