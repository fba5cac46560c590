"""Short sounds by the real fpcalc and ffmpeg: which fingerprints they get, and what counts as short at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.audio import Audio, opened, write_wav
from tests.fpcalc import FINGERPRINTER, LONG, answer, fake, fingerprint, make_fingerprinter, measure, slow_agreement

from audiodup.errors import Corrupt, Interrupted, NoRoom, TimedOut, ToolMissing, TooShort
from audiodup.fingerprinter import AudioFingerprinter
from audiodup.model import Asset, AudioProperties, Inspection
from audiodup.steps import Deadline

FORMATS = [
    ("wav", ()),
    ("wav", ("-c:a", "pcm_u8")),
    ("wav", ("-c:a", "pcm_f32le", "-ar", "96000")),
    ("aiff", ()),
    ("flac", ()),
    ("ogg", ("-c:a", "libvorbis")),
    ("opus", ("-c:a", "libopus", "-b:a", "64k")),
    ("mp3", ("-b:a", "128k")),
    ("m4a", ("-c:a", "aac")),
    ("m4a", ("-c:a", "alac")),
    ("aac", ("-c:a", "aac")),
    ("wma", ()),
    ("wv", ()),
    ("ac3", ()),
    ("mka", ("-c:a", "libopus")),
    ("caf", ("-c:a", "pcm_s16le")),
    ("flv", ("-c:a", "mp3")),
    ("ts", ("-c:a", "aac")),
    ("gsm", ("-ar", "8000", "-ac", "1")),
]


@pytest.mark.parametrize(
    ("ending", "options"), FORMATS, ids=lambda value: value if isinstance(value, str) else "".join(value)
)
def test_what_fpcalc_refuses_is_slowly_fingerprinted(audio: Audio, ending: str, options: tuple[str, ...]) -> None:
    """Every container, also those that declare no length; the copies agree with the master."""
    found = measure(audio.make(ending, *options, seconds=1.3))
    assert found.fingerprint is None
    assert found.slow is not None
    assert found.slow.duration == pytest.approx(1.3, abs=0.1)
    assert found.properties is not None
    assert found.properties.pcm_md5
    assert found.properties.bandwidth
    master = measure(audio.wav(1.3)).slow
    # gsm keeps 4 kHz of it.
    assert slow_agreement(found.slow, master) > (0.8 if ending == "gsm" else 0.93)


@pytest.mark.parametrize(
    "options",
    [
        ("mp3", "-b:a", "128k"),
        ("opus", "-c:a", "libopus", "-b:a", "64k"),
        ("wav", "-ar", "22050", "-ac", "1"),
        ("wav", "-af", "volume=-20dB"),
    ],
)
def test_copies_agree_and_others_do_not(audio: Audio, options: tuple[str, ...]) -> None:
    """Of three lengths; the measurement over real effects stands in slowed.py."""
    for seconds in (0.5, 1.3, 6.0):
        copy, master = measure(audio.make(*options, seconds=seconds)).slow, measure(audio.wav(seconds)).slow
        other = measure(audio.wav(seconds, seed=2)).slow
        assert slow_agreement(copy, master) > 0.92
        assert slow_agreement(other, master) < 0.8


@pytest.mark.parametrize(
    ("seconds", "fast", "slow"), [(2.6, False, True), (3.0, True, True), (9.9, True, True), (10.1, True, False)]
)
def test_the_length_says_which_fingerprints_there_are(audio: Audio, seconds: float, fast: bool, slow: bool) -> None:
    """From 2.8 to 10 s both."""
    found = measure(audio.wav(seconds))
    assert (found.fingerprint is not None, found.slow is not None) == (fast, slow)
    if found.fingerprint is not None:
        assert found.fingerprint == fingerprint(audio.wav(seconds))


@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg", "flac"])
def test_only_under_04_seconds_it_is_too_short(audio: Audio, ending: str) -> None:
    """0.38 s fail, 0.45 s do not."""
    with pytest.raises(TooShort, match=r"less than 0\.4 s"):
        measure(audio.make(ending, seconds=0.36))
    assert measure(audio.make(ending, seconds=0.45)).slow is not None


def test_an_hour_that_declares_two_seconds_is_no_short_sound(tmp_path: Path, audio: Audio) -> None:
    """The trap: its header is believed, and the first 10 s stand for the whole. What is heard counts."""
    with opened(audio.wav(LONG, channels=1, rate=11_025)) as file:
        found = FINGERPRINTER.measure(file, Inspection(AudioProperties(), "wav", declared_seconds=2.0), Deadline(60))
    assert found.fingerprint is not None
    assert (found.slow, found.properties and found.properties.pcm_md5) == (None, None)


def test_little_sound_where_more_is_declared_is_corrupt(audio: Audio) -> None:
    """The trap: fpcalc's refusal tells 0.5 s from 2.7 s as little as whole from cut off."""
    with opened(audio.wav(0.5)) as file, pytest.raises(Corrupt, match=r"0\.50 of 2\.70 s"):
        FINGERPRINTER.measure(file, Inspection(AudioProperties(), "wav", declared_seconds=2.7), Deadline(60))


def test_a_short_setting_makes_no_short_sounds(audio: Audio) -> None:
    """With FINGERPRINT_SECONDS=5 every fingerprint is short; the sound is not."""
    fingerprinter = make_fingerprinter(seconds=5)
    for seconds, short in ((12.0, False), (7.0, True)):
        found = measure(audio.wav(seconds), fingerprinter=fingerprinter)
        assert found.fingerprint is not None
        assert (found.slow is not None) == short


def test_silence_is_measured_too(tmp_path: Path) -> None:
    """A constant fingerprint, and no bandwidth: that it says nothing is for the matcher to see."""
    write_wav(tmp_path / "silence.wav", np.zeros((44_100, 2)), 44_100)
    found = measure(tmp_path / "silence.wav")
    assert found.slow is not None
    assert found.properties is not None
    assert found.properties.bandwidth is None


def test_the_slow_file_is_given_back(audio: Audio, tmp_path: Path) -> None:
    """Its bytes count only while fpcalc reads it; where there is no room, another try may find some."""
    fingerprinter = make_fingerprinter()
    budget = fingerprinter._files._budget
    for _ in range(3):
        measure(audio.wav(1.3), fingerprinter=fingerprinter)
        assert budget.taken == 0
    budget.total = 1_000
    with pytest.raises(NoRoom):
        measure(audio.wav(1.3), fingerprinter=fingerprinter)
    assert budget.taken == 0


def with_ffmpeg(folder: Path, text: str, **limits: float) -> AudioFingerprinter:
    program = folder / "fake-ffmpeg"
    program.write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{text}\n")
    program.chmod(0o755)
    return make_fingerprinter(ffmpeg=str(program), **limits)


BROKEN_FFMPEG = {
    "fails": "echo 'No such codec' >&2; exit 1",
    "crashes": "kill -SEGV $$",
    "is endless": "exec cat /dev/zero",
    "gives nothing": "exit 0",
    "takes too long": "exec sleep 1000",
    "uses up its CPU": "while :; do :; done",
    "gives a head alone": r"printf '.snd\0\0\0\030\0\0\0\0\0\0\0\007\0\0\254\104\0\0\0\002'",
}


@pytest.mark.parametrize("seconds", [5.0, 15.0])
@pytest.mark.parametrize("name", BROKEN_FFMPEG)
def test_a_fingerprint_stands_whatever_ffmpeg_says(tmp_path: Path, audio: Audio, name: str, seconds: float) -> None:
    """The trap: a file that fpcalc reads fails for a decoder's whim. Only what ffmpeg adds is missing."""
    fingerprinter = with_ffmpeg(tmp_path, BROKEN_FFMPEG[name], wall_seconds=3, cpu_seconds=1)
    path = audio.make("aiff", seconds=seconds)
    found = measure(path, fingerprinter=fingerprinter)
    assert found.fingerprint == fingerprint(path)
    assert found.slow is None
    assert found.properties is not None
    assert found.properties.bandwidth is None


def test_a_short_sound_that_ffmpeg_cannot_read_fails_by_name(tmp_path: Path, audio: Audio) -> None:
    """There is nothing else that could be stored of it; what may pass is tried again."""
    for name, words in (("fails", "No such codec"), ("crashes", "signal 11"), ("gives a head alone", "ffmpeg")):
        with pytest.raises(Corrupt, match=words):
            measure(audio.wav(1.3), fingerprinter=with_ffmpeg(tmp_path, BROKEN_FFMPEG[name]))
    with pytest.raises(TimedOut):
        measure(audio.wav(1.3), fingerprinter=with_ffmpeg(tmp_path, BROKEN_FFMPEG["takes too long"], wall_seconds=1))


@pytest.mark.parametrize("seconds", [1.3, 5.0, 15.0])
def test_a_missing_ffmpeg_is_a_missing_tool(audio: Audio, seconds: float) -> None:
    """Not a broken file, and not a library without bandwidths."""
    with pytest.raises(ToolMissing, match="no-such-ffmpeg"):
        measure(audio.make("aiff", seconds=seconds), fingerprinter=make_fingerprinter(ffmpeg="no-such-ffmpeg"))


def test_a_long_wav_needs_no_ffmpeg(audio: Audio) -> None:
    """Its start costs as much as fpcalc has for the whole file."""
    found = measure(audio.wav(15.0), fingerprinter=make_fingerprinter(ffmpeg="no-such-ffmpeg"))
    assert found.properties is not None
    assert found.properties.bandwidth


@pytest.mark.parametrize("seconds", [1.3, 15.0])
def test_a_killed_ffmpeg_is_worth_another_try(tmp_path: Path, audio: Audio, seconds: float) -> None:
    """The machine's out-of-memory killer says nothing about the file."""
    with pytest.raises(Interrupted):
        measure(audio.make("aiff", seconds=seconds), fingerprinter=with_ffmpeg(tmp_path, "kill -9 $$"))


def test_fpcalc_alone_is_asked_before_ffmpeg(tmp_path: Path, audio: Audio) -> None:
    """What is corrupt needs no second decoder."""
    fingerprinter = make_fingerprinter(fake(tmp_path, answer(3, stderr="ERROR: broken", status=3)), "no-such-ffmpeg")
    with pytest.raises(Corrupt):
        measure(audio.wav(9.37), fingerprinter=fingerprinter)


def test_an_unlinked_short_sound_is_read_by_its_descriptor(tmp_path: Path, audio: Audio) -> None:
    """As downloads are: an m4a with its index at the end."""
    path = tmp_path / "gone.m4a"
    shutil.copyfile(audio.make("m4a", "-c:a", "aac", seconds=1.3), path)
    with opened(path) as file:
        path.unlink()
        by_descriptor = type(file)(file.descriptor, f"/proc/self/fd/{file.descriptor}", file.identity, {})
        inspection = FINGERPRINTER.inspect(by_descriptor, Asset("1", "gone.m4a"))
        found = FINGERPRINTER.measure(by_descriptor, inspection, Deadline(60))
    assert found.slow == measure(audio.make("m4a", "-c:a", "aac", seconds=1.3)).slow
