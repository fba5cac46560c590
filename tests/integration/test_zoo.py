"""The hostile inputs of tests/zoo: each ends with its code, reaches nothing, and stays within bounds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.audio import Audio
from tests.zoo import census, trace
from tests.zoo.keeper import Row
from tests.zoo.names import GROUP as NAMES
from tests.zoo.specimen import ASSET

from audiodup.embedded import open_embedded
from audiodup.model import NEVER, Outcome
from audiodup.schema import apply_schema
from audiodup.session import Session
from audiodup.settings import read_settings
from audiodup.store import Store

SPECIMENS = [specimen for group in census.GROUPS for specimen in group.specimens]
OUR_BYTES = 500_000_000
"""A row of an intact file takes 150 MB, with all of the tests that the process has imported."""

pytestmark = pytest.mark.timeout(900)


def can_watch() -> bool:
    """Whether strace is there; it must be where CI could have it."""
    there = trace.is_there()
    if not there and os.environ.get("CI") == "true" and shutil.which("apt-get"):
        pytest.fail("strace is missing, or may not look at processes here: apt-get install strace")
    return there


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return census.watched() if can_watch() else census.count()


def test_every_input_ends_with_its_code(rows: dict[str, Row]) -> None:
    """And nothing unforeseen is raised, which would be delivered again and again."""
    codes = {specimen.name: specimen.code for specimen in SPECIMENS}
    found = {name: (row.code, row.words) for name, row in rows.items()}
    assert {name: found[name] for name, code in codes.items() if found[name][0] != code} == {}
    assert len(codes) == len(found) == len(SPECIMENS)


def test_no_other_file_is_read_and_no_other_host_is_called(rows: dict[str, Row]) -> None:
    """By a canary's time of reading, by sockets that listen, and by strace where it is there (else the test below says
    so).
    """
    assert {name: row.reached for name, row in rows.items() if row.reached} == {}


def test_time_is_bounded(rows: dict[str, Row]) -> None:
    """By one download and one run of fpcalc or ffmpeg at their limits, whatever it is."""
    limits = read_settings()
    longest = limits.api_seconds + limits.download_seconds + limits.fpcalc_seconds
    assert {name: row.seconds for name, row in rows.items() if row.seconds > longest} == {}


def test_memory_is_bounded(rows: dict[str, Row]) -> None:
    """Ours by what each part may hold, that of fpcalc and ffmpeg by their limit."""
    assert {name: row.ours for name, row in rows.items() if row.ours > OUR_BYTES} == {}
    assert max(row.children for row in rows.values()) <= read_settings().fpcalc_memory_bytes


def test_names_come_back_from_the_store_as_they_were(rows: dict[str, Row], tmp_path: Path) -> None:
    """Every outcome through inbox, merge and table; the rest told apart by the specimen's name as file key."""
    session = Session(open_embedded(tmp_path / "store", database="BI_PROD", schema="AI_DATA"))
    try:
        apply_schema(session)
        session.run("embedded/audio_asset")
        store = Store(session)
        outcomes = [with_own_key(name, row.outcome) for name, row in rows.items() if row.outcome is not None]
        store.append(outcomes)
        assert store.merge()
        store.replace_assets((outcome.asset, NEVER) for outcome in outcomes)
        stored = {(row.file_key, row.status, row.error) for row in store.rows(len(outcomes) + 1)}
        library = {listed.asset.file_key: listed.asset.asset_id for listed in store.library()}
    finally:
        session.close()
    assert stored == {(outcome.asset.file_key, outcome.status.value, outcome.error) for outcome in outcomes}
    assert library == {outcome.asset.file_key: outcome.asset.asset_id for outcome in outcomes}
    odd = {specimen.asset.file_key for specimen in NAMES.specimens if specimen.code == "SUCCESS"} - {ASSET.file_key}
    assert len(odd) > 10
    assert odd <= library.keys()


def with_own_key(name: str, outcome: Outcome) -> Outcome:
    if outcome.asset.file_key != ASSET.file_key:
        return outcome
    return replace(outcome, asset=replace(outcome.asset, file_key=name))


def test_the_table_names_these_inputs_and_codes() -> None:
    """`python -m tests.zoo --results tests/zoo/results.json` was run after the last change of an input."""
    kept = json.loads((census.ROOT / "tests" / "zoo" / "results.json").read_text())
    listed = [(line["input"], line["code"], line["ok"]) for group in kept["groups"] for line in group["inputs"]]
    assert listed == [(specimen.name, specimen.code, True) for specimen in SPECIMENS]


def test_strace_sees_who_follows_a_playlist(tmp_path: Path, audio: Audio) -> None:
    """The proof can fail: fpcalc without our guards reads the other file, and ffmpeg calls the host."""
    if not can_watch():
        pytest.skip("strace is missing, or may not look here: what inputs reach is watched by canary and socket alone")
    shutil.copyfile(audio.make("ts", "-c:a", "aac"), tmp_path / "canary.ts")
    (tmp_path / "list.mp3").write_text("ffconcat version 1.0\nfile 'canary.ts'\n")
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    )
    usual = followed(tmp_path, "fpcalc", str(audio.wav(9.37)))
    seen = followed(tmp_path, "fpcalc", str(tmp_path / "list.mp3"))
    assert f"fpcalc: {tmp_path}/canary.ts" in list(trace.beyond(seen, usual, [], 0))
    called = followed(tmp_path, "ffprobe", "-protocol_whitelist", "file,tcp,http", str(tmp_path / "list.m3u8"))
    assert 'called: INET, sin_port=htons(9), sin_addr=inet_addr("127.0.0.1")' in list(
        trace.beyond(called, usual, [], 0)
    )


def followed(folder: Path, *command: str) -> trace.Seen:
    """What a command did, under strace."""
    prefix = folder / "trace"
    shell = ("sh", "-c", '"$@"; :', "sh")
    subprocess.run([*trace.COMMAND, "-o", str(prefix), *shell, *command], capture_output=True, check=True)
    [first] = (file for file in folder.glob("trace.*") if '"-c"' in file.read_text())
    seen = trace.look(prefix, int(first.suffix[1:]))
    for file in folder.glob("trace.*"):
        file.unlink()
    return seen
