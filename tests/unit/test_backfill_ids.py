"""Ids as people have them: any CSV, typed, from a query; fuzzed."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asset_ids import LONGEST_LINE, NAMES_SHOWN, AssetIds, Names, NoIds, problem, read_ids, typed_ids, unwrapped
from id_sources import ListedIds, StoredIds, read_only

CASES = 2_000
"""Of each of the properties below."""


def read(content: bytes) -> AssetIds:
    return read_ids(io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"1\n2\n3\n",
        b"1\r\n2\r\n3",
        b"1\r2\r3\r",
        b"\n \n1\n\n2\n,\n3\n",
        b"\xef\xbb\xbf1\n2\n3\n",
        "1\t\u00e9\r\n2\tx\r\n3\t\r\n".encode("utf-16"),
        "1;\u00e9\n2;x\n3;y\n".encode("latin-1"),
        b'"1","a, b"\n"2","c\nd"\n"3","say ""e"""\n',
        b'"1" ;"a"\n "2" ; "b"\n3 ;c\n',
        b"'1',x\n'2',y\n'3',z\n",
        b'="1",x\n="2",y\n="3",z\n',
        b"sep=;\r\n1;a,b\r\n2;c\r\n3;d\r\n",
        b"1|x\n2|y\n3|z",
        b"1,a\n2\n3,b,c,d\n",
    ],
)
def test_every_usual_form_gives_the_same_ids(content: bytes) -> None:
    """Line ends, marks, quotes, spaces, delimiters; encodings of the other columns."""
    found = read(content)
    assert list(found.ids) == ["1", "2", "3"]
    assert (found.malformed.count, found.duplicates, found.header, found.maybe_header) == (0, 0, None, None)


@pytest.mark.parametrize(
    ("content", "header", "maybe"),
    [
        (b"asset_id,title\n1,x\n2,y\n", None, "asset_id"),
        (b"ID 2,title\n1,x\n2,y\n", None, "ID 2"),
        ("Num\u00e9ro\n1\n2\n".encode("latin-1"), "'Num\\udce9ro'", None),
        (
            b"The number that the asset has in the old catalogue (wiki)\n1\n2\n",
            "'The number that the asset has in the ...'",
            None,
        ),
        (b",title\n1,x\n2,y\n", "''", None),
        (b"art-001\nart-2\n", None, None),
        (b"intro\n", None, None),
    ],
)
def test_a_header_may_be_called_anything(content: bytes, header: str | None, maybe: str | None) -> None:
    """What is no id is one; what could be an id, unlike the second, is asked for. One line alone is no header."""
    found = read(content)
    assert (found.header, found.maybe_header) == (header, maybe)
    assert (maybe in found.ids) == (maybe is not None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\n \r\n\n", "it is empty"),
        (b",,\n,x\n", "there is no id in it"),
        (b"\x7fELF\0\0\0", "it is no text file; save a spreadsheet as CSV"),
        (b"PK\x03\x04stuff", "it is no text file; save a spreadsheet as CSV"),
        (b"\xff\xfe1", "it is no text"),
        (b"1\n" + b"x" * LONGEST_LINE, "line 2 has more than 1,000,000 characters"),
        (b'1,"Best of\n2,"Other"\n3,x\n', r"line 2: .* \(are the quotes right\?\)"),
        (b'1,x\n2,"y\n3,z\n', r"line 3: unexpected end of data \(are the quotes right\?\)"),
        (b'1,"' + b"x\n" * 500_001 + b'"', r"line \d+: field larger than field limit .* \(are the quotes right\?\)"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(content: bytes, words: str) -> None:
    """A quote that does not end would swallow the rows behind it."""
    with pytest.raises(NoIds, match=words):
        read(content)


def test_a_long_cell_in_another_column_is_no_matter() -> None:
    """A description, or a picture in base64."""
    long = b"x" * (LONGEST_LINE - 10)
    found = read(b"1," + long + b'\n2,"' + long + b'"\n')
    assert list(found.ids) == ["1", "2"]


def test_what_is_no_id_is_named_with_its_line() -> None:
    """Counted, and never published; the first of a kind are shown, the others counted."""
    found = read(b"1\n1.23457E+11\n\xe9\n" + b"x" * 51 + b"\n\x1b[7m\n,y\n2\n1\n")
    assert (list(found.ids), found.duplicates, found.malformed.count) == (["1", "2"], 1, 5)
    assert found.malformed.first == [
        "line 2: 1.23457E+11 is a number that a spreadsheet has rounded",
        "line 3: '\\udce9' is no printable UTF-8 text",
        f"line 4: '{'x' * 37}...' has 51 characters (50 fit)",
        "line 5: '\\x1b[7m' is no printable UTF-8 text",
        "line 6: no id",
    ]
    names = Names()
    for number in range(12_345 + NAMES_SHOWN):
        names.add(str(number))
    assert str(names) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 12,345 more"


def test_ids_are_typed_with_commas() -> None:
    """Spaces and quotes around them do not matter."""
    assert list(typed_ids(" 1,'2' ,\"3\",,1").ids) == ["1", "2", "3"]
    assert typed_ids("1").maybe_header is None
    for nothing in ("", " , "):
        with pytest.raises(NoIds):
            typed_ids(nothing)


IDS = st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=30)


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ids=IDS, delimiter=st.sampled_from(",;\t|"), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
       end=st.sampled_from(["\n", "\r\n"]), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))  # fmt: skip
@example(ids=['0" ,', '" ,x', '1"', '"'], delimiter=",", quoting=csv.QUOTE_MINIMAL, end="\n", encoding="utf-8")
@example(ids=["a;b", "1"], delimiter=",", quoting=csv.QUOTE_ALL, end="\n", encoding="utf-8")
def test_what_a_csv_writer_writes_is_read_back(
    ids: list[str], delimiter: str, quoting: int, end: str, encoding: str
) -> None:
    """Fuzzed: each id that is one comes back, in its order, or the file is refused; nothing else comes."""
    # Outside of quotes a carriage return ends a line.
    ids = [one.replace("\r", "").encode("utf-8", "ignore").decode() for one in ids]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    # The second column settles the delimiter, whatever the ids hold.
    writer.writerow(["0", "title"])
    writer.writerows([one, f"a{delimiter}b"] for one in ids)
    expected = dict.fromkeys(["0", *(name for one in ids if not problem(name := unwrapped(one)))])
    try:
        found = read(text.getvalue().encode(encoding))
    except NoIds:
        # NUL says that it is no text; and there are quotes that we take more tidily than the writer.
        assert set("".join(ids)) & {"\0", '"'}
    else:
        assert list(found.ids) == list(expected)


@settings(max_examples=CASES, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text("0123456789abc,;\t|\"' \r\n=\0\ufeff", max_size=300).map(str.encode)
    )
)
def test_any_bytes_are_ids_or_refused(content: bytes) -> None:
    """Fuzzed: no other error, and whatever is taken as an id fits a key and moves no cursor."""
    try:
        found = read(content)
    except NoIds as refused:
        words, found = str(refused), AssetIds()
    else:
        words = "read"
        assert found.ids
    assert words.isprintable()
    for asset_id in found.ids:
        assert 1 <= len(asset_id) <= 50
        assert asset_id.isprintable()
        assert asset_id.strip() == asset_id
    assert str(found.malformed).isprintable()


def test_two_lists_with_the_same_ids_are_one_input() -> None:
    """Whatever file they stand in; another order is another input."""
    one, same, other = (
        ListedIds("x", read(content)) for content in (b"1\n2\n3\n", b'"1";x\r\n"2"\r\n"3"', b"2\n1\n3\n")
    )
    assert one.identity == same.identity != other.identity
    left, ids = one.behind("2")
    assert (left, list(ids)) == (1, ["3"])
    left, ids = one.behind("")
    assert (left, list(ids)) == (3, ["1", "2", "3"])


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7, 8])
def test_the_stores_ids_come_in_pages(count: int) -> None:
    """Each once, from wherever it goes on; a full page is followed by another question."""
    stored = [f"{number}" for number in range(count)]

    def page(after: str, at_most: int) -> tuple[list[str], int]:
        rest = [one for one in stored if one > after]
        return rest[:at_most], len(rest)

    left, ids = StoredIds("all", page, 4).behind("")
    assert (left, list(ids)) == (count, stored)
    left, ids = StoredIds("all", page, 4).behind("0")
    assert (left, list(ids)) == (max(0, count - 1), stored[1:])


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ASSET_ID FROM AUDIO_ASSET;",
        " -- those of May\nselect 'it''s; DELETE' from \"odd;name\" /* ; */ where x like '(%' // ;\n",
        "WITH a AS (SELECT $$;)$$ AS x) SELECT x FROM a",
        "SELECT 0 UNION (SELECT 1) UNION (SELECT 2)",
        "SELECT INSERT(ID, 1, 1, 'x'), UPDATED_AT FROM T",
        "SELECT 'a\\'; DROP TABLE T' FROM T",
    ],
)
def test_a_query_that_only_reads_is_taken(query: str) -> None:
    """Without its last semicolon; what stands in strings, names and comments is no SQL."""
    assert read_only(query) == query.strip().rstrip("; ")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "SELECT or WITH"),
        ("DELETE FROM AUDIO_ASSET", "SELECT or WITH"),
        ("/* SELECT */ DROP TABLE T", "SELECT or WITH"),
        ("SELECTED", "SELECT or WITH"),
        ("SELECT 1; DROP TABLE T", "one statement"),
        ("SELECT 1) SELECT 2 FROM T -- (", "brackets"),
        ("SELECT (1", "brackets"),
        ("SELECT 'x", "does not end"),
        ('SELECT "x', "does not end"),
        ("SELECT 1 /* x", "does not end"),
        ("SELECT $$ x", "does not end"),
        ("WITH x AS (DELETE FROM T RETURNING *) SELECT 1", "DELETE"),
        ("WITH x AS ( -- y\n insert INTO T VALUES (1)) SELECT 1", "INSERT"),
        ("SELECT SYSTEM$CANCEL_ALL_QUERIES(1)", "SYSTEM"),
    ],
)
def test_a_query_that_does_more_is_refused(query: str, words: str) -> None:
    """By its words, with the reason; the store undoes what comes through all the same."""
    with pytest.raises(ValueError, match=words):
        read_only(query)
