"""The report in a real browser: what it looks like comes through its own policy, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from tests.audio import Audio
from tests.browser import chromium
from tests.finder import Finder
from tests.report import IMAGE, TINY, fill


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def report(audio: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    finder = Finder(home)
    (home / "library").mkdir()
    fill(home / "library", audio)
    run = finder.run("--local", "library", "--html", "report.html")
    # The two short sounds have failed.
    assert (run.status, run.stderr) == (1, "")
    return home / "report.html"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_it_opens_by_itself(browser: Browser, report: Path, scheme: Any, width: int) -> None:
    """No request, no refusal by its policy, no dialog; its style holds; axe finds nothing; it fits a telephone."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    heard: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.goto(report.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert heard == []
    assert page.locator("article").count() == 7
    assert page.locator("article").first.evaluate("one => getComputedStyle(one).borderRadius") == "6px"
    assert page.locator("bdi", has_text=IMAGE).count() > 3
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    drawn = page.locator("article", has_not_text=TINY[0]).first.locator("svg image")
    box = drawn.bounding_box()
    assert box is not None
    assert box["width"] > width / 2
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_its_policy_refuses_what_is_put_into_it(browser: Browser, report: Path, tmp_path: Path) -> None:
    """Should a name get through as markup one day, it still does nothing."""
    broken = tmp_path / "broken.html"
    hostile = "<script>document.title='ran'</script><style>h1{color:red}</style><img src='https://example.com/x.png'>"
    broken.write_text(report.read_text(encoding="utf-8").replace("<h1>", f"{hostile}<h1>", 1), encoding="utf-8")
    page = browser.new_page()
    heard: list[str] = []
    failed: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("requestfailed", lambda request: failed.append(request.failure or ""))
    page.goto(broken.as_uri())
    assert page.title().startswith("Duplicates of ")
    assert sum("Content Security Policy" in words for words in heard) == 3
    assert all(words == "csp" for words in failed)
    assert page.locator("h1").evaluate("one => getComputedStyle(one).color") != "rgb(255, 0, 0)"
    page.close()
