"""Where a backfill's ids come from: a list, or the store, which gives them by id, a page at a time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

from asset_ids import AssetIds

# One statement's worth; a query is run again for each of its pages.
PAGE = 10_000
QUERY_PAGE = 100_000


class Source(Protocol):
    """Ids, each once, in an order that is the same each time."""

    name: str
    """As a person knows it."""
    identity: str
    """Of two sources with the same one, one may go on where the other has stopped."""

    def behind(self, last: str) -> tuple[int, Iterator[str]]:
        """How many there are behind the id `last` ("": all), and these."""


class ListedIds:
    """Of a file, or typed in."""

    def __init__(self, name: str, listed: AssetIds) -> None:
        self.name = name
        self.identity = listed.digest()
        self._ids = listed.ids

    def behind(self, last: str) -> tuple[int, Iterator[str]]:
        done = next((place for place, one in enumerate(self._ids, 1) if one == last), 0) if last else 0
        return len(self._ids) - done, islice(self._ids, done, None)


class StoredIds:
    """Of the store.

    Args:
        name: what was asked for, whole: it is the identity too.
        page: gives the ids behind one, at most so many, and how many there are in all.
    """

    def __init__(self, name: str, page: Callable[[str, int], tuple[list[str], int]], size: int) -> None:
        self.name = name
        self.identity = hashlib.sha256(name.encode()).hexdigest()
        self._page = page
        self._size = size

    def behind(self, last: str) -> tuple[int, Iterator[str]]:
        page, count = self._page(last, self._size)
        return count, self._all(page)

    def _all(self, page: list[str]) -> Iterator[str]:
        while page:
            yield from page
            page = self._page(page[-1], self._size)[0] if len(page) == self._size else []


# Strings (a quote in one is doubled or behind a backslash), names, $$ texts, comments: what stands in them is no SQL.
_OPAQUE = re.compile(
    r"'(?:[^'\\]|\\.|'')*'" r'|"(?:[^"]|"")*"' r"|\$\$.*?\$\$" r"|--[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL
)
_VERBS = "INSERT|UPDATE|DELETE|MERGE|COPY|CALL|EXECUTE|CREATE|DROP|ALTER|TRUNCATE|GRANT|REVOKE|PUT|REMOVE|USE|SET"
_VERB = re.compile(rf"(?:^|\()\s*({_VERBS})\b", re.IGNORECASE)


def read_only(query: str) -> str:
    """The query, if it is one SELECT or WITH that changes nothing, without its last semicolon.

    That is seen by its words; the store undoes what it should change all the same, and the role's grants hold in any
    case.

    Raises:
        ValueError: it is not, in words.
    """
    query = query.strip().rstrip("; \n\t")
    code = _OPAQUE.sub(lambda match: " " if match[0][:2] in {"--", "//", "/*"} else "''", query).strip()
    if not re.match(r"(SELECT|WITH)\b", code, re.IGNORECASE):
        raise ValueError("it does not begin with SELECT or WITH")
    if ";" in code:
        raise ValueError("it is more than one statement")
    if re.search(r"['\"]|/\*|\$\$", code.replace("''", "")):
        raise ValueError("a quote or a comment in it does not end")
    depth = 0
    for character in code:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
    if depth:
        raise ValueError("its brackets do not match")
    if verb := _VERB.search(code):
        raise ValueError(f"{verb[1].upper()} in it is no reading")
    if re.search(r"\bSYSTEM\$", code, re.IGNORECASE):
        raise ValueError("functions of SYSTEM$ may do more than read")
    return query
