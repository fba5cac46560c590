"""The duplicates' command line as a user starts it, and a folder of copies, a clip, a stranger and silence."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import numpy as np

from tests.audio import Audio, ffmpeg, write_wav
from tests.processor import Processor, Run

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "find_duplicates.py"
CLIP_BEGINS = 8.0
WAV, FLAC, MP3, CLIP = "=1+1.wav", "-rf.flac", "\x1b[31m[red]x.mp3", "@sounds/clip.wav"
STRANGER, SILENCE = "ünïcode 音楽.wav", "silence.wav"
LIBRARY = {WAV, FLAC, MP3, CLIP, STRANGER, SILENCE}
KEYS = [
    *("a", "b", "a_asset_id", "b_asset_id", "similarity", "kappa", "expected_false", "verdict", "kind", "action"),
    *("offset_seconds", "overlap_seconds", "tempo", "evidence"),
]
SUMMARY_KEYS = [
    *("files", "new", "refused", "tracks", "candidates", "compared", "pairs", "by_verdict", "by_kind", "groups"),
    *("fingerprinting", "seconds"),
]


class Finder(Processor):
    """Starts the script in a directory of its own."""

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, str(SCRIPT), *map(str, arguments)]

    def say(self, one: str, other: str, word: str) -> None:
        """A person's word on two files, as a person's tool would write it."""
        with duckdb.connect(str(self.home / ".audiodup" / "BI_PROD.db")) as connection:
            connection.execute("USE AI_DATA")
            rows = connection.execute(
                "SELECT ASSET_ID, FILE_KEY FROM AUDIO_FINGERPRINT WHERE FILE_KEY IN (?, ?) ORDER BY 1, 2", (one, other)
            ).fetchall()
            (a_asset, a_file), (b_asset, b_file) = rows
            connection.execute(
                "INSERT INTO AUDIO_DUPLICATE_REVIEW VALUES (uuid()::VARCHAR, ?, ?, ?, ?, ?, 'me', now()::TIMESTAMP)",
                (a_asset, a_file, b_asset, b_file, word),
            )


def pairs(run: Run) -> dict[frozenset[str], tuple[str, str | None, str]]:
    """Verdict, kind and action of each pair of file keys."""
    found = {
        frozenset((record["a"], record["b"])): (record["verdict"], record["kind"], record["action"])
        for record in run.records
    }
    assert len(found) == len(run.records)
    return found


def fill(folder: Path, audio: Audio) -> None:
    """Put LIBRARY there: three encodings of one piece, a clip of it, another piece, silence."""
    (folder / CLIP).parent.mkdir()
    piece = audio.wav(30, channels=1, rate=22050)
    (folder / WAV).write_bytes(piece.read_bytes())
    (folder / FLAC).write_bytes(audio.make("flac", seconds=30, channels=1, rate=22050).read_bytes())
    (folder / MP3).write_bytes(audio.make("mp3", "-b:a", "64k", seconds=30, channels=1, rate=22050).read_bytes())
    ffmpeg("-ss", str(CLIP_BEGINS), "-t", "15", "-i", str(piece), str(folder / CLIP))
    (folder / STRANGER).write_bytes(audio.wav(30, channels=1, rate=22050, seed=2).read_bytes())
    write_wav(folder / SILENCE, np.zeros((30 * 22050, 1)), 22050)
