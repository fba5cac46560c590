"""Asset ids as people have them: typed in, or in the first column of whatever a spreadsheet calls CSV."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from audiodup.model import ASSET_ID_LENGTH

NAMES_SHOWN = 10
# A text file that has no line ends is no table; and nobody has to have memory for it.
LONGEST_LINE = 1_000_000
_DELIMITERS = ",;\t|"
# Some spreadsheets begin with it.
_NAMED_DELIMITER = re.compile(rf"sep=([{_DELIMITERS}])")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_ROUNDED = re.compile(r"\d+([.,]\d+)?E\+\d+")


class NoIds(ValueError):
    """It cannot be read as ids, in words."""


@dataclass
class Names:
    """How many there are of a kind, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < NAMES_SHOWN:
            self.first.append(name)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        return ", ".join(self.first) + more


@dataclass
class AssetIds:
    """The ids of one input, each once, in their order. A million of them take some 150 MB."""

    ids: dict[str, None] = field(default_factory=dict)
    malformed: Names = field(default_factory=Names)
    """With what is wrong with them."""
    duplicates: int = 0
    header: str | None = None
    """The first line, where it is no id."""
    maybe_header: str | None = None
    """The first id, where it looks unlike the second: it is a header if AUDIO_ASSET does not list it."""

    def add(self, cell: str, *, place: str, first: bool = False) -> None:
        """Take one id as it was written; `place` is said of it where it is none."""
        asset_id = unwrapped(cell)
        wrong = problem(asset_id)
        if wrong and first:
            self.header = shown(asset_id)
        elif wrong:
            self.malformed.add(f"{place}: {wrong}")
        elif asset_id in self.ids:
            self.duplicates += 1
        else:
            self.ids[asset_id] = None
            if first:
                self.maybe_header = asset_id
            elif len(self.ids) == 2 and self.maybe_header and _shape(self.maybe_header) == _shape(asset_id):
                self.maybe_header = None

    def digest(self) -> str:
        """What two inputs with the same ids in the same order share."""
        found = hashlib.sha256()
        for asset_id in self.ids:
            found.update(asset_id.encode() + b"\n")
        return found.hexdigest()


def typed_ids(text: str) -> AssetIds:
    """`1,2,3`.

    Raises:
        NoIds: there is none in it.
    """
    found = AssetIds()
    for number, part in enumerate(text.split(","), 1):
        if part.strip():
            found.add(part, place=f"id {number}")
    return _some(found)


def read_ids(file: io.BufferedReader) -> AssetIds:
    """The first column of a CSV file, with or without a header.

    Any usual delimiter, line end and quotes; UTF-8, or UTF-16 with its mark. What stands in the other columns matters
    only as far as the quotes must be right, or nobody would know where a row ends.

    Raises:
        NoIds: it is no such file, or holds no id.
    """
    csv.field_size_limit(LONGEST_LINE)
    found = AssetIds()
    skipped, header = 0, True
    reader = csv.reader([])
    try:
        lines = _lines(_text(file))
        delimiter, lines, skipped = _delimiter(lines)
        # Strict, since a quote that does not end would swallow the rows behind it; spaces behind a quote are no matter.
        tidy = re.compile(rf'(?<!")"[ \t]+(?={re.escape(delimiter)}|$)')
        reader = csv.reader(
            (tidy.sub('"', line) for line in lines), delimiter=delimiter, skipinitialspace=True, strict=True
        )
        for row in reader:
            if any(cell.strip() for cell in row):
                found.add(row[0], place=f"line {skipped + reader.line_num}", first=header)
                header = False
    except csv.Error as error:
        words = str(error).replace("\t", "tab")
        raise NoIds(f"line {skipped + reader.line_num}: {words} (are the quotes right?)") from error
    except UnicodeError as error:
        raise NoIds(f"it is no text: {error}") from error
    return _some(found)


def problem(asset_id: str) -> str | None:
    """What is wrong with it as an id; its shape only."""
    if not asset_id:
        return "no id"
    if len(asset_id) > ASSET_ID_LENGTH:
        return f"{shown(asset_id)} has {len(asset_id)} characters ({ASSET_ID_LENGTH} fit)"
    if not asset_id.isprintable():
        # Lone surrogates, bytes that are no UTF-8 and line ends are among them.
        return f"{shown(asset_id)} is no printable UTF-8 text"
    if _ROUNDED.fullmatch(asset_id):
        return f"{asset_id} is a number that a spreadsheet has rounded"
    return None


def unwrapped(cell: str) -> str:
    """An id without what is often around it: spaces, quotes, and the ="1" that keeps a spreadsheet's zeros."""
    text = cell.strip().removeprefix("\ufeff")
    if len(text) > 2 and text.startswith('="'):
        text = text[1:]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return text.strip()


def _shape(asset_id: str) -> str:
    """`art-0017` is like `art-2`, and `asset_id` like neither."""
    return re.sub(r"\d+", "0", asset_id)


def shown(text: str) -> str:
    """For a line of output: ASCII, and not long."""
    return ascii(text if len(text) <= 40 else f"{text[:37]}...")


def _some(found: AssetIds) -> AssetIds:
    if not found.ids:
        wrong = f": {found.malformed}" if found.malformed.count else ""
        raise NoIds(f"there is no id in it{wrong}")
    if len(found.ids) == 1:
        found.maybe_header = None
    return found


def _text(file: io.BufferedReader) -> io.TextIOWrapper:
    head = file.peek(4096)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return io.TextIOWrapper(file, encoding="utf-16", newline=None)
    if b"\0" in head or head.startswith(b"PK\x03\x04"):
        raise NoIds("it is no text file; save a spreadsheet as CSV")
    # Other columns may be in any encoding: their bytes pass, and in an id they are told.
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=None)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise NoIds(f"line {number} has more than {LONGEST_LINE:,} characters")
        yield line


def _delimiter(lines: Iterator[str]) -> tuple[str, Iterator[str], int]:
    """What parts the columns, the lines behind those that say nothing else, and how many these were."""
    for skipped, line in enumerate(lines):
        if named := _NAMED_DELIMITER.fullmatch(line.rstrip()):
            return named[1], lines, skipped + 1
        if line.strip():
            outside = _QUOTED.sub("", line)
            places = [outside.index(mark) for mark in _DELIMITERS if mark in outside]
            return (outside[min(places)] if places else ","), chain([line], lines), skipped
    raise NoIds("it is empty")
