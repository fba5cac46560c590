"""Each function runs the statements that its Snowflake role is granted for: recorded while the steps really run.

tests/unit/test_account_grants.py holds the grants to the lists of statements, this holds the lists to the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Response
from tests.accounts import RUN_BY
from tests.frames import music
from tests.indexed import put_library
from tests.pairs import key, pair, put_groups, put_pairs
from tests.shelf import Shelf

from audiodup import matching, steps
from audiodup.batcher import Batcher
from audiodup.duplicates import Duplicates
from audiodup.embedded import open_embedded
from audiodup.index import Index
from audiodup.messages import FingerprintRequest, PushMessage
from audiodup.model import Asset
from audiodup.pages.app import make_app
from audiodup.pages.desk import Desk, pair_query
from audiodup.reviews import StoredReviews
from audiodup.rows import storable
from audiodup.schema import apply_schema
from audiodup.session import Row, Session
from audiodup.store import Store
from audiodup.waveform import Waveform

ASSET = Asset("1", "one.mp3")


class Recorder(Session):
    """Knows the names of the statements it ran."""

    def __init__(self, folder: Path) -> None:
        super().__init__(open_embedded(folder, database="BI_PROD", schema="AI_DATA"))
        self.ran: set[str] = set()

    def run(self, name: str, **parameters: Any) -> Sequence[Row]:
        self.ran.add(name)
        return super().run(name, **parameters)


class Publisher:
    """The topics, of which nobody reads."""

    def publish(self, requests: Sequence[FingerprintRequest]) -> None: ...

    def reject(self, message: PushMessage, reason: str) -> None: ...


@pytest.fixture
def session(tmp_path: Path) -> Recorder:
    """With the tables."""
    session = Recorder(tmp_path)
    apply_schema(session)
    session.run("embedded/audio_asset")
    session.ran.clear()
    return session


def test_the_scheduler_runs_what_its_role_is_for(session: Recorder) -> None:
    """A tick that finds something pending runs all of it."""
    store = Store(session)
    store.replace_assets(iter([(ASSET, datetime.now(UTC))]))
    session.ran.clear()
    assert steps.schedule(store, Publisher(), room=5, lease_seconds=60).published == 1
    assert session.ran == RUN_BY["AUDIODUP_SCHEDULER"]


def test_what_ends_in_the_inbox_runs_one_statement(session: Recorder) -> None:
    """The inbox is all that fingerprint and dead_letter have of the store."""
    inbox = Batcher(storable, Store(session).append, outcomes=1, milliseconds=1, patience=10)
    message = PushMessage("1", FingerprintRequest(ASSET, datetime.now(UTC)).encode(), {})
    assert steps.record_dead_letter(message, inbox, max_delivery_attempts=10) is not None
    assert session.ran == RUN_BY["AUDIODUP_INGEST"]


def test_the_matcher_runs_what_its_role_is_for(session: Recorder) -> None:
    """While the library grows and shrinks; so few meetings of keys fit that it has to look how many there are."""
    shelf = Shelf(Store(session))
    index, duplicates = Index(session, join_rows=100_000), Duplicates(session)
    put_library(shelf)
    shelf.put("copy", music(1), sha256="1" * 64)
    session.ran.clear()
    ran: set[str] = set()
    for leaves in ("copy", "b"):
        assert matching.match(index, duplicates).groups > 0
        ran |= session.ran
        shelf.take_away(leaves)
        session.ran.clear()
    assert matching.match(index, duplicates).removed == 1
    ran |= session.ran
    # Only where more than ten thousand files are new.
    assert ran == RUN_BY["AUDIODUP_MATCHER"] - {"index/common_keys_of_all"}


def test_the_page_runs_what_its_role_is_for(session: Recorder) -> None:
    """Each address once, and each thing that a person can say."""
    store = Store(session)
    with Shelf(store).at_once() as shelf:
        for name in ("a", "b", "c"):
            shelf.put(name, music(1))
    put_pairs(session, [pair("a", "b"), pair("b", "c")])
    put_groups(session, ("g", ["a", "b", "c"]))
    page = make_app(
        Desk(
            reviews=StoredReviews(session),
            statistics=lambda: store.statistics(60),
            listen=lambda asset, request: Response(),
            waveform=lambda asset, deadline: Waveform(1.0, (0, 1), complete=True),
            who=lambda headers: "ann@example.com",
            deadline=lambda: steps.Deadline(60),
        )
    ).test_client()
    session.ran.clear()
    names, file = pair_query(key("a", "b")), {"asset": "a", "key": "a.mp3"}
    for path, query in {
        "/": {"group": "g"}, "/groups": {}, "/pair": names, "/bulk": {}, "/bulk/done": {}, "/reviews.csv": {},
        "/difference.png": names, "/audio": file, "/waveform": file, "/statistics": {}, "/health": {},
    }.items():  # fmt: skip
        answer = page.get(path, query_string=query)
        assert answer.status_code == 200, f"{path}: {answer.text}"
    shown = datetime.now(UTC).isoformat()
    for path, said in {
        "/decide": names | {"seen": ""}, "/bulk": {"count": "1", "confirm": "1", "shown": shown},
    }.items():  # fmt: skip
        answer = page.post(path, data={"word": "DUPLICATE", **said}, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303, f"{path}: {answer.text}"
    assert session.ran == RUN_BY["AUDIODUP_REVIEWER"]
