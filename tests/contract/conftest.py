"""The same store tests against fakesnow in this process and against its server through Snowflake's own connector."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from audiodup.embedded import open_embedded
from audiodup.reviews import StoredReviews
from audiodup.schema import apply_schema
from audiodup.session import Connect, Session, connect_to_snowflake
from audiodup.store import Store
from stack.processes import Processes
from stack.warehouse import Warehouse, new_private_key, start_warehouse

MakeSession = Callable[[], Session]


@pytest.fixture(params=["in process", "server"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    """What opens another connection to one and the same empty store."""
    if request.param == "in process":
        return open_embedded(tmp_path / "store", database="BI_PROD", schema="AI_DATA")
    return request.getfixturevalue("server_connect")


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """fakesnow's server."""
    with Processes(tmp_path_factory.mktemp("stack")) as processes:
        yield start_warehouse(processes, tmp_path_factory.mktemp("data") / "store")


@pytest.fixture
def server_connect(warehouse: Warehouse) -> Connect:
    """Snowflake's own connector, signed in by key pair, on a database of the test's own."""
    return partial(
        connect_to_snowflake,
        account="local",
        user="audiodup",
        private_key=new_private_key()[0],
        database=f"D{uuid.uuid4().hex}".upper(),
        schema="AI_DATA",
        host=warehouse.host,
        port=warehouse.port,
        protocol="http",
        network_seconds=20,
    )


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


@pytest.fixture
def reviews(session: Session) -> StoredReviews:
    """Pairs and words on it."""
    return StoredReviews(session)
