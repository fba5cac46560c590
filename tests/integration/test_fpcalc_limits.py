"""What fpcalc may use: CPU, memory, output and time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.audio import Audio, ffmpeg
from tests.fpcalc import fake, fingerprint, make_fingerprinter, make_fpcalc, measure, run_fake

from audiodup.errors import Interrupted, ResourceLimit, TimedOut, Unusable


def test_a_decompression_bomb_ends_at_a_limit(tmp_path: Path) -> None:
    """Seven hours of silence in a hundred kilobytes of FLAC, all of it wanted, with one second of CPU."""
    path = tmp_path / "bomb.flac"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "25000", "-frame_size", "65535", str(path))
    assert path.stat().st_size < 200_000
    with pytest.raises(ResourceLimit, match="1 s of CPU"):
        fingerprint(path, fpcalc=make_fpcalc(seconds=0, cpu_seconds=1))


def test_memory_is_limited(audio: Audio) -> None:
    """Too little to load its libraries: fpcalc cannot run at all, and that is nobody's file's fault."""
    with pytest.raises(Unusable, match=r"memory|version"):
        fingerprint(audio.wav(9.37), fpcalc=make_fpcalc(memory_bytes=30_000_000))


@pytest.mark.parametrize(
    "text",
    [
        "echo 'ERROR: Could not open the input file (Cannot allocate memory)' >&2; exit 2",
        "echo 'terminate called after throwing an instance of std::bad_alloc' >&2; kill -ABRT $$",
    ],
)
def test_memory_used_up_is_a_limit_not_damage(tmp_path: Path, audio: Audio, text: str) -> None:
    """As FFmpeg says it, and as libchromaprint dies of it."""
    with pytest.raises(ResourceLimit):
        run_fake(tmp_path, audio, text)


def test_an_endless_answer_is_a_limit(tmp_path: Path, audio: Audio) -> None:
    """What is longer than any fingerprint is not kept."""
    with pytest.raises(ResourceLimit, match="bytes of output"):
        run_fake(tmp_path, audio, "exec cat /dev/zero")


def test_time_outs_and_kills_reach_the_caller(tmp_path: Path, audio: Audio) -> None:
    """The wall-clock limit, the request's deadline, and SIGTERM's kill_all."""
    program = fake(tmp_path, ': > "$0.started"; sleep 1000')
    with pytest.raises(TimedOut):
        fingerprint(audio.wav(9.37), fpcalc=make_fpcalc(program, wall_seconds=1))
    with pytest.raises(TimedOut):
        fingerprint(audio.wav(9.37), fpcalc=make_fpcalc(program), seconds=1)
    started = Path(f"{program}.started")
    started.unlink()
    fingerprinter = make_fingerprinter(program)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(measure, audio.wav(9.37), fingerprinter=fingerprinter)
        while not started.exists():
            time.sleep(0.01)
        fingerprinter.kill_all()
        assert isinstance(call.exception(), Interrupted)
