"""What real files are to each other after real edits: verdicts that are safe to act on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from tests.audio import Audio, ffmpeg
from tests.fpcalc import measure

from audiodup.alignment import align
from audiodup.compressed import decode
from audiodup.frames import Frames
from audiodup.model import Action, IndexedFile, Judgement, Kind, Verdict
from audiodup.verdict import Compared, judge

SECONDS = 40.0
ENCODINGS = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "128k"),
    "ogg": ("-c:a", "libvorbis", "-q:a", "4"),
    "m4a": ("-c:a", "aac", "-b:a", "128k"),
    "opus": ("-c:a", "libopus", "-b:a", "64k"),
    "flac": ("-c:a", "flac"),
    "wav": ("-c:a", "pcm_s16le"),
}
EDITS = {
    "swapped": "channelmap=1|0",
    "quieter": "volume=-12dB",
    "bleep": "volume=0:enable='between(t,20,21)',aeval='val(0)+between(t,20,21)*0.3*sin(2*PI*1000*t)':c=same",
    "faded": "afade=in:d=4",
}


def judged(one: Path, other: Path) -> Judgement | None:
    """The verdict on two files as the fingerprint function measures them, in a library of 100,000."""
    files, frames = [], []
    for number, path in enumerate((one, other)):
        found = measure(path)
        assert found.fingerprint is not None
        assert found.properties is not None
        frames.append(Frames.of(decode(found.fingerprint.text)[1]))
        properties = asdict(found.properties)
        files.append(IndexedFile(str(number), path.name, duration=found.fingerprint.duration, **properties))
    alignment = align(*frames)
    return judge(files[0], files[1], None if alignment is None else Compared.of(frames[0], frames[1], alignment), 5e9)


def edited(audio: Audio, ending: str, filter_text: str) -> Path:
    """The edit made on the master, then encoded as its copy is."""
    return audio.make(ending, "-af", filter_text, *ENCODINGS[ending], seconds=SECONDS)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("ending", ENCODINGS)
def test_no_edit_is_called_identical(audio: Audio, ending: str, edit: str) -> None:
    """Fingerprints of swapped channels are equal bit by bit in mp3, Vorbis, FLAC and WAV."""
    copy = audio.make(ending, *ENCODINGS[ending], seconds=SECONDS)
    found = judged(copy, edited(audio, ending, EDITS[edit]))
    assert found is not None
    assert found.verdict is not Verdict.IDENTICAL
    assert found.action is not Action.AUTO_DELETE_CANDIDATE


@pytest.mark.parametrize("ending", ["mp3", "ogg", "m4a"])
def test_the_same_stream_under_other_tags_is_identical(audio: Audio, ending: str) -> None:
    copy = audio.make(ending, *ENCODINGS[ending], seconds=SECONDS)
    tagged = copy.with_name(f"tagged-{copy.name}")
    ffmpeg("-i", str(copy), "-c", "copy", "-metadata", "title=Another Title", str(tagged))
    found = judged(copy, tagged)
    assert found is not None
    assert (found.verdict, found.kind, found.action) == (Verdict.IDENTICAL, None, Action.MANUAL_REVIEW)


def test_wav_flac_and_aiff_of_one_master_are_identical_by_content(audio: Audio) -> None:
    wav = audio.make("wav", seconds=SECONDS)
    for ending in ("flac", "aiff"):
        found = judged(wav, audio.make(ending, seconds=SECONDS))
        assert found is not None
        assert (found.verdict, found.action) == (Verdict.IDENTICAL, Action.AUTO_DELETE_CANDIDATE)
        assert "samples" in found.evidence


def test_a_transcode_is_never_offered_for_deletion(audio: Audio) -> None:
    """mp3 scores 0.99: the score alone would offer the master for deletion because an mp3 of it exists."""
    wav = audio.make("wav", seconds=SECONDS)
    for ending in ("mp3", "ogg", "opus"):
        found = judged(wav, audio.make(ending, *ENCODINGS[ending], seconds=SECONDS))
        assert found is not None
        assert (found.verdict, found.kind) == (Verdict.SAME_CONTENT, Kind.TRANSCODE)
        assert found.action is Action.MANUAL_REVIEW


def test_another_piece_is_nothing(audio: Audio) -> None:
    assert judged(audio.wav(SECONDS, seed=1), audio.wav(SECONDS, seed=2)) is None


def test_a_flac_that_is_damaged_behind_its_fingerprint_is_not_equal_to_the_whole_one(audio: Audio) -> None:
    """Its header declares the hash of samples that it no longer has, and fpcalc stops at 120 s."""
    flac = audio.make("flac", seconds=160.0)
    data = bytearray(flac.read_bytes())
    start = int(0.9 * len(data))
    data[start : start + 5_000] = bytes(5_000)
    damaged = flac.with_name("damaged.flac")
    damaged.write_bytes(data)
    whole, broken = measure(flac).properties, measure(damaged).properties
    assert whole is not None
    assert broken is not None
    assert whole.pcm_md5
    assert broken.pcm_md5 is None
    found = judged(flac, damaged)
    assert found is not None
    assert found.action is not Action.AUTO_DELETE_CANDIDATE


@pytest.mark.parametrize("form", ["s16", "s32"])
def test_the_hash_of_a_flac_is_verified_at_any_width(audio: Audio, form: str) -> None:
    assert (found := measure(audio.make("flac", "-sample_fmt", form, seconds=20.0)).properties) is not None
    assert found.pcm_md5
