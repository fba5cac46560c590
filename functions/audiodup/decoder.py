"""ffmpeg, over files of any origin: the samples of a piece of a file, under the same guards as fpcalc.

Its start costs what its work does not: Debian's ffmpeg 5.1 takes 50 to 55 ms of CPU before it opens a file (215 shared
libraries), fpcalc 26 ms; 10 s of mp3, Vorbis or WAV add 5 to 15 ms. So it runs once for each file.
"""

from __future__ import annotations

import re
import struct

import numpy as np
from numpy.typing import NDArray

from audiodup.errors import Corrupt, Permanent, ResourceLimit, Unusable
from audiodup.guarded import Completed, GuardedRunner
from audiodup.sound import Sound
from audiodup.steps import AudioFile, Deadline

# Before a file is named: nothing but files is opened (an image of FFmpeg with the network still calls nobody), and
# neither pictures nor subtitles nor threads of its own are wanted.
_OPTIONS = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-threads", "1", "-protocol_whitelist", "file")
# Sun's AU: a header of a few numbers that says rate and channels, also to a pipe. No sample format needs more than
# float64, and none loses anything in it.
_OUTPUT = ("-map", "0:a:0", "-map_metadata", "-1", "-fflags", "+bitexact", "-c:a", "pcm_f64be", "-f", "au", "pipe:1")
_AU_HEADER = struct.Struct(">4s5I")
_AU_MAGIC, _AU_FLOAT64 = b".snd", 7
# 10.5 s of eight channels at 96 kHz are 65 MB.
_MAX_BYTES = 100_000_000
_HASH_BYTES = 1_000
_LOUDEST = 1e6
"""120 dB above full scale. A float64 holds 6,000 dB more, whose squares are infinite."""
OUTLINE_RATE = 8_000
"""Samples a second of an outline."""
_OUTLINE = ("-map", "0:a:0", "-ac", "1", "-ar", str(OUTLINE_RATE), "-c:a", "pcm_s8", "-f", "s8", "pipe:1")
_NOT_RUN = (126, 127)
_NO_MEMORY = "Cannot allocate memory"
# Two spaces before it: whatever stands in a file's own tags is printed with four and more.
_STREAM = re.compile(rb"^  Stream #0:\d.*: Audio: .*, (u8|s16|s32)p?(?: \((\d+) bit\))?(?:,|\s|$)", re.MULTILINE)
_WIDTHS = {b"u8": 8, b"s16": 16, b"s32": 32}
_WORDS = 300


class Ffmpeg:
    """Safe to share between threads."""

    def __init__(self, program: str, runner: GuardedRunner) -> None:
        """
        Args:
            program: name on the PATH, or absolute path.
            runner: shared with fpcalc, so that both together run once for each CPU.
        """
        self._program = program
        self._runner = runner

    def decode(self, file: AudioFile, demuxer: str, deadline: Deadline, *, seconds: float, start: float = 0.0) -> Sound:
        """The first audio stream, in its own rate and channels.

        Args:
            seconds: at most so much, however long the file is.
            start: from there on, in seconds; 0 is the first sample that the decoder gives.

        Raises:
            Corrupt: there is nothing to be decoded.
            ResourceLimit: CPU time, memory or output used up.
            TimedOut, Interrupted, NoRoom: another try may succeed.
            ToolMissing, Unusable: ffmpeg is not there, or is none.
        """
        seek = ("-ss", f"{start:.3f}") if start else ()
        completed = self._runner.run(
            self._program,
            [*_OPTIONS, *seek, "-t", str(seconds), "-f", demuxer, "-i", file.path, *_OUTPUT],
            deadline,
            max_stdout=_MAX_BYTES,
            descriptor=file.descriptor,
        )
        _refuse_unusable(completed)
        sound = _read_au(completed)
        if completed.status < 0 or sound is None:
            raise _failure(completed)
        return sound

    def outline(self, file: AudioFile, demuxer: str, deadline: Deadline, *, seconds: int) -> NDArray[np.int8]:
        """The first audio stream for the eye: mono, as fpcalc hears it, OUTLINE_RATE samples of 8 bits a second.

        What can be decoded of a damaged file, as `decode`.

        Args:
            seconds: at most so much, however long the file is; a byte each 125 microseconds.

        Raises:
            What `decode` raises.
        """
        completed = self._runner.run(
            self._program,
            [*_OPTIONS, "-t", str(seconds), "-f", demuxer, "-i", file.path, *_OUTLINE],
            deadline,
            # The resampler's last samples are some too many.
            max_stdout=(seconds + 1) * OUTLINE_RATE,
            descriptor=file.descriptor,
        )
        _refuse_unusable(completed)
        if completed.status < 0 or not completed.stdout:
            raise _failure(completed)
        return np.frombuffer(completed.stdout, np.int8)

    def sample_hashes(self, file: AudioFile, demuxer: str, deadline: Deadline, *, seconds: float) -> frozenset[str]:
        """MD5 of all samples of the first audio stream, at each width a sample may have; none where not all
        of it can be decoded.

        Args:
            seconds: of more nobody wants the hash, whatever the file goes on to hold.

        Raises:
            ResourceLimit, TimedOut, Interrupted, NoRoom, ToolMissing: as `decode`.
        """
        outputs = [
            option
            for form in ("pcm_s8", "pcm_s16le", "pcm_s24le", "pcm_s32le")
            for option in ("-map", "0:a:0", "-c:a", form, "-f", "md5", "pipe:1")
        ]
        completed = self._runner.run(
            self._program,
            [*_OPTIONS, "-xerror", "-t", f"{seconds:.3f}", "-f", demuxer, "-i", file.path, *outputs],
            deadline,
            max_stdout=_HASH_BYTES,
            descriptor=file.descriptor,
        )
        if completed.status != 0:
            return frozenset()
        return frozenset(match.decode() for match in re.findall(rb"MD5=([0-9a-f]{32})", completed.stdout))


def _refuse_unusable(completed: Completed) -> None:
    if completed.status in _NOT_RUN:
        raise Unusable(_said(completed))


def _failure(completed: Completed) -> Permanent:
    said = _said(completed)
    return ResourceLimit(said) if _NO_MEMORY in said else Corrupt(said)


def _read_au(completed: Completed) -> Sound | None:
    """What was decoded, also where an error ended it before its time; None where that is nothing."""
    data = completed.stdout
    if len(data) < _AU_HEADER.size:
        return None
    magic, offset, _, encoding, rate, channels = _AU_HEADER.unpack_from(data)
    if (magic, encoding) != (_AU_MAGIC, _AU_FLOAT64):
        raise Unusable("ffmpeg printed no samples of the form it was asked for")
    frames = max(len(data) - offset, 0) // (8 * channels) if rate and channels else 0
    if not frames:
        return None
    samples: NDArray[np.float64] = np.frombuffer(data, ">f8", frames * channels, offset).astype(np.float64)
    # What a float format can hold besides numbers would spoil every sum.
    samples = np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(samples, -_LOUDEST, _LOUDEST, out=samples)
    return Sound(samples.reshape(-1, channels), rate, _width(completed.stderr))


def _width(stderr: bytes) -> int | None:
    """Bits of a sample, as the decoder says in ffmpeg's description of the input: `s32p (24 bit)`."""
    found = _STREAM.search(stderr.partition(b"\nOutput #0")[0])
    if found is None:
        return None
    return int(found[2]) if found[2] else _WIDTHS[found[1]]


def _said(completed: Completed) -> str:
    """ffmpeg's last words for an error message: one line, no control characters, bounded."""
    if completed.status < 0:
        return f"ffmpeg crashed (signal {-completed.status})"
    lines = completed.stderr.decode(errors="replace").strip().splitlines()
    words = ascii(lines[-1].strip())[1:-1][:_WORDS] if lines else "no message"
    return f"ffmpeg: {words} (exit status {completed.status})"
