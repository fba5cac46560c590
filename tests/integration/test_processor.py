"""The processor over a folder of all sorts: what it stores, prints and answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.audio import Audio
from tests.processor import Processor, Run

DEEP = "/".join(["d" * 98] * 4) + "/a.wav"
HOSTILE_NAME, HOSTILE_EXTENSION, TWO_LINES = "\x1b[31m[bold red]x.wav", "x.\x1b[2J", "two\nlines.wav"
GOOD = {
    *(
        "good.wav",
        "good.flac",
        "good.mp3",
        "good.ogg",
        "silence.wav",
        "-rf.wav",
        "ünïcode/音楽.wav",
        "👩‍🚀.wav",
        "noextension",
    ),
    *(DEEP, HOSTILE_NAME, HOSTILE_EXTENSION, TWO_LINES),
}
BROKEN = {"page.mp3": "NOT_AUDIO", "empty.wav": "NOT_AUDIO", "cut.wav": "CORRUPT", "brief.wav": "TOO_SHORT"}
SHORT = "beep.wav"
PROBLEMS = {"bad\\xff.wav": "its name is no UTF-8", "link.wav": "it is a symbolic link that leads out of the folder"}
PASSED_OVER = "Passed over in the folder, being no audio: 1"
KEYS = ["asset_id", "file_key", "status", "format", "duration", "file_size", "fingerprint", "error"]
SCRIPTS = str(Path(__file__).resolve().parents[2] / "scripts")
UNMERGED = """
import sys
from pathlib import Path
from audiodup.model import Outcome, Status
from audiodup.wiring import command_line_parts
from library import FolderLibrary

parts = command_line_parts(database=Path(".audiodup"), folder=Path(sys.argv[1]))
FolderLibrary().load(parts)
[listed] = parts.store.library()
requested_at = parts.store.clock()
parts.store.append([Outcome(listed.asset, Status.QUEUED, requested_at)])
parts.store.merge()
parts.store.append([Outcome(listed.asset, Status.FAILED, requested_at, error="CORRUPT: x")])
"""
SUMMARY_KEYS = ["total", "success", "short", "failed", "skipped", "by_error", "seconds"]


def sound(audio: Audio, seconds: float = 4, seed: int = 1) -> Path:
    return audio.wav(seconds, channels=1, rate=11025, seed=seed)


@pytest.fixture(scope="module")
def library(audio: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good files, broken ones, hostile names, and what is no file of the library at all."""
    folder = tmp_path_factory.mktemp("library")
    made = {
        "good.flac": audio.make("flac", seconds=4, channels=1, rate=11025),
        "good.mp3": audio.make("mp3", "-b:a", "64k", seconds=4, channels=1, rate=11025),
        "good.ogg": audio.make("ogg", "-c:a", "libvorbis", seconds=4, channels=1, rate=11025),
    }
    for name in GOOD:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.get(name, sound(audio)).read_bytes())
    header = sound(audio).read_bytes()[:44]
    (folder / "silence.wav").write_bytes(header + bytes(4 * 11025 * 2))
    (folder / "page.mp3").write_text("<!DOCTYPE html><title>Sign in</title>")
    (folder / "empty.wav").touch()
    (folder / "cut.wav").write_bytes(sound(audio, 20).read_bytes()[:200_000])
    (folder / "brief.wav").write_bytes(sound(audio, 0.3).read_bytes())
    (folder / SHORT).write_bytes(sound(audio, 1).read_bytes())
    Path(os.fsdecode(bytes(folder) + b"/bad\xff.wav")).write_bytes(sound(audio).read_bytes())
    (folder / "link.wav").symlink_to(sound(audio))
    (folder / "notes.txt").write_text("no audio")
    (folder / ".hidden.wav").write_bytes(sound(audio).read_bytes())
    return folder


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Processor:
    return Processor(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def first(processor: Processor, library: Path) -> Run:
    """The first run, with no option but `--json`."""
    return processor.run("--local", library, "--json")


@pytest.fixture(scope="module")
def for_people(processor: Processor, library: Path, first: Run) -> Run:
    """The next one, which finds only the FAILED ones to do, as a person reads it."""
    return processor.run("--local", library)


def test_every_good_file_has_its_fingerprint(first: Run, library: Path) -> None:
    """Whatever its container and its name; the fingerprint is the one fpcalc prints by itself."""
    done = {key: record for key, record in first.by_key().items() if record["status"] == "SUCCESS"}
    assert done.keys() == GOOD
    for key, record in done.items():
        path = library / key
        bare = subprocess.run(["fpcalc", "-json", "-length", "120", path.absolute()], capture_output=True, check=False)
        assert record["fingerprint"] == json.loads(bare.stdout)["fingerprint"]
        assert record["duration"] == pytest.approx(4, abs=0.2)
        assert record["file_size"] == path.stat().st_size
        assert record["error"] is None


def test_a_short_sound_is_no_failure(processor: Processor, first: Run) -> None:
    """It has a length and no fingerprint but the slow one, counts by itself, and has its row."""
    record = first.by_key()[SHORT]
    assert (record["status"], record["duration"], record["fingerprint"], record["error"]) == ("SHORT", 1, None, None)
    assert first.summary["short"] == 1
    [row] = processor.rows(
        "SELECT f.FINGERPRINT, f.DURATION, f.ERROR_MESSAGE, x.SLOW_FINGERPRINT LIKE 'AQ%', x.SLOW_SPEED, "
        f"x.BANDWIDTH > 100, LENGTH(x.PCM_MD5) FROM AUDIO_FINGERPRINT f JOIN AUDIO_FILE x USING (FILE_KEY) "
        f"WHERE FILE_KEY = '{SHORT}'"
    )
    assert row == (None, 1, None, True, 0.125, True, 32)


def test_broken_files_fail_by_name_and_what_cannot_be_taken_is_reported(first: Run) -> None:
    """A name that is no UTF-8 and a link out of the folder have no row, but a line; other files have neither."""
    failed = {key: record for key, record in first.by_key().items() if record["status"] == "FAILED"}
    assert {key: record["error"].partition(":")[0] for key, record in failed.items() if key in BROKEN} == BROKEN
    assert {key: record["error"] for key, record in failed.items() if key not in BROKEN} == {
        key: f"INVALID_VALUE: {words}" for key, words in PROBLEMS.items()
    }
    assert all(failed[key]["asset_id"] is None for key in PROBLEMS)
    assert all(record["fingerprint"] is None and record["duration"] is None for record in failed.values())
    assert first.status == 1


def test_json_lines_have_the_promised_keys_and_a_summary_that_adds_up(first: Run) -> None:
    """One object for each file, no file twice, and nothing on stderr within the first minute."""
    assert [list(record) for record in first.records] == [KEYS] * len(GOOD | {SHORT} | BROKEN.keys() | PROBLEMS.keys())
    assert len(first.keys()) == len(first.records)
    summary = first.summary
    assert list(summary) == SUMMARY_KEYS
    assert first.counts == (len(GOOD), len(BROKEN) + len(PROBLEMS), 0)
    assert summary["total"] == len(first.records)
    assert summary["by_error"] == {"CORRUPT": 1, "INVALID_VALUE": 2, "NOT_AUDIO": 2, "TOO_SHORT": 1}
    assert summary["seconds"] > 0
    assert first.stderr == ""


def test_the_default_store_is_in_the_working_directory(processor: Processor, first: Run) -> None:
    """One row for each file that can have one, and the temporary directory as empty as before."""
    assert processor.statuses() == (dict.fromkeys(GOOD, "SUCCESS") | {SHORT: "SHORT"} | dict.fromkeys(BROKEN, "FAILED"))
    assert list(processor.temporary.iterdir()) == []


def test_without_flags_the_failed_ones_are_done_again(processor: Processor, for_people: Run) -> None:
    """And the good ones left alone: their rows are as old as they were."""
    newest_good = "SELECT MAX(UPDATED_AT) FROM AUDIO_FINGERPRINT WHERE PROCESSING_STATUS = 'SUCCESS'"
    later = processor.rows(f"SELECT FILE_KEY FROM AUDIO_FINGERPRINT WHERE UPDATED_AT > ({newest_good})")
    assert {key for (key,) in later} == BROKEN.keys()
    assert for_people.status == 1


def test_people_read_table_statistics_and_counts(for_people: Run) -> None:
    """The counts stand on the last line; before them what failed, with all its words, what could not be taken too."""
    lines = for_people.stdout.splitlines()
    assert lines[-1] == f"{len(GOOD)} SUCCESS, 1 SHORT, {len(BROKEN)} FAILED"
    assert any(line.startswith("good.flac ") and " flac " in line and " SUCCESS " in line for line in lines)
    assert any(line.startswith(f"{SHORT} ") and " SHORT " in line and " AQ" in line for line in lines)
    assert any(line.startswith("page.mp3 ") and " FAILED " in line and "NOT_AUDIO: " in line for line in lines)
    assert f"             total  {len(GOOD | {SHORT} | BROKEN.keys())}" in lines
    assert "          by error  CORRUPT 1, NOT_AUDIO 2, TOO_SHORT 1" in lines
    for key, words in PROBLEMS.items():
        assert f"{key}: INVALID_VALUE: {words}" in lines
    for key, code in BROKEN.items():
        assert any(line.startswith(f"{key}: {code}: ") for line in lines)
    assert for_people.stderr.splitlines() == [PASSED_OVER]


def test_hostile_names_are_only_text(for_people: Run) -> None:
    """No escape sequence passes, from neither name nor extension, markup is no markup, a line stays one line."""
    assert "\x1b" not in for_people.stdout + for_people.stderr
    assert "�[31m[bold red]x.wav" in for_people.stdout
    assert "two�lines.wav" in for_people.stdout
    assert sum(line.startswith("x.�[2J") for line in for_people.stdout.splitlines()) == 1


def test_statistics_alone(processor: Processor, library: Path, first: Run) -> None:
    """One object, the same with `--database` alone, and every file counted once."""
    run = processor.run("--stats", "--json", "--database", ".audiodup")
    [statistics] = run.records
    counted = ("success", "short", "failed", "queued", "pending")
    assert {"total", *counted, "by_error", "hours_of_audio", "assets_per_second"} <= statistics.keys()
    assert [statistics[name] for name in ("total", *counted)] == [len(GOOD) + 5, len(GOOD), 1, 4, 0, 0]
    assert statistics["by_error"] == {"CORRUPT": 1, "NOT_AUDIO": 2, "TOO_SHORT": 1}
    assert statistics["hours_of_audio"] == pytest.approx(len(GOOD) * 4 / 3600, abs=0.01)
    assert statistics["assets_per_second"] > 0
    assert run.status == 0
    for_people = processor.run("--stats", "--local", library)
    assert f"           success  {len(GOOD)}" in for_people.stdout.splitlines()
    assert (for_people.status, for_people.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "SNOWFLAKE_ACCOUNT"),
        (("--stats",), "SNOWFLAKE_ACCOUNT"),
        (("--local", "nowhere"), "nowhere: no such folder"),
        (("--local", ".", "--resume", "--reprocess"), "give one of them"),
        (("--database", "store"), "--local DIR"),
        (("--local", ".", "--database", "file"), "it is a file"),
        (("--stats", "--database", "nowhere"), "nowhere: no such folder"),
        (("--local", ".", "--asset-ids", " , "), "--asset-ids"),
        (("--local", ".", "--batch-size", "0"), "--batch-size"),
    ],
)
def test_wrong_usage_is_said_in_a_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit status 2, nothing on stdout, and nothing is made."""
    (tmp_path / "file").touch()
    run = Processor(tmp_path).run(*arguments)
    assert (run.status, run.stdout) == (2, "")
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "tmp"]


def test_wrong_settings_are_named_without_their_values(tmp_path: Path) -> None:
    """All of them at once: a value may be a secret."""
    run = Processor(tmp_path).run("--local", ".", ROOM="secret", FPCALC_SECONDS="-1")
    assert run.status == 2
    assert run.stderr.startswith("SETTINGS_INVALID: FPCALC_SECONDS: ")
    assert "; ROOM: " in run.stderr
    assert "secret" not in run.stderr


@pytest.fixture(scope="module")
def small(audio: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good files, a short one and a broken one."""
    folder = tmp_path_factory.mktemp("small")
    for number in range(3):
        (folder / f"{number}.wav").write_bytes(sound(audio, 4 if number else 1, seed=number).read_bytes())
    (folder / "page.mp3").write_text("<!DOCTYPE html>")
    return folder


def test_flags_say_which_files_are_done(processor_of_small: Processor, small: Path) -> None:
    """`--limit` counts what is done, not what is skipped; `--resume` leaves FAILED alone; `--reprocess` nothing.

    SHORT is done, like SUCCESS.
    """
    run = processor_of_small.run
    begun = run("--local", small, "--json", "--limit", "3", "--batch-size", "1", "--workers", "4")
    assert len(begun.records) == sum(begun.counts) + begun.summary["short"] == 3
    rest = run("--local", small, "--json", "--resume")
    assert rest.keys() == {"0.wav", "1.wav", "2.wav", "page.mp3"} - begun.keys()
    assert rest.counts[2] == 3
    resumed = run("--local", small, "--json", "--resume")
    assert (resumed.records, resumed.counts, resumed.status) == ([], (0, 0, 4), 0)
    everything = run("--local", small, "--json", "--reprocess")
    assert (everything.counts, everything.summary["short"], everything.status) == ((2, 1, 0), 1, 1)
    again = run("--local", small, "--json")
    assert (again.keys(), again.counts) == ({"page.mp3"}, (0, 1, 3))
    assert len(processor_of_small.statuses()) == 4


@pytest.fixture
def processor_of_small(tmp_path: Path) -> Processor:
    return Processor(tmp_path)


def test_asset_ids_select_and_unknown_ones_are_failures(processor: Processor, first: Run, library: Path) -> None:
    """With spaces, twice the same, and one that nobody knows; what else is in the folder does not count.

    Without `--reprocess` a good one is left alone.
    """
    known = first.by_key()["good.ogg"]["asset_id"]
    both = ["--local", library, "--json", "--asset-ids", f"{known}, nobody\x1b[2J,{known}"]
    again = processor.run(*both, "--reprocess")
    by_id = {record["asset_id"]: record for record in again.records if record["asset_id"]}
    assert by_id[known]["status"] == "SUCCESS"
    assert by_id["nobody\x1b[2J"]["error"] == "NOT_FOUND: AUDIO_ASSET lists no such asset"
    assert by_id["nobody\x1b[2J"]["file_key"] is None
    assert (again.counts, again.status) == ((1, 1, 0), 1)
    only = processor.run("--local", library, "--asset-ids", known)
    assert (only.status, only.stderr) == (0, f"{PASSED_OVER}\n")
    assert only.stdout.splitlines()[-1] == f"{len(GOOD)} SUCCESS, 1 SHORT, {len(BROKEN)} FAILED"


def test_files_that_change_and_go(audio: Audio, tmp_path: Path) -> None:
    """One that was replaced under its name is done again, one that was removed is in no count any more."""
    processor, folder = Processor(tmp_path), tmp_path / "library"
    folder.mkdir()
    for name in ("kept.wav", "replaced.wav", "removed.wav"):
        (folder / name).write_bytes(sound(audio).read_bytes())
    assert processor.run("--local", folder, "--json").counts == (3, 0, 0)
    (folder / "replaced.wav").write_bytes(sound(audio, 6).read_bytes())
    (folder / "removed.wav").unlink()
    run = processor.run("--local", folder, "--json", "--resume")
    assert {key: record["duration"] for key, record in run.by_key().items()} == {"replaced.wav": 6}
    assert run.counts == (1, 0, 1)
    assert processor.rows("SELECT DURATION FROM AUDIO_FINGERPRINT WHERE FILE_KEY = 'replaced.wav'") == [(6,)]
    (folder / "new.wav").write_bytes(sound(audio).read_bytes())
    [statistics] = processor.run("--local", folder, "--stats", "--json").records
    assert (statistics["total"], statistics["success"], statistics["pending"]) == (3, 2, 1)


def test_statistics_count_what_no_tick_has_merged(audio: Audio, tmp_path: Path) -> None:
    """While the scheduler is paused nobody else merges: how else would one see that all is worked off?"""
    processor, folder = Processor(tmp_path), tmp_path / "library"
    folder.mkdir()
    (folder / "a.wav").write_bytes(sound(audio).read_bytes())
    # Another process, since the embedded store is one process's at a time.
    subprocess.run(
        [sys.executable, "-c", UNMERGED, folder], cwd=tmp_path, env={**os.environ, "PYTHONPATH": SCRIPTS}, check=True
    )
    [statistics] = processor.run("--stats", "--json", "--database", ".audiodup").records
    assert (statistics["queued"], statistics["failed"]) == (0, 1)


def test_a_file_of_the_same_size_written_later_is_another_one(
    processor: Processor, audio: Audio, tmp_path: Path
) -> None:
    """A remastered WAV is as long as the one before."""
    folder = tmp_path / "library"
    folder.mkdir()
    first, second = (audio.wav(4, channels=1, rate=11025, seed=seed).read_bytes() for seed in (41, 42))
    assert len(first) == len(second)
    (folder / "mix.wav").write_bytes(first)
    before = processor.run("--local", folder, "--json").by_key()["mix.wav"]
    assert processor.run("--local", folder, "--json", "--resume").counts == (0, 0, 1)
    (folder / "mix.wav").write_bytes(second)
    after = processor.run("--local", folder, "--json", "--resume").by_key()["mix.wav"]
    assert after["fingerprint"] != before["fingerprint"]


def test_another_folder_with_the_same_names_is_told_apart_by_its_bytes(
    processor: Processor, audio: Audio, tmp_path: Path
) -> None:
    """Same name, same size, written long ago; a folder that was only moved is not done again."""
    for name, seed in (("one", 41), ("two", 42)):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "mix.wav"
        file.write_bytes(audio.wav(4, channels=1, rate=11025, seed=seed).read_bytes())
        os.utime(file, (1_000_000_000, 1_000_000_000))
    one = processor.run("--local", tmp_path / "one", "--json", "--resume").by_key()["mix.wav"]
    two = processor.run("--local", tmp_path / "two", "--json", "--resume").by_key()["mix.wav"]
    assert one["fingerprint"] != two["fingerprint"]
    (tmp_path / "two").rename(tmp_path / "moved")
    assert processor.run("--local", tmp_path / "moved", "--json", "--resume").counts == (0, 0, 1)
