"""README.md and docs/ as the tests read them: code blocks with the remark above them, shell sessions, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# How to deploy: all of it needs accounts of one's own.
CLOUD_DOCUMENTS = sorted([ROOT / "infra/README.md", ROOT / "infra/snowflake/README.md"])
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *CLOUD_DOCUMENTS])


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    language: str
    remark: str
    """Text of the HTML comment on the line above the block, or on the line above an empty one."""
    text: str
    line: int
    """Where its fence stands, counted from 1."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a shell session and what the document shows of its output."""

    text: str
    shown: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    """Every fenced block of a Markdown text."""
    lines = text.splitlines()
    found = []
    place = 0
    while place < len(lines):
        if fence := re.fullmatch(r"( *)(`{3,})([\w-]*).*", lines[place]):
            indent, ticks, language = fence.groups()
            end = next(number for number in range(place + 1, len(lines)) if lines[number].strip() == ticks)
            body = [line.removeprefix(indent) for line in lines[place + 1 : end]]
            found.append(Block(language, _remark(lines[:place]), "\n".join(body), place + 1))
            place = end
        place += 1
    return found


def _remark(above: list[str]) -> str:
    while above and not above[-1].strip():
        above = above[:-1]
    comment = re.fullmatch(r"\s*<!--\s*(.*?)\s*-->\s*", above[-1]) if above else None
    return comment[1] if comment else ""


def commands(session: str) -> list[Command]:
    """The commands of a `console` block: lines after `$ `, with `> ` for those that go on; the rest is output.

    Raises:
        ValueError: it begins with output, which no command has printed.
    """
    found: list[Command] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], ()))
        elif not found:
            raise ValueError(f"a console block begins with `$ `, this one with {line!r}")
        elif line.startswith("> ") and not found[-1].shown:
            found[-1] = Command(f"{found[-1].text}\n{line[2:]}", ())
        else:
            found[-1] = Command(found[-1].text, (*found[-1].shown, line))
    return found


def matches(shown: tuple[str, ...], printed: str) -> bool:
    """Whether a command printed what the document shows.

    A line of `...` stands for any lines, `...` within a line for any text there; runs of blanks count as one, and empty
    lines do not count.
    """
    pattern = ""
    for line in _squeezed(shown):
        if line == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in _squeezed(printed.splitlines()))) is not None


def _squeezed(lines: tuple[str, ...] | list[str]) -> list[str]:
    return [squeezed for line in lines if (squeezed := " ".join(line.split()))]


def prose(text: str) -> str:
    """A Markdown text without its fenced blocks."""
    lines = text.splitlines()
    for block in reversed(blocks(text)):
        del lines[block.line - 1 : block.line + len(block.text.splitlines()) + 1]
    return "\n".join(lines)


def links(text: str) -> list[str]:
    """Targets of links and pictures, code aside."""
    plain = re.sub(r"`[^`\n]*`", "", prose(text))
    return re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", plain) + re.findall(r"(?m)^\[[^\]]+\]: (\S+)", plain)


def anchors(text: str) -> set[str]:
    """What `#...` may lead to: the headings, as GitHub spells them."""
    headings = re.findall(r"(?m)^#{1,6} (.+)$", prose(text))
    plain = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def inline_code(text: str) -> list[str]:
    """What stands between backticks, blocks aside."""
    return re.findall(r"`([^`\n]+)`", prose(text))
