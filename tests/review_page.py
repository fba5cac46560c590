"""A review page over an embedded store and a folder, with some pairs, as a person on his own machine has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from audiodup.model import Verdict
from audiodup.page_parts import local_review_page
from audiodup.pages.desk import pair_query
from audiodup.parts import Parts
from audiodup.settings import read_settings
from tests.pairs import pair, put_files, put_pairs

HOST = {"Host": "127.0.0.1:8700"}
OWN = {**HOST, "Sec-Fetch-Site": "same-origin"}
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}\u202e\n"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """An embedded store and a folder, with some pairs."""
    folder = tmp_path_factory.mktemp("audio")
    (folder / "b.mp3").write_bytes(b"ID3" + bytes(1000))
    made = Parts(read_settings(), database=tmp_path_factory.mktemp("store"), folder=folder)
    put_files(made.session, "a", "b", HOSTILE[:50], provider=HOSTILE)
    put_pairs(made.session, [pair("a", "b"), pair("a", "c"), pair(HOSTILE[:50], "z", evidence=HOSTILE)])
    put_pairs(made.session, [pair("m", f"n{number:03}", verdict=Verdict.RELATED) for number in range(120)])
    yield made
    made.session.close()


@pytest.fixture(scope="module")
def client(parts: Parts) -> FlaskClient:
    return local_review_page(parts, "ana").test_client()


def decide(
    client: FlaskClient, pair_key: Any, word: str, headers: Mapping[str, str] = OWN, **more: str
) -> TestResponse:
    return client.post("/decide", data={**pair_query(pair_key), "word": word, **more}, headers=headers)
