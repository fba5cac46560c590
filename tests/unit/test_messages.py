"""The message and its envelope: typed, versioned, and nothing hostile gets past."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiodup.errors import Malformed
from audiodup.messages import FingerprintRequest, decode_asset, decode_push, decode_request, format_time, parse_time
from audiodup.model import Asset

NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
GOOD = {
    "version": 1,
    "asset_id": "a1",
    "file_key": "master.wav",
    "format": "wav",
    "provider": "artlist",
    "requested_at": "2026-03-29T01:30:00.123456Z",
}
storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    asset_id=storable.filter(lambda text: 0 < len(text) <= 50),
    file_key=storable.filter(lambda text: 0 < len(text) <= 500),
    file_format=st.none() | storable,
    provider=st.none() | storable,
    moment=st.datetimes(timezones=st.just(UTC)),
)
def test_a_request_comes_back_as_it_was(
    asset_id: str, file_key: str, file_format: str | None, provider: str | None, moment: datetime
) -> None:
    """Whatever the ids, names and times are."""
    request = FingerprintRequest(Asset(asset_id, file_key, file_format, provider), moment)
    assert decode_request(request.encode()) == request


def test_the_message_is_as_the_design_has_it() -> None:
    """Six fields, by these names."""
    request = FingerprintRequest(Asset("a1", "master.wav", "wav", "artlist"), NOW)
    assert json.loads(request.encode()) == GOOD


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version is 2"),
        ({"version": "1"}, "version is '1'"),
        ({"version": True}, "version is True"),
        ({"version": None}, "version is missing"),
        ({"asset_id": None}, "asset_id is missing"),
        ({"asset_id": ""}, "asset_id is ''"),
        ({"asset_id": 7}, "asset_id is 7"),
        ({"asset_id": "x" * 51}, "51 characters"),
        ({"file_key": "x" * 501}, "501 characters"),
        ({"file_key": "a\0b"}, "no UTF-8"),
        ({"file_key": "\ud800"}, "no UTF-8"),
        ({"format": 3}, "format is 3"),
        ({"provider": ["a"]}, "provider is"),
        ({"requested_at": "yesterday"}, "requested_at is 'yesterday'"),
        ({"requested_at": "2026-03-29T01:30:00"}, "no ISO 8601 time with a zone"),
        ({"requested_at": 12}, "requested_at is 12"),
    ],
)
def test_a_malformed_request_says_what_is_wrong(change: dict[str, object], words: str) -> None:
    """The reason stands in the dead letter: a person must be able to act on it."""
    with pytest.raises(Malformed, match=words.replace("(", r"\(")):
        decode_request(json.dumps({**GOOD, **change}).encode())


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"null", b'"text"', b"{", b"[" * 100_000, b"NaN"])
def test_what_is_no_json_object_is_malformed(data: bytes) -> None:
    """Deep nesting included: the parser's recursion limit is no crash."""
    with pytest.raises(Malformed):
        decode_request(data)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_parsers(data: bytes) -> None:
    """They are read or refused by name."""
    for parse in (decode_request, decode_push):
        with suppress(Malformed):
            parse(data)
    decode_asset(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, json_values)))
def test_no_values_crash_the_request_parser(fields: dict[str, object]) -> None:
    """Any JSON value in any field."""
    with suppress(Malformed):
        decode_request(json.dumps(fields).encode())


@given(st.fixed_dictionaries(dict.fromkeys(("data", "attributes", "messageId"), json_values)))
def test_no_values_crash_the_envelope_parser(message: dict[str, object]) -> None:
    """Any JSON value in any field."""
    with suppress(Malformed):
        decode_push(json.dumps({"message": message}).encode())


def test_the_envelope_gives_data_id_and_attributes() -> None:
    """As Pub/Sub sends it."""
    body = {
        "message": {"data": base64.b64encode(b"{}").decode(), "messageId": "17", "attributes": {"reason": "x"}},
        "subscription": "projects/p/subscriptions/s",
    }
    message = decode_push(json.dumps(body).encode())
    assert (message.message_id, message.data, message.attributes) == ("17", b"{}", {"reason": "x"})


def test_an_envelope_with_attributes_alone_is_read() -> None:
    """functions-framework's own decoder answers 400 to it, and Pub/Sub would send it for ever."""
    message = decode_push(json.dumps({"message": {"attributes": {"a": "b"}, "messageId": "1"}}).encode())
    assert (message.data, message.attributes) == (b"", {"a": "b"})


def test_a_malformed_message_may_still_name_its_asset() -> None:
    """Then its row can say what happened."""
    assert decode_asset(json.dumps({**GOOD, "version": 99}).encode()) == Asset("a1", "master.wav", "wav", "artlist")
    assert decode_asset(b"{}") is None


def test_times_are_compared_in_utc() -> None:
    """Another zone's spelling is the same moment."""
    there = NOW.astimezone(timezone(timedelta(hours=-7)))
    assert format_time(there) == GOOD["requested_at"]
    assert parse_time(there.isoformat()) == NOW
