"""S3's check of presigned URLs (Signature Version 4 in the query), which moto does not make.

Rules, codes and words are S3's:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. The signature is recomputed by botocore.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_REQUIRED = ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires")
_LONGEST_SECONDS = 604_800
_CLOCK_SKEW_SECONDS = 900

Environ = Mapping[str, Any]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True)
class Refused(Exception):
    """Why a request is not served."""

    status: str
    code: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)

    def xml(self) -> bytes:
        """The body that S3 would send."""
        parts = {"Code": self.code, "Message": self.message, **self.details, "RequestId": "LOCAL", "HostId": "LOCAL"}
        inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode()


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key pair."""

    key_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that its signature covers."""

    method: str
    path: str
    """Percent-encoded."""
    query: tuple[tuple[str, str], ...]
    """Decoded, without the signature itself."""
    headers: Mapping[str, str]
    """The signed ones, `host` among them."""
    timestamp: str
    region: str

    def sign(self, keys: Keys) -> tuple[str, str, str]:
        """Signature, string to sign and canonical request, by botocore."""
        auth = S3SigV4QueryAuth(Credentials(keys.key_id, keys.secret), "s3", self.region)
        url = f"http://{self.headers['host']}{self.path}"
        request = AWSRequest(method=self.method, url=url, headers=dict(self.headers), params=list(self.query))
        request.context["timestamp"] = self.timestamp
        canonical: str = auth.canonical_request(request)
        to_sign: str = auth.string_to_sign(request, canonical)
        return auth.signature(to_sign, request), to_sign, canonical


class SignatureCheck:
    """WSGI layer: lets GET and HEAD with a valid presigned URL through, answers everything else as S3 does."""

    def __init__(
        self,
        app: Application,
        keys: Keys,
        region: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._keys = keys
        self._region = region
        self._clock = clock

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            self.check(environ)
        except Refused as refused:
            body = refused.xml()
            length = str(len(body))
            start_response(refused.status, [("Content-Type", "application/xml"), ("Content-Length", length)])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        return self._app(environ, start_response)

    def check(self, environ: Environ) -> None:
        """Raises:
        Refused: the request is not one that S3 would serve.
        """
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise Refused(
                "405 Method Not Allowed",
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )
        path, _, query_text = raw_target(environ).partition("?")
        pairs = parse_qsl(query_text, keep_blank_values=True)
        amz = {name.removeprefix("X-Amz-"): value for name, value in pairs if name.startswith("X-Amz-")}
        if not amz.keys() & set(_REQUIRED):
            raise Refused("403 Forbidden", "AccessDenied", "Access Denied")
        if "HTTP_AUTHORIZATION" in environ:
            # The usual way to get here: the API's Authorization header sent on to the signed URL.
            raise Refused(
                "400 Bad Request",
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                "parameter or the Authorization header should be specified",
            )
        if any(name not in amz for name in _REQUIRED) or amz["Algorithm"] != ALGORITHM:
            names = ", ".join(f"X-Amz-{name}" for name in _REQUIRED)
            raise _bad_query(f"Query-string authentication version 4 requires the {names} parameters.")
        self._check_scope(amz)
        self._check_time(amz)
        headers = _signed_headers(environ, amz["SignedHeaders"])
        request = SignedRequest(
            method=environ["REQUEST_METHOD"],
            # Equal spellings of one path have one signature: decode, then encode as S3 does.
            path=quote(unquote_to_bytes(path), safe="/-_.~"),
            query=tuple(pair for pair in pairs if pair[0] != "X-Amz-Signature"),
            headers=headers,
            timestamp=amz["Date"],
            region=self._region,
        )
        expected, to_sign, canonical = request.sign(self._keys)
        if not hmac.compare_digest(expected.encode(), amz["Signature"].encode()):
            raise Refused(
                "403 Forbidden",
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                {
                    "AWSAccessKeyId": self._keys.key_id,
                    "StringToSign": to_sign,
                    "SignatureProvided": amz["Signature"],
                    "CanonicalRequest": canonical,
                },
            )

    def _check_scope(self, amz: Mapping[str, str]) -> None:
        scope = amz["Credential"].split("/")
        if len(scope) != 5 or scope[3:] != ["s3", "aws4_request"] or scope[1] != amz["Date"][:8]:
            raise _bad_query("Error parsing the X-Amz-Credential parameter; the Credential is mal-formed.")
        if scope[2] != self._region:
            raise _bad_query(
                f"Error parsing the X-Amz-Credential parameter; the region '{scope[2]}' is wrong; "
                f"expecting '{self._region}'"
            )
        if scope[0] != self._keys.key_id:
            raise Refused(
                "403 Forbidden",
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
                {"AWSAccessKeyId": scope[0]},
            )

    def _check_time(self, amz: Mapping[str, str]) -> None:
        try:
            signed_at = datetime.strptime(amz["Date"], _TIMESTAMP).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise _bad_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"") from None
        if not re.fullmatch("[0-9]{1,9}", amz["Expires"]):
            raise _bad_query("X-Amz-Expires should be a number")
        seconds = int(amz["Expires"])
        if seconds > _LONGEST_SECONDS:
            raise _bad_query(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                "than 604800 seconds"
            )
        now = self._clock()
        if now > signed_at + seconds:
            raise Refused(
                "403 Forbidden",
                "AccessDenied",
                "Request has expired",
                {
                    "X-Amz-Expires": amz["Expires"],
                    "Expires": _iso(signed_at + seconds),
                    "ServerTime": _iso(now),
                },
            )
        if now < signed_at - _CLOCK_SKEW_SECONDS:
            raise Refused("403 Forbidden", "AccessDenied", "Request is not valid yet")


def raw_target(environ: Environ) -> str:
    """Path and query as they were sent; PATH_INFO is decoded and cannot tell `/` from `%2F`."""
    target = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "/")
    return target if target.startswith("/") else "/"


def presign(url: str, keys: Keys, *, region: str, seconds: int, signed_at: float) -> str:
    """A presigned URL of any date, for URLs that are expired from the start; others are boto3's."""
    parts = urlsplit(url)
    timestamp = datetime.fromtimestamp(signed_at, UTC).strftime(_TIMESTAMP)
    query = (
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{keys.key_id}/{timestamp[:8]}/{region}/s3/aws4_request"),
        ("X-Amz-Date", timestamp),
        ("X-Amz-Expires", str(seconds)),
        ("X-Amz-SignedHeaders", "host"),
    )
    signature, _, _ = SignedRequest("GET", parts.path, query, {"host": parts.netloc}, timestamp, region).sign(keys)
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
    return f"{url}?{text}&X-Amz-Signature={signature}"


def _signed_headers(environ: Environ, names: str) -> dict[str, str]:
    found = {}
    for name in names.split(";"):
        key = name.upper().replace("-", "_")
        found[name] = str(environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", ""))
    if not found.get("host"):
        raise _bad_query("X-Amz-SignedHeaders must contain the host header.")
    return found


def _bad_query(message: str) -> Refused:
    return Refused("400 Bad Request", "AuthorizationQueryParametersError", message)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
