"""A directory as a source, on a real file system with all that one may hold."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audiodup.errors import NotFound, Refused, TimedOut, TooLarge, Unusable
from audiodup.folder import LocalFolder
from audiodup.model import Asset
from audiodup.steps import Deadline, Source

# A FIFO that is opened in the ordinary way blocks for ever: the time-out is the failure then.
pytestmark = pytest.mark.timeout(60)


class Library:
    """A folder, and what its listing says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = LocalFolder(path, lambda first: first.startswith(b"RIFF"), max_file_bytes=1_000_000)
        self.reports: dict[str, str] = {}
        self.ignored = 0

    def write(self, name: str | bytes, content: bytes = b"x") -> None:
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def list(self) -> list[str]:
        self.reports = {}
        listing = self.source.listing(self.reports.__setitem__)
        keys = [found.asset.file_key for found in listing]
        self.ignored = listing.ignored
        return keys

    def read(self, file_key: str) -> bytes:
        with self.source.open(Asset("id", file_key), Deadline(30)) as file:
            return Path(file.path).read_bytes()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / "library").mkdir()
    return Library(tmp_path / "library")


def test_a_file_becomes_an_asset(library: Library) -> None:
    """Its key is the path, its id a hash of that, its format the extension; time and size are the file's."""
    library.write("Album/Track 01.WAV", b"RIFF....")
    os.utime(library.path / "Album/Track 01.WAV", (1_500_000_000, 1_600_000_000))

    (found,) = library.source.listing(library.reports.__setitem__)

    assert found.asset == Asset(
        hashlib.sha256(b"Album/Track 01.WAV").hexdigest()[:20], "Album/Track 01.WAV", "wav", "local"
    )
    assert found.created_at == datetime.fromtimestamp(1_600_000_000, UTC)
    assert found.size == 8


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.mp3", "mp3"),
        ("a.b.FLAC", "flac"),
        ("no extension", None),
        ("dot.folder/no extension", None),
        ("ends with a dot.", None),
        ("a.exactlyten", "exactlyten"),
        ("a.eleven chars", None),
        ("a.ünï", "ünï"),
    ],
)
def test_the_format_is_a_short_extension(library: Library, name: str, format: str | None) -> None:
    """The column takes ten characters."""
    library.write(name, b"RIFF")
    (found,) = library.source.listing(library.reports.__setitem__)
    assert found.asset.format == format


def test_the_order_is_stable_and_by_bytes(library: Library) -> None:
    """Whatever order the file system has them in."""
    names = ["b.mp3", "a/z.mp3", "a/B.mp3", "a.mp3", "ä.mp3", "a/b/c.mp3", "Z.mp3"]
    for name in names:
        library.write(name)

    assert library.list() == ["Z.mp3", "a/B.mp3", "a/b/c.mp3", "a/z.mp3", "a.mp3", "b.mp3", "ä.mp3"]
    assert library.list() == library.list()


def test_unknown_extensions_are_looked_into(library: Library) -> None:
    """Audio under any name is taken, audio names are taken whatever is inside, the rest is counted."""
    library.write("audio without a name", b"RIFF....")
    library.write("audio.dat", b"RIFF....")
    library.write("broken.mp3", b"<html>")
    library.write("empty.flac", b"")
    library.write("cover.jpg", b"\xff\xd8\xff")
    library.write("notes.txt", b"")

    assert library.list() == ["audio without a name", "audio.dat", "broken.mp3", "empty.flac"]
    assert library.ignored == 2
    assert library.reports == {}


def test_hidden_files_and_folders_are_passed_over(library: Library) -> None:
    """They are nobody's assets: resource forks, trash, version control."""
    for name in [".hidden.mp3", "._a.mp3", ".git/a.mp3", "a/.trash/b.mp3"]:
        library.write(name)
    library.write("a.mp3")

    assert library.list() == ["a.mp3"]
    assert (library.reports, library.ignored) == ({}, 0)


def test_a_name_that_is_no_utf8_is_reported(library: Library) -> None:
    """With the odd bytes spelled out, in a folder's name too; neither lost nor the end of the walk."""
    library.write(b"caf\xe9.mp3")
    library.write(b"caf\xe9/a.mp3")
    library.write(b"caf\xe9/cover.jpg")
    library.write("good.mp3")

    assert library.list() == ["good.mp3"]
    assert library.reports == {"caf\\xe9.mp3": "its name is no UTF-8", "caf\\xe9/a.mp3": "its name is no UTF-8"}
    assert library.ignored == 1


def test_a_path_longer_than_its_column_is_reported(library: Library) -> None:
    """500 characters fit, of whatever many bytes; 501 do not."""
    folder = "/".join(["ü" * 100] * 4)
    library.write(f"{folder}/{'b' * (500 - 404 - 4)}.mp3")
    library.write(f"{folder}/{'c' * (501 - 404 - 4)}.mp3")

    assert [len(key) for key in library.list()] == [500]
    assert list(library.reports.values()) == ["its path has 501 characters, at most 500 fit"]


def test_strange_but_valid_names_are_taken_and_opened(library: Library) -> None:
    """Spaces, quotes, line breaks, leading dashes, backslashes, both forms of an umlaut."""
    names = [
        "-rf.mp3",
        " .mp3",
        "a\nb.mp3",
        'it\'s "quoted".mp3',
        "a\\b.mp3",
        "u\u0308.mp3",
        "\u00fc.mp3",
        "$(x);.mp3",
        "a..mp3",
    ]
    for name in names:
        library.write(name, name.encode())

    assert sorted(library.list()) == sorted(names)
    for name in names:
        assert library.read(name) == name.encode()


def test_links_out_of_the_folder_are_refused_and_reported(library: Library, tmp_path: Path) -> None:
    """To a file, to a folder, to a folder whose name only begins like this one's."""
    (tmp_path / "outside.mp3").write_bytes(b"private")
    (tmp_path / "library2").mkdir()
    (tmp_path / "library2/a.mp3").write_bytes(b"private")
    for name, target in {"file.mp3": "../outside.mp3", "folder": "..", "beside": "../library2", "root": "/"}.items():
        (library.path / name).symlink_to(target)

    assert library.list() == []
    assert set(library.reports) == {"file.mp3", "folder", "beside", "root"}
    assert set(library.reports.values()) == {"it is a symbolic link that leads out of the folder"}
    for key in ["file.mp3", "folder/outside.mp3", "beside/a.mp3", "folder/library/../outside.mp3"]:
        with pytest.raises(NotFound):
            library.read(key)


def test_links_inside_the_folder_are_no_second_asset(library: Library) -> None:
    """They would be duplicates of themselves, one to be deleted; loops end, and dangling ones are told."""
    library.write("a/b.mp3")
    (library.path / "again.mp3").symlink_to("a/b.mp3")
    (library.path / "a/up").symlink_to("..")
    (library.path / "self").symlink_to("self")
    (library.path / "gone.mp3").symlink_to("nowhere.mp3")

    assert library.list() == ["a/b.mp3"]
    assert library.ignored == 2
    assert set(library.reports) == {"self", "gone.mp3"}
    assert set(library.reports.values()) == {"it is a symbolic link that leads nowhere"}


def test_a_folder_named_by_a_link_is_a_folder(library: Library, tmp_path: Path) -> None:
    """Who names the folder may name it as he likes."""
    library.write("a.mp3", b"here")
    (tmp_path / "link").symlink_to("library")
    linked = Library(tmp_path / "link")

    assert linked.list() == ["a.mp3"]
    assert linked.read("a.mp3") == b"here"


@pytest.mark.parametrize(
    "key",
    [
        "../outside.mp3",
        "a/../../outside.mp3",
        "a/../a.mp3",
        "./a.mp3",
        "/etc/passwd",
        "a//b",
        "a/",
        "",
        ".",
        "..",
        "a\0b",
    ],
)
def test_a_key_that_is_no_plain_path_is_not_found(library: Library, tmp_path: Path, key: str) -> None:
    """Keys come from messages, which anybody with the topic may write."""
    (tmp_path / "outside.mp3").write_bytes(b"private")
    library.write("a.mp3")
    library.write("a/b.mp3")
    with pytest.raises(NotFound):
        library.read(key)


@pytest.mark.parametrize("key", ["missing.mp3", "missing/a.mp3", "a.mp3/b", "folder", "x" * 300, "\ud800.mp3"])
def test_what_is_not_there_is_not_found(library: Library, key: str) -> None:
    """A folder in a file's place, and names that no file can have, included."""
    library.write("a.mp3")
    library.write("folder/a.mp3")
    with pytest.raises(NotFound):
        library.read(key)


def test_what_is_no_regular_file_is_neither_opened_nor_waited_for(library: Library) -> None:
    """Opening a FIFO waits for somebody to write into it."""
    os.mkfifo(library.path / "fifo.mp3")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(library.path)  # paths of sockets are short
        try:
            listener.bind("socket.mp3")
        finally:
            os.chdir(here)

        assert library.list() == []
        assert library.reports == dict.fromkeys(["fifo.mp3", "socket.mp3"], "it is no regular file")
        for key in ["fifo.mp3", "socket.mp3"]:
            with pytest.raises(NotFound):
                library.read(key)


def test_the_file_itself_is_opened_and_identified(library: Library) -> None:
    """No copy; a child that inherits the descriptor opens it by the path, which holds even if the name is gone."""
    source: Source = library.source
    content = os.urandom(300_000)
    library.write("a/b.wav", content)
    with source.open(Asset("id", "a/b.wav"), Deadline(30)) as file:
        assert os.fstat(file.descriptor).st_ino == (library.path / "a/b.wav").stat().st_ino
        assert (file.identity.size, file.identity.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert file.identity.etag is None
        assert os.read(file.descriptor, 4) == content[:4]
        if sys.platform == "linux":
            (library.path / "a/b.wav").unlink()
        read = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
        child = subprocess.run(
            [sys.executable, "-c", read, file.path], pass_fds=[file.descriptor], capture_output=True, check=True
        )
        assert child.stdout == content


def test_descriptors_are_closed(library: Library) -> None:
    """After success and after each failure."""
    library.write("a/b.wav")
    library.write("large.wav", b"x" * 1_000_001)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for key in ["a/b.wav", "a/missing", "missing/b", "large.wav", "a"] * 3:
        try:
            library.read(key)
        except (NotFound, TooLarge):
            continue
    library.list()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_larger_than_allowed_is_not_read(library: Library) -> None:
    """Its size tells beforehand: this one is a hole of 8 TB."""
    with (library.path / "sparse.wav").open("wb") as file:
        file.truncate(8 * 10**12)
    with pytest.raises(TooLarge):
        library.read("sparse.wav")


def test_reading_ends_at_the_deadline(library: Library) -> None:
    """A share on a slow network must not hold a thread for ever."""
    library.write("a.wav")
    with pytest.raises(TimedOut), library.source.open(Asset("id", "a.wav"), Deadline(0)):
        pass


@contextmanager
def ordinary_user(*paths: Path) -> Iterator[None]:
    """Permissions do not bind root: be nobody for the length of the block."""
    if os.geteuid() != 0:
        yield
        return
    for path in paths:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Library]:
    """A library that another user may enter."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield Library(path)
    shutil.rmtree(path)


def test_what_may_not_be_read_is_reported_and_refused(public: Library) -> None:
    """The walk goes on; an audio name is an asset all the same, and its row will say why it failed."""
    for name in ["closed/a.mp3", "closed.mp3", "closed.dat", "open.mp3"]:
        public.write(name)
    closed = [public.path / name for name in ["closed", "closed.mp3", "closed.dat"]]
    for path in closed:
        path.chmod(0)
    with ordinary_user(*closed):
        try:
            assert public.list() == ["closed.mp3", "open.mp3"]
            assert public.reports == {
                "closed": "the folder cannot be read: Permission denied",
                "closed.dat": "it cannot be read: Permission denied",
            }
            for key in ["closed.mp3", "closed/a.mp3"]:
                with pytest.raises(Refused, match="Permission denied"):
                    public.read(key)
        finally:
            closed[0].chmod(0o755)


def test_no_folder_is_told_at_the_start(tmp_path: Path) -> None:
    """A person named it, and can name another."""
    (tmp_path / "file").write_bytes(b"")
    for name in ["missing", "file"]:
        with pytest.raises(Unusable, match=name):
            Library(tmp_path / name)


def test_files_that_vanish_during_the_walk_are_passed_over(library: Library) -> None:
    """Somebody else works in the folder too."""
    for name in ["a.mp3", "b.mp3", "c/d.mp3", "e.mp3"]:
        library.write(name)
    keys = []
    for found in library.source.listing(library.reports.__setitem__):
        keys.append(found.asset.file_key)
        (library.path / "b.mp3").unlink(missing_ok=True)
        shutil.rmtree(library.path / "c", ignore_errors=True)
    assert keys == ["a.mp3", "e.mp3"]
    assert library.reports == {}


def test_a_large_folder_needs_little_memory(library: Library) -> None:
    """Names only, of one folder and those above it: 20,000 in one folder in under 3 MB, so 100,000 in some more."""
    for number in range(20_000):
        (library.path / f"track {number:06}.mp3").touch()
    tracemalloc.start()
    try:
        count = sum(1 for _ in library.source.listing(library.reports.__setitem__))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 3_000_000
