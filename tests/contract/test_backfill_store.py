"""What backfill and redrive ask of the store, on both embedded stores."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from audiodup.errors import StoreUnavailable
from audiodup.model import Asset, Outcome, Status
from audiodup.store import IDS_IN_A_STATEMENT, Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def listed(store: Store, count: int) -> list[Asset]:
    """Assets in AUDIO_ASSET, each made a day after the one before; all have two files."""
    library = [Asset(f"a{number}", name, "mp3", "p") for number in range(count) for name in ("x.mp3", "y.mp3")]
    store.replace_assets((asset, NOW + timedelta(days=int(asset.asset_id[1:]))) for asset in library)
    return library


def test_unfinished_is_what_has_no_outcome_by_id_and_in_pages(store: Store) -> None:
    """One file of an asset is enough; QUEUED is none. Each asset once, with how many there are from there on."""
    library = listed(store, 5)
    statuses = [Status.SUCCESS, Status.SHORT, Status.QUEUED, Status.FAILED, Status.SUCCESS]
    # a0: done; a1: QUEUED and FAILED; a2: done and nothing; the others: nothing.
    store.append([Outcome(asset, status, NOW, error="X: y") for asset, status in zip(library, statuses, strict=False)])
    assert store.merge()
    assert store.unfinished_ids("", 10) == (["a1", "a2", "a3", "a4"], 4)
    assert store.unfinished_ids("", 2) == (["a1", "a2"], 4)
    assert store.unfinished_ids("a2", 2) == (["a3", "a4"], 2)
    assert store.unfinished_ids("a4", 2) == ([], 0)
    day = NOW + timedelta(days=3)
    assert store.unfinished_ids("", 10, since=day) == (["a3", "a4"], 2)
    assert store.unfinished_ids("", 10, until=day) == (["a1", "a2"], 2)
    assert store.unfinished_ids("", 10, since=day, until=day + timedelta(microseconds=1)) == (["a3"], 1)


def test_a_persons_query_gives_ids_as_text_each_once_by_id(store: Store) -> None:
    """Numbers too; NULL is none; a comment at its end and a percent sign do no harm."""
    listed(store, 3)
    assert store.asked_ids("SELECT ASSET_ID FROM AUDIO_ASSET WHERE FILE_KEY LIKE '%.mp3' -- all", "", 2) == (
        ["a0", "a1"],
        3,
    )
    numbers = "WITH N AS (SELECT 30 AS X UNION ALL SELECT 4 UNION ALL SELECT 4 UNION ALL SELECT NULL) SELECT X FROM N"
    assert store.asked_ids(numbers, "", 9) == (["30", "4"], 2)
    assert store.asked_ids(numbers, "30", 9) == (["4"], 1)
    assert store.asked_ids("SELECT '%(query)s %s 100%'", "", 9) == (["%(query)s %s 100%"], 1)


@pytest.mark.parametrize(
    "query", ["SELECT NOTHING FROM NOWHERE", "SELEC 1", "SELECT 1) SELECT 2, 3; DELETE FROM AUDIO_ASSET --"]
)
def test_a_query_that_cannot_be_run_is_told(store: Store, query: str) -> None:
    """And the session goes on."""
    listed(store, 1)
    with pytest.raises(StoreUnavailable):
        store.asked_ids(query, "", 9)
    assert store.unfinished_ids("", 9) == (["a0"], 1)


def test_what_a_query_changes_is_undone(store: Store) -> None:
    """The trap itself: in process the embedded store runs a DELETE in a WITH clause, its server refuses it."""
    listed(store, 3)
    with suppress(StoreUnavailable):
        assert store.asked_ids("DELETE FROM AUDIO_ASSET", "", 9) == (["6"], 1)
    assert store.unfinished_ids("", 9)[1] == 3


def test_outcomes_are_rows_that_are_not_queued(store: Store) -> None:
    """With their words and their request; of these assets only, however many there are."""
    one, two, three, four, five, *_ = listed(store, 3)
    store.append(
        [
            Outcome(one, Status.SUCCESS, NOW),
            Outcome(two, Status.QUEUED, NOW),
            Outcome(three, Status.FAILED, NOW + timedelta(microseconds=1), error="CORRUPT: x"),
            Outcome(five, Status.SHORT, NOW),
        ]
    )
    assert store.merge()
    assert four.asset_id == three.asset_id
    found = {(outcome.asset.asset_id, outcome.asset.file_key): outcome for outcome in store.outcomes(["a0", "a1"])}
    assert found.keys() == {("a0", "x.mp3"), ("a1", "x.mp3")}
    failed = found["a1", "x.mp3"]
    assert (failed.status, failed.error) == (Status.FAILED, "CORRUPT: x")
    assert failed.requested_at == NOW + timedelta(microseconds=1)
    assert list(store.outcomes([])) == []
    many = [f"b{number}" for number in range(2 * IDS_IN_A_STATEMENT)]
    assert len(list(store.outcomes([*many, "a0", *many, "a2"]))) == 2
