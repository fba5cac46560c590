"""A report as a browser reads it, and a folder of hostile names to make one of."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from audiodup.texts import printable
from tests.audio import Audio, ffmpeg

IMAGE, CDATA, TURNED, QUOTED = (
    "<img src=x onerror=alert(1)>.wav",
    "]]>\"'&amp;{{7*7}}<script>alert(2)<!--.mp3",
    "\u202e3pm.gpj\n.wav",
    "' onload='alert(3)' x='.flac",
)
TINY = ("tiny </style><b>.wav", "tiny too.wav")
CLIP_BEGINS = 6.0


def fill(folder: Path, audio: Audio) -> None:
    """An original, its mp3 and FLAC, a clip of it, and two equal sounds that are too short for a fingerprint."""
    piece = audio.wav(30, channels=1, rate=22050)
    (folder / IMAGE).write_bytes(piece.read_bytes())
    (folder / CDATA).write_bytes(audio.make("mp3", "-b:a", "64k", seconds=30, channels=1, rate=22050).read_bytes())
    (folder / QUOTED).write_bytes(audio.make("flac", seconds=30, channels=1, rate=22050).read_bytes())
    ffmpeg("-ss", str(CLIP_BEGINS), "-t", "15", "-i", str(piece), str(folder / "clip.wav"))
    (folder / "clip.wav").rename(folder / TURNED)
    for name in TINY:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(audio.wav(0.2, channels=1, rate=22050).read_bytes())


class Page(HTMLParser):
    """What a browser would make of the file."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.style = ""
        self.words: list[str] = []
        self.names: list[str] = []
        self._inside: list[str] = []
        self._is_name = False
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)
        if dict(attrs).get("class") == "file":
            self.names.append("")
            self._is_name = True

    def handle_endtag(self, tag: str) -> None:
        self._inside.append("/" + tag)
        self._is_name = False

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] == "style":
            self.style += data
        else:
            self.words.append(data)
        if self._is_name:
            self.names[-1] += data

    @property
    def text(self) -> str:
        """All that is read, on one line."""
        return " ".join("".join(self.words).split())

    def values(self, name: str) -> list[str]:
        """Of an attribute."""
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]

    def pairs(self) -> dict[frozenset[str], Page]:
        """Each pair by the names of its files."""
        parts = [Page("<article" + part.split("</article>")[0]) for part in self.source.split("<article")[1:]]
        found = {frozenset(part.names): part for part in parts}
        assert len(found) == len(parts)
        return found


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def names(record: dict[str, Any]) -> frozenset[str]:
    return frozenset((printable(record["a"]), printable(record["b"])))
