"""The redrive's options, what it prints, and how it ends where it was started wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import redrive
from dead_letters import Letters, State
from failure_tables import failed_record, letters_records, print_failed, print_letters


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PUBSUB_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "SNOWFLAKE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)


def run(*options: object) -> tuple[int, str]:
    """Exit code and stderr."""
    result = CliRunner().invoke(redrive.app, list(map(str, options)))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--discard", "done"], "--discard done: give one of failed, gone, malformed"),
        (["--discard", "gone", "--code", "X"], "one after the other"),
        (["--limit", "5"], "go with --code or --asset-ids"),
        (["--max-in-flight", "5", "--discard", "gone"], "go with --code or --asset-ids"),
        (["--code", "MALFORMED"], "never published again"),
        (["--asset-ids", " , "], "--asset-ids: there is no id in it"),
        (["--asset-ids", "1," + "x" * 51], "has 51 characters"),
        (["--database", "/nonexistent"], "--database /nonexistent: no such folder"),
        (["--code", "X", "--limit", "0"], "--limit"),
        ([], "SNOWFLAKE_ACCOUNT is not set"),
    ],
)
def test_wrong_usage_is_a_line_before_anything_is_done(options: list[str], words: str) -> None:
    code, stderr = run(*options)
    assert code == 2
    assert words in stderr


def test_one_machines_store_is_not_for_the_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files would go to the topics of a real project; and without a project there are none."""
    assert run("--database", tmp_path, "--code", "X") == (
        2,
        "--database goes with Pub/Sub's emulator: set PUBSUB_EMULATOR_HOST (make local)\n",
    )
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    code, stderr = run("--database", tmp_path, "--code", "CORRUPT")
    assert (code, stderr.startswith("SETTINGS_INVALID: GOOGLE_CLOUD_PROJECT is not set")) == (2, True)


def test_the_table_of_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, samples, what to do; a text of the original system is no code of ours; hostile names move no cursor."""
    records = [
        failed_record("NOT_FOUND", 12345, [("a1", "x.wav"), ("a2", "\x1b[2J[red]" + "k" * 500)]),
        failed_record("some words\n", 1, [("a3", "k")]),
    ]
    print_failed("FAILED files", records, more=7)
    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable()
    for words in ("NOT_FOUND", "12345", "a1 x.wav", "[2J[red]kk", "Check the asset's id", "a3 k"):
        assert words in shown
    assert "... and 7 files with other codes" in shown
    assert "k" * 60 not in shown
    assert records[1]["remedy"] == ""


def test_the_table_of_the_letters(capsys: pytest.CaptureFixture[str]) -> None:
    """What was acknowledged is told apart from what waits; and whether all were seen."""
    letters = Letters(all_seen=False)
    for number in range(5):
        letters.add(State.FAILED, {"message_id": "1", "asset_id": f"a{number}", "file_key": "k"})
    letters.add(State.MALFORMED, {"message_id": "77", "reason": "no JSON \x07", "data": "x"})
    letters.acknowledged[State.MALFORMED] = 1
    print_letters(letters_records(letters), all_seen=letters.all_seen)
    shown = capsys.readouterr().out
    assert "a2 k" in shown
    assert "a3 k" not in shown
    assert "1, acknowledged" in shown
    assert "77: no JSON \ufffd" in shown
    assert "more may wait" in shown


def test_where_there_is_nothing_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_failed("FAILED files", [])
    print_letters([], all_seen=True)
    assert capsys.readouterr().out == "FAILED files: none\n\ndead letters: none\n\n"


def test_a_misspelt_code_is_no_code_of_which_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both publish nothing; only one of them is a mistake."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    code, words = run("--code", "TOO_SHRT", "--database", tmp_path)
    assert code == 2
    assert "--code TOO_SHRT: no error is called so" in words
