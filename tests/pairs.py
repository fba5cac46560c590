"""Pairs of duplicates that no matcher has found, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from audiodup.duplicates import Duplicates
from audiodup.model import (
    Action,
    Asset,
    AudioProperties,
    Duplicate,
    FileIdentity,
    Fingerprint,
    Group,
    Judgement,
    Kind,
    MatchedRange,
    Outcome,
    Status,
    Verdict,
)
from audiodup.reviewing import Filter, PairKey, Sort
from audiodup.reviews import StoredReviews
from audiodup.session import Session
from audiodup.store import Store

PLAIN = Judgement(
    Verdict.SAME_CONTENT,
    Kind.TRANSCODE,
    Action.MANUAL_REVIEW,
    similarity=0.98,
    kappa=0.95,
    expected_false=1e-9,
    coverage_a=1.0,
    coverage_b=0.9,
    offset_seconds=0.0,
    overlap_seconds=120.0,
    tempo=1.0,
    ranges=(MatchedRange(0.0, 120.0, 0.0, 120.0),),
    evidence="agreement 0.98 over 120 s",
)


def key(a: str, b: str) -> PairKey:
    """By the asset ids."""
    return (a, f"{a}.mp3"), (b, f"{b}.mp3")


def pair(a: str, b: str, **said: Any) -> Duplicate:
    """What is said of two files, PLAIN but for `said`."""
    return Duplicate(*key(a, b), replace(PLAIN, **said))


def put_pairs(session: Session, pairs: Iterable[Duplicate]) -> None:
    """As the matcher writes them."""
    Duplicates(session).replace(list(pairs))


def put_groups(session: Session, *groups: tuple[str, list[str]]) -> None:
    """Each by its name and the asset ids of its files, the one to keep first."""
    made = [
        Group(name, (ids[0], f"{ids[0]}.mp3"), "wider bandwidth", tuple(sorted((one, f"{one}.mp3") for one in ids)))
        for name, ids in groups
    ]
    Duplicates(session).replace_groups(made)


def put_files(
    session: Session, *asset_ids: str, provider: str = "artlist", size: int = 1000, **properties: Any
) -> None:
    """Files of the library, done; in place of what was listed before."""
    store = Store(session)
    assets = [Asset(one, f"{one}.mp3", "mp3", provider) for one in asset_ids]
    now = store.clock()
    store.append(
        [
            Outcome(
                asset,
                Status.SUCCESS,
                now,
                fingerprint=Fingerprint("AQAAAA", 120.0, 1, 120, "1.5.1"),
                identity=FileIdentity(size, "5" * 64),
                properties=AudioProperties(**{"codec": "mp3", "channels": 2, "sample_rate": 44_100, **properties}),
            )
            for asset in assets
        ]
    )
    store.merge()
    store.replace_assets((asset, datetime(2026, 1, 1, tzinfo=UTC)) for asset in assets)


ALL = Filter()


def listed(reviews: StoredReviews, wanted: Filter = ALL, sort: Sort = Sort.SUREST) -> list[str]:
    """Asset ids of the first files."""
    return [place.key[0][0] for place in reviews.places(wanted, sort, ahead=1000)[1]]


def put_assorted(session: Session) -> None:
    put_pairs(
        session,
        [
            pair("a", "z", verdict=Verdict.RELATED, kind=Kind.EXCERPT, action=Action.FLAG_VARIANT, similarity=0.99),
            pair("b", "z", similarity=0.96),
            pair("c", "z", verdict=Verdict.IDENTICAL, kind=None, action=Action.AUTO_DELETE_CANDIDATE, similarity=1.0),
            pair("d", "z", similarity=0.98),
            pair("e_%", "z'", similarity=0.97),
        ],
    )
