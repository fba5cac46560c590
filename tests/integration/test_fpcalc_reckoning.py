"""Our own reckoning against fpcalc's: the text of a fingerprint, and how many items a length gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.audio import Audio
from tests.fpcalc import fingerprint, items_of

from audiodup.chromaprint import expected_items
from audiodup.compressed import decode, encode


@pytest.mark.skipif(shutil.which("fpcalc") is None, reason="no fpcalc")
def test_the_codec_reads_and_writes_what_fpcalc_does(audio: Audio) -> None:
    """Against `fpcalc -raw`, on AUDIODUP_TEST_MUSIC's files where it is set, else on made ones."""
    folder = os.environ.get("AUDIODUP_TEST_MUSIC")
    if folder:
        endings = {".ogg", ".opus", ".wav", ".flac", ".mp3", ".m4a"}
        files = sorted(path for path in Path(folder).rglob("*") if path.suffix in endings and path.is_file())
        files = [path for path in files if path.stat().st_size > 200_000][:: max(1, len(files) // 10)]
    else:
        files = [audio.wav(20, seed=seed) for seed in range(5)]
    compared = 0
    for path in files:
        raw, text = (
            subprocess.run(["fpcalc", "-json", *options, str(path)], capture_output=True, check=False).stdout
            for options in (["-raw"], [])
        )
        if raw:
            algorithm, items = decode(json.loads(text)["fingerprint"])
            assert items.tolist() == json.loads(raw)["fingerprint"]
            assert encode(items, algorithm) == json.loads(text)["fingerprint"]
            compared += 1
    assert compared >= min(len(files), 3)


@pytest.mark.parametrize("seconds", [2.8, 3.0, 3.2, 5.01, 9.37, 30.7])
@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_the_expected_number_of_items_is_fpcalcs(audio: Audio, seconds: float, rate: int) -> None:
    """Within one item over rates that are resampled up, down and not at all: the tolerance of 2 has room."""
    found = fingerprint(audio.wav(seconds, channels=1, rate=rate))
    assert abs(len(items_of(found)) - expected_items(seconds)) <= 1
