"""The whole system over 41 files: broken ones, an expired URL, an API that fails, messages that come twice."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.audio import Audio
from tests.end_to_end.conftest import QUICK_LIMITS, asset_ids

from audiodup.messages import FingerprintRequest
from audiodup.model import Asset
from stack.processes import HOST, Processes, answers, free_port
from stack.system import LocalSystem, Tick

GOOD, BROKEN = 36, {"page.mp3": "NOT_AUDIO", "cut.wav": "CORRUPT", "brief.wav": "TOO_SHORT"}
SHORT = "albums/beep.wav"
EXPIRED, SHAKY, LIMITED, DEAD = "good-00.wav", "good-01.wav", "good-02.wav", "dead.wav"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """41 files: 36 good ones, a short one, three broken ones, and one whose API answers 500 for ever."""
    audio = Audio(tmp_path_factory.mktemp("made"))
    folder = tmp_path_factory.mktemp("library")
    for number in range(GOOD):
        name = folder / "albums" / f"good-{number:02}.wav" if number > 5 else folder / f"good-{number:02}.wav"
        name.parent.mkdir(exist_ok=True)
        name.write_bytes(audio.wav(6, channels=1, rate=22050, seed=number).read_bytes())
    (folder / DEAD).write_bytes(audio.wav(6, channels=1, rate=22050, seed=99).read_bytes())
    (folder / "page.mp3").write_text("<!DOCTYPE html><title>Sign in</title>")
    whole = audio.wav(20, channels=1, rate=22050, seed=7).read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "brief.wav").write_bytes(audio.wav(0.3, channels=1, rate=22050, seed=8).read_bytes())
    (folder / SHORT).write_bytes(audio.wav(1, channels=1, rate=22050, seed=8).read_bytes())
    return folder


def drain(system: LocalSystem, seconds: float = 120) -> list[Tick]:
    """Tick until nothing is pending or in flight."""
    ticks = [system.tick()]
    end = time.monotonic() + seconds
    while not ticks[-1].drained:
        assert time.monotonic() < end, (ticks[-1], system.functions["fingerprint"].tail(5))
        time.sleep(0.5)
        ticks.append(system.tick())
    return ticks


def wait_for_dead_letters(system: LocalSystem, count: int, seconds: float = 120) -> None:
    """Until so many messages of the file that never answers were given up and recorded."""
    end = time.monotonic() + seconds
    while (
        sum(
            DEAD in line and '"dead letter"' in line
            for line in system.functions["dead_letter"].log.read_text().splitlines()
        )
        < count
    ):
        assert time.monotonic() < end, system.functions["dead_letter"].tail(5)
        time.sleep(0.5)


@pytest.fixture(scope="module")
def system(processes: Processes, folder: Path) -> Iterator[LocalSystem]:
    """Run to its end once: two ticks at once, every message published a second time, a poison message."""
    ids = asset_ids(folder)
    faults: dict[str, list[dict[str, Any]]] = {
        ids[EXPIRED]: [{"expired": True}],
        ids[SHAKY]: [{"status": 500, "times": 2}],
        ids[LIMITED]: [{"status": 429, "headers": {"Retry-After": "1"}}],
        ids[DEAD]: [{"status": 500, "times": None}],
    }
    system = LocalSystem(processes, folder, faults=faults, limits=QUICK_LIMITS)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: system.tick(), range(2)))
    requested_at = system.parts.store.clock()
    for file_key, asset_id in ids.items():
        system.topology.publish(FingerprintRequest(Asset(asset_id, file_key, "wav", "local"), requested_at).encode())
    system.topology.publish(b"poison")
    named = {"version": 7, "asset_id": "unknown", "file_key": "k"}
    system.topology.publish(json.dumps(named).encode())
    drain(system)
    # Its row is FAILED by the first of its two messages; the second one's dead letter may come later.
    wait_for_dead_letters(system, 2)
    drain(system)
    yield system
    system.close()


def rows(system: LocalSystem, sql: str) -> list[tuple[Any, ...]]:
    session = system.parts.session
    with session._lock:
        return [tuple(row) for row in session._execute(sql)]


def test_every_asset_has_exactly_one_row(system: LocalSystem, folder: Path) -> None:
    """In both tables, whatever came twice."""
    expected = sorted((asset_id, key) for key, asset_id in asset_ids(folder).items())
    assert len(expected) == 41
    for table in ("AUDIO_FINGERPRINT", "AUDIO_FILE"):
        found = rows(system, f"SELECT ASSET_ID, FILE_KEY FROM {table} WHERE ASSET_ID <> 'unknown' ORDER BY 1")
        assert found == expected


def test_good_files_succeed_and_broken_ones_fail_by_name(system: LocalSystem) -> None:
    """The expired URL was asked for anew, the failing API tried again."""
    found = {
        key: (status, error)
        for key, status, error in rows(
            system,
            "SELECT FILE_KEY, PROCESSING_STATUS, ERROR_MESSAGE FROM AUDIO_FINGERPRINT WHERE ASSET_ID <> 'unknown'",
        )
    }
    failed = {key: (error or "").partition(":")[0] for key, (status, error) in found.items() if status == "FAILED"}
    assert failed == {**BROKEN, DEAD: "RETRIES_EXHAUSTED"}
    assert found[DEAD][1] == "RETRIES_EXHAUSTED: 5 attempts"
    assert found.pop(SHORT) == ("SHORT", None)
    assert {status for key, (status, _) in found.items() if key not in failed} == {"SUCCESS"}


def test_the_faults_really_happened(system: LocalSystem, folder: Path) -> None:
    """Otherwise the tests above would prove little."""
    ids = asset_ids(folder)
    counts = requests.get(system.provider.counts_url, timeout=10).json()
    assert counts["faults"][ids[EXPIRED]] == 1
    assert counts["faults"][ids[SHAKY]] == 2
    assert counts["faults"][ids[DEAD]] >= QUICK_LIMITS["max_delivery_attempts"]


def test_good_rows_have_all_that_is_known_of_the_file(system: LocalSystem, folder: Path) -> None:
    """Duration, size, fingerprint, container, hashes, versions."""
    [row] = rows(
        system,
        "SELECT f.FORMAT, f.DURATION, f.FILE_SIZE, f.FINGERPRINT, x.CONTAINER, x.LOSSLESS, x.CHANNELS, x.SAMPLE_RATE, "
        "LENGTH(x.SHA256), LENGTH(x.PCM_MD5), x.ETAG IS NOT NULL, x.ALGORITHM, x.FINGERPRINT_SECONDS "
        f"FROM AUDIO_FINGERPRINT f JOIN AUDIO_FILE x ON x.ASSET_ID = f.ASSET_ID WHERE f.FILE_KEY = '{EXPIRED}'",
    )
    assert row[0] == "wav"
    assert row[1] == pytest.approx(6, abs=0.01)
    assert row[2] == (folder / EXPIRED).stat().st_size
    assert row[3].startswith("AQ")
    assert row[4:] == ("wav", True, 1, 22050, 64, 32, True, 1, 120)


def test_the_dead_letters_are_exactly_the_poison(system: LocalSystem, folder: Path) -> None:
    """What used up its attempts (each of its messages), and the two that nobody can read, with their reasons."""
    letters = system.topology.dead_letters()
    dead = [letter for letter in letters if b'"version": 1' in letter.data]
    assert {json.loads(letter.data)["asset_id"] for letter in dead} == {asset_ids(folder)[DEAD]}
    reasons = sorted((letter.data[:6], letter.attributes["reason"]) for letter in letters if letter not in dead)
    assert reasons == [
        (b"poison", "data is not JSON in UTF-8"),
        (b'{"vers', "version is 7, this code reads 1"),
    ]
    assert rows(
        system, "SELECT PROCESSING_STATUS, ERROR_MESSAGE FROM AUDIO_FINGERPRINT WHERE ASSET_ID = 'unknown'"
    ) == [("FAILED", "MALFORMED: version is 7, this code reads 1")]


def test_another_tick_publishes_nothing(system: LocalSystem) -> None:
    """FAILED stays FAILED until someone asks again."""
    assert system.tick() == Tick(merged=True, in_flight=0, published=0)
    assert rows(system, "SELECT COUNT(*) FROM AUDIO_FINGERPRINT_INBOX") == [(0,)]


def test_nothing_is_left_on_the_disk(system: LocalSystem) -> None:
    """Of the files that were in flight."""
    assert list(system.temporary.iterdir()) == []


def test_the_log_has_a_line_an_outcome_and_no_signed_url(system: LocalSystem, folder: Path) -> None:
    """JSON with severity, ids, and the milliseconds of each part; never what opens a file to who reads the log."""
    log = system.functions["fingerprint"].log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    outcomes = [line for line in lines if line["message"] in {"SUCCESS", "SHORT", "FAILED"}]
    assert {line["file_key"] for line in outcomes} == set(asset_ids(folder)) - {DEAD}
    for line in outcomes:
        assert line["severity"] == ("WARNING" if line["message"] == "FAILED" else "INFO")
        assert set(line["milliseconds"]) >= {"api", "download", "fpcalc", "store"}
        assert line["message_id"]
    for running in system.functions.values():
        assert not re.search(r"X-Amz-|Signature|Bearer ", running.log.read_text())
        assert "Traceback" not in running.log.read_text()


def test_a_new_file_is_processed_by_the_next_tick(system: LocalSystem, folder: Path) -> None:
    """Dropped into the folder while the system runs."""
    (folder / "later.wav").write_bytes((folder / "good-03.wav").read_bytes())
    try:
        system.list_folder()
        assert drain(system)[0].published == 1
        [(status,)] = rows(system, "SELECT PROCESSING_STATUS FROM AUDIO_FINGERPRINT WHERE FILE_KEY = 'later.wav'")
        assert status == "SUCCESS"
    finally:
        (folder / "later.wav").unlink()


def test_a_killed_function_loses_nothing(system: LocalSystem, folder: Path) -> None:
    """kill -9 in the midst of the work: what was in flight is delivered again to the next instance."""
    for number in range(12):
        (folder / f"killed-{number}.wav").write_bytes((folder / f"good-{number % 6:02}.wav").read_bytes())
    system.list_folder()
    assert system.tick().published == 12
    victim = system.functions["fingerprint"]
    os.killpg(victim.pid, signal.SIGKILL)
    system.processes.stop(victim)
    system.functions["fingerprint"] = system.start_function("fingerprint")
    drain(system)
    found = rows(system, "SELECT PROCESSING_STATUS FROM AUDIO_FINGERPRINT WHERE FILE_KEY LIKE 'killed-%'")
    assert found == [("SUCCESS",)] * 12
    assert list(system.temporary.iterdir()) == []


@pytest.mark.parametrize(("seconds", "status"), [(2, 204), (60, 503)])
def test_sigterm_finishes_what_ends_in_time_and_gives_back_the_rest(
    system: LocalSystem, folder: Path, tmp_path: Path, seconds: int, status: int
) -> None:
    """Cloud Run kills after 10 s: before that fpcalc's group is killed and its request answered 503."""
    fpcalc = shutil.which("fpcalc")
    assert fpcalc
    slow, pause = tmp_path / "fpcalc", f"{seconds}.0{os.getpid()}"
    slow.write_text(f'#!/bin/sh\n[ "$1" = -version ] || /bin/sleep {pause}\nexec {fpcalc} "$@"\n')
    slow.chmod(0o755)
    port = free_port()
    settings = {"FPCALC": str(slow), "FPCALC_SECONDS": "100", "REQUEST_SECONDS": "150"}
    instance = system.start_function("fingerprint", port=port, settings=settings)
    instance.wait_until(answers(f"http://{HOST}:{port}/health"), seconds=60)
    asset = Asset(asset_ids(folder)[SHAKY], SHAKY, "wav", "local")
    data = base64.b64encode(FingerprintRequest(asset, system.parts.store.clock()).encode()).decode()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(
            requests.post, f"http://{HOST}:{port}", json={"message": {"data": data, "messageId": "1"}}, timeout=60
        )
        while not running_with(pause):
            assert not answer.done(), (answer.result().text, instance.tail(5))
        os.kill(instance.pid, signal.SIGTERM)
        assert answer.result().status_code == status
        end = time.monotonic() + 10
        while instance.alive:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert not running_with(pause)
    system.processes.stop(instance)


def running_with(argument: str) -> bool:
    """Whether some process has this argument."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if argument.encode() in file.read_bytes().split(b"\0"):
                return True
    return False
