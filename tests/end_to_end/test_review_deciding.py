"""People decide in a real Chromium: by keyboard, all at once, against each other, with a server that goes away."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import duckdb
from playwright.sync_api import Browser, Page, Route, expect
from tests.browser import PERSON, Site, Tab, browser, site, tab

# They share one store: each test but the last leaves all pairs undecided again.
__all__ = ["browser", "site", "tab"]

PAIRS = 14
KEYS = {"d": "DUPLICATE", "n": "NOT_DUPLICATE", "v": "VARIANT", "k": "KEEP_OTHER"}


def words(store: Path) -> list[str]:
    """All that is stored, the oldest first; the server must not run."""
    with duckdb.connect(str(store / "BI_PROD.db"), read_only=True) as connection:
        connection.execute("USE AI_DATA")
        rows = connection.execute("SELECT VERDICT, REVIEWED_BY FROM AUDIO_DUPLICATE_REVIEW ORDER BY REVIEWED_AT")
        found = rows.fetchall()
    assert {by for _, by in found} <= {PERSON}
    return [word for word, _ in found]


def names(page: Page) -> list[str]:
    """The files of the pair that is shown."""
    return page.locator(".side .file").all_inner_texts()


def test_the_last_pair_leads_to_the_list(tab: Tab) -> None:
    """Which says that nothing is left, and U there takes the last word back."""
    page = tab.page
    page.goto("/?kind=trimmed")
    page.locator("a.open").first.click()
    tab.pair_is_ready()
    for key in "dv":
        page.keyboard.press(key)
        tab.told("U takes it back")
    expect(page.locator(".count")).to_contain_text("Nothing is left to decide here")
    page.keyboard.press("u")
    tab.told("Taken back: Variant")
    page.reload()
    expect(page.locator("table.pairs tbody tr")).to_have_count(1)
    expect(page.locator("#show-keys")).to_be_visible()
    page.keyboard.press("u")
    tab.told("Taken back: Duplicate")


def test_undo_of_a_decided_pair_stays_on_it(tab: Tab) -> None:
    """And keep other changes which copy is kept, until it is taken back."""
    page = tab.page
    tab.open_pair("q=tape")
    kept = page.locator(".chosen").locator("xpath=..").locator(".letter").inner_text()
    page.keyboard.press("k")
    tab.told("U takes it back")
    tab.open_pair("q=tape")
    expect(page.locator("#decision")).to_contain_text("Keep other")
    assert page.locator(".chosen").locator("xpath=..").locator(".letter").inner_text() != kept
    expect(page.locator("section", has_text="Keep").last).to_be_visible()
    page.keyboard.press("u")
    tab.told("Taken back: this pair is undecided.")
    expect(page.locator("#decision")).to_contain_text("undecided")
    assert page.locator(".chosen").locator("xpath=..").locator(".letter").inner_text() == kept
    expect(page.locator(".history li").first).to_contain_text("Undo")
    page.keyboard.press("u")
    tab.told("nothing that could be taken back")


def test_the_list_is_decided_in_place(tab: Tab) -> None:
    """Rows by the arrows, J and I; words by keys and by the row's buttons; the row says it at once."""
    page = tab.page
    page.goto("/")
    rows = page.locator("table.pairs tbody tr")
    page.keyboard.press("d")
    tab.told("No pair has the focus")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(0).locator("a.open")).to_be_focused()
    page.keyboard.press("d")
    expect(rows.nth(0).locator(".word")).to_have_text("Duplicate")
    expect(rows.nth(1).locator("a.open")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("i")
    letter = rows.nth(1).locator(".keep .letter")
    kept = letter.inner_text()
    page.keyboard.press("k")
    expect(rows.nth(1).locator(".word")).to_have_text("Keep other")
    expect(letter).to_have_text("AB".replace(kept, ""))
    expect(rows.nth(1).locator(".keep .reason")).to_have_text(f"{PERSON} chose it")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("u")
    expect(rows.nth(1).locator(".word")).to_have_text("undecided")
    expect(letter).to_have_text(kept)
    expect(rows.nth(1).locator(".keep .reason")).not_to_have_text(f"{PERSON} chose it")
    page.keyboard.press("ArrowDown")
    # Nothing is said of this row: it takes back what was said last.
    page.keyboard.press("u")
    expect(rows.nth(0).locator(".word")).to_have_text("undecided")
    rows.nth(3).get_by_role("button", name="Variant").click()
    expect(rows.nth(3).locator(".word")).to_have_text("Variant")
    page.goto("/")
    expect(rows).to_have_count(PAIRS - 1)
    page.keyboard.press("ArrowUp")
    expect(rows.last.locator("a.open")).to_be_focused()
    page.keyboard.press("Enter")
    tab.pair_is_ready()
    page.keyboard.press("l")
    expect(rows).to_have_count(PAIRS - 1)
    expect(page.locator("#show-keys")).to_be_visible()
    page.keyboard.press("u")
    tab.told("Taken back: Variant")


def test_two_people_with_one_pair(browser: Browser, site: Site, tab: Tab) -> None:
    """Who comes second is told, sees it, and may overrule it then; undo overrules nobody either."""
    other = Tab(browser, site.url)
    for each in (tab, other):
        each.open_pair("q=tape")
    tab.page.keyboard.press("d")
    tab.told("U takes it back")
    other.page.keyboard.press("n")
    other.told(f"Nothing was stored: meanwhile {PERSON} has said DUPLICATE. Look again")
    other.page.get_by_role("link", name="Load the page again").click()
    expect(other.page.locator("#decision")).to_contain_text("Duplicate")
    other.pair_is_ready()
    other.page.keyboard.press("n")
    other.told("U takes it back")
    tab.open_pair("q=original&kind=edited")
    tab.page.keyboard.press("u")
    tab.told(f"Nothing was stored: meanwhile {PERSON} has said NOT_DUPLICATE.")
    other.page.keyboard.press("u")
    other.told("Taken back: Not a duplicate")
    other.expect_problem("409")
    other.close()
    tab.expect_problem("409")


def test_no_word_is_lost_silently(tab: Tab) -> None:
    """While one is on its way another key does nothing; without an answer the page stays and says so."""
    page = tab.page
    held: list[Route] = []
    tab.open_pair("q=tape")
    before = page.locator(".history li").count()
    tab.context.route("**/decide", lambda route: held.insert(0, route))
    page.keyboard.press("d")
    page.keyboard.press("n")
    page.keyboard.press("d")
    tab.told("Duplicate …")
    assert len(held) == 1
    held[0].abort()
    tab.told("No answer from the server: the word may not be stored.")
    tab.context.unroute("**/decide")
    tab.context.route("**/decide", lambda route: route.fulfill(status=502, body="<h1>a proxy</h1>"))
    page.keyboard.press("n")
    tab.told("The server answered 502. The word may not be stored")
    tab.context.unroute("**/decide")
    tab.expect_problem("Failed to load resource")
    page.keyboard.press("v")
    tab.told("Variant: ")
    tab.open_pair("q=tape")
    expect(page.locator(".history li").first).to_contain_text("Variant")
    expect(page.locator(".history li")).to_have_count(before + 1)
    page.keyboard.press("u")
    tab.told("Taken back")


def test_all_of_a_filter_at_once(tab: Tab) -> None:
    """Asked with the count, refused without it or with another one, and taken back at once."""
    page = tab.page
    page.goto("/?kind=transcode")
    count = page.locator("table.pairs tbody tr").count()
    page.get_by_role("link", name="Decide all of them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Decide {count} pairs at once")
    expect(page.locator("main li")).to_have_count(count)
    page.get_by_label("Not a duplicate").check()
    page.get_by_label("To confirm").fill("3")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("alert")).to_contain_text(f"Nothing was decided: you typed 3, and there are {count}.")
    tab.expect_problem("400")
    # Meanwhile one of them is decided.
    page.goto("/bulk?kind=transcode&review=UNDECIDED")
    second = tab.context.new_page()
    second.goto("/?kind=transcode")
    second.keyboard.press("ArrowDown")
    second.keyboard.press("d")
    expect(second.locator("#told")).to_contain_text("Duplicate")
    page.get_by_label("Not a duplicate").check()
    page.get_by_label("To confirm").fill(str(count))
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("alert")).to_contain_text(f"The filter has {count - 1} pairs by now")
    tab.expect_problem("409")
    page.goto("/bulk?kind=transcode&review=UNDECIDED")
    page.get_by_label("Not a duplicate").check()
    page.get_by_label("To confirm").fill(str(count - 1))
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_have_text(f"{count - 1} pairs: Not a duplicate.")
    page.get_by_role("link", name="Take all of that back").click()
    page.get_by_label("Undecided again").check()
    page.get_by_label("To confirm").fill(str(count - 1))
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_have_text(f"What was said of {count - 1} pairs is taken back.")
    page.goto("/?kind=transcode")
    expect(page.locator("table.pairs tbody tr")).to_have_count(count - 1)
    second.keyboard.press("u")
    expect(second.locator("#told")).to_contain_text("Taken back")


def test_without_javascript_it_lists_and_decides(browser: Browser, site: Site) -> None:
    """By links, forms and the browser's own players; the decisions are a CSV."""
    tab = Tab(browser, site.url, java_script_enabled=False)
    page = tab.page
    page.goto("/?q=tape")
    page.get_by_role("link", name=re.compile("tape")).click()
    expect(page.locator("audio[controls]")).to_have_count(2)
    expect(page.locator("#play")).not_to_be_visible()
    page.get_by_role("button", name="Duplicate D", exact=True).click()
    expect(page.locator("#decision")).to_contain_text("Duplicate")
    expect(page.locator(".history li").first).to_contain_text("Duplicate")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#decision")).to_contain_text("undecided")
    with page.expect_download() as download:
        page.get_by_role("link", name="Decisions as CSV").click()
    path = download.value.path()
    rows = list(csv.DictReader(io.StringIO(Path(path).read_text(encoding="utf-8"))))
    assert [row["word"] for row in rows[-2:]] == ["DUPLICATE", "UNDO"]
    assert {row["by"] for row in rows} == {PERSON}
    tab.close()
    assert tab.problems == []


def test_ten_by_keyboard_outlive_reload_restart_and_matcher(browser: Browser, site: Site) -> None:
    """Each key goes on to the next pair; one is taken back, and what was said stands, whatever is run in between."""
    tab = Tab(browser, site.url)
    page = tab.page
    page.goto("/")
    page.locator("a.open").first.click()
    tab.pair_is_ready()
    seen = []
    for index in range(10):
        seen.append(names(page))
        key = "dnvk"[index % 4]
        page.keyboard.press(key)
        tab.told("U takes it back")
        expect(page.locator(".side .file").first).to_be_visible()
        assert names(page) not in seen
    before = page.url
    page.keyboard.press("u")
    tab.told("Taken back: Not a duplicate.")
    assert page.url != before
    assert names(page) == seen[-1]
    expect(page.locator("#decision")).to_contain_text("undecided")
    page.reload()
    expect(page.locator("#decision")).to_contain_text("undecided")
    said = _decided(page)
    assert len(said) == 9
    tab.close()
    site.stop()
    assert words(site.store)[-11:] == [KEYS["dnvk"[index % 4]] for index in range(10)] + ["UNDO"]
    site.match()
    site.match("--all")
    site.start()
    tab = Tab(browser, site.url)
    assert _decided(tab.page) == said
    tab.page.goto("/")
    expect(tab.page.locator("table.pairs tbody tr")).to_have_count(PAIRS - 9)
    tab.close()
    assert tab.problems == []


def _decided(page: Page) -> dict[str, str]:
    """By the files of each pair, what the list says of it."""
    page.goto("/?review=DECIDED")
    rows = page.locator("table.pairs tbody tr")
    expect(rows.first).to_be_visible()
    return {" ".join(row.locator(".file").all_inner_texts()): row.locator(".word").inner_text() for row in rows.all()}
