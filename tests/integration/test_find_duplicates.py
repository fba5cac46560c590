"""The duplicates of a folder: what is found, printed and stored, and what changes when the folder does."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest
from tests.audio import Audio
from tests.finder import (
    CLIP,
    CLIP_BEGINS,
    FLAC,
    KEYS,
    LIBRARY,
    MP3,
    SILENCE,
    STRANGER,
    SUMMARY_KEYS,
    WAV,
    Finder,
    fill,
    pairs,
)
from tests.processor import Run

EQUAL = ("IDENTICAL", "transcode", "AUTO_DELETE_CANDIDATE")
TRANSCODE = ("SAME_CONTENT", "transcode", "MANUAL_REVIEW")
EXCERPT = ("RELATED", "excerpt", "FLAG_VARIANT")
FOUND = {
    frozenset((WAV, FLAC)): EQUAL,
    frozenset((WAV, MP3)): TRANSCODE,
    frozenset((FLAC, MP3)): TRANSCODE,
    **{frozenset((CLIP, other)): EXCERPT for other in (WAV, FLAC, MP3)},
}
COUNTS = "6 pairs: 1 IDENTICAL, 2 SAME_CONTENT, 3 RELATED; 1 group"
NOTHING_NEW = {"new": 0, "refused": 0, "tracks": 0, "candidates": 0, "compared": 0}


@pytest.fixture(scope="module")
def library(audio: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    fill(folder, audio)
    return folder


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Finder:
    return Finder(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def first(finder: Finder, library: Path) -> Run:
    return finder.run("--local", library, "--json")


def test_copies_and_clips_are_found_and_strangers_are_not(first: Run) -> None:
    """Whatever the names; the surest ones first."""
    assert (first.status, first.stderr) == (0, "")
    assert pairs(first) == FOUND
    order = {"IDENTICAL": 0, "SAME_CONTENT": 1, "RELATED": 2}
    places = [(order[record["verdict"]], -record["similarity"]) for record in first.records]
    assert places == sorted(places)


def test_json_lines_have_the_promised_keys(first: Run) -> None:
    """A before B, numbers that are finite, and a summary that adds up."""
    for record in first.records:
        assert list(record) == KEYS
        assert (record["a_asset_id"], record["a"]) < (record["b_asset_id"], record["b"])
        assert all(math.isfinite(value) for value in record.values() if isinstance(value, float))
        assert record["evidence"]
    summary = first.summary
    assert list(summary) == SUMMARY_KEYS
    assert (summary["files"], summary["new"], summary["pairs"], summary["groups"]) == (6, 6, 6, 1)
    assert summary["by_verdict"] == {"IDENTICAL": 1, "SAME_CONTENT": 2, "RELATED": 3}
    assert summary["by_kind"] == {"transcode": 3, "excerpt": 3}
    # WAV and FLAC have one fingerprint.
    assert summary["tracks"] == 5
    assert summary["candidates"] >= summary["compared"] >= 3
    assert summary["fingerprinting"]["success"] == len(LIBRARY)
    assert summary["seconds"] > summary["fingerprinting"]["seconds"] > 0


def test_positions_are_those_of_the_clip(first: Run) -> None:
    """position_b = tempo * position_a + offset_seconds, whichever of the two comes first."""
    for record in (one for one in first.records if CLIP in (one["a"], one["b"])):
        expected = CLIP_BEGINS if record["a"] == CLIP else -CLIP_BEGINS
        assert record["offset_seconds"] == pytest.approx(expected, abs=0.13)
        assert record["tempo"] == pytest.approx(1, abs=0.002)
        assert record["overlap_seconds"] == pytest.approx(15, abs=0.5)


def test_a_second_run_finds_the_same_and_does_nothing_anew(finder: Finder, library: Path, first: Run) -> None:
    """With the folder, and with the store alone."""
    again = finder.run("--local", library, "--json")
    assert (again.status, again.records) == (0, first.records)
    assert {name: again.summary[name] for name in NOTHING_NEW} == NOTHING_NEW
    assert again.summary["fingerprinting"]["skipped"] == len(LIBRARY)
    of_store = finder.run("--database", ".audiodup", "--json")
    assert (of_store.status, of_store.records) == (0, first.records)
    assert list(of_store.summary) == [name for name in SUMMARY_KEYS if name != "fingerprinting"]


def test_people_read_pairs_groups_and_counts(finder: Finder, library: Path, first: Run) -> None:
    """The copy to keep with the reason; with a folder its files first, and last what became of them."""
    run = finder.run("--local", library)
    lines = run.stdout.splitlines()
    assert (run.status, run.stderr) == (0, "")
    assert lines[-1] == "6 SUCCESS, 0 FAILED"
    assert lines.index(COUNTS) < lines.index("             total  6")
    tables = [line.split()[0] for line in lines if line.startswith("AUDIO_")]
    assert tables == ["AUDIO_FINGERPRINT", "AUDIO_DUPLICATE", "AUDIO_DUPLICATE_GROUP"]
    assert any(WAV in line and FLAC in line and "AUTO_DELETE_CANDIDATE" in line and "1.000" in line for line in lines)
    assert any(CLIP in line and "excerpt" in line and "8.0 s" in line and "0:15" in line for line in lines)
    assert any("lossless, uploaded earlier" in line for line in lines)
    assert "\x1b" not in run.stdout
    assert "�[31m[red]x.mp3" in run.stdout
    assert max(map(len, lines)) <= 120
    of_store = finder.run("--database", ".audiodup").stdout.splitlines()
    assert of_store[-1] == COUNTS
    assert of_store[0].split() == ["AUDIO_DUPLICATE"]


def test_a_spreadsheet_takes_no_name_for_a_formula(finder: Finder, first: Run) -> None:
    """All pairs with the same columns and more; numbers stay numbers, negative ones too."""
    run = finder.run("--database", ".audiodup", "--csv", "pairs.csv", "--json")
    assert run.status == 0
    text = (finder.home / "pairs.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == [*KEYS, "coverage_a", "coverage_b", "ranges"]
    safe = {WAV: f"'{WAV}", FLAC: f"'{FLAC}", CLIP: f"'{CLIP}"}
    records = [dict(zip(header, row, strict=True)) for row in rows]
    for record, printed in zip(records, first.records, strict=True):
        assert [record["a"], record["b"]] == [safe.get(printed[name], printed[name]) for name in "ab"]
        assert float(record["offset_seconds"]) == printed["offset_seconds"]
        assert float(record["similarity"]) == printed["similarity"]
        assert 0 <= float(record["coverage_a"]) <= 1
        assert not record["ranges"].startswith(tuple("=+-@"))
    assert sorted(path.name for path in finder.home.iterdir()) == [".audiodup", "pairs.csv", "tmp"]


def test_a_person_overrules_and_all_begins_anew(finder: Finder, library: Path, first: Run) -> None:
    """What people have said stays when index and pairs are made again, and is taken back by them alone."""
    finder.say(WAV, FLAC, "NOT_DUPLICATE")
    finder.say(WAV, MP3, "KEEP_OTHER")
    run = finder.run("--database", ".audiodup", "--json")
    assert pairs(run)[frozenset((WAV, FLAC))] == (*EQUAL[:2], "FLAG_VARIANT")
    assert groups(finder) == {MP3: {WAV, MP3}}
    anew = finder.run("--database", ".audiodup", "--json", "--all")
    assert anew.records == run.records
    assert (anew.summary["new"], anew.summary["tracks"]) == (6, 5)
    assert groups(finder) == {MP3: {WAV, MP3}}
    finder.say(WAV, FLAC, "UNDO")
    finder.say(WAV, MP3, "UNDO")
    assert finder.run("--database", ".audiodup", "--json").records == first.records
    assert groups(finder) == {WAV: {WAV, FLAC, MP3}}


def groups(finder: Finder) -> dict[str, set[str]]:
    """Members by the one that is kept, as they are stored."""
    rows = finder.rows("SELECT GROUP_ID, FILE_KEY, KEEP FROM AUDIO_DUPLICATE_GROUP")
    kept = {group: file for group, file, keep in rows if keep}
    return {file: {each for other, each, _ in rows if other == group} for group, file in kept.items()}


def test_files_that_come_change_and_go(audio: Audio, tmp_path: Path) -> None:
    """Only what is new is matched; the pairs of a file that went or changed go with it."""
    finder, folder = Finder(tmp_path), tmp_path / "library"
    folder.mkdir()
    fill(folder, audio)
    before = finder.run("--local", folder, "--json")
    (folder / "joined.ogg").write_bytes(
        audio.make("ogg", "-c:a", "libvorbis", seconds=30, channels=1, rate=22050).read_bytes()
    )
    joined = finder.run("--local", folder, "--json")
    expected = {frozenset(("joined.ogg", other)): TRANSCODE for other in (WAV, FLAC, MP3)}
    assert pairs(joined) == FOUND | expected | {frozenset(("joined.ogg", CLIP)): EXCERPT}
    assert all(record in joined.records for record in before.records)
    assert (joined.summary["new"], joined.summary["tracks"]) == (1, 1)
    (folder / WAV).unlink()
    (folder / "joined.ogg").write_bytes((folder / STRANGER).read_bytes())
    after = finder.run("--local", folder, "--json")
    assert pairs(after) == {
        **{two: what for two, what in FOUND.items() if WAV not in two},
        frozenset(("joined.ogg", STRANGER)): ("IDENTICAL", None, "AUTO_DELETE_CANDIDATE"),
    }
    assert (after.summary["files"], after.summary["new"]) == (6, 1)
    assert groups(finder) == {FLAC: {FLAC, MP3}, STRANGER: {STRANGER, "joined.ogg"}}
    for name in LIBRARY - {WAV, SILENCE}:
        (folder / name).unlink()
    (folder / "joined.ogg").unlink()
    assert finder.run("--local", folder, "--json").records == []
    assert groups(finder) == {}
