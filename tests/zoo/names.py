"""Ids, keys and messages: in the store they are what they were, and nowhere are they code."""

from __future__ import annotations

import base64
import json

from audiodup.model import ASSET_ID_LENGTH, FILE_KEY_LENGTH, Asset
from tests.zoo.specimen import PROVIDER, Group, Specimen

GOOD = {
    "version": 1,
    "asset_id": "zoo",
    "file_key": "input",
    "format": "wav",
    "provider": PROVIDER,
    "requested_at": "2026-01-01T00:00:00.000000Z",
}

KEYS = {
    "SQL as file key": "'); DROP TABLE AUDIO_FINGERPRINT; --",
    "SQL with a backslash as file key": "\\'; DELETE FROM AUDIO_FINGERPRINT WHERE ''='",
    "placeholders as file key": "%s %(rows)s {asset_id} :1 ? ${HOME}",
    "shell as file key": "$(touch pwned);`id`|cat /etc/passwd&",
    "an option as file key": "-version",
    "a way out as file key": "../../../../etc/passwd",
    "an absolute path as file key": "/etc/passwd",
    "a URL as file key": "http://169.254.169.254/latest",
    "a query and a fragment as file key": "a?key=other&asset=b#c",
    "a second request as file key": "x HTTP/1.1\r\nHost: evil.example\r\n\r\nGET /private",
    "line ends and escapes as file key": "a\nb\r\x1b[2J\x07.wav",
    "right-to-left override as file key": "song\u202egpj.wav",
    "emoji and combining marks as file key": "\U0001f3b5 e\u0301\u0301\u0301.wav",
    "500 letters of four bytes as file key": "\U0001f3b5" * FILE_KEY_LENGTH,
}


def message(name: str, data: bytes, code: str = "MALFORMED") -> Specimen:
    return Specimen(name, code, message=data)


def changed(name: str, **fields: object) -> Specimen:
    return message(name, json.dumps({**GOOD, **fields}).encode())


GROUP = Group(
    "Names and messages",
    "The file itself is intact. What is MALFORMED goes to the dead letters.",
    (
        *(Specimen(name, "SUCCESS", asset=Asset("zoo", key, provider=PROVIDER)) for name, key in KEYS.items()),
        Specimen(
            "SQL as asset id", "SUCCESS", asset=Asset("1'; DROP TABLE AUDIO_FILE; --", "input", provider=PROVIDER)
        ),
        Specimen("two dots as file key", "SUCCESS", asset=Asset("zoo", "..", provider=PROVIDER)),
        Specimen("SQL as format", "INVALID_VALUE", asset=Asset("zoo", "input", "'; DROP TABLE x", PROVIDER)),
        Specimen("SQL as provider", "UNKNOWN_PROVIDER", asset=Asset("zoo", "input", provider="'; DROP TABLE x; --")),
        Specimen("a way out of the folder", "NOT_FOUND", asset=Asset("zoo", "../canary.wav"), folder=True),
        Specimen("an absolute path in a folder", "NOT_FOUND", asset=Asset("zoo", "/etc/hostname"), folder=True),
        changed("NUL in a file key", file_key="input\0.wav"),
        changed("half a surrogate as file key", file_key="\ud800"),
        changed("a file key of 501 characters", file_key="x" * (FILE_KEY_LENGTH + 1)),
        changed("an asset id of 51 characters", asset_id="x" * (ASSET_ID_LENGTH + 1)),
        changed("a list as asset id", asset_id=["zoo"]),
        changed("a version of its own", version=10**400),
        changed("a time in the year 99999", requested_at="99999-01-01T00:00:00Z"),
        changed("a time at the edge of the calendar", requested_at="0001-01-01T00:00:00+14:00"),
        message("message of 100,000 nested lists", b"[" * 100_000),
        message("message of a number of 5,000 digits", b'{"version": ' + b"9" * 5000 + b"}"),
        message("message of 10 MB", b'{"version": 1, "x": "' + b"x" * 10_000_000 + b'"}'),
        message("message of a fingerprint instead of JSON", base64.b64encode(bytes(1000))),
        message("message of a pickle", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R."),
    ),
)
