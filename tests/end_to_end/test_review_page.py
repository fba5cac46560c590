"""Every page in a real Chromium: listing, its look for everybody, and what hostile names and other sites cannot do."""

from __future__ import annotations

import gc
import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Route, expect
from tests.browser import IMAGE, QUOTED, TURNED, Site, Tab, browser, library, served, tab
from tests.pairs import pair, put_pairs

from audiodup.model import Verdict
from audiodup.parts import Parts
from audiodup.settings import read_settings

__all__ = ["browser", "tab"]

MADE = 230
PAGES = ["/?review=", "/?q=nothing-has-this-name", "/groups", "/statistics", "/bulk?review=", "/pair?a=no"]
DONE = "/bulk/done?" + urlencode({"done": "3", "word": "DUPLICATE", "by": "ana", "at": "2026-11-30T12:00:00+00:00"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The library, and some hundreds of pairs that no matcher has found."""
    folder, store = library(tmp_path_factory)
    _put_made_pairs(store)
    # DuckDB lets a store go with the last object that knows it.
    gc.collect()
    with served(store, folder) as started:
        yield started


def _put_made_pairs(store: Path) -> None:
    session = Parts(read_settings(), database=store).session
    similar = [round(0.6 + index / 1000, 3) for index in range(MADE)]
    put_pairs(
        session, [pair("m", f"n{one:.3f}", verdict=Verdict.RELATED, kind=None, similarity=one) for one in similar]
    )
    session.close()


def test_the_list_says_what_to_keep_and_why(tab: Tab) -> None:
    """The filter's own choices show at once; a text waits for Enter; addresses say no more than they must."""
    page = tab.page
    page.goto("/")
    row = page.locator("table.pairs tbody tr", has_text="trimmed.flac").first
    expect(row.locator(".keep")).to_have_text(re.compile(r"[AB]\s+\w+"))
    page.get_by_label("Verdict").select_option("IDENTICAL")
    expect(page.locator(".count")).to_contain_text("Pairs 1 to 1 of 1.")
    assert urlsplit(page.url).query == "review=UNDECIDED&verdict=IDENTICAL&sort=surest"
    page.get_by_label("Verdict").select_option("any")
    page.get_by_label("Decision").select_option("any")
    expect(page.get_by_label("Decision")).to_have_value("")
    page.get_by_label("Search").fill("tape")
    page.get_by_label("Search").press("Enter")
    expect(page.locator("table.pairs tbody tr")).to_have_count(1)
    page.get_by_label("Search").fill("there is none")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".count")).to_contain_text("No pair is like this.")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".count")).to_contain_text("Pairs 1 to 50 of")
    expect(page.locator("#show-keys")).to_be_visible()
    page.get_by_label("Order").select_option("least similar first")
    similar = page.locator("td[data-label=Similar]")
    expect(similar.nth(0)).to_have_text("0.600")
    expect(similar.nth(1)).to_have_text("0.601")


def test_it_pages_through_hundreds(tab: Tab) -> None:
    """Each pair once, forward and back."""
    page = tab.page
    page.goto("/?verdict=RELATED&from=0.6&to=0.829&q=n0.&sort=doubtful")
    seen: list[str] = []
    while True:
        seen += page.locator("td[data-label=Similar]").all_inner_texts()
        following = page.get_by_role("link", name="Next page")
        if not following.count():
            break
        following.click()
        expect(page.locator(".count")).to_contain_text(f"Pairs {len(seen) + 1} to ")
    assert seen == [f"{0.6 + index / 1000:.3f}" for index in range(MADE)]
    page.get_by_role("link", name="Previous page").click()
    expect(page.locator(".count")).to_contain_text("Pairs 151 to 200")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(browser: Browser, site: Site, scheme: str) -> None:
    """No rule of axe is broken on any page, in either colours, with its dialog open and on a small screen too."""
    tab = Tab(browser, site.url, color_scheme=scheme)
    page = tab.page
    tab.open_pair("kind=edited")
    addresses = [page.url, *PAGES, DONE]
    for address in addresses:
        page.goto(address)
        if page.locator("#player").count():
            tab.picture_is_drawn()
        assert [words for words in tab.problems if "status of 400" not in words] == []
        assert _violations(tab) == [], address
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert _violations(tab) == [], address
        page.set_viewport_size({"width": 1280, "height": 900})
        # axe's own: it tries out styles.
        tab.problems.clear()
    page.goto(addresses[0])
    page.locator("#show-keys").click()
    assert _violations(tab) == []
    tab.close()


def _violations(tab: Tab) -> list[tuple[str, list[str]]]:
    """Broken rules, each with the elements that break it."""
    found = Axe().run(tab.page).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]


def test_axe_would_find_what_is_wrong(tab: Tab) -> None:
    """Else the test above would say nothing."""
    tab.page.goto("/")
    tab.page.evaluate(
        "document.querySelector('[name=q]').closest('label').replaceWith(document.querySelector('[name=q]'))"
    )
    tab.page.evaluate("document.querySelector('[name=q]').removeAttribute('placeholder')")
    assert "label" in dict(_violations(tab))
    tab.problems.clear()


@pytest.mark.parametrize("name", [IMAGE, QUOTED, TURNED])
def test_hostile_names_are_text(tab: Tab, name: str) -> None:
    """On every page that shows them; nothing runs, nothing is loaded, nothing turns round."""
    page = tab.page
    shown = "".join(character if character.isprintable() else "\ufffd" for character in name)
    for address in (
        "/?review=&q=b.wav",
        f"/?{urlencode({'review': '', 'q': name})}",
        "/groups",
        "/bulk?review=&verdict=SAME_CONTENT",
    ):
        page.goto(address)
        if "q=b.wav" not in address:
            expect(page.get_by_text(shown, exact=True).first).to_be_visible()
        assert page.locator("main img").count() == 0
    tab.open_pair(urlencode({"q": name}))
    expect(page.locator(".side .file", has_text=shown)).to_be_visible()
    tab.picture_is_drawn()
    assert shown in page.title()
    assert "49" not in page.title()
    page.keyboard.press("n")
    tab.told("U takes it back")
    page.keyboard.press("u")
    tab.told("Taken back")


def test_the_policy_refuses_what_is_injected(tab: Tab) -> None:
    """A script, a handler, a style and an image from elsewhere, should they ever get into a page."""
    page = tab.page
    page.goto("/")
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.injected = true";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", `<p id="styled" style="color: red">x</p>
        <img src="https://elsewhere.invalid/x.png" onerror="window.injected = true">`);
    }""")
    page.wait_for_timeout(300)
    assert page.evaluate("window.injected") is None
    assert page.evaluate("getComputedStyle(document.getElementById('styled')).color") != "rgb(255, 0, 0)"
    refused = {words.split()[2] for words in tab.problems if words.startswith("error: CSP")}
    assert refused == {"script-src-elem", "script-src-attr", "img-src", "style-src-attr"}
    tab.problems.clear()


def test_other_sites_decide_nothing(browser: Browser, site: Site) -> None:
    """A form of another origin, and of another port of this machine; nor may anybody frame the page."""
    tab = Tab(browser, site.url)
    tab.open_pair("kind=trimmed")
    fields = tab.page.evaluate("Object.fromEntries(new FormData(document.getElementById('decide')))")
    form = "".join(f'<input name="{name}" value="{value}">' for name, value in {**fields, "word": "DUPLICATE"}.items())
    hostile = f"""<form method="post" action="{site.url}/decide">{form}<button>Win</button></form>
      <iframe src="{site.url}/"></iframe>"""

    def answer(route: Route) -> None:
        route.fulfill(body=hostile, content_type="text/html")

    for origin in ("http://elsewhere.example", "http://127.0.0.1:9"):
        other = Tab(browser, origin)
        other.context.route(f"{origin}/", answer)
        other.page.goto("/")
        assert other.page.frames[1].url == "chrome-error://chromewebdata/"
        other.page.get_by_role("button", name="Win").click()
        expect(other.page.get_by_role("alert")).to_contain_text("Only this page itself may change anything here")
        other.close()
    tab.page.reload()
    expect(tab.page.locator("#decision")).to_contain_text("undecided")
    tab.close()
    assert tab.problems == []


def test_a_name_that_points_here_is_refused(site: Site) -> None:
    """What a page whose own name leads to 127.0.0.1 would ask (DNS rebinding)."""
    connection = http.client.HTTPConnection(urlsplit(site.url).netloc)
    connection.request("GET", "/", headers={"Host": "rebound.example"})
    assert connection.getresponse().status == 403
    connection.close()


def test_statistics_and_groups_agree_with_the_list(tab: Tab) -> None:
    """And a group leads to its pairs."""
    page = tab.page
    page.goto("/statistics")
    told = page.locator("#duplicates").inner_text()
    page.goto("/?review=")
    total = int(re.findall(r"of (\d+)", page.locator(".count").inner_text())[0])
    assert told == f"Duplicates: {total} pairs"
    page.goto("/groups")
    row = page.locator("tbody tr", has_text="{{7*7}}")
    row.get_by_role("link").click()
    expect(page.locator("table.pairs tbody tr")).to_have_count(3)
    expect(page.locator(".narrowed")).to_contain_text("Only pairs of one group")
