"""What is measured of a file: fpcalc's fingerprint; of a short sound the slow one and the hash too; the bandwidth."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import PurePosixPath

from audiodup import container
from audiodup.bandwidth import bandwidth
from audiodup.chromaprint import Fpcalc, heard_seconds
from audiodup.decoder import Ffmpeg
from audiodup.errors import Corrupt, Permanent, TimedOut, TooShort
from audiodup.guarded import GuardedRunner
from audiodup.model import Asset, AudioProperties, Fingerprint, Inspection, Measured, SlowFingerprint
from audiodup.prefix import needed_parts
from audiodup.slowed import slowed
from audiodup.sound import Sound
from audiodup.steps import AudioFile, Deadline
from audiodup.tempfiles import Budget, TemporaryFiles
from audiodup.wav_piece import read_wav_piece

SHORT_SECONDS = 10.0
"""Below, a fingerprint has a few dozen items and proves little."""
LEAST_SECONDS = 0.4
"""Below, also slowly: measured were effects from 0.4 s on."""
PIECE_SECONDS = 8.0
"""For the bandwidth of a long file."""
# What decoders add at both ends, and two items of fpcalc's reckoning.
_MARGIN_SECONDS = 0.5
# As chromaprint's tolerance of two items.
_CUT_OFF_SECONDS = 0.25
# To verify a FLAC's hash all of it is decoded. Music takes half of its samples' bytes; what says to hold more than this
# is silence, or a bomb: 700 kB of constant frames become 20 GB.
_VERIFIED_RATIO = 20
_VERIFIED_BYTES = 500_000_000
_SAMPLE_BYTES = 2
# Of slowed samples in one instance: some 60 sounds of 10 s at once.
_SLOWED_BYTES = 64_000_000


class AudioFingerprinter:
    """The Fingerprinter of audiodup.steps. Safe to share between threads."""

    def __init__(self, fpcalc: Fpcalc, ffmpeg: Ffmpeg, runner: GuardedRunner) -> None:
        """`runner` is the one that both share."""
        self._fpcalc = fpcalc
        self._ffmpeg = ffmpeg
        self._runner = runner
        self._files = TemporaryFiles(Budget(_SLOWED_BYTES))

    def inspect(self, file: AudioFile, asset: Asset, deadline: Deadline | None = None) -> Inspection:
        return container.inspect(file, asset.format or PurePosixPath(asset.file_key).suffix, deadline)

    def needs(self, file: AudioFile) -> list[tuple[int, int]]:
        """Start and end of the parts that are looked at; of the file no more than its headers is there yet."""
        try:
            samples = container.inspect(file, None).samples
        except Permanent:
            samples = None
        # ffmpeg listens to what may be a short sound, however little is fingerprinted.
        seconds = self._fpcalc.seconds and max(self._fpcalc.seconds, math.ceil(SHORT_SECONDS + _MARGIN_SECONDS))
        return needed_parts(samples, file.identity.size, seconds)

    def measure(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> Measured:
        inspection = self._verified(file, inspection, deadline)
        try:
            found = self._fpcalc.fingerprint(file, inspection, deadline)
        except TooShort:
            return self._too_short_for_fpcalc(file, inspection, deadline)
        heard = heard_seconds(found)
        # What was heard counts, not what is declared: an hour that calls itself two seconds is no short sound.
        may_be_short = heard < SHORT_SECONDS + _MARGIN_SECONDS / 2
        try:
            if may_be_short:
                sound = self._decode_short(file, inspection, deadline)
                return self._measured(sound, inspection, found, deadline)
            piece = self._piece(file, inspection, heard / 3, deadline)
            return Measured(replace(inspection.properties, bandwidth=bandwidth(piece), balance=piece.balance), found)
        except (Permanent, TimedOut):
            # The fingerprint stands. What ffmpeg would have added is not worth failing for.
            return Measured(inspection.properties, found)

    def kill_all(self) -> None:
        """Kill what decodes and refuse what comes: for SIGTERM. Calls in `measure` raise Interrupted."""
        self._runner.kill_all()

    def _verified(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> Inspection:
        """Without the hash that a FLAC declares, where its samples do not have it: damage behind what fpcalc decodes
        would else make a broken file the equal of a whole one.
        """
        properties = inspection.properties
        if properties.codec != "flac" or properties.pcm_md5 is None:
            return inspection
        if properties.pcm_md5 in self._sample_hashes(file, inspection, deadline):
            return inspection
        return replace(inspection, properties=replace(properties, pcm_md5=None))

    def _sample_hashes(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> frozenset[str]:
        seconds, properties = inspection.declared_seconds, inspection.properties
        if seconds is None:
            return frozenset()
        decoded = seconds * (properties.sample_rate or 0) * (properties.channels or 0) * _SAMPLE_BYTES
        if decoded > max(_VERIFIED_BYTES, _VERIFIED_RATIO * file.identity.size):
            return frozenset()
        try:
            return self._ffmpeg.sample_hashes(file, inspection.demuxer, deadline, seconds=seconds + _MARGIN_SECONDS)
        except (Permanent, TimedOut):
            return frozenset()

    def _too_short_for_fpcalc(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> Measured:
        sound = self._decode_short(file, inspection, deadline)
        declared = inspection.declared_seconds
        if declared is not None and sound.seconds < declared - _CUT_OFF_SECONDS:
            raise Corrupt(f"cut off: {sound.seconds:.2f} of {declared:.2f} s could be decoded")
        if sound.seconds >= SHORT_SECONDS:
            raise Corrupt("fpcalc finds it too short, ffmpeg hears more than that")
        if sound.seconds < LEAST_SECONDS:
            raise TooShort(f"{sound.seconds:.3f} s of audio, less than {LEAST_SECONDS} s")
        return self._measured(sound, inspection, None, deadline)

    def _decode_short(self, file: AudioFile, inspection: Inspection, deadline: Deadline) -> Sound:
        """All of it if it is short; bounded, whatever it is."""
        return self._ffmpeg.decode(file, inspection.demuxer, deadline, seconds=SHORT_SECONDS + _MARGIN_SECONDS)

    def _piece(self, file: AudioFile, inspection: Inspection, start: float, deadline: Deadline) -> Sound:
        if inspection.properties.container == "wav":
            piece = read_wav_piece(file.descriptor, start=start, seconds=PIECE_SECONDS)
            if piece is not None:
                return piece
        return self._ffmpeg.decode(file, inspection.demuxer, deadline, seconds=PIECE_SECONDS, start=start)

    def _measured(
        self, sound: Sound, inspection: Inspection, found: Fingerprint | None, deadline: Deadline
    ) -> Measured:
        properties = replace(inspection.properties, bandwidth=bandwidth(sound), balance=sound.balance)
        if sound.seconds >= SHORT_SECONDS:
            return Measured(properties, found)
        return Measured(_with_hash(properties, sound), found, self._slowly(sound, deadline))

    def _slowly(self, sound: Sound, deadline: Deadline) -> SlowFingerprint:
        slow = slowed(sound)
        with self._files.create() as file:
            file.write(slow.data)
            file.rewind()
            text = self._fpcalc.fingerprint_samples(file, slow.rate, slow.seconds, deadline)
        return SlowFingerprint(text, slow.speed, sound.seconds)


def _with_hash(properties: AudioProperties, sound: Sound) -> AudioProperties:
    if properties.pcm_md5 is not None:
        return properties
    return replace(properties, pcm_md5=sound.pcm_md5(lossless=properties.lossless))
