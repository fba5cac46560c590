"""The review page's app by its HTTP: what is answered to whom, and what never is. In a browser: tests/end_to_end."""

from __future__ import annotations

import csv
import io
import re
import string
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pairs import key, pair, put_files, put_pairs
from werkzeug.test import TestResponse

from audiodup.errors import StoreUnavailable
from audiodup.model import Action, Kind, Verdict
from audiodup.pages.app import make_app
from audiodup.pages.desk import Desk, address, pair_query
from audiodup.parts import Parts
from audiodup.reviews import StoredReviews
from audiodup.settings import read_settings

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
    return parts.local_review_page("ana").test_client()


def decide(
    client: FlaskClient, pair_key: Any, word: str, headers: Mapping[str, str] = OWN, **more: str
) -> TestResponse:
    return client.post("/decide", data={**pair_query(pair_key), "word": word, **more}, headers=headers)


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
        assert answer.headers["Referrer-Policy"] == "no-referrer"


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


def test_a_form_leads_back_to_the_pair_and_a_script_gets_json(client: FlaskClient, parts: Parts) -> None:
    form = decide(client, key("a", "b"), "DUPLICATE", verdict="SAME_CONTENT", review="")
    assert form.status_code == 303
    page = client.get(form.headers["Location"], headers=HOST).get_data(as_text=True)
    assert "DUPLICATE" in page
    assert "ana" in page
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen is not None
    script = decide(client, key("a", "b"), "UNDO", {**OWN, "Accept": "application/json"}, seen=seen[1])
    assert (script.status_code, script.json and script.json["review"]) == (200, None)
    assert [word.review for word in parts.reviews.words(key("a", "b"))] == ["UNDO", "DUPLICATE"]


def test_a_word_on_what_has_changed_is_a_conflict_that_says_who(client: FlaskClient, parts: Parts) -> None:
    other = parts.local_review_page("ben").test_client()
    assert decide(other, key("a", "c"), "VARIANT").status_code == 303
    answer = decide(client, key("a", "c"), "DUPLICATE", {**OWN, "Accept": "application/json"})
    assert answer.status_code == 409
    assert answer.json is not None
    assert "ben has said VARIANT" in answer.json["error"]


@pytest.mark.parametrize("form", [{}, {"word": "DELETE"}, {"word": ""}])
def test_a_word_is_one_of_five(client: FlaskClient, form: dict[str, str]) -> None:
    answer = client.post("/decide", data={**pair_query(key("a", "b")), **form}, headers=OWN)
    assert answer.status_code == 400
    assert b"KEEP_OTHER" in answer.data


def test_nothing_changes_by_looking(client: FlaskClient, parts: Parts) -> None:
    """A link in a mail, a prefetch: they are GETs."""
    before = len(list(parts.reviews.export()))
    query = {**pair_query(key("a", "b")), "word": "DUPLICATE", "count": "123", "confirm": "123", "review": ""}
    for path in ("/decide", "/bulk", "/pair", "/"):
        client.get(address(path, query), headers=OWN)
    assert len(list(parts.reviews.export())) == before


def test_bulk_asks_for_the_number_and_can_be_taken_back(client: FlaskClient, parts: Parts) -> None:
    wanted = {"verdict": "RELATED", "review": "", "q": "n11"}
    page = client.get(address("/bulk", wanted), headers=HOST).get_data(as_text=True)
    assert "Decide 10 pairs" in page
    assert (
        client.post("/bulk", data={**wanted, "word": "VARIANT", "count": "10", "confirm": "9"}, headers=OWN).status_code
        == 400
    )
    assert (
        client.post("/bulk", data={**wanted, "word": "VARIANT", "count": "9", "confirm": "9"}, headers=OWN).status_code
        == 409
    )
    done = client.post("/bulk", data={**wanted, "word": "VARIANT", "count": "10", "confirm": "10"}, headers=OWN)
    assert done.status_code == 303
    done_page = client.get(done.headers["Location"], headers=HOST).get_data(as_text=True)
    back = re.search(r'href="(/bulk\?[^"]*)"', done_page)
    assert back is not None
    again = client.get(unescape(back[1]), headers=HOST).get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', again))
    assert hidden["count"] == "10"
    form = {name: unescape(value) for name, value in hidden.items()} | {"word": "UNDO", "confirm": "10"}
    assert client.post("/bulk", data=form, headers=OWN).status_code == 303
    assert all(
        parts.reviews.pairs([key("m", f"n11{last}")])[key("m", f"n11{last}")].review is None for last in range(10)
    )


def test_pages_follow_each_other_to_the_end_and_back(client: FlaskClient) -> None:
    seen: list[str] = []
    path, pages = "/?verdict=RELATED&review=", 0
    while path:
        page = client.get(path, headers=HOST).get_data(as_text=True)
        seen += re.findall(r"n\d{3}\.mp3</bdi>", page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        path, last, pages = unescape(following[1]) if following else "", page, pages + 1
    assert (pages, len(seen), len(set(seen))) == (3, 120, 120)
    back = re.search(r'rel="prev" href="([^"]*)"', last)
    assert back is not None
    before = client.get(unescape(back[1]), headers=HOST).get_data(as_text=True)
    assert "51 to 100 of 120" in " ".join(re.sub("<[^>]*>", "", before).split())


def test_names_of_strangers_are_text(client: FlaskClient) -> None:
    """In the list, on the pair's page, in the form, in the filter."""
    for path in ("/?review=", address("/pair", pair_query(key(HOSTILE[:50], "z"))), address("/", {"q": HOSTILE})):
        page = client.get(path, headers=HOST).get_data(as_text=True)
        assert "<img src=x" not in page
        assert "\u202e" not in re.sub(r'(value|href|data-\w+)="[^"]*"', "", page)
        assert "{{7*7}}" in page


def test_a_spreadsheet_takes_no_word_for_a_formula(parts: Parts) -> None:
    eve = parts.local_review_page("=HYPERLINK(1)").test_client()
    put_pairs(parts.session, [pair("+cmd", "@sum")])
    assert decide(eve, key("+cmd", "@sum"), "DUPLICATE").status_code == 303
    answer = eve.get("/reviews.csv", headers=HOST)
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    [row] = [row for row in rows if "cmd" in row["a"]]
    assert (row["a"], row["b"], row["by"], row["counts"]) == ("'+cmd.mp3", "'@sum.mp3", "'=HYPERLINK(1)", "1")
    assert row["at"].endswith("+00:00")


def test_only_files_of_the_library_are_played(client: FlaskClient) -> None:
    """A key that the folder has and the library does not list, and one outside of both."""
    assert client.get(address("/audio", {"asset": "b", "key": "b.mp3"}), headers=HOST).status_code == 200
    for asset, name in (("b", "../b.mp3"), ("x", "b.mp3"), ("", ""), ("b", "/etc/passwd")):
        for path in ("/audio", "/waveform"):
            answer = client.get(
                address(path, {"asset": asset, "key": name}), headers=HOST | {"Accept": "application/json"}
            )
            assert answer.status_code == 404
            assert answer.json is not None
            assert "NOT_FOUND" in answer.json["error"]


def test_a_pair_without_a_fingerprint_has_no_picture_and_says_why(client: FlaskClient) -> None:
    answer = client.get(
        address("/difference.png", pair_query(key("a", "c"))), headers=HOST | {"Accept": "application/json"}
    )
    assert answer.status_code == 404
    assert answer.json is not None
    assert "fingerprint" in answer.json["error"]


_VALUES = st.text(string.printable + "é\u202e\U0001f3b5\0", max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.dictionaries(
        st.sampled_from(
            [
                "verdict",
                "kind",
                "action",
                "review",
                "from",
                "to",
                "newer",
                "older",
                "provider",
                "q",
                "group",
                "by",
                "at",
                "sort",
                "page",
                "a",
                "a_key",
                "b",
                "b_key",
            ]
        ),
        _VALUES
        | st.sampled_from([*Verdict, *Kind, *Action, "nan", "1e999", "-1", "\u0663", "2026-01-01", "9999999999"]),
    ),
    path=st.sampled_from(["/", "/pair", "/groups", "/bulk", "/audio", "/waveform", "/difference.png"]),
)
def test_no_address_breaks_the_page(client: FlaskClient, path: str, query: dict[str, str]) -> None:
    """Whatever stands in it, the answer is a page or says what cannot be read."""
    assert client.get(address(path, query), headers=HOST).status_code in {200, 400, 404}


def test_a_form_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert client.post("/decide", data={"word": "x" * 100_000}, headers=OWN).status_code == 413


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
    client = parts.review_page.test_client()
    assert client.get("/health").status_code == 200
    for path in ("/", "/statistics", "/reviews.csv", "/audio", "/assets/style.css"):
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert b"IAP" in answer.data
    assert (
        client.post("/decide", data={"word": "DUPLICATE"}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 401
    )
    parts.session.close()
