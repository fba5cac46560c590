"""JSON pointers (RFC 6901): where in a download API's answer the signed URL stands."""

from __future__ import annotations

import re
from typing import Any

_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*", re.DOTALL)
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """The pointer's reference tokens, unescaped.

    Raises:
        ValueError: it is no JSON pointer.
    """
    if not _POINTER.fullmatch(pointer):
        raise ValueError(f"{pointer!r} is no JSON pointer such as /data/url")
    # `~1` first: `~01` is an escaped `~` followed by `1`, not a slash (RFC 6901, section 4).
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def resolve_pointer(document: Any, tokens: tuple[str, ...]) -> Any:
    """What the tokens lead to.

    Raises:
        LookupError: they lead nowhere.
    """
    for token in tokens:
        if isinstance(document, dict):
            document = document[token]
        elif isinstance(document, list) and _INDEX.fullmatch(token):
            document = document[int(token)]
        else:
            raise LookupError(token)
    return document
