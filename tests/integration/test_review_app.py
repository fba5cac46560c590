"""The review page's app by its HTTP: lists, words, exports, any address. In a browser: tests/end_to_end."""

from __future__ import annotations

import csv
import io
import json
import re
import string
from html import unescape

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pairs import key, pair, put_pairs
from tests.review_page import HOST, HOSTILE, OWN, decide

from audiodup.model import Action, Kind, MatchedRange, Verdict
from audiodup.page_parts import local_review_page
from audiodup.pages.desk import address, pair_query
from audiodup.parts import Parts


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
    other = local_review_page(parts, "ben").test_client()
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
    wanted = {"verdict": "RELATED", "review": "", "q": "n11", "shown": "2999-01-01T00:00:00+00:00"}
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
    while path and pages < 5:
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
    eve = local_review_page(parts, "=HYPERLINK(1)").test_client()
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
        | st.sampled_from(
            [
                *Verdict,
                *Kind,
                *Action,
                "nan",
                "1e999",
                "9" * 5000,
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
                "-1",
                "\u0663",
                "2026-01-01",
                "9999999999",
            ]
        ),
    ),
    path=st.sampled_from(["/", "/pair", "/groups", "/bulk", "/audio", "/waveform", "/difference.png"]),
)
def test_no_address_breaks_the_page(client: FlaskClient, path: str, query: dict[str, str]) -> None:
    """Whatever stands in it, the answer is a page or says what cannot be read."""
    assert client.get(address(path, query), headers=HOST).status_code in {200, 400, 404}


def test_a_form_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert client.post("/decide", data={"word": "x" * 100_000}, headers=OWN).status_code == 413


def test_the_player_is_told_offset_tempo_and_ranges(client: FlaskClient, parts: Parts) -> None:
    said = {"tempo": 1.05, "offset_seconds": -3.25, "ranges": (MatchedRange(3.5, 20.0, 0.25, 17.5),)}
    put_pairs(parts.session, [pair("p", "q", **said)])
    page = client.get(address("/pair", pair_query(key("p", "q"))), headers=HOST).get_data(as_text=True)
    told = re.search(r'data-alignment="([^"]*)"', page)
    assert told is not None
    assert json.loads(unescape(told[1])) == {"tempo": 1.05, "offset": -3.25, "ranges": [[3.5, 20.0, 0.25, 17.5]]}


def test_a_page_behind_the_last_pair_begins_anew(client: FlaskClient) -> None:
    """All that followed has been decided meanwhile."""
    page = client.get(address("/", {"q": "n119"}, pair_query(key("m", "n119"))), headers=HOST).get_data(as_text=True)
    assert "n119.mp3" in page
