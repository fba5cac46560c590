"""Two files of a pair are heard in sync and seen aligned, in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from tests.audio import RATE, music, write_wav
from tests.browser import EDITED, FASTER, ORIGINAL, TAPE, TRIM_SECONDS, TRIMMED, Site, Tab, browser, site, tab

__all__ = ["browser", "site", "tab"]

TRIMMED_PAIR, FASTER_PAIR = f"kind=trimmed&q={TRIMMED}", f"kind=tempo-changed&q={ORIGINAL}"
EDITED_PAIR = f"kind=edited&q={ORIGINAL}"
# Where both are, and how far B is from where the one line of the pair has it.
STATE = """() => {
  const { tempo, offset } = JSON.parse(document.getElementById("player").dataset.alignment);
  const [a, b] = document.querySelectorAll("audio");
  const ahead = b.currentTime - (tempo * a.currentTime + offset);
  return { a: a.currentTime, b: b.currentTime, ahead, apart: Math.abs(ahead),
    paused: [a.paused, b.paused], muted: [a.muted, b.muted], rates: [a.playbackRate, b.playbackRate] };
}"""
DISTURB = f"document.querySelectorAll('audio')[1].currentTime -= 0.2 + ({STATE})().ahead"
IN_SYNC = f"({STATE})().apart < 0.05"


def state(page: Page) -> dict[str, object]:
    found: dict[str, object] = page.evaluate(STATE)
    return found


def play(tab: Tab) -> None:
    """From 10 s of A on, where every copy has sound."""
    for _ in range(2):
        tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("Space")
    tab.until(f"({STATE})().a > 10.2 && !({STATE})().paused.includes(true)")


@pytest.mark.parametrize("query", [TRIMMED_PAIR, FASTER_PAIR], ids=["trimmed", "faster"])
def test_both_play_in_sync(tab: Tab, query: str) -> None:
    """After two seconds, after a jump, after switching, with both: B is where A's place says, and at its tempo."""
    tab.open_pair(query)
    page = tab.page
    play(tab)
    tab.until(f"({STATE})().a > 12 && ({STATE})().apart < 0.1")
    for key, muted in (("x", [True, False]), ("m", [False, False]), ("a", [False, True]), ("b", [True, False])):
        page.keyboard.press(key)
        assert state(page)["muted"] == muted
        tab.until(IN_SYNC)
    page.keyboard.press("ArrowLeft")
    tab.until(IN_SYNC)
    page.keyboard.press("Space")
    tab.until(IN_SYNC)
    assert state(page)["paused"] == [True, True]


@pytest.mark.parametrize("corrects", [True, False])
def test_what_drifts_is_brought_back(tab: Tab, corrects: bool) -> None:
    """And without the correction it stays where it is: else this test would say nothing."""
    if not corrects:
        tab.context.route("**/transport.js", _without_correction)
    tab.open_pair(TRIMMED_PAIR)
    play(tab)
    tab.page.evaluate(DISTURB)
    if corrects:
        tab.until(IN_SYNC)
        return
    tab.page.wait_for_timeout(2000)
    assert state(tab.page)["apart"] > 0.15


def _without_correction(route: Route) -> None:
    text = route.fetch().text()
    for constant, value in (
        ("RATE_PER_SECOND = 3", "RATE_PER_SECOND = 0"),
        ("SEEK_SECONDS = 0.25", "SEEK_SECONDS = 99"),
    ):
        assert constant in text
        text = text.replace(constant, value)
    route.fulfill(body=text, content_type="text/javascript")


def test_a_file_that_has_not_begun_waits_in_silence(tab: Tab) -> None:
    """The start that one lacks is heard in the other alone; then it comes in by itself."""
    tab.open_pair(TRIMMED_PAIR)
    page = tab.page
    offset = page.evaluate("JSON.parse(document.getElementById('player').dataset.alignment).offset")
    shorter = 1 if offset < 0 else 0
    page.keyboard.press("ba"[1 - shorter])
    page.locator(f".lane[data-side='{1 - shorter}']").click(position={"x": 40, "y": 10})
    page.keyboard.press("Space")
    expect(page.locator("#silence")).to_contain_text(f"{'AB'[shorter]} has no sound here")
    assert state(page)["paused"][shorter] is True
    tab.until(f"({STATE})().paused.every((one) => !one)")
    tab.until(IN_SYNC)
    expect(page.locator("#silence")).to_be_empty()


def test_parts_that_changed_places_are_followed(tab: Tab) -> None:
    """A place in the second stretch of A leads to that of B, far from the line of the first."""
    tab.open_pair(EDITED_PAIR)
    page = tab.page
    ranges = page.evaluate("JSON.parse(document.getElementById('player').dataset.alignment).ranges")
    assert len(ranges) == 2
    expect(page.locator(".bands polygon")).to_have_count(2)
    for index, (a0, _, b0, _) in enumerate(ranges):
        page.locator("[data-range]").nth(index).click()
        place = f"({STATE})().a - {a0}"
        tab.until(f"{place} > 0.5 && Math.abs(({STATE})().b - {b0} - ({place})) < 0.05")
        assert page.evaluate(place) < 5
    page.keyboard.press("Space")
    # By a click into the picture too.
    page.locator(".bands polygon").nth(0).dispatch_event("click")
    tab.until(f"({STATE})().a < {ranges[0][0] + 3} && !({STATE})().paused[0]")


def test_waveforms_are_drawn_aligned(tab: Tab) -> None:
    """The trimmed copy begins as far to the right as the original has more; a click means the place below it."""
    tab.open_pair(TRIMMED_PAIR)
    page = tab.page
    expect(page.locator(".wave canvas").first).to_be_visible()
    tab.picture_is_drawn()
    boxes = [page.locator(f".wave.side-{side}").bounding_box() for side in (0, 1)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    scale = max(box["width"] for box in boxes if box) / 30
    assert abs(boxes[0]["x"] - boxes[1]["x"]) / scale == pytest.approx(TRIM_SECONDS, abs=0.15)
    difference = page.locator(".difference img")
    expect(difference).to_have_js_property("complete", True)
    alternative = re.compile(r"agree: 0\.9\d of the bits are equal in 0:0\d to 0:\d\d of A")
    expect(difference).to_have_attribute("alt", alternative)
    box = difference.bounding_box()
    assert box is not None
    assert box["width"] > 20 * scale
    page.locator(".lane[data-side='0']").click(position={"x": 600, "y": 10})
    heads = [page.locator(".playhead").nth(side).bounding_box() for side in (0, 1)]
    assert heads[0] is not None
    assert heads[1] is not None
    assert heads[0]["x"] == pytest.approx(heads[1]["x"], abs=2)


def test_a_format_that_the_browser_does_not_know_says_so(tab: Tab) -> None:
    """The other file plays, both are drawn, and it can be decided."""
    tab.open_pair(f"q={TAPE}")
    page = tab.page
    trouble = page.locator(".trouble:visible")
    expect(trouble).to_have_text(re.compile("This browser cannot play [AB]"))
    unplayable = "AB".index(trouble.inner_text().split("play ")[1][0])
    page.keyboard.press("ba"[unplayable])
    page.keyboard.press("Space")
    tab.until(f"({STATE})().{'ba'[unplayable]} > 0.5")
    page.keyboard.press("ab"[unplayable])
    expect(page.locator("#silence")).to_contain_text(f"{'AB'[unplayable]} cannot be played")
    tab.picture_is_drawn()
    expect(page.locator("#decide button[value=DUPLICATE]")).to_be_enabled()


def test_a_signed_url_that_expires_is_fetched_anew(tab: Tab, tmp_path: Path) -> None:
    """Its host answers 403 while it is played; the address behind gives another one, and it plays on from there."""
    write_wav(tmp_path / "long.wav", music(60, 2, RATE, seed=4), RATE)
    whole = (tmp_path / "long.wav").read_bytes()
    asked: list[Route] = []

    def audio(route: Route) -> None:
        asked.append(route)
        begin = int(route.request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        # The second is answered later: when the URL has expired.
        if len(asked) != 2:
            part = whole[begin : begin + 1_500_000 if len(asked) == 1 else None]
            place = f"bytes {begin}-{begin + len(part) - 1}/{len(whole)}"
            route.fulfill(status=206, body=part, headers={"Content-Type": "audio/wav", "Content-Range": place})

    tab.context.route(re.compile(rf"/audio\?.*key={EDITED}"), audio)
    tab.open_pair(EDITED_PAIR)
    page = tab.page
    edited = "ab"[page.locator(".side .file").all_inner_texts().index(EDITED)]
    page.keyboard.press(edited)
    page.keyboard.press("Space")
    tab.until(f"({STATE})().{edited} > 0.5")
    assert len(asked) == 2
    asked[1].fulfill(status=403)
    expired_at = page.evaluate(f"({STATE})().{edited}")
    tab.until(f"({STATE})().{edited} > {expired_at + 1}")
    assert page.evaluate(f"({STATE})().{edited}") < expired_at + 3
    assert len(asked) > 2
    expect(page.locator(".trouble:visible")).to_have_count(0)
    tab.expect_problem("403")


def test_what_cannot_be_drawn_is_told_in_words(tab: Tab) -> None:
    """A waveform and the difference each for itself; all else works."""
    told = {"error": "the folder is not there", "remedy": "Look for it."}
    tab.context.route("**/waveform?*", lambda route: route.fulfill(status=503, json=told))
    tab.context.route("**/difference.png?*", lambda route: route.fulfill(status=502, body="<h1>a proxy</h1>"))
    tab.open_pair(f"kind=tempo-changed&q={FASTER}")
    page = tab.page
    expect(page.locator(".lane .note").first).to_have_text("No waveform of A: the folder is not there Look for it.")
    expect(page.locator(".difference .note")).to_have_text("No comparison: the server answered 502.")
    play(tab)
    tab.until(IN_SYNC)
    tab.expect_problem("Failed to load resource")


def test_keys_leave_fields_modifiers_and_repeats_alone(tab: Tab, site: Site) -> None:
    """And the dialog, which tells them all and can switch them off."""
    tab.open_pair(TRIMMED_PAIR)
    page = tab.page
    page.keyboard.press("Control+x")
    page.keyboard.press("Alt+d")
    page.keyboard.press("Shift+D")
    page.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'd', repeat: true, bubbles: true}))")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("d")
    page.get_by_label("Single keys do this").uncheck()
    # At once: the focus is still where it was in the dialog.
    for key in ("Escape", "Space", "d", "x"):
        page.keyboard.press(key)
    expect(page.locator("#keys")).not_to_be_visible()
    expect(page.locator("#keys-on")).not_to_be_checked()
    assert state(page)["muted"] == [False, True]
    assert state(page)["paused"] == [True, True]
    expect(page.locator("#decision")).to_contain_text("undecided")
    page.reload()
    page.keyboard.press("x")
    assert state(page)["muted"] == [False, True]
    page.locator("#show-keys").click()
    page.get_by_label("Single keys do this").check()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("x")
    assert state(page)["muted"] == [True, False]
    page.goto(f"{site.url}/?q=original")
    page.get_by_label("Search").press_sequentially("dnvku")
    expect(page.get_by_label("Search")).to_have_value("dnvkuoriginal")
    expect(page.locator("#told")).to_be_empty()


def test_it_is_used_by_keyboard_alone(tab: Tab) -> None:
    """From the top by Tab: over the links to the player, its slider, and on to the words."""
    tab.open_pair(TRIMMED_PAIR)
    page = tab.page
    reached: list[str] = []
    while "decide" not in reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.form?.id || document.activeElement.id"))
        assert len(reached) < 40
        if reached[-1] == "position":
            page.keyboard.press("ArrowRight")
            tab.until(f"({STATE})().a === 5")
        if reached[-1] == "play":
            page.keyboard.press("Enter")
            tab.until(f"!({STATE})().paused[0]")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert {"position", "play", "volume"} <= set(reached)
    page.keyboard.press("Enter")
    tab.told("Duplicate: ")
    page.keyboard.press("u")
    tab.told("Taken back")
