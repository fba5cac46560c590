"""What redriving reads of the store, and how the merge takes what it writes, on both embedded stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from audiodup import steps
from audiodup.failures import Failures, Standing
from audiodup.messages import FingerprintRequest, PushMessage
from audiodup.model import NEVER, Asset, Fingerprint, Outcome, Status
from audiodup.session import Session
from audiodup.store import Store

LEASE = 700
EXHAUSTED = "RETRIES_EXHAUSTED: 10 attempts"


@pytest.fixture
def failures(session: Session) -> Failures:
    return Failures(session)


def list_in_library(store: Store, *listed: Asset) -> None:
    store.replace_assets((asset, NEVER) for asset in listed)


class Topics:
    """The topics, as a list."""

    def __init__(self) -> None:
        self.requests: list[FingerprintRequest] = []

    def publish(self, requests: Sequence[FingerprintRequest]) -> None:
        self.requests += requests

    def reject(self, message: PushMessage, reason: str) -> None: ...


def rows(store: Store) -> dict[str, tuple[str, str | None]]:
    return {row.file_key: (row.status, row.error) for row in store.rows(100)}


def test_codes_are_counted_as_the_statistics_count_them(store: Store, failures: Failures) -> None:
    """Of the library only, a file that is listed twice once, the most frequent code first, with a few of each."""
    assets = [Asset(f"a{number}", "k", "mp3", "p") for number in range(9)]
    list_in_library(store, *assets[:8], assets[0])
    moment = store.clock()
    errors = [EXHAUSTED] * 4 + ["CORRUPT: a: b", "CORRUPT: c", None, "SOMETHING of old", EXHAUSTED]
    store.append([Outcome(one, Status.FAILED, moment, error=error) for one, error in zip(assets, errors, strict=True)])
    assert store.merge()
    found, total = failures.by_code(codes=10, samples=3)
    assert [(one.code, one.files) for one in found] == [
        ("RETRIES_EXHAUSTED", 4),
        ("CORRUPT", 2),
        ("SOMETHING of old", 1),
        ("UNKNOWN", 1),
    ]
    assert {one.code: one.files for one in found} == store.statistics(LEASE).by_error
    assert found[0].samples == (("a0", "k"), ("a1", "k"), ("a2", "k"))
    assert total == 8
    some, total = failures.by_code(codes=2, samples=1)
    assert [(one.code, one.files, len(one.samples)) for one in some] == [("RETRIES_EXHAUSTED", 4, 1), ("CORRUPT", 2, 1)]
    assert total == 8


def test_nothing_failed_is_no_code(failures: Failures) -> None:
    assert failures.by_code(codes=10, samples=3) == ([], 0)


def test_failed_files_come_in_pages_by_code_and_by_asset(store: Store, failures: Failures) -> None:
    """Each once, by key, with what AUDIO_ASSET says of it now; what it no longer lists is not there."""
    assets = [Asset(f"a{number // 2}", f"k{number}", "mp3", "p") for number in range(6)]
    list_in_library(store, *assets[:5], assets[0])
    moment = store.clock()
    for number, asset in enumerate(assets):
        bare = Asset(asset.asset_id, asset.file_key)
        error = EXHAUSTED if number % 2 == 0 else "CORRUPT: x"
        store.append([Outcome(bare, Status.FAILED, moment, error=error)])
    store.append([Outcome(Asset("done", "k"), Status.SUCCESS, moment)])
    assert store.merge()

    def page(**wanted: object) -> list[tuple[Asset, str]]:
        given = {"after": None, "code": None, "asset_ids": None, "at_most": 10, **wanted}
        return failures.page(**given)  # type: ignore[arg-type]

    both = ["RETRIES_EXHAUSTED", "CORRUPT"]
    assert page() == list(zip(assets[:5], (both * 3)[:5], strict=True))
    assert page(at_most=2) == page()[:2]
    assert page(at_most=2, after=("a0", "k1")) == page()[2:4]
    assert [asset.file_key for asset, _ in page(code="CORRUPT")] == ["k1", "k3"]
    assert [asset.file_key for asset, _ in page(asset_ids=["a1", "zz"])] == ["k2", "k3"]
    assert page(asset_ids=[]) == page(code="CORR") == page(code="' OR 1=1 --") == []


def test_how_a_file_stands(store: Store, failures: Failures) -> None:
    """With and without a row, listed or not; a row of the original system was requested before everything."""
    listed, gone, new = Asset("a", "it's"), Asset("b", 'x"\\u0041%s\n;--'), Asset("c", "ü\U0001f600")
    list_in_library(store, listed, new, new)
    moment = store.clock()
    store.append([Outcome(listed, Status.QUEUED, moment), Outcome(gone, Status.FAILED, moment, error=EXHAUSTED)])
    assert store.merge()
    keys = [(asset.asset_id, asset.file_key) for asset in (listed, gone, new, Asset("null", "null"))]
    assert failures.standing(keys) == {
        keys[0]: Standing(Status.QUEUED, moment, listed=True),
        keys[1]: Standing(Status.FAILED, moment, listed=False),
        keys[2]: Standing(None, NEVER, listed=True),
        keys[3]: Standing(None, NEVER, listed=False),
    }
    assert failures.standing([]) == {}


def test_a_row_of_the_original_system_counts_as_requested_before_everything(
    session: Session, store: Store, failures: Failures
) -> None:
    """It has none in AUDIO_FILE."""
    with session._lock:
        session._execute(
            "INSERT INTO AUDIO_FINGERPRINT (ASSET_ID, FILE_KEY, PROCESSING_STATUS) VALUES ('o', 'k', 'FAILED')"
        )
    assert failures.standing([("o", "k")]) == {("o", "k"): Standing(Status.FAILED, NEVER, listed=False)}


def test_more_letters_than_a_statement_holds(failures: Failures) -> None:
    """Snowflake takes 1 MB of text: 2,000 keys of 500 letters of four bytes each are 4 MB."""
    keys = [(f"{number}", f"{number:04}" + "\U0001f600" * 496) for number in range(2000)]
    assert failures.standing(keys) == dict.fromkeys(keys, Standing(None, NEVER, listed=False))


def test_a_new_request_beats_the_failure_and_nothing_old_beats_it(store: Store) -> None:
    """FAILED -> QUEUED -> SUCCESS, whatever comes late; and the row has the message's own time."""
    asset = Asset("a", "k", "mp3", "p")
    list_in_library(store, asset)
    first = store.clock()
    failed = Outcome(asset, Status.FAILED, first, error=EXHAUSTED)
    store.append([Outcome(asset, Status.QUEUED, first), failed])
    assert store.merge()
    assert rows(store) == {"k": ("FAILED", EXHAUSTED)}
    topics = Topics()
    again = steps.request(store, topics, [asset])
    assert again > first
    assert topics.requests == [FingerprintRequest(asset, again)]
    # A dead letter that is delivered twice is written twice.
    store.append([Outcome(asset, Status.FAILED, first, error=EXHAUSTED)])
    assert store.merge()
    assert rows(store) == {"k": ("QUEUED", None)}
    assert [listed.requested_at for listed in store.library()] == [again]
    store.append([Outcome(asset, Status.SUCCESS, again, fingerprint=Fingerprint("AQ", 1.0, 1, 120, "1.5.1"))])
    store.append([Outcome(asset, Status.FAILED, again + timedelta(seconds=1), error=EXHAUSTED)])
    assert store.merge()
    assert rows(store) == {"k": ("SUCCESS", None)}


def test_a_request_that_was_not_published_is_the_schedulers_after_its_lease(store: Store) -> None:
    """Killed between the two, nothing is lost."""
    asset = Asset("a", "k", "mp3", "p")
    list_in_library(store, asset)
    first = store.clock() - timedelta(seconds=2 * LEASE)
    store.append([Outcome(asset, Status.FAILED, first, error=EXHAUSTED)])
    store.append([Outcome(asset, Status.QUEUED, first + timedelta(seconds=1))])
    assert store.merge()
    assert store.pending(10, LEASE) == [asset]
