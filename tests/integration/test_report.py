"""The report of --html: all in one file, hostile names as text, what people said, and disks that do not take it."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.audio import Audio
from tests.finder import Finder
from tests.processor import Run
from tests.report import CDATA, CLIP_BEGINS, IMAGE, QUOTED, TINY, TURNED, Page, fill, names, read

from audiodup.errors import StoreUnavailable
from audiodup.texts import printable
from whole_file import whole_file


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Finder:
    return Finder(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def library(audio: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("h") / "my <i>music"
    folder.mkdir()
    fill(folder, audio)
    return folder


@pytest.fixture(scope="module")
def first(finder: Finder, library: Path) -> Run:
    return finder.run("--local", library, "--json", "--html", "report.html")


@pytest.fixture(scope="module")
def page(finder: Finder, first: Run) -> Page:
    return read(finder.home / "report.html")


def test_it_is_written_beside_all_that_is_printed(finder: Finder, first: Run, page: Page) -> None:
    assert "report.html" not in first.stderr
    assert sorted(path.name for path in finder.home.iterdir()) == [".audiodup", "report.html", "tmp"]
    found = page.pairs()
    assert set(found) == {names(record) for record in first.records}
    assert len(found) == 7
    for record in first.records:
        text = found[names(record)].text
        assert text.count(record["verdict"]) == text.count(record["action"]) == 1
        assert (record["kind"] or "") in text
        assert f"similarity {record['similarity']:.4f}" in text
        assert record["evidence"] in text
    assert "4 of 6 files compared" in page.text
    assert "2 could not be read" in page.text
    assert "7 pairs, 2 groups of copies" in page.text


def test_nothing_is_asked_of_anybody(page: Page) -> None:
    """No address but places in the file itself and data; no script, and the only style is the one that is allowed."""
    addresses = [*page.values("href"), *page.values("src")]
    assert addresses
    assert {address.split(":")[0] for address in addresses if not address.startswith("#")} == {"data"}
    places = {address[1:] for address in addresses if address.startswith("#")}
    assert places <= set(page.values("id"))
    assert {"groups", "pairs", "pair-1"} <= places
    assert "url(" not in page.style
    assert "@import" not in page.style
    attributes = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in attributes if name.startswith("on")}
    assert not attributes & {"style", "srcset", "action", "background"}
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "form", "base", "img", "i", "b"}
    [policy] = [each["content"] or "" for _, each in page.tags if each.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    rules = policy.split("; ")
    assert rules[:3] == ["default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:"]


def test_hostile_names_are_text(page: Page, library: Path) -> None:
    """Each as it is, but for characters that nobody sees."""
    assert set(page.names) == {printable(name) for name in (IMAGE, CDATA, TURNED, QUOTED, *TINY)}
    assert "\u202e" not in page.source
    assert f"Duplicates of {library.name}" in page.text
    # Whom it is sent to need not know where the folder was.
    assert str(library.parent) not in page.source


def test_each_pair_is_drawn_where_it_matches(page: Page, first: Run) -> None:
    """The clip at its place, times below it, a picture of 12 and 32 rows; none of what has no fingerprint."""
    for names_of_two, article in page.pairs().items():
        if names_of_two == frozenset(TINY):
            assert "svg" not in {tag for tag, _ in article.tags}
            assert "No picture: not both have a fingerprint." in article.text
            continue
        found = re.search(r'href="data:image/png;base64,([^"]+)"', article.source)
        assert found is not None
        with Image.open(io.BytesIO(base64.b64decode(found[1]))) as picture:
            assert picture.height == 44
            assert picture.width > 80
        assert "0:10" in article.text
        bars = [each for tag, each in article.tags if tag == "rect" and each["class"] == "bar"]
        places = sorted(tuple(float((bar[name] or "").rstrip("%")) for name in ("width", "x")) for bar in bars)
        if printable(TURNED) in names_of_two:
            assert places[0] == pytest.approx((50, 100 * CLIP_BEGINS / 30), abs=1)
        assert places[1] == pytest.approx((100, 0), abs=1)


def test_groups_lead_to_their_pairs(page: Page) -> None:
    """The copy to keep with the reason, and each other copy with the number of their pair."""
    groups = page.source.split('<section id="groups">')[1].split("</section>")[0]
    assert "lossless, uploaded earlier" in groups
    numbers = re.findall(r'href="#pair-(\d+)"', groups)
    assert len(numbers) == len(set(numbers)) == 3
    assert groups.count("</tr>") == 3


def test_differences_of_metadata_are_marked(page: Page, first: Run) -> None:
    """In the table, and in its head's words."""
    found = page.pairs()
    assert "All facts of both files: no difference but the name" in found[frozenset(TINY)].text
    transcode = found[frozenset((printable(IMAGE), printable(CDATA)))]
    assert "they differ in Format, Container, Codec, Lossless," in transcode.text
    marked = [each for tag, each in transcode.tags if tag == "tr" and each.get("class") == "differs"]
    assert transcode.text.count("≠") == len(marked) >= 8
    assert "Channels11" in transcode.text


def test_what_people_said_is_told(finder: Finder, first: Run) -> None:
    """With who and when; what was taken back is undecided again."""
    finder.say(IMAGE, QUOTED, "NOT_DUPLICATE")
    finder.say(IMAGE, CDATA, "KEEP_OTHER")
    finder.say(QUOTED, CDATA, "VARIANT")
    finder.say(QUOTED, CDATA, "UNDO")
    run = finder.run("--database", ".audiodup", "--html", "decided.html")
    assert (run.status, run.stderr) == (0, "")
    page = read(finder.home / "decided.html")
    when = r"me, \d{4}-\d\d-\d\d"
    expected = {
        (IMAGE, QUOTED): f"Not a duplicate {when}",
        (IMAGE, CDATA): f"Keep other {when}",
        (QUOTED, CDATA): "undecided",
    }
    for two, words in expected.items():
        assert re.search(rf"kappa [\d.]+ · {words} A", page.pairs()[frozenset(map(printable, two))].text)
    kept = page.pairs()[frozenset(map(printable, (IMAGE, CDATA)))]
    assert any(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", title) for title in kept.values("title"))
    assert re.search(r"mp3 · 0:30 · [\d.]+ kB · local keep me chose it", kept.text)


def test_an_empty_library_has_a_report_too(finder: Finder, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run = finder.run("--local", tmp_path / "empty", "--database", "nothing", "--html", tmp_path / "report.html")
    assert (run.status, run.stderr) == (0, "")
    page = read(tmp_path / "report.html")
    assert "0 pairs, 0 groups" in page.text
    assert "No duplicates were found." in page.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--html", "nowhere/report.html"), "--html nowhere/report.html: no such folder"),
        (("--html", "tmp"), "--html tmp: it is there, and no file"),
        (("--html", "/dev/full"), "--html /dev/full: it is there, and no file"),
        (("--html", "one", "--csv", "./one"), "--csv and --html one: they are one file"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_done(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    finder = Finder(tmp_path)
    run = finder.run("--local", ".", *arguments)
    assert (run.status, run.stdout) == (2, "")
    assert run.stderr.startswith(words)
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]


@pytest.mark.parametrize(
    ("mounted", "words"),
    [("size=12k", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_disk_that_does_not_take_it(finder: Finder, first: Run, mounted: str, words: str) -> None:
    """A line and exit status 3; nothing half-written is left, and what was there before is as it was."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount anything (unshare -rm): no full disk can be had")
    (finder.home / "disk").mkdir(exist_ok=True)
    command = shlex.join(finder.command("--database", ".audiodup", "--html", "disk/report.html"))
    script = (
        "set -e; mount -t tmpfs -o size=12k tmpfs disk; echo before > disk/report.html\n"
        f"mount -o remount,{mounted} disk; set +e; {command}\n"
        "status=$?; ls -A disk >&2; cat disk/report.html >&2; exit $status"
    )
    run = finder.run_command(["unshare", "-rm", "sh", "-c", script])
    assert run.status == 3
    assert run.stderr.splitlines() == [f"--html disk/report.html: {words}", "report.html", "before"]


def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    """Not only for the disk's sake: the store may go away between two pieces."""
    (tmp_path / "report.html").write_text("before")

    def pieces() -> Iterator[str]:
        yield "<!doctype html>"
        raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable), whole_file(tmp_path / "report.html") as file:
        file.writelines(pieces())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]
