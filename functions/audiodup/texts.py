"""How values are written for people: on the terminal, on the review page, in CSV files."""

from __future__ import annotations

UNITS = ("B", "kB", "MB", "GB", "TB")
FORMULA_MARKS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"""With these a spreadsheet takes a text for a formula, in full width too, or looks behind the white space."""


def clock_time(seconds: float | None) -> str:
    """`4:05`; nothing where the length is unknown."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def bytes_text(size: int | None) -> str:
    """`3.7 MB`."""
    if size is None:
        return ""
    amount = float(size)
    for unit in UNITS:
        if amount < 1000 or unit == UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def printable(text: str) -> str:
    """Control characters of a hostile name move no cursor and turn no text around."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def csv_cell(value: object) -> object:
    """A number as it is, a negative one too; a text so that no spreadsheet takes it for a formula."""
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_MARKS):
        return "'" + value
    return value
