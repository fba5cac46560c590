"""What the review page answers to whom, and what never: other sites, other names, strangers, and outages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.pairs import key
from tests.review_page import HOST, decide

from audiodup.errors import StoreUnavailable
from audiodup.page_parts import review_page
from audiodup.pages.app import make_app
from audiodup.pages.desk import Desk, pair_query
from audiodup.parts import Parts
from audiodup.reviews import StoredReviews
from audiodup.settings import read_settings


def test_every_answer_has_the_headers_that_bind_the_browser(client: FlaskClient) -> None:
    """Errors and pictures too: none of them may be framed, sniffed, or run a script of its own."""
    for path in (
        "/",
        "/groups",
        "/statistics",
        "/pair",
        "/nothing",
        "/?verdict=x",
        "/assets/style.css",
        "/reviews.csv",
    ):
        answer = client.get(path, headers=HOST)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"unsafe|script-src[^;]*(http|\*)", policy)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_nonce_is_used_once(client: FlaskClient) -> None:
    policies = {client.get("/", headers=HOST).headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8700", "10.0.0.1:8700", "", "[::2]:8700"]
)
def test_this_machines_page_answers_to_no_other_name(client: FlaskClient, host: str) -> None:
    """A site that points its own name at 127.0.0.1 would read the library as if it were its own."""
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code in {400, 403}
    assert b"a.mp3" not in answer.data


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost:8700", "localhost", "[::1]:8700", "127.0.0.2"])
def test_it_answers_to_its_own(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8700"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8701"},
        {"Origin": "http://127.0.0.1:8700.evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["/decide", "/bulk"])
def test_another_sites_page_decides_nothing(
    client: FlaskClient, parts: Parts, path: str, headers: dict[str, str]
) -> None:
    """Nor does one whose sender is not known."""
    before = len(list(parts.reviews.export()))
    form = {**pair_query(key("a", "b")), "word": "DUPLICATE", "review": "", "count": "123", "confirm": "123"}
    assert client.post(path, data=form, headers=HOST | headers).status_code == 403
    assert len(list(parts.reviews.export())) == before


def test_a_browser_without_fetch_metadata_says_its_origin(client: FlaskClient) -> None:
    answer = decide(client, key("m", "n000"), "VARIANT", {**HOST, "Origin": "http://127.0.0.1:8700"})
    assert answer.status_code == 303


class _Away(StoredReviews):
    """A store that is away, or breaks."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def places(self, *_: Any, **__: Any) -> Any:
        raise self._error


def page_over(error: Exception, who: Any = lambda _: "ana") -> FlaskClient:
    def nothing(*_: Any) -> Any:
        raise AssertionError

    desk = Desk(_Away(error), nothing, nothing, nothing, who, nothing)
    return make_app(desk).test_client()


def test_an_outage_is_a_page_that_says_so() -> None:
    answer = page_over(StoreUnavailable("the warehouse is away")).get("/")
    assert answer.status_code == 503
    assert b"STORE_UNAVAILABLE: the warehouse is away" in answer.data


def test_what_nobody_foresaw_is_told_to_the_log_alone() -> None:
    answer = page_over(ValueError("secret of the house")).get("/")
    assert answer.status_code == 500
    assert b"secret" not in answer.data


def test_the_page_is_nobodys_without_a_name(tmp_path: Path) -> None:
    """Health is all that a stranger gets; pages, files and styles are not."""
    parts = Parts(read_settings(review_audience="/projects/1/locations/l/services/s"), database=tmp_path)
    client = review_page(parts).test_client()
    assert client.get("/health").status_code == 200
    for path in ("/", "/statistics", "/reviews.csv", "/audio", "/assets/style.css"):
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert b"IAP" in answer.data
    assert (
        client.post("/decide", data={"word": "DUPLICATE"}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 401
    )
    parts.session.close()


def test_sounds_come_from_the_providers_hosts_and_from_nowhere_else(tmp_path: Path) -> None:
    provider = {
        "url": "https://api.example.com/{asset_id}/{file_key}",
        "hosts": ["s3.example.com", "*.cdn.example.com"],
    }
    parts = Parts(read_settings(providers={"artlist": provider}), database=tmp_path)
    policy = review_page(parts).test_client().get("/health").headers["Content-Security-Policy"]
    [media] = [part.strip() for part in policy.split(";") if part.strip().startswith("media-src")]
    assert set(media.split()[1:]) == {"'self'", "https://s3.example.com", "https://*.cdn.example.com"}
    parts.session.close()


def test_what_one_person_sees_is_kept_nowhere(client: FlaskClient) -> None:
    assert client.get("/", headers=HOST).headers["Cache-Control"] == "no-store"
