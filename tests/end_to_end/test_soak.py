"""The soak: every file of it is accounted for, and what it cost; and what cannot be run is told in a line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.audio import music, write_wav
from tests.parts import require_emulator

SOAK = Path(__file__).resolve().parents[2] / "scripts" / "soak.py"
RATE = 8000


def soak(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, str(SOAK), str(folder), *options], capture_output=True, text=True, check=False
    )


def test_each_file_goes_through_once_and_is_accounted_for(tmp_path: Path) -> None:
    """Two files, seven times each or eight."""
    require_emulator()
    for seed in (1, 2):
        write_wav(tmp_path / f"{seed}.wav", music(13, 1, RATE, seed), RATE)
    completed = soak(tmp_path, "--files", "15")
    assert completed.returncode == 0, completed.stderr
    figures = json.loads(completed.stdout)
    assert (figures["success"], figures["failed"], figures["short"]) == (15, 0, 0)
    assert (figures["messages"], figures["deliveries"]) == (15, 15)
    sizes = [(tmp_path / f"{seed}.wav").stat().st_size for seed in (1, 2)]
    assert figures["bytes_downloaded"] == 8 * sizes[0] + 7 * sizes[1]
    assert 1 <= figures["statements"]["append_outcomes"] <= 16
    assert figures["statements_per_file"] == round(sum(figures["statements"].values()) / 15, 4)
    assert figures["cpu_seconds"]["fpcalc_and_ffmpeg"] > 0
    assert figures["cpu_seconds"]["fingerprint"] > 0
    assert set(figures["memory_megabytes"]) <= {"fingerprint", "scheduler", "dead_letter"}


def test_a_folder_without_audio_is_said(tmp_path: Path) -> None:
    """Before anything is started."""
    for folder, words in ((tmp_path, "no audio files"), (tmp_path / "none", "no such folder")):
        completed = soak(folder)
        assert completed.returncode == 2
        assert words in completed.stderr
        assert "Traceback" not in completed.stderr
