"""The report of more than it shows, and of what cannot be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.pairs import key, pair, put_files, put_groups, put_pairs
from tests.report import Page

from audiodup.decisions import decide
from audiodup.model import Action, FileKey, Review, Verdict
from audiodup.pages.report import COPIES_SHOWN, GROUPS_SHOWN, PAIRS_SHOWN, report
from audiodup.reviews import StoredReviews
from audiodup.store import Statistics
from audiodup.wiring import Parts, command_line_parts

LIBRARY = Statistics(0, 0, 0, 0, 0, {}, 0.0, 0.0)


class Counting(StoredReviews):
    """Counts the files whose fingerprints were read."""

    read = 0

    def fingerprints(self, keys: Sequence[FileKey]) -> dict[FileKey, Any]:
        self.read += len(keys)
        return super().fingerprints(keys)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """Over an empty store."""
    parts = command_line_parts(database=tmp_path / "store")
    yield parts
    parts.session.close()


def test_of_many_pairs_the_surest_are_shown_and_the_rest_counted(parts: Parts) -> None:
    """Read as it is written, a few at a time; the sure one comes first, wherever it was stored."""
    ids = [f"{number:04}" for number in range(PAIRS_SHOWN + 7)]
    put_files(parts.session, *ids, "z")
    put_pairs(parts.session, [pair(one, "z", similarity=0.9) for one in ids])
    put_pairs(parts.session, [pair(ids[-1], "z", verdict=Verdict.IDENTICAL, kind=None, action=Action.MANUAL_REVIEW)])
    put_groups(parts.session, ("g", ["z", *ids]))
    decide(parts.reviews, key(ids[-1], "z"), Review.DUPLICATE, by="<b>eve</b>", seen="")
    reviews = Counting(parts.session)
    pieces = report(reviews, LIBRARY, "x")
    beginning = [next(pieces)]
    while "<article" not in beginning[-1]:
        beginning.append(next(pieces))
    assert 0 < reviews.read <= 100
    page = Page("".join([*beginning, *pieces]))
    assert reviews.read == 2 * PAIRS_SHOWN
    assert len(page.pairs()) == PAIRS_SHOWN
    assert next(iter(page.pairs())) == {"z.mp3", f"{ids[-1]}.mp3"}
    assert "Duplicate <b>eve</b>, " in page.text
    assert f"the first {PAIRS_SHOWN} of {PAIRS_SHOWN + 7}" in page.text
    assert "7 more pairs are not shown here: scripts/find_duplicates.py --csv FILE writes all of them." in page.text
    assert f"and {PAIRS_SHOWN + 7 - COPIES_SHOWN} more" in page.text


def test_of_many_groups_the_largest_are_shown_and_the_rest_counted(parts: Parts) -> None:
    ids = [f"{number:04}" for number in range(GROUPS_SHOWN + 3)]
    put_files(parts.session, *ids, *(f"{one}+" for one in ids))
    put_pairs(parts.session, [pair(ids[0], f"{ids[0]}+")])
    put_groups(parts.session, *((one, [one, f"{one}+"]) for one in ids))
    page = Page("".join(report(parts.reviews, LIBRARY, "x")))
    groups = Page(page.source.split('<section id="groups">')[1].split("</section>")[0])
    assert len(groups.names) == 2 * GROUPS_SHOWN
    assert "3 more groups are not shown here" in groups.text


def test_a_fingerprint_that_nobody_can_read_is_no_picture(parts: Parts) -> None:
    """What is equal byte by byte is a pair without it."""
    put_files(parts.session, "a", "b")
    put_pairs(parts.session, [pair("a", "b")])
    with parts.session._lock:
        parts.session._execute("UPDATE AUDIO_FINGERPRINT SET FINGERPRINT = 'no fingerprint'")
    [only] = Page("".join(report(parts.reviews, LIBRARY, "x"))).pairs().values()
    assert "No picture" in only.text
