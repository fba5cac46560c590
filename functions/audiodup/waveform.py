"""What a file looks like: the loudest sample of each of some 2,000 equal stretches of it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from audiodup import container
from audiodup.decoder import OUTLINE_RATE, Ffmpeg
from audiodup.errors import TimedOut
from audiodup.model import Asset, FileKey
from audiodup.steps import Deadline, Source

STRETCHES = 2_000
"""As many as a wide screen has points."""
LONGEST_SECONDS = 2 * 60 * 60
"""More is left out: 57.6 MB of samples."""
_LEAST_SAMPLES = 8
"""1 ms: a shorter stretch says nothing of loudness."""
_REMEMBERED = 400
"""Some 16 kB each."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """The outline of one file."""

    seconds: float
    """What was decoded."""
    peaks: tuple[int, ...]
    """0 to 127: the loudest sample of each stretch."""
    complete: bool
    """False where the rest was left out, being too long."""


class Waveforms:
    """Decodes files when they are first looked at, and remembers the latest. Safe to share between threads."""

    def __init__(
        self, source: Source, ffmpeg: Ffmpeg, *, longest_seconds: int = LONGEST_SECONDS, remembered: int = _REMEMBERED
    ) -> None:
        self._source = source
        self._ffmpeg = ffmpeg
        self._longest_seconds = longest_seconds
        self._remembered = remembered
        self._lock = threading.Lock()
        # Those that are being decoded too: who asks for one of them waits for it.
        self._known: OrderedDict[FileKey, Future[Waveform]] = OrderedDict()

    def of(self, asset: Asset, deadline: Deadline) -> Waveform:
        """The outline of the asset's file, which is fetched and decoded for it unless it is remembered.

        Raises:
            Permanent, Transient: as the source and `Ffmpeg.decode`; the next one who asks tries again.
        """
        key = asset.asset_id, asset.file_key
        with self._lock:
            known = self._known.get(key)
            if known is None:
                ours = self._known[key] = Future()
            self._known.move_to_end(key)
            while len(self._known) > self._remembered:
                self._known.popitem(last=False)
        if known is not None:
            return _waited(known, deadline)
        try:
            found = self._decoded(asset, deadline)
        except BaseException as error:
            with self._lock:
                if self._known.get(key) is ours:
                    del self._known[key]
            ours.set_exception(error)
            raise
        ours.set_result(found)
        return found

    def _decoded(self, asset: Asset, deadline: Deadline) -> Waveform:
        with self._source.open(asset, deadline) as opened:
            file = opened.completed(deadline)
            inspection = container.inspect(file, asset.format or PurePosixPath(asset.file_key).suffix, deadline)
            samples = self._ffmpeg.outline(file, inspection.demuxer, deadline, seconds=self._longest_seconds)
        return Waveform(
            len(samples) / OUTLINE_RATE, _peaks(samples), len(samples) < self._longest_seconds * OUTLINE_RATE
        )


def _waited(known: Future[Waveform], deadline: Deadline) -> Waveform:
    try:
        return known.result(deadline.remaining())
    except TimeoutError:
        raise TimedOut("the file is still being decoded for someone else") from None


def _peaks(samples: NDArray[np.int8]) -> tuple[int, ...]:
    stretches = max(1, min(STRETCHES, len(samples) // _LEAST_SAMPLES))
    starts = np.arange(stretches) * len(samples) // stretches
    # Not their absolute values: those of a long file would be another 58 MB, and -128 has none in 8 bits.
    highest = np.maximum.reduceat(samples, starts).astype(np.int16)
    lowest = np.minimum.reduceat(samples, starts).astype(np.int16)
    return tuple(np.maximum(highest, -lowest).clip(0, 127).tolist())
