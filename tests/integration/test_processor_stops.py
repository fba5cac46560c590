"""The processor is stopped, killed, run twice at once, out of its tools or its disk; and what a terminal shows."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.audio import Audio
from tests.processor import Processor, Run, alive, slow_fpcalc, wait_until

import progress

FILES = 8
TRACEBACK = "Traceback"


@pytest.fixture(scope="module")
def library(audio: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good files, all alike."""
    folder = tmp_path_factory.mktemp("library")
    sound = audio.wav(4, channels=1, rate=11025)
    for number in range(FILES):
        os.link(sound, folder / f"{number}.wav")
    return folder


@pytest.fixture
def processor(tmp_path: Path) -> Processor:
    return Processor(tmp_path)


def test_an_interrupt_finishes_what_is_in_hand(processor: Processor, library: Path, tmp_path: Path) -> None:
    """It is stored, no other file is begun, and `--resume`, which it names, does only the rest."""
    slow = slow_fpcalc(tmp_path, 1.2)
    with processor.started("--local", library, "--json", "--workers", "2", FPCALC=slow) as running:
        running.wait_for_lines(1)
        running.interrupt()
        run = running.ended()
    assert run.status == 130
    assert "Interrupted: what was in hand is stored; the same command with --resume goes on." in run.stderr
    # Two were done at the first line, and two in hand.
    assert 1 <= len(run.records) <= 4
    assert run.counts == (len(run.records), 0, 0)
    assert processor.statuses() == dict.fromkeys(run.keys(), "SUCCESS")
    rest = processor.run("--local", library, "--json", "--resume")
    assert rest.counts == (FILES - len(run.records), 0, len(run.records))
    assert not rest.keys() & run.keys()
    assert rest.status == 0


def test_a_second_interrupt_waits_for_nothing(processor: Processor, library: Path, tmp_path: Path) -> None:
    """fpcalc is killed, nothing is stored of its files, and another --reprocess is not promised to go on."""
    slow = slow_fpcalc(tmp_path, 600)
    with processor.started("--local", library, "--json", "--reprocess", FPCALC=slow) as running:
        children = running.wait_for_children(slow)
        running.interrupt()
        time.sleep(0.5)
        assert running.process.poll() is None
        running.interrupt()
        began = time.monotonic()
        run = running.ended()
    assert time.monotonic() - began < 10
    assert run.status == 130
    assert "--reprocess begins anew" in run.stderr
    assert alive(children) == []
    assert processor.statuses() == {}
    assert {record["error"].partition(":")[0] for record in run.records} == {"INTERRUPTED"}
    assert list(processor.temporary.iterdir()) == []


def test_kill_loses_and_doubles_nothing(processor: Processor, library: Path, tmp_path: Path) -> None:
    """What was printed before kill -9 is in the store, fpcalc does not outlive it, and the rest is done once."""
    slow = slow_fpcalc(tmp_path, 0.3)
    options = ("--workers", "2", "--batch-size", "2")
    with processor.started("--local", library, "--json", *options, FPCALC=slow) as running:
        running.wait_for_lines(3)
        children = running.wait_for_children(slow)
        running.process.kill()
        done = running.ended().keys()
    wait_until(lambda: alive(children) == [])
    rest = processor.run("--local", library, "--json", "--resume")
    assert not rest.keys() & done
    # What was stored when it was killed, but not printed yet.
    assert len(rest.records) + len(done) in range(FILES - 4, FILES + 1)
    assert rest.counts == (len(rest.records), 0, FILES - len(rest.records))
    assert processor.statuses() == {f"{number}.wav": "SUCCESS" for number in range(FILES)}
    left = "SELECT (SELECT COUNT(*) FROM AUDIO_FILE), (SELECT COUNT(*) FROM AUDIO_FINGERPRINT_INBOX)"
    assert processor.rows(left) == [(FILES, 0)]


def test_a_second_process_is_told_that_the_store_is_in_use(processor: Processor, library: Path, tmp_path: Path) -> None:
    """And the first does not notice."""
    slow = slow_fpcalc(tmp_path, 600)
    with processor.started("--local", library, "--json", FPCALC=slow) as running:
        running.wait_for_children(slow)
        second = processor.run("--local", library, "--json")
        assert running.process.poll() is None
        assert running.stderr.read_text() == ""
    assert second.status == 3
    assert second.stdout == ""
    assert second.stderr.startswith("STORE_IN_USE: another process has the store in .audiodup open\n")
    assert TRACEBACK not in second.stderr


@pytest.mark.parametrize(("setting", "package"), [("FPCALC", "libchromaprint-tools"), ("FFMPEG", "`ffmpeg`")])
def test_a_missing_tool_is_told_with_what_to_install(
    processor: Processor, library: Path, setting: str, package: str
) -> None:
    """Before anything is stored as FAILED."""
    run = processor.run("--local", library, **{setting: "/nonexistent"})
    assert (run.status, run.stdout) == (3, "")
    assert run.stderr.startswith("TOOL_MISSING: /nonexistent is not installed")
    assert package in run.stderr
    assert TRACEBACK not in run.stderr
    assert processor.statuses() == {}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc takes no folders, not even root's")
def test_a_store_that_cannot_be_made_or_read_is_said_in_a_line(processor: Processor, library: Path) -> None:
    """Where no folder can be, and where something else stands in the store's place, which is left as it was."""
    nowhere = processor.run("--local", library, "--database", "/proc/store")
    rubbish = processor.home / "rubbish" / "BI_PROD.db"
    rubbish.parent.mkdir()
    rubbish.write_text("rubbish\n" * 1000)
    corrupt = processor.run("--local", library, "--database", "rubbish")
    for run, words in ((nowhere, "cannot use /proc/store as a store"), (corrupt, "cannot open the store in rubbish")):
        assert (run.status, run.stdout) == (3, "")
        assert run.stderr.startswith(f"UNUSABLE: {words}: ")
        assert TRACEBACK not in run.stderr
    assert rubbish.read_text() == "rubbish\n" * 1000


def test_a_full_disk_is_said_in_a_line_and_loses_nothing(processor: Processor, library: Path) -> None:
    """Played by a limit on the size of files, in the middle of the run; with room again the rest is done."""
    command = processor.command("--local", library, "--json", "--workers", "1")
    limited = ["/bin/sh", "-c", 'ulimit -f 60; exec "$@"', "sh", *command]
    run = processor.run_command(limited)
    assert run.status == 3
    assert run.stderr.startswith("STORE_UNAVAILABLE: ")
    assert "Could not write file" in run.stderr
    assert TRACEBACK not in run.stderr
    done = run.keys()
    rest = processor.run("--local", library, "--json")
    assert not rest.keys() & done
    assert rest.counts[0] + rest.counts[2] == FILES
    assert len(processor.statuses()) == FILES


def test_many_files_fill_neither_memory_nor_disk(processor: Processor, audio: Audio, tmp_path: Path) -> None:
    """3,000 files of 88 kB, every thirtieth with sound, take hardly more memory than 300; no copy of them is left."""
    sound = audio.wav(4, channels=1, rate=11025)
    noise = tmp_path / "noise"
    noise.write_bytes(b"\1" * sound.stat().st_size)
    peaks = {}
    for count in (300, 3000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            os.link(noise if number % 30 else sound, folder / f"{number:04}.{'mp3' if number % 30 else 'wav'}")
        command = processor.command("--local", folder, "--json", "--database", f"store{count}", "--workers", "64")
        with (tmp_path / f"out{count}").open("wb") as out:
            process = subprocess.Popen(command, cwd=tmp_path, env=processor.environment(), stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        run = Run(process.returncode, (tmp_path / f"out{count}").read_text(), "")
        assert run.counts == (count // 30, count - count // 30, 0)
        assert list(processor.temporary.iterdir()) == []
        peaks[count] = usage.ru_maxrss // 1024
    print(f"peak of memory: {peaks} MB")
    # Kept in memory, the files would be 240 MB.
    assert peaks[3000] < peaks[300] + 150


def on_a_terminal(processor: Processor, *options: object, results_too: bool) -> tuple[str, str]:
    """What the script writes to a terminal of 100 columns, and what to its stdout when that is a pipe."""
    try:
        terminal, its_end = pty.openpty()
    except OSError as error:
        pytest.skip(f"this machine gives no pseudo-terminal ({error})")
    shown: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(terminal, 65536):
                shown.append(data)
        except OSError:
            pass  # Linux: nobody has its other end open any more

    with subprocess.Popen(
        processor.command(*options),
        cwd=processor.home,
        env=processor.environment(TERM="xterm-256color", COLUMNS="100"),
        stdin=subprocess.DEVNULL,
        stdout=its_end if results_too else subprocess.PIPE,
        stderr=its_end,
    ) as process:
        os.close(its_end)
        reader = threading.Thread(target=read)
        reader.start()
        stdout, _ = process.communicate(timeout=60)
        reader.join()
    os.close(terminal)
    return b"".join(shown).decode(), (stdout or b"").decode()


def test_a_terminal_shows_a_bar_and_the_results_go_where_they_are_sent(processor: Processor, library: Path) -> None:
    """`--json > file` on a terminal: every line is in the file; the bar has count, rate and time left."""
    shown, stdout = on_a_terminal(processor, "--local", library, "--json", results_too=False)
    assert Run(0, stdout, "").counts == (FILES, 0, 0)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert 'fingerprint"' not in plain
    assert re.search(rf"fingerprinting +━+.* \d/{FILES} +[\d.]+/s +\d+:\d\d:\d\d", plain)


def test_hostile_names_do_nothing_to_a_terminal(processor: Processor, audio: Audio, tmp_path: Path) -> None:
    """The table is coloured, but the only sequences in it are our own."""
    folder = tmp_path / "library"
    folder.mkdir()
    for name in ("a\x1b[7m.wav", "b\x1b]0;title\x07[blink]x.wav", "c.\x1b[2J", "d\x9b7m\r.wav"):
        os.link(audio.wav(4, channels=1, rate=11025), folder / name)
    shown, _ = on_a_terminal(processor, "--local", folder, results_too=True)
    table = shown[shown.index("AUDIO_FINGERPRINT") :]
    left = re.sub(r"\x1b\[([013]|3[1-7]|9[1-7])?m", "", table).replace("\r\n", "")
    assert left.isprintable()
    assert "[blink]x.wav" in left
    assert left.endswith("4 SUCCESS, 0 FAILED")


def test_elsewhere_progress_is_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With rate and time left; nothing before the first minute is over."""
    with progress.progress(100) as advance:
        advance()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.0)
    with progress.progress(100) as advance:
        advance()
    assert re.fullmatch(r"1 of 100 files, [\d.]+/s, \d+ min left\n", capsys.readouterr().err)
