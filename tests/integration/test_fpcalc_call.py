"""How fpcalc is called: which program and version, with which options, on which path."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.audio import Audio, opened
from tests.fpcalc import FPCALC, FULL, answer, fake, fingerprint, make_fpcalc, measure

from audiodup.container import inspect
from audiodup.errors import Corrupt, NotAudio, ToolMissing, Unusable
from audiodup.model import AudioProperties, Inspection
from audiodup.steps import Deadline


@pytest.mark.parametrize(
    "name",
    [
        "-length.wav",
        "-",
        "über 音楽 🎵.wav",
        "a" * 251 + ".wav",
        "two\nlines.wav",
        "$(id).wav",
        "concat:a|b.wav",
        "%d.wav",
        "'\".wav",
    ],
)
def test_odd_names_are_names(tmp_path: Path, audio: Audio, name: str) -> None:
    """A leading dash is no option, a pattern no pattern, a protocol no protocol: the path is absolute."""
    path = tmp_path / name
    shutil.copyfile(audio.wav(3.2), path)
    assert fingerprint(path).duration == pytest.approx(3.2)


def test_an_unlinked_file_is_read_by_its_descriptor(tmp_path: Path, audio: Audio) -> None:
    """As downloads are: no name is left, only /proc/self/fd/N, and an m4a with its index at the end needs seeking."""
    path = tmp_path / "gone.m4a"
    shutil.copyfile(audio.make("m4a", "-c:a", "aac"), path)
    with opened(path) as file:
        path.unlink()
        by_descriptor = type(file)(file.descriptor, f"/proc/self/fd/{file.descriptor}", file.identity, {})
        inspection = inspect(by_descriptor, "m4a")
        found = FPCALC.fingerprint(by_descriptor, inspection, Deadline(60))
    assert found.text == fingerprint(audio.make("m4a", "-c:a", "aac")).text


def test_fpcalc_is_asked_in_full(tmp_path: Path, audio: Audio) -> None:
    """JSON, length, demuxer, absolute path; the algorithm is left at its default, errors are never ignored."""
    program = fake(tmp_path, 'echo "$*" >&2; exit 2')
    with opened(audio.wav(9.37)) as file, pytest.raises(Corrupt) as raised:
        make_fpcalc(program, seconds=33).fingerprint(file, Inspection(AudioProperties(), "wav"), Deadline(60))
    assert f"-json -length 33 -format wav {file.path}" in str(raised.value)


def test_the_version_is_asked_once(tmp_path: Path, audio: Audio) -> None:
    """And is stored with each fingerprint."""
    program = Path(fake(tmp_path, answer(FULL), version="1.6.0-rc1"))
    fpcalc = make_fpcalc(str(program))
    with opened(audio.wav(9.37)) as file:
        inspection = Inspection(AudioProperties(), "wav")
        assert fpcalc.fingerprint(file, inspection, Deadline(60)).fpcalc_version == "1.6.0-rc1"
        program.write_text(program.read_text().replace("1.6.0-rc1", "2.0"))
        assert fpcalc.fingerprint(file, inspection, Deadline(60)).fpcalc_version == "1.6.0-rc1"


def test_another_program_is_no_fpcalc(audio: Audio) -> None:
    """Said at the first file, and not as that file's fault."""
    with pytest.raises(Unusable, match="as fpcalc does"):
        fingerprint(audio.wav(9.37), fpcalc=make_fpcalc("/bin/echo"))


def test_a_missing_fpcalc_is_a_missing_tool(audio: Audio) -> None:
    """Not a broken file."""
    with pytest.raises(ToolMissing):
        fingerprint(audio.wav(9.37), fpcalc=make_fpcalc("no-such-fpcalc"))


def test_the_format_of_the_asset_goes_before_the_keys_ending(tmp_path: Path, audio: Audio) -> None:
    """Only raw formats ask for either."""
    data = audio.make("g722", "-ar", "16000", "-ac", "1").read_bytes()
    for name, format in (("sound", "g722"), ("sound.g722", None), ("sound.mp3", "G722"), ("sound.G722", "")):
        (tmp_path / name).write_bytes(data)
        found = measure(tmp_path / name, format=format).fingerprint
        assert found is not None
        assert found.duration == pytest.approx(9.37, abs=0.05)
    with pytest.raises(NotAudio):
        measure(tmp_path / "sound")


def test_no_output_of_fpcalc_reaches_a_message_unescaped() -> None:
    """The version is a plain word too."""
    assert re.fullmatch(r"[\w.+-]{1,20}", FPCALC.version(Deadline(60)))
