"""The same store tests against fakesnow in this process and against its server through Snowflake's own connector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audiodup.embedded import open_embedded
from audiodup.schema import apply_schema
from audiodup.session import Connect, Session
from audiodup.store import Store

MakeSession = Callable[[], Session]


@pytest.fixture(params=["in process", "server"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    """What opens another connection to one and the same empty store."""
    if request.param == "in process":
        return open_embedded(tmp_path / "store", database="BI_PROD", schema="AI_DATA")
    return request.getfixturevalue("server_connect")


@pytest.fixture
def make_session(connect: Connect) -> Iterator[MakeSession]:
    """Sessions, closed at the end."""
    sessions: list[Session] = []

    def make() -> Session:
        sessions.append(Session(connect))
        return sessions[-1]

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def session(make_session: MakeSession) -> Session:
    """A session on a store that has its tables."""
    session = make_session()
    apply_schema(session)
    session.run("embedded/audio_asset")
    return session


@pytest.fixture
def store(session: Session) -> Store:
    """The store on it."""
    return Store(session)
