"""The campaign's audit: each rule holds over what a sound run leaves, and names what speaks against it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audiodup.messages import FingerprintRequest
from audiodup.model import Asset
from campaign.audit import Expected, FileRow, Key, Observed, Row, audit
from campaign.deliveries import Deliveries
from campaign.memory import MEGABYTE, Growth
from campaign.plan import Kind

ATTEMPTS = 3
ASKED = datetime(2026, 11, 1, tzinfo=UTC)
GOOD, BEEP, CUT, DEAD, TIRED, UNKNOWN = (
    (name, f"{name}.wav") for name in ("good", "beep", "cut", "dead", "tired", "unknown")
)
POISON = b"poison 1"


def request(key: Key, *, later: int = 0) -> bytes:
    return FingerprintRequest(Asset(*key, "wav", "local"), ASKED + timedelta(seconds=later)).encode()


@pytest.fixture
def expected() -> Expected:
    return Expected(
        kinds={GOOD: Kind.GOOD, BEEP: Kind.SHORT, CUT: Kind.CUT, DEAD: Kind.DEAD, TIRED: Kind.GOOD},
        hashes={key[1]: f"hash of {key[0]}" for key in (GOOD, BEEP, CUT, DEAD, TIRED)},
        poison={POISON},
        malformed={UNKNOWN},
        max_attempts=ATTEMPTS,
    )


class Log:
    """The pusher's log, written by hand."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def write(self, message_id: str, data: bytes, *statuses: int | None, subscription: str = "requests") -> Log:
        with self._path.open("a") as file:
            for status in statuses:
                line = {"subscription": subscription, "message_id": message_id, "data": data.decode()}
                file.write(json.dumps({**line, "status": status, "time": 0.0}) + "\n")
        return self

    def letter(self, message_id: str, data: bytes) -> Log:
        return self.write(message_id, data, 204, subscription="letters")

    def deliveries(self) -> Deliveries:
        deliveries = Deliveries(self._path, request="requests", dead_letter="letters")
        deliveries.read()
        return deliveries


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """What a sound run delivers: one file used up its attempts, and was asked for again."""
    log = Log(tmp_path / "pusher.log")
    log.write("1", request(GOOD), None, 204).write("2", request(BEEP), 204).write("3", request(CUT), 204)
    log.write("4", request(DEAD), 503, 503, 503).letter("1", request(DEAD))
    log.write("5", request(TIRED), None, 503, None).letter("2", request(TIRED))
    log.write("6", request(TIRED, later=60), 204)
    # Killed between passing it on and answering: a dead letter twice.
    log.write("7", POISON, None, 204).letter("3", POISON).letter("4", POISON)
    return log


@pytest.fixture
def observed(log: Log) -> Observed:
    failed = {CUT: "CORRUPT: cut off", DEAD: "RETRIES_EXHAUSTED: 3 attempts", UNKNOWN: "MALFORMED: version is 7"}
    return Observed(
        rows=[
            Row(GOOD, "SUCCESS", None),
            Row(BEEP, "SHORT", None),
            Row(TIRED, "SUCCESS", None),
            *(Row(key, "FAILED", error) for key, error in failed.items()),
        ],
        file_rows=[
            *(FileRow(key, f"hash of {key[0]}", ASKED) for key in (GOOD, BEEP, CUT)),
            FileRow(TIRED, "hash of tired", ASKED + timedelta(seconds=60)),
            *(FileRow(key, None, ASKED) for key in (DEAD, UNKNOWN)),
        ],
        inbox=0,
        claims=0,
        deliveries=log.deliveries(),
    )


def against(expected: Expected, observed: Observed) -> dict[str, tuple[str, ...]]:
    """What speaks against each rule that does not hold, by the rule's last word."""
    return {finding.rule.split()[-1]: finding.against for finding in audit(expected, observed) if not finding.holds}


def test_a_sound_run_passes(expected: Expected, observed: Observed) -> None:
    assert against(expected, observed) == {}
    assert len(audit(expected, observed)) == 10


def test_a_row_that_is_missing_doubled_or_nobodys_is_named(expected: Expected, observed: Observed) -> None:
    rows = [*[*observed.rows][1:], Row(BEEP, "SHORT", None), Row(("else", "else.wav"), "FAILED", "MALFORMED: x")]
    found = against(expected, replace(observed, rows=rows))
    assert found == {
        "AUDIO_FINGERPRINT": (
            "good good.wav has no row",
            "beep beep.wav has 2 rows",
            "else else.wav was never asked for",
        )
    }
    file_rows = [*observed.file_rows] * 2
    assert len(against(expected, replace(observed, file_rows=file_rows))["AUDIO_FILE"]) == 6


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            Row(GOOD, "QUEUED", None),
            "good good.wav (good) is QUEUED, though its message was acknowledged: its outcome is lost",
        ),
        (Row(GOOD, "SHORT", None), "good good.wav (good) is SHORT"),
        (Row(GOOD, "FAILED", "CORRUPT: x"), "good good.wav (good) is FAILED CORRUPT: x"),
        (Row(CUT, "SUCCESS", None), "cut cut.wav (cut off) is SUCCESS"),
        (Row(CUT, "FAILED", "NOT_AUDIO: x"), "cut cut.wav (cut off) is FAILED NOT_AUDIO: x"),
        (Row(DEAD, "QUEUED", None), "dead dead.wav (API dead) is QUEUED"),
        (Row(UNKNOWN, "SUCCESS", None), "unknown unknown.wav (malformed) is SUCCESS"),
    ],
    ids=lambda value: value.status if isinstance(value, Row) else "",
)
def test_a_wrong_outcome_is_named(expected: Expected, observed: Observed, row: Row, words: str) -> None:
    """A lost one is told from one that is still to come."""
    rows = [row if other.key == row.key else other for other in observed.rows]
    assert against(expected, replace(observed, rows=rows)) == {"code": (words,)}


def test_another_files_bytes_are_named(expected: Expected, observed: Observed) -> None:
    file_rows = [replace(row, sha256="hash of beep") if row.key == GOOD else row for row in observed.file_rows]
    assert against(expected, replace(observed, file_rows=file_rows)) == {
        "bytes": ("good good.wav shows the SHA-256 hash of beep",)
    }


def test_an_older_request_than_was_acknowledged_is_named(expected: Expected, observed: Observed, log: Log) -> None:
    """A newer one is none: its row was committed, its answer lost."""
    log.write("8", request(BEEP, later=1), 204).write("9", request(BEEP, later=-1), 204)
    [words] = against(expected, replace(observed, deliveries=log.deliveries()))["one"]
    assert words.startswith("beep beep.wav shows the request of 2026-11-01 00:00:00+00:00, acknowledged was")
    log.write("8", request(GOOD, later=1), None)
    assert len(against(expected, replace(observed, deliveries=log.deliveries()))) == 1


def test_the_dead_letters_must_be_the_poison(expected: Expected, observed: Observed, log: Log, tmp_path: Path) -> None:
    """None missing, none that was acknowledged or had attempts left, none of unknown origin."""
    log.letter("5", request(GOOD)).letter("6", b"what")
    log.write("8", request(BEEP, later=1), 503, 503).letter("7", request(BEEP, later=1))
    assert against(expected, replace(observed, deliveries=log.deliveries())) == {
        "up": (
            "good is a dead letter, though its attempts were not used up",
            "b'what' is a dead letter that nobody sent",
            "beep is a dead letter, though its attempts were not used up",
        )
    }
    silent = Log(tmp_path / "other.log").deliveries()
    assert against(expected, replace(observed, deliveries=silent)) == {
        "up": ("dead dead.wav (API dead) is no dead letter", "b'poison 1' is no dead letter")
    }


def test_what_is_left_over_is_named(expected: Expected, observed: Observed) -> None:
    """Events, files, processes, memory, errors."""
    grown = Growth(before=200 * MEGABYTE, after=233 * MEGABYTE, peak=240 * MEGABYTE, per_thousand_files=0)
    still = replace(grown, after=231 * MEGABYTE)
    spoilt = replace(
        observed,
        inbox=2,
        claims=1,
        temporary=["audiodup-x"],
        holders=["fpcalc (7)"],
        growths={"fingerprint": grown, "scheduler": still, "dead_letter": None},
        unforeseen=["KeyError: 'x'"],
    )
    assert against(expected, spoilt) == {
        "empty": ("2 events in AUDIO_FINGERPRINT_INBOX", "1 events in AUDIO_INBOX_CLAIM"),
        "one": ("audiodup-x is left", "fpcalc (7) holds a file"),
        "flat": ("fingerprint grew from 200 to 233 MB",),
        "logs": ("KeyError: 'x'",),
    }


def test_a_finding_is_one_line(expected: Expected, observed: Observed) -> None:
    """With some examples of what is against it."""
    findings = audit(expected, replace(observed, rows=[]))
    assert findings[0].text == (
        "FAILS   exactly one row a file in AUDIO_FINGERPRINT: beep beep.wav has no row; cut cut.wav has no row; "
        "dead dead.wav has no row; and 3 more"
    )
    assert findings[1].text == "holds   exactly one row a file in AUDIO_FILE"
