"""What fpcalc's exit status and output mean: answers of all its versions, replayed by made-up programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.audio import Audio
from tests.fpcalc import FULL, answer, items_of, run_fake

from audiodup.errors import AudioDupError, Corrupt, NotAudio, TooShort, Unusable

END_OF_FILE = "ERROR: Error decoding audio frame (End of file)"
OTHER = "ERROR: Error decoding audio frame (Invalid data found when processing input)"


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (answer(FULL), FULL),
        (answer(FULL, stderr=END_OF_FILE), FULL),
        (answer(FULL, stderr=END_OF_FILE, status=3), FULL),
        (answer(FULL - 2, stderr=END_OF_FILE, status=3), FULL - 2),
        (answer(FULL, stderr="WARNING: a library has something to say"), FULL),
        (answer(FULL, stderr=OTHER, status=3), FULL),
        (answer(FULL - 2, stderr=OTHER, status=3), FULL - 2),
    ],
)
def test_answers_that_are_successes(tmp_path: Path, audio: Audio, text: str, items: int) -> None:
    """Status 0 at the end of the file (newer versions), status 3 (1.5.1), an error after all the declared audio."""
    assert len(items_of(run_fake(tmp_path, audio, text))) == items


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (answer(FULL - 3, stderr=OTHER, status=3), Corrupt, "Invalid data"),
        (answer(FULL - 3), Corrupt, "cut off"),
        (answer(FULL - 3, stderr=END_OF_FILE, status=3), Corrupt, "cut off"),
        (answer(FULL, stderr=OTHER), Corrupt, "Invalid data"),
        (answer(FULL, status=3), Corrupt, "no message"),
        (answer(FULL, status=1), Corrupt, "status 1"),
        (f"echo '{OTHER}' >&2; exit 2", Corrupt, "Invalid data"),
        ("exit 2", Corrupt, "no message"),
        ("kill -SEGV $$", Corrupt, "crashed .signal 11."),
        (answer(FULL).replace("exit 0", "kill -SEGV $$"), Corrupt, "crashed .signal 11."),
        ("echo 'ERROR: Empty fingerprint' >&2; exit 2", Corrupt, "Empty"),
        (
            "echo 'ERROR: Could not find any audio stream in the file (Stream not found)' >&2; exit 2",
            NotAudio,
            "stream",
        ),
        ("echo 'ERROR: Invalid format' >&2; exit 2", NotAudio, "Invalid format"),
        ("echo 'ERROR: Could not open the input file (Permission denied)' >&2; exit 2", Unusable, "Permission"),
        ("echo 'error while loading shared libraries' >&2; exit 127", Unusable, "libraries"),
        ("echo text", Unusable, "no JSON"),
        ("echo '{}'", Unusable, "no JSON"),
        ("echo '[1]'", Unusable, "no JSON"),
        ("""echo '{"duration": 9, "fingerprint": 5}'""", Unusable, "no text"),
        ("""echo '{"duration": 9, "fingerprint": "AQAAA*"}'""", Unusable, "printed a fingerprint that is none"),
        ("printf 'ERROR: \\033[31m\\0\\377 %0999d\\n' 1 >&2; exit 2", Corrupt, r"\\x1b\[31m"),
    ],
)
def test_answers_that_are_failures(
    tmp_path: Path, audio: Audio, text: str, error: type[AudioDupError], words: str
) -> None:
    """Partial fingerprints, crashes, refusals, and programs that are no fpcalc: each by its own error."""
    with pytest.raises(error, match=words) as raised:
        run_fake(tmp_path, audio, text)
    assert type(raised.value) is error
    assert len(str(raised.value)) < 500
    assert str(raised.value).isprintable()


def test_an_error_counts_where_no_length_is_declared(tmp_path: Path, audio: Audio) -> None:
    """Then nothing tells a whole fingerprint from a partial one; a clean end of the file is a success."""
    with pytest.raises(Corrupt):
        run_fake(tmp_path, audio, answer(FULL, stderr=OTHER, status=3), declared=None)
    assert run_fake(tmp_path, audio, answer(5, stderr=END_OF_FILE, status=3), declared=None).duration == 9.37
    with pytest.raises(TooShort):
        run_fake(tmp_path, audio, "echo 'ERROR: Empty fingerprint' >&2; exit 2", declared=None)


@pytest.mark.parametrize("duration", ["0.00", "-1", "NaN", "Infinity"])
def test_a_duration_that_is_none_is_unknown(tmp_path: Path, audio: Audio, duration: str) -> None:
    """0 is fpcalc's word for unknown; the container's own length wins anyway."""
    assert run_fake(tmp_path, audio, answer(FULL, duration), declared=None).duration is None
    assert run_fake(tmp_path, audio, answer(FULL, duration)).duration == 9.37


def test_estimates_are_stored_as_they_are(tmp_path: Path, audio: Audio) -> None:
    """Where the container declares nothing."""
    assert run_fake(tmp_path, audio, answer(FULL, "476.5"), declared=None).duration == 476.5
