"""What an answer of a download API or of a file's host means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from audiodup.errors import NotFound, Refused
from audiodup.network import Answer

QUICK_WAIT = 0.3
"""Seconds before another try in process: for the odd reset or 503. What lasts longer is Pub/Sub's to back off from."""
LONGEST_WAIT = 5.0
"""A Retry-After of more seconds is left to Pub/Sub: here it would hold a thread that others need."""
ANSWER_BYTES = 1_000_000
"""More than a signed URL and its wrapping ever need."""
CHUNK_BYTES = 256 * 1024
ETAG_LENGTH = 200

PRINTABLE = re.compile(r"[\x20-\x7e]+")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Later:
    """A try that came to nothing, but another may."""

    words: str
    wait: float | None
    """Seconds until then; None leaves it to Pub/Sub."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes of a file an answer holds."""

    start: int
    end: int
    """The one behind the last."""
    size: int
    """Of the whole file."""


def judged(answer: Answer) -> Later:
    """What an unsuccessful answer means.

    Raises:
        NotFound, Refused: it is final.
    """
    words = f"{answer.host} answered {answer.status}"
    if answer.status in (404, 410):
        raise NotFound(words)
    if answer.status in (401, 403):
        # Most often a rotated secret: were it final, the whole library would fail, one room after the other.
        return Later(f"{words}: check the provider's secret", None)
    if answer.status not in (408, 429) and answer.status < 500:
        raise Refused(words)
    asked_for = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
    if asked_for is None:
        # "Too many requests" without a time: asking again at once makes it worse.
        return Later(words, None if answer.status == 429 else QUICK_WAIT)
    return Later(words, max(asked_for, QUICK_WAIT) if asked_for <= LONGEST_WAIT else None)


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


def whole(answer: Answer) -> bytes:
    """The body of a download API's answer.

    Raises:
        Refused: it is larger than any such answer, or compressed.
        TransportError: it does not come to its end.
    """
    refuse_encoded(answer)
    body = bytearray()
    for chunk in answer.chunks(CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise Refused(f"{answer.host} answered with more than {ANSWER_BYTES} bytes")
    return bytes(body)


def refuse_encoded(answer: Answer) -> None:
    """Nothing is decompressed, so that no few bytes become many: `identity` was asked for.

    (S3 repeats `aws-chunked` where an upload was stored with it; the body is plain.)

    Raises:
        Refused: it is compressed.
    """
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "aws-chunked"):
        raise Refused(f"{answer.host} answered with a compressed body, which was not asked for")


def etag(answer: Answer) -> str | None:
    """The strong one, without its quotes; None where there is none that a row could hold."""
    value = answer.headers.get("ETag", "").strip()
    if value.startswith("W/"):
        # A weak one says that the meaning is the same, not the bytes.
        return None
    value = value.strip('"')
    return value if len(value) <= ETAG_LENGTH and PRINTABLE.fullmatch(value) else None


def part(answer: Answer) -> Part | None:
    """Of a 206 with one range; None where it does not say, or says what cannot be."""
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if answer.status != 206 or match is None:
        return None
    first, last, size = map(int, match.groups())
    return Part(first, last + 1, size) if first <= last < size else None
