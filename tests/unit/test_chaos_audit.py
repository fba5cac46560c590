"""The campaign's audit: each rule holds over what a sound run leaves, and names what speaks against it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.delivered import ASKED, ENDED, Log, request

from campaign.audit import Expected, FileRow, Key, Observed, Row, audit
from campaign.disturbances import Disturbances
from campaign.memory import FEWEST_TO_JUDGE, MEGABYTE, Growth
from campaign.plan import Kind
from campaign.product import Product

ATTEMPTS = 3
GOOD, BEEP, CUT, DEAD, TIRED, UNKNOWN = (
    (name, f"{name}.wav") for name in ("good", "beep", "cut", "dead", "tired", "unknown")
)
POISON = b"poison 1"


def product(key: Key) -> Product:
    return Product(f"hash of {key[0]}", 96_044, 12.0, "wav", "pcm_u8", 1, 8000, f"MD5 of {key[0]}")


@pytest.fixture
def expected() -> Expected:
    return Expected(
        kinds={GOOD: Kind.GOOD, BEEP: Kind.SHORT, CUT: Kind.CUT, DEAD: Kind.DEAD, TIRED: Kind.GOOD},
        products={key: product(key) for key in (GOOD, BEEP, TIRED)},
        fingerprints={GOOD: "sound of good"},
        poison={POISON},
        malformed={UNKNOWN},
        max_attempts=ATTEMPTS,
    )


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
            *(FileRow(key, ASKED) for key in (GOOD, BEEP, CUT, DEAD, UNKNOWN)),
            FileRow(TIRED, ASKED + timedelta(seconds=60)),
        ],
        inbox=0,
        claims=0,
        deliveries=log.deliveries(),
        disturbances=Disturbances(planned={"dead": math.inf, "tired": 1}, kills=[ENDED - 1]),
        products={key: product(key) for key in (GOOD, BEEP, TIRED)},
        fingerprints={key: f"sound of {key[0]}" for key in (GOOD, BEEP, TIRED)},
        asked_again=["tired"],
    )


def against(expected: Expected, observed: Observed) -> dict[str, tuple[str, ...]]:
    """What speaks against each rule that does not hold, by the rule's last word."""
    return {finding.rule.split()[-1]: finding.against for finding in audit(expected, observed) if not finding.holds}


def test_a_sound_run_passes(expected: Expected, observed: Observed) -> None:
    assert against(expected, observed) == {}
    assert len(audit(expected, observed)) == 13


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


def test_another_files_product_is_named(expected: Expected, observed: Observed) -> None:
    """Its bytes, its length, what its headers say; one that is missing altogether too."""
    wrong = replace(product(GOOD), sha256="hash of beep", duration=1.0)
    empty = replace(product(BEEP), codec=None, pcm_md5=None)
    products = {**observed.products, GOOD: wrong, BEEP: empty}
    assert against(expected, replace(observed, products=products)) == {
        "properties": (
            "beep beep.wav has codec None instead of 'pcm_u8', pcm_md5 None instead of 'MD5 of beep'",
            "good good.wav has sha256 'hash of beep' instead of 'hash of good', duration 1.0 instead of 12.0",
        )
    }


def test_another_files_fingerprint_is_named(expected: Expected, observed: Observed) -> None:
    """Of files that nobody else fingerprinted too: no two sound alike."""
    found = against(expected, replace(observed, fingerprints=dict.fromkeys((GOOD, BEEP, TIRED), "sound of beep")))
    assert found == {
        "properties": (
            "good good.wav has a fingerprint that is not its own",
            "beep beep.wav, good good.wav, tired tired.wav (3 files) have one and the same fingerprint",
        )
    }
    none = against(expected, replace(observed, fingerprints={**observed.fingerprints, BEEP: None}))
    assert none == {"properties": ("beep beep.wav has no fingerprint",)}


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
            "good is a dead letter, though no faults used up its attempts",
            "b'what' is a dead letter that nobody sent",
            "beep is a dead letter, though no faults used up its attempts",
        )
    }
    silent = Log(tmp_path / "other.log").deliveries()
    assert against(expected, replace(observed, deliveries=silent)) == {
        "up": (
            "tired was asked for again, and is no such dead letter",
            "dead dead.wav (API dead) is no dead letter",
            "b'poison 1' is no dead letter",
        )
    }


def test_attempts_that_no_fault_spoilt_excuse_no_dead_letter(expected: Expected, observed: Observed) -> None:
    calm = Disturbances(planned={"dead": math.inf})
    assert against(expected, replace(observed, disturbances=calm))["up"] == (
        "tired is a dead letter, though no faults used up its attempts",
        "tired was asked for again, and is no such dead letter",
    )


def test_failures_without_a_reason_are_counted(expected: Expected, observed: Observed, log: Log) -> None:
    """Few are borne."""
    for number in range(3):
        log.write(f"2{number}", request(GOOD, later=-number), 503, 204)
    assert against(expected, replace(observed, deliveries=log.deliveries())) == {}
    log.write("30", request(BEEP), None, 204, at=ENDED + 60)
    assert against(expected, replace(observed, deliveries=log.deliveries())) == {
        "2%": ("4 of 21 failed without one (503: 3, no answer: 1)",)
    }


def test_a_run_that_was_given_up_fails(expected: Expected, observed: Observed) -> None:
    """And one that lost what it got back later."""
    spoilt = replace(observed, given_up="nothing was delivered for 70 s", lost=["good"])
    assert against(expected, spoilt) == {"end": ("nothing was delivered for 70 s",), "look": ("good",)}


def test_memory_is_not_judged_over_few_files(expected: Expected, observed: Observed) -> None:
    grown = Growth(before=200 * MEGABYTE, after=233 * MEGABYTE, peak=240 * MEGABYTE, per_thousand_files=0)
    *_, memory = audit(expected, replace(observed, growths={"fingerprint": grown}))
    assert memory.text == "        memory is flat: not judged, too few files: it takes 4,000"


def test_what_is_left_over_is_named(expected: Expected, observed: Observed) -> None:
    """Events, files, processes, memory, errors."""
    grown = Growth(before=200 * MEGABYTE, after=233 * MEGABYTE, peak=240 * MEGABYTE, per_thousand_files=0)
    still = replace(grown, after=231 * MEGABYTE)
    spoilt = replace(
        observed,
        inbox=2,
        claims=1,
        temporary=["audiodup-x"],
        holders=["gunicorn (6) holds 67 files"],
        orphans=["fpcalc (7) holds 1 files"],
        growths={"fingerprint": grown, "scheduler": still, "dead_letter": None},
        unforeseen=["KeyError: 'x'"],
    )
    many = replace(expected, kinds={**expected.kinds, **{(f"{n}", ""): Kind.GOOD for n in range(FEWEST_TO_JUDGE)}})
    found = against(many, spoilt)
    for rule in ("AUDIO_FINGERPRINT", "AUDIO_FILE"):
        del found[rule]
    assert found == {
        "empty": ("2 events in AUDIO_FINGERPRINT_INBOX", "1 events in AUDIO_INBOX_CLAIM"),
        "one": (
            "audiodup-x is left",
            "gunicorn (6) holds 67 files when all work is done",
            "fpcalc (7) holds 1 files when all functions are stopped",
        ),
        "flat": ("fingerprint grew from 200 to 233 MB",),
        "logs": ("KeyError: 'x'",),
    }


def test_a_finding_is_one_line(expected: Expected, observed: Observed) -> None:
    """With some examples of what is against it."""
    findings = audit(expected, replace(observed, rows=[]))
    assert findings[1].text == (
        "FAILS   exactly one row a file in AUDIO_FINGERPRINT: beep beep.wav has no row; cut cut.wav has no row; "
        "dead dead.wav has no row; and 3 more"
    )
    assert findings[2].text == "holds   exactly one row a file in AUDIO_FILE"
