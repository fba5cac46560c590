"""What a download API or a file's host may say instead of an answer."""

from __future__ import annotations

import gzip

from tests.loopback import Exchange, drips, floods
from tests.zoo.specimen import Group, Serve, Specimen, Visit, names, replies

OK = b"HTTP/1.1 200 OK\r\n"


def answers(status: int, body: bytes = b"", **headers: str) -> Serve:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda visit, exchange: exchange.answer(status, body, fields)


def body(data: bytes) -> Serve:
    return lambda visit, exchange: exchange.answer(200, data)


def with_headers(**headers: str) -> Serve:
    """The good file with these headers too."""

    def serve(visit: Visit, exchange: Exchange) -> None:
        exchange.answer(
            200, visit.file.read_bytes(), {name.replace("_", "-"): value for name, value in headers.items()}
        )

    return serve


def whole_file(header: bytes) -> Serve:
    """The good file under this header alone, and then the end."""

    def serve(visit: Visit, exchange: Exchange) -> None:
        exchange.send(OK + header + b"\r\n\r\n" + visit.file.read_bytes())
        exchange.end()

    return serve


API: dict[str, tuple[str, Serve]] = {
    "no JSON": ("REFUSED", body(b"<html>")),
    "100,000 nested lists": ("REFUSED", body(b"[" * 100_000)),
    "2 MB of JSON": ("REFUSED", body(b'{"data": {"url": "' + b"x" * 2_000_000 + b'"}}')),
    "a number for a URL": ("REFUSED", body(b'{"data": {"url": 1e999}}')),
    "a list for a URL": ("REFUSED", body(b'{"data": {"url": ["http://files.zoo/file"]}}')),
    "no URL": ("REFUSED", body(b'{"data": {}}')),
    "a path for a URL": ("REFUSED", body(b'{"data": {"url": "/etc/passwd"}}')),
    "a URL with line ends": ("FORBIDDEN_HOST", body(b'{"data": {"url": "http://files.zoo/file\\r\\nX: y"}}')),
    "a URL of half a surrogate": ("SUCCESS", names("http://files.zoo:{port}/file?\ud800")),
    "NaN": ("REFUSED", body(b'{"data": {"url": NaN}}')),
    "invalid UTF-8": ("REFUSED", body(b'{"data": {"url": "\xff\xfe"}}')),
    "gzip": ("REFUSED", answers(200, gzip.compress(bytes(50_000_000), mtime=0), Content_Encoding="gzip")),
    "401": ("API_UNAVAILABLE", answers(401)),
    "404": ("NOT_FOUND", answers(404)),
    "418": ("REFUSED", answers(418)),
    "503 and come back in a year": ("API_UNAVAILABLE", answers(503, Retry_After="31536000")),
    "503 and come back after 31 and a control character": (
        "API_UNAVAILABLE",
        answers(503, Retry_After="31 \x1f"),
    ),
    "status 999": ("API_UNAVAILABLE", answers(999)),
    "a status that is no number": ("API_UNAVAILABLE", replies(b"HTTP/1.1 OK yes\r\n\r\n")),
    "nothing": ("API_UNAVAILABLE", replies(b"")),
    "HTTP/0.9": ("API_UNAVAILABLE", replies(b'{"data": {"url": "http://files.zoo/file"}}')),
    "1,000 times 100 Continue": ("API_UNAVAILABLE", replies(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)),
    "100,000 headers": ("API_UNAVAILABLE", replies(OK + b"X: y\r\n" * 100_000 + b"\r\n")),
    "a header of 10 MB": ("API_UNAVAILABLE", replies(OK + b"X: " + b"y" * 10_000_000 + b"\r\n\r\n")),
}
HOST: dict[str, tuple[str, Serve]] = {
    "8 GB announced": ("TOO_LARGE", replies(OK + b"Content-Length: 8589934592\r\n\r\n" + bytes(1000))),
    "10^30 bytes announced": ("TOO_LARGE", replies(OK + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n")),
    "a negative length": ("SUCCESS", whole_file(b"Content-Length: -1")),
    "two lengths": (
        "DOWNLOAD_FAILED",
        replies(OK + b"Content-Length: 5\r\nContent-Length: 1000\r\n\r\n" + bytes(1000)),
    ),
    "less than announced": ("DOWNLOAD_FAILED", replies(OK + b"Content-Length: 1000\r\n\r\n" + bytes(10))),
    "a chunk of a negative size": (
        "DOWNLOAD_FAILED",
        replies(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n0\r\n\r\n"),
    ),
    "a chunk size of 10 MB of digits": (
        "DOWNLOAD_FAILED",
        replies(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 10_000_000),
    ),
    "gzip": ("REFUSED", answers(200, gzip.compress(bytes(50_000_000), mtime=0), Content_Encoding="gzip")),
    "206, a part": ("REFUSED", answers(206, b"RIFF", Content_Range="bytes 0-3/1000")),
    "204, nothing": ("REFUSED", answers(204)),
    "304": ("REFUSED", answers(304)),
    "403, twice": ("DOWNLOAD_FAILED", answers(403)),
    "an ETag of SQL": ("SUCCESS", with_headers(ETag='"\'); DROP TABLE AUDIO_FILE; --"')),
    "an ETag of 50 kB": ("SUCCESS", with_headers(ETag='"' + "x" * 50_000 + '"')),
    "cookies, HSTS and a refresh": (
        "SUCCESS",
        with_headers(Set_Cookie="a=b", Strict_Transport_Security="max-age=9", Refresh="0; url=http://169.254.169.254/"),
    ),
}

GROUP = Group(
    "Answers",
    "Codes that are tried again (API_UNAVAILABLE, DOWNLOAD_FAILED) are stored only when all attempts are used up.",
    (
        *(Specimen(f"API: {name}", code, api=serve) for name, (code, serve) in API.items()),
        *(Specimen(f"file: {name}", code, host=serve) for name, (code, serve) in HOST.items()),
        Specimen(
            "API: a byte now and then",
            "API_UNAVAILABLE",
            api=lambda visit, exchange: drips(b"X: y\r\n", after=OK)(exchange),
            seconds=2,
        ),
        Specimen(
            "file: a byte now and then",
            "DOWNLOAD_FAILED",
            host=lambda visit, exchange: drips(b"\0", after=OK + b"\r\n")(exchange),
            seconds=2,
        ),
        Specimen("file: without end", "TOO_LARGE", host=lambda visit, exchange: floods(exchange), largest=50_000_000),
    ),
)
