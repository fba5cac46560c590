"""fpcalc, Chromaprint's command line, over files of any origin: what it is asked and what its answers mean.

fpcalc 1.5.1 exits 3 with "End of file" for every file shorter than it was asked for, with the whole result on stdout;
newer versions exit 0. So the text on stderr decides, not the status, and whether the audio was whole is measured
against the length that the container declares.
"""

from __future__ import annotations

import json
import math
import re
import threading
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from audiodup.compressed import MAX_ITEMS, CompressedFormatError, TooManyItems, decode
from audiodup.errors import Corrupt, NotAudio, ResourceLimit, TooShort, Unusable
from audiodup.guarded import Completed, GuardedRunner
from audiodup.model import Fingerprint, Inspection
from audiodup.steps import AudioFile, Deadline

# Chromaprint's default algorithm: mono at 11,025 Hz, frames of 4,096 samples that overlap by two thirds, and 19 frames
# (a filter of 5 and a classifier of 16 columns) to the first subfingerprint.
_SAMPLE_RATE = 11_025
_FRAME_SAMPLES = 4_096
_HOP_SAMPLES = 1_365
_FRAMES_BEFORE_FIRST_ITEM = 18
# Measured on 346 whole files, real ones and made ones of 27 formats, 120 s and all of it: from 1 item fewer to 1 more
# than declared, for resampling and for what decoders drop at either end. One item is 0.12 s.
_TOLERANCE_ITEMS = 2
_STATUS_PARTIAL = 3
_NOT_RUN = (126, 127)
_ERROR = "ERROR: "
_END_OF_FILE = "(End of file)"
_NO_AUDIO = ("Could not find any audio stream", "Invalid format")
_TOO_LITTLE = ("Empty fingerprint", "Not enough audio data")
_NO_MEMORY = ("Cannot allocate memory", "bad_alloc")
# Nothing that the file could be blamed for.
_SURROUNDINGS = ("No such file or directory", "Permission denied", "Too many open files")
_WORDS = 300
_JSON_BYTES = 1_000
# A worst fingerprint: 33 codes of 3 bits an item, 6 bits a character.
_MAX_STDOUT = MAX_ITEMS * 17 + _JSON_BYTES


class RawFile(Protocol):
    """A seekable, regular file by its descriptor and by the path under which a child that inherits it opens it."""

    @property
    def descriptor(self) -> int: ...

    @property
    def path(self) -> str: ...


class Fpcalc:
    """Safe to share between threads."""

    def __init__(self, program: str, runner: GuardedRunner, *, seconds: int = 120) -> None:
        """
        Args:
            program: name on the PATH, or absolute path.
            runner: sets the limits of one file, and how many run at once.
            seconds: how much of a file is fingerprinted; 0 is all of it.
        """
        self._program = program
        self._runner = runner
        self.seconds = seconds
        self._version: str | None = None
        self._version_lock = threading.Lock()

    def fingerprint(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> Fingerprint:
        """Run fpcalc over the file.

        Raises:
            Corrupt: cut off or damaged.
            TooShort: whole, but less audio than Chromaprint needs.
            NotAudio: a container without an audio stream that this fpcalc can decode.
            ResourceLimit: CPU time, memory or output used up.
            TimedOut, Interrupted: another try may succeed.
            ToolMissing, Unusable: fpcalc is not there, or is not what this version knows.
        """
        if inspection.missing:
            raise Corrupt(inspection.missing)
        version = self.version(deadline)
        completed = self._run(self.seconds, ["-format", inspection.demuxer], file, deadline)
        expected = self._expected_items(inspection)
        if not completed.stdout.strip() or completed.status < 0:
            _raise_refusal(completed, expected)
        text, estimate = _parse(completed.stdout)
        algorithm, items = _decode(text)
        _check_complete(completed, len(items), expected)
        return Fingerprint(
            text=text,
            duration=inspection.declared_seconds or estimate,
            algorithm=algorithm,
            seconds=self.seconds,
            fpcalc_version=version,
        )

    def fingerprint_samples(self, file: RawFile, rate: int, seconds: float, deadline: Deadline) -> str:
        """The fingerprint's text of a whole file of bare samples: mono, 16 bits, little endian.

        Args:
            rate: Hz.
            seconds: the file's length at that rate.

        Raises:
            Corrupt, ResourceLimit, TimedOut, Interrupted, ToolMissing, Unusable: as in `fingerprint`.
        """
        raw = ["-format", "s16le", "-rate", str(rate), "-channels", "1"]
        completed = self._run(0, raw, file, deadline)
        expected = expected_items(seconds)
        if not completed.stdout.strip() or completed.status < 0:
            _raise_refusal(completed, expected)
        text, _ = _parse(completed.stdout)
        _, items = _decode(text)
        _check_complete(completed, len(items), expected)
        return text

    def _run(self, seconds: int, form: list[str], file: RawFile, deadline: Deadline) -> Completed:
        return self._runner.run(
            self._program,
            ["-json", "-length", str(seconds), *form, file.path],
            deadline,
            max_stdout=_MAX_STDOUT,
            descriptor=file.descriptor,
        )

    def version(self, deadline: Deadline) -> str:
        """fpcalc's version, such as `1.5.1`; asked once.

        Raises:
            ToolMissing: it is not installed.
            Unusable: the program is something else.
        """
        with self._version_lock:
            if self._version is None:
                completed = self._runner.run(self._program, ["-version"], deadline, max_stdout=_JSON_BYTES)
                found = re.match(rb"fpcalc version (\d[\w.+-]{0,19})", completed.stdout)
                if found is None:
                    raise Unusable(f"{self._program} -version does not answer as fpcalc does")
                self._version = found[1].decode()
            return self._version

    def _expected_items(self, inspection: Inspection) -> int | None:
        declared = inspection.declared_seconds
        return None if declared is None else expected_items(min(declared, self.seconds or math.inf))


def expected_items(seconds: float) -> int:
    """How many subfingerprints Chromaprint makes of so much audio (algorithms 0 to 2); 0 where it is too short."""
    frames_but_one = (seconds * _SAMPLE_RATE - _FRAME_SAMPLES) / _HOP_SAMPLES
    return max(math.floor(frames_but_one) - _FRAMES_BEFORE_FIRST_ITEM, 0)


def heard_seconds(found: Fingerprint) -> float:
    """How much audio the fingerprint is of, to a hop of 0.12 s, whatever anyone declares."""
    _, items = _decode(found.text)
    return ((len(items) + _FRAMES_BEFORE_FIRST_ITEM) * _HOP_SAMPLES + _FRAME_SAMPLES) / _SAMPLE_RATE


def _decode(text: str) -> tuple[int, NDArray[np.uint32]]:
    try:
        return decode(text)
    except TooManyItems as error:
        raise ResourceLimit(f"{error}; FINGERPRINT_SECONDS bounds them") from error
    except CompressedFormatError as error:
        raise Unusable(f"fpcalc printed a fingerprint that is none: {error}") from error


def _check_complete(completed: Completed, items: int, expected: int | None) -> None:
    """Return if the fingerprint is of all the audio that could be wanted.

    A decoding error does not matter if all that the container declares had been decoded by then: FFmpeg takes tags at
    the end of mp3 (APEv2 with a cover) and of FLAC (ID3v1) for sound, and calls those whole files damaged.

    Raises:
        Corrupt: it is not.
    """
    errors = _errors(completed)
    stopped = completed.status == _STATUS_PARTIAL and bool(errors)
    only_at_the_end = all(error.endswith(_END_OF_FILE) for error in errors)
    ended_well = only_at_the_end and (stopped or completed.status == 0)
    had_all_before = stopped and expected is not None and 0 < expected - _TOLERANCE_ITEMS <= items
    if not ended_well and not had_all_before:
        raise Corrupt(_said(completed))
    if expected is not None and items < expected - _TOLERANCE_ITEMS:
        raise Corrupt(f"cut off: {items} of {expected} subfingerprints could be made ({_said(completed)})")


def _raise_refusal(completed: Completed, expected: int | None) -> NoReturn:
    """Say why there is no fingerprint at all."""
    errors, said = _errors(completed), _said(completed)
    if completed.status in _NOT_RUN or any(text in said for text in _SURROUNDINGS):
        raise Unusable(said)
    if any(text in said for text in _NO_MEMORY):
        raise ResourceLimit(said)
    if any(text in said for text in _NO_AUDIO):
        raise NotAudio(said)
    too_little = errors and all(error.startswith(_TOO_LITTLE) or error.endswith(_END_OF_FILE) for error in errors)
    if too_little and (expected is None or expected <= _TOLERANCE_ITEMS):
        raise TooShort(said)
    raise Corrupt(said)


def _errors(completed: Completed) -> list[str]:
    lines = completed.stderr.decode(errors="replace").splitlines()
    return [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]


def _said(completed: Completed) -> str:
    """fpcalc's words for an error message: one line, no control characters, bounded."""
    if completed.status < 0 and b"bad_alloc" not in completed.stderr:
        return f"fpcalc crashed (signal {-completed.status})"
    words = "; ".join(_errors(completed)) or completed.stderr.decode(errors="replace").strip()
    return f"fpcalc: {ascii(words)[1:-1][:_WORDS] or 'no message'} (exit status {completed.status})"


def _parse(stdout: bytes) -> tuple[str, float | None]:
    """The fingerprint's text, and the duration that FFmpeg knows or estimates."""
    try:
        answer = json.loads(stdout)
        text, duration = answer["fingerprint"], float(answer["duration"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unusable("fpcalc printed no JSON of the known form") from error
    if not isinstance(text, str):
        raise Unusable("fpcalc printed a fingerprint that is no text")
    # 0 is fpcalc's word for unknown.
    return text, duration if math.isfinite(duration) and duration > 0 else None
