"""The command line itself: what is refused, and what needs neither store nor cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.backfilling import PEAK
from typer.testing import CliRunner

import backfill

Completed = subprocess.CompletedProcess[str]


def usage(*options: object, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    nothing = {"SNOWFLAKE_ACCOUNT": None, "PUBSUB_EMULATOR_HOST": None, "GOOGLE_CLOUD_PROJECT": None}
    result = CliRunner().invoke(backfill.app, list(map(str, options)), env=nothing | (env or {}))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return int(result.exit_code), result.stdout, result.stderr


def script(folder: Path, *options: object, stdin: bytes = b"") -> Completed:
    """The script in a process of its own, with no setting at all."""
    return run([backfill.__file__], folder, options, stdin)


def run(command: list[str], folder: Path, options: tuple[object, ...], stdin: bytes = b"") -> Completed:
    done = subprocess.run(
        [sys.executable, *command, *map(str, options)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(backfill.__file__).parent)},
        input=stdin,
        capture_output=True,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give one of --asset-ids, "),
        (("--asset-ids", "1", "--all-pending"), "give one of --asset-ids, "),
        (("--stats", "--since", "2024-01-01"), "give one of --asset-ids, "),
        (("--asset-ids", " , "), '--asset-ids: there is no id in it, as in --asset-ids "1,2,3"'),
        (("--file", "nowhere.csv"), "--file nowhere.csv: No such file or directory"),
        (("--file", "."), "--file .: Is a directory"),
        (("--query", "DROP TABLE T"), "--query: it does not begin with SELECT or WITH; "),
        (("--since", "yesterday"), "--since yesterday: give a time as 2024-01-31 or "),
        (("--until", "2024-13-01"), "--until 2024-13-01: give a time as "),
        (("--since", "2024-01-02", "--until", "2024-01-02T00:00:00+00:00"), "--since 2024-01-02 is not before "),
        (("--all-pending", "--rate", "fast"), "--rate fast: give files a second, as 50/s"),
        (("--all-pending", "--rate", "0/s"), "--rate 0/s: give files a second, as 50/s"),
        (("--all-pending", "--database", "nowhere"), "--database nowhere: no such folder"),
        (("--all-pending", "--database", "."), "--database goes with Pub/Sub's emulator: "),
        (("--all-pending",), "SETTINGS_INVALID: SNOWFLAKE_ACCOUNT is not set"),
    ],
)
def test_wrong_usage_is_said_in_a_line(
    options: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to give instead; nothing is begun."""
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = usage(*options)
    assert (code, stdout) == (2, "")
    assert stderr.startswith(words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--batch-size", "0"), ("--batch-size", "2001"), ("--max-in-flight", "0"), ("--asset-ids",)]
)
def test_numbers_have_their_bounds(options: tuple[str, ...]) -> None:
    """Said by the parser of the command line."""
    code, stdout, stderr = usage("--all-pending", *options)
    assert (code, stdout) == (2, "")
    assert "Traceback" not in stderr


def test_shape_is_checked_with_neither_store_nor_cloud(tmp_path: Path) -> None:
    """From a file or stdin; 1 where something is no id. Nothing is written."""
    (tmp_path / "ids.csv").write_text("asset_id;title\r\n1;x\r\n2;\r\n2;\r\n")
    done = script(tmp_path, "--file", "ids.csv", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "          ids  3",
        "       header  asset_id, unless AUDIO_ASSET lists it (it counts as an id here)",
        "  given twice  1",
    ]
    done = script(tmp_path, "--file", "-", "--dry-run", "--json", stdin=b"\xef\xbb\xbf1\r\n1E+20\r\n")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "asset_id": None,
            "file_key": None,
            "state": "malformed",
            "error": "line 2: 1E+20 is a number that a spreadsheet has rounded",
        },
        {"summary": {"ids": 1, "maybe_header": None, "malformed": 1, "duplicates": 0, "header": None}},
    ]
    assert (done.returncode, done.stderr) == (1, "")
    assert [path.name for path in tmp_path.iterdir()] == ["ids.csv"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak of memory")
def test_many_ids_take_little_memory(tmp_path: Path) -> None:
    """A million may take 400 MB: 200,000 of the greatest length have a fifth of what one id leaves of it."""
    peaks = []
    for count in (1, 200_000):
        (tmp_path / "ids.csv").write_text("".join(f"{number:050d},some title\n" for number in range(count)))
        done = run(["-c", PEAK, backfill.__file__], tmp_path, ("--file", "ids.csv", "--dry-run"))
        assert done.returncode == 0
        assert f"ids  {count:,}" in done.stdout
        peaks.append(int(done.stderr))
    print(f"peak of memory: {peaks[0]} MB for one id, {peaks[1]} MB for 200,000")
    assert 10 < peaks[1] - peaks[0] < (400 - peaks[0]) / 5
