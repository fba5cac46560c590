"""The review page in a real Chromium, over a store that the real scripts have made of real files.

`python -m tests.browser URL FOLDER` makes the pictures of the README, of a page that runs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.audio import Audio, ffmpeg
from tests.finder import SCRIPT as FIND_DUPLICATES

SCRIPT = FIND_DUPLICATES.with_name("review_page.py")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Nothing but the page may use the network; as root there is no sandbox.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SECONDS = 60
PATIENCE_SECONDS = 10
PERSON = "ana"
ORIGINAL, MP3, TRIMMED, FASTER, EDITED = "original.wav", "copy.mp3", "trimmed.flac", "faster.ogg", "edited.wav"
IMAGE, TURNED, QUOTED = "<img src=x onerror=alert(1)>.mp3", "a\u202egpj.\nb.wav", 'it\'s "{{7*7}}" & ${7*7}.ogg'
TAPE, TAPED = "tape.aiff", "taped.wav"
TRIM_SECONDS = 3.3
TEMPO = 1.05
PICTURES = {
    "review-pairs": ("/?review=&verdict=SAME_CONTENT", 900),
    "review-pair": ("/?review=&kind=trimmed", 900),
    "statistics": ("/statistics", 860),
}


def require_chromium() -> str:
    """Where Chromium is; skips without it, and fails where CI says that it must be there: Debian has it."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        words = f"no Chromium: none of {', '.join(PROGRAMS)} is there (apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    program = require_chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield started
        started.close()


_TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => console.error("CSP", event.violatedDirective, event.blockedURI));
"""


class Tab:
    """One tab of one person, and all that should not happen in it."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900}, **options)
        self.context.set_default_timeout(PATIENCE_SECONDS * 1000)
        self.context.add_init_script(_TELL_VIOLATIONS)
        self.problems: list[str] = []
        self._host = urlsplit(url).netloc
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", self._see)
        self.page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def expect_problem(self, words: str) -> None:
        """It was meant to happen: some problem with these words, and no other one."""
        others = [one for one in self.problems if words not in one]
        assert self.problems, f"nothing was told of {words}"
        assert others == [], others
        self.problems.clear()

    def open_pair(self, query: str) -> None:
        """The first pair of such a list."""
        self.page.goto(f"/?review=&{query}")
        self.page.locator("a.open").first.click()
        self.pair_is_ready()

    def pair_is_ready(self) -> None:
        """The script is there: before that a key does nothing."""
        expect(self.page.locator("#player.ready")).to_be_visible()

    def picture_is_drawn(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Both waveforms and the difference; until they are asked for nothing is said of them either."""
        patience = seconds * 1000
        expect(self.page.locator(".wave[data-seconds]")).to_have_count(2, timeout=patience)
        expect(self.page.locator(".difference img")).to_be_visible(timeout=patience)
        expect(self.page.locator(".note:empty")).to_have_count(3, timeout=patience)

    def until(self, condition: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Until this expression is true; Playwright's own way to wait for one is a script that the policy refuses."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"never came true: {condition}"
            self.page.wait_for_timeout(20)

    def told(self, words: str) -> None:
        """The status line says so."""
        expect(self.page.locator("#told")).to_contain_text(words)

    def close(self) -> None:
        self.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text}")

    def _see(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and parts.netloc != self._host:
            self.problems.append(f"request of another host: {request.url}")


class Site:
    """The page as `make review` serves it: the script, on a free port."""

    def __init__(self, store: Path, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        arguments = ["--database", self.store, "--local", self.folder, "--port", 0, "--as", PERSON]
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), *map(str, arguments)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        assert said.startswith("http://127.0.0.1:"), said + self._process.stderr.read()
        self.url = said.split("/ ")[0]

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=SECONDS)
        assert "Stopped; what was decided is stored." in said

    def match(self, *options: str) -> None:
        """Find duplicates as a person does, while nothing else has the store open."""
        find(self.store, self.folder, *options)


@contextmanager
def served(store: Path, folder: Path) -> Iterator[Site]:
    """A site that is stopped at the end, however it ends."""
    started = Site(store, folder)
    started.start()
    try:
        yield started
    finally:
        started.stop()


def library(factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with three pieces in several encodings under hostile names, and its store; made once for all tests.

    The store is a copy: what is decided in one module is not known in another.
    """
    require_chromium()
    home = factory.getbasetemp() / "reviewed"
    folder, store = home / "audio", home / "store"
    if not store.exists():
        folder.mkdir(parents=True)
        fill(folder, Audio(factory.mktemp("pieces")))
        find(store, folder)
    copy = factory.mktemp("store") / "copy"
    shutil.copytree(store, copy)
    return folder, copy


def fill(folder: Path, audio: Audio) -> None:
    """Three pieces of half a minute, and what can be made of them."""
    pieces = [str(audio.wav(30, channels=1, rate=22050, seed=seed)) for seed in (1, 2, 3)]
    shutil.copy(pieces[0], folder / ORIGINAL)
    for name, *options in (
        (MP3, "-b:a", "64k"),
        (TRIMMED, "-ss", str(TRIM_SECONDS)),
        (FASTER, "-af", f"atempo={TEMPO}", "-q:a", "5"),
        (EDITED, "-filter_complex", "[0]asplit[a][b];[a]atrim=15[c];[b]atrim=0:15[d];[c][d]concat=v=0:a=1"),
    ):
        ffmpeg("-i", pieces[0], *options, str(folder / name))
    for name, options in ((IMAGE, ("-b:a", "96k")), (TURNED, ()), (QUOTED, ("-q:a", "4"))):
        # `file:`, or ffmpeg takes what stands before a colon for a protocol.
        ffmpeg("-i", pieces[1], *options, f"file:{folder / name}")
    ffmpeg("-i", pieces[2], str(folder / TAPE))
    shutil.copy(pieces[2], folder / TAPED)


def find(store: Path, folder: Path, *options: str) -> None:
    """Fingerprint and match."""
    completed = subprocess.run(
        [sys.executable, str(FIND_DUPLICATES), "--database", str(store), "--local", str(folder), *options],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, store = library(tmp_path_factory)
    with served(store, folder) as started:
        yield started


@pytest.fixture
def tab(browser: Browser, site: Site) -> Iterator[Tab]:
    opened = Tab(browser, site.url)
    yield opened
    opened.close()
    assert opened.problems == [], opened.problems


def photograph(url: str, folder: Path) -> None:
    """Make PICTURES; the pair is the first of its list, while it is played."""
    with chromium() as started:
        tab = Tab(started, url, color_scheme="light")
        page = tab.page
        for name, (address, height) in PICTURES.items():
            page.set_viewport_size({"width": 1280, "height": height})
            page.goto(address)
            if name == "review-pair":
                page.locator("a.open").first.click()
                tab.picture_is_drawn(SECONDS)
                page.locator("[data-range]").first.click()
                tab.until("document.querySelector('audio').currentTime > 20", seconds=SECONDS)
                page.mouse.move(0, 0)
                page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=folder / f"{name}.png")
        tab.close()


if __name__ == "__main__":
    photograph(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
