"""The function `review` as functions-framework serves it, with headers that a key of the test's own has signed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import functions_framework
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from google.auth import crypt, jwt
from tests.integration.test_functions import FUNCTIONS, function_environment, served
from tests.pairs import key, pair, put_files, put_pairs

from audiodup import wiring
from audiodup.page_parts import make_page
from audiodup.pages.desk import pair_query
from audiodup.pages.identity import HEADER, Iap
from audiodup.parts import Parts
from audiodup.settings import read_settings

AUDIENCE = "/projects/1/locations/europe-west1/services/audiodup-review"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = (
    KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


def signed(email: str) -> dict[str, str]:
    """A browser's request behind IAP."""
    now = int(time.time())
    claims = {
        "iss": "https://cloud.google.com/iap",
        "aud": AUDIENCE,
        "email": email,
        "sub": "1",
        "iat": now,
        "exp": now + 600,
    }
    token = jwt.encode(crypt.EsSigner.from_string(PRIVATE, "k1"), claims)
    return {HEADER: token.decode(), "Sec-Fetch-Site": "same-origin", "Host": "review.example.com"}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The function, over an embedded store."""
    parts = Parts(read_settings(review_audience=AUDIENCE), database=tmp_path / "store")
    put_files(parts.session, "a", "b")
    put_pairs(parts.session, [pair("a", "b")])
    page = make_page(parts, Iap(AUDIENCE, lambda: {"k1": PUBLIC}), loopback_only=False)
    monkeypatch.setattr(wiring, "_process_page", page)
    monkeypatch.setattr(wiring, "_process_parts", parts)
    yield functions_framework.create_app(target="review", source=str(FUNCTIONS / "review.py")).test_client()
    parts.session.close()


def test_a_person_behind_iap_decides_in_his_own_name(client: FlaskClient) -> None:
    headers = signed("Ana@Example.com")
    page = client.get("/?review=", headers=headers)
    assert (page.status_code, "ana@example.com" in page.get_data(as_text=True)) == (200, True)
    assert client.get("/assets/vendor/wavesurfer.esm.js", headers=headers).status_code == 200
    form = {**pair_query(key("a", "b")), "word": "VARIANT"}
    assert client.post("/decide", data=form, headers=headers).status_code == 303
    [word] = wiring.parts().reviews.words(key("a", "b"))
    assert (word.review, word.by) == ("VARIANT", "ana@example.com")


def test_a_header_that_anybody_could_write_lets_nobody_in(client: FlaskClient) -> None:
    forged = {"X-Goog-Authenticated-User-Email": "accounts.google.com:ana@example.com", "Sec-Fetch-Site": "same-origin"}
    for headers in (
        forged,
        {**forged, HEADER: "a.b.c"},
        {**signed("ana@example.com"), HEADER: signed("x@y.zz")[HEADER][:-8]},
    ):
        form = {**pair_query(key("a", "b")), "word": "VARIANT"}
        assert client.post("/decide", data=form, headers=headers).status_code == 401
        assert client.get("/", headers=headers).status_code == 401
    assert not wiring.parts().reviews.words(key("a", "b"))


def test_another_site_decides_nothing_in_his_name(client: FlaskClient) -> None:
    """IAP's own cookie is sent along with it."""
    headers = signed("ana@example.com") | {"Sec-Fetch-Site": "cross-site"}
    form = {**pair_query(key("a", "b")), "word": "DUPLICATE"}
    assert client.post("/decide", data=form, headers=headers).status_code == 403
    assert not wiring.parts().reviews.words(key("a", "b"))


def test_health_needs_neither_snowflake_nor_numpy(tmp_path: Path) -> None:
    """A start-up probe is answered before any of them was imported."""
    program = (
        "import sys, functions_framework\n"
        "client = functions_framework.create_app().test_client()\n"
        "assert client.get('/health').status_code == 200\n"
        "heavy = {'snowflake.connector', 'numpy', 'PIL', 'duckdb'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = {**os.environ, **function_environment("review", tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_is_served_as_it_is_deployed(tmp_path: Path) -> None:
    """By gunicorn, without a name: health and nothing else; a setting that is missing is named."""
    with served("review", tmp_path) as (url, _):
        assert requests.get(f"{url}/health", timeout=30).status_code == 200
        answer = requests.get(url, timeout=30)
    assert answer.status_code == 401
    assert "REVIEW_AUDIENCE" in answer.text
