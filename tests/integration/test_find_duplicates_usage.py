"""The duplicates' command line where there is little to find: wrong usage, failures, interrupts, a terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest
from tests.audio import Audio
from tests.finder import SUMMARY_KEYS, Finder, pairs
from tests.processor import Processor, slow_fpcalc

NOTHING = "0 pairs: 0 IDENTICAL, 0 SAME_CONTENT, 0 RELATED; 0 groups"
TWO = {frozenset(("0.wav", "1.wav")): ("IDENTICAL", None, "AUTO_DELETE_CANDIDATE")}


@pytest.fixture
def finder(tmp_path: Path) -> Finder:
    return Finder(tmp_path)


@pytest.fixture(scope="module")
def twins(audio: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two equal files."""
    folder = tmp_path_factory.mktemp("twins")
    for number in range(2):
        (folder / f"{number}.wav").write_bytes(audio.wav(12, channels=1, rate=11025).read_bytes())
    return folder


def test_an_empty_folder_has_none(finder: Finder, tmp_path: Path) -> None:
    """And that is no failure."""
    (tmp_path / "empty").mkdir()
    run = finder.run("--local", "empty", "--json")
    assert (run.status, run.records, run.stderr) == (0, [], "")
    assert list(run.summary) == SUMMARY_KEYS
    assert run.summary["by_verdict"] == {"IDENTICAL": 0, "SAME_CONTENT": 0, "RELATED": 0}
    assert finder.run("--database", ".audiodup").stdout == f"{NOTHING}\n"
    assert NOTHING in finder.run("--local", "empty").stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "SNOWFLAKE_ACCOUNT"),
        (("--local", "nowhere"), "nowhere: no such folder"),
        (("--local", "file"), "file: no such folder"),
        (("--database", "nowhere"), "nowhere: no such folder"),
        (("--local", ".", "--database", "file"), "it is a file"),
        (("--local", ".", "--csv", "nowhere/pairs.csv"), "nowhere/pairs.csv: no such folder"),
        (("--local", ".", "--csv", "tmp"), "tmp: it is there, and no file"),
        (("--local", ".", "--reprocess"), "--reprocess"),
        (("more",), "more"),
    ],
)
def test_wrong_usage_is_said_in_a_line(finder: Finder, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit status 2, nothing on stdout, and nothing is made."""
    (tmp_path / "file").touch()
    run = finder.run(*arguments)
    assert (run.status, run.stdout) == (2, "")
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "tmp"]


def test_files_that_fail_are_named_once(finder: Finder, twins: Path, tmp_path: Path) -> None:
    """The others are matched; the next run leaves the failed one alone, as --resume does."""
    folder = tmp_path / "library"
    folder.mkdir()
    for path in twins.iterdir():
        os.link(path, folder / path.name)
    (folder / "page\x1b[2J.mp3").write_text("<!DOCTYPE html><title>Sign in</title>")
    (folder / "notes.txt").write_text("no audio")
    run = finder.run("--local", folder, "--json")
    assert (run.status, pairs(run)) == (1, TWO)
    passed_over, failed = run.stderr.splitlines()
    assert passed_over == "Passed over in the folder, being no audio: 1"
    assert failed.startswith("page�[2J.mp3: NOT_AUDIO: ")
    assert run.summary["fingerprinting"]["by_error"] == {"NOT_AUDIO": 1}
    again = finder.run("--local", folder)
    assert (again.status, again.stdout.splitlines()[-1]) == (0, "2 SUCCESS, 1 FAILED")


def test_files_that_cannot_be_compared_are_named(finder: Finder, twins: Path) -> None:
    """Fingerprints of other settings: by name, with the reason, and with the exit code that says so."""
    assert finder.run("--local", twins, "--json").status == 0
    other = finder.run("--database", ".audiodup", "--json", FINGERPRINT_SECONDS=60)
    assert (other.status, other.stdout) == (3, "")
    assert other.stderr.startswith("INDEX_MISMATCH: ")
    anew = finder.run("--database", ".audiodup", "--json", "--all", FINGERPRINT_SECONDS=60)
    assert anew.status == 1
    assert anew.summary["refused"] == 2
    named = [line for line in anew.stderr.splitlines() if line.startswith("not compared: ")]
    assert len(named) == 2
    assert any("0.wav: " in line for line in named)


def test_an_interrupt_while_fingerprinting_matches_nothing_yet(finder: Finder, twins: Path, tmp_path: Path) -> None:
    """What was stored before is shown, and the same command goes on."""
    slow = slow_fpcalc(tmp_path, 2)
    with finder.started("--local", twins, "--json", FPCALC=slow, FPCALC_PROCESSES=1) as running:
        running.wait_for_children(slow)
        running.interrupt()
        run = running.ended()
    assert (run.status, run.records) == (130, [])
    assert run.summary["new"] == 0
    assert "Finishing the files in hand" in run.stderr
    assert "Interrupted: what was done until then is stored; the same command goes on." in run.stderr
    assert "Traceback" not in run.stderr
    rest = finder.run("--local", twins, "--json")
    assert (rest.status, pairs(rest)) == (0, TWO)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_while_matching(finder: Finder, twins: Path, number: int, times: int) -> None:
    """The batch in hand is finished, the second time not even that; the next run finds what there is."""
    Processor.run(finder, "--local", twins, "--json")
    shown = interrupted_at(finder, b"matching", [number] * times, "--database", ".audiodup", "--all")
    assert "Finishing the batch in hand" in shown
    assert "Interrupted: what was done until then is stored; the same command without --all goes on." in shown
    assert "Traceback" not in shown
    rest = finder.run("--database", ".audiodup", "--json")
    assert (rest.status, pairs(rest)) == (0, TWO)


def interrupted_at(finder: Finder, words: bytes, signals: list[int], *options: object) -> str:
    """What it shows on a terminal, where it is sent these signals once `words` are there; it ends with 130."""
    try:
        terminal, its_end = pty.openpty()
    except OSError as error:
        pytest.skip(f"this machine gives no pseudo-terminal ({error})")
    shown = b""
    with subprocess.Popen(
        finder.command(*options),
        cwd=finder.home,
        env=finder.environment(TERM="xterm-256color", COLUMNS="200"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=its_end,
    ) as process:
        os.close(its_end)
        sent = False
        try:
            while data := os.read(terminal, 65536):
                shown += data
                if words in shown and not sent:
                    sent = True
                    for number in signals:
                        process.send_signal(number)
        except OSError:
            pass  # Linux: nobody has its other end open any more
        status = process.wait(60)
    os.close(terminal)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert status == 130, plain
    return plain
