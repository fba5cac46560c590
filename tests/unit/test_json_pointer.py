"""JSON pointers, RFC 6901."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiodup.json_pointer import parse_pointer, resolve_pointer

# RFC 6901, section 5.
DOCUMENT = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_standards_own_examples(pointer: str, value: Any) -> None:
    """The table of RFC 6901, section 5."""
    assert resolve_pointer(DOCUMENT, parse_pointer(pointer)) == value


@pytest.mark.parametrize(
    "pointer", ["/foo/2", "/foo/-", "/foo/00", "/foo/-1", "/foo/٠", "/foo/bar", "/nothing", "/a~1b/x", "/foo/0/0"]
)
def test_what_is_not_there_is_a_lookup_error(pointer: str) -> None:
    """Also indices that Python would take: negative ones, leading zeros, other scripts' digits, letters of a text."""
    with pytest.raises(LookupError):
        resolve_pointer(DOCUMENT, parse_pointer(pointer))


@pytest.mark.parametrize("pointer", ["foo", "$.data.url", "/a~", "/a~2", "#/foo"])
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    """A slip in PROVIDERS is told at the start."""
    with pytest.raises(ValueError, match="no JSON pointer"):
        parse_pointer(pointer)


@given(st.lists(st.text(), max_size=6))
def test_every_key_can_be_pointed_at(keys: list[str]) -> None:
    """Escaped as the standard says, any text leads back to its own key."""
    document: Any = "found"
    for key in reversed(keys):
        document = {key: document, key + "~": "not this", key + "/": "nor this"}
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)

    assert resolve_pointer(document, parse_pointer(pointer)) == "found"
