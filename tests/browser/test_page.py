"""The page in Chromium: what it shows on every width, in both schemes, on paper and without its script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page

from reconciler.report.values import clean
from tests.browser.conftest import Open, Scheme
from tests.reports.kinds import KINDS, LARGEST

LOOKED_AT = [each for each in KINDS if each != "deep"]
LEAST_CONTRAST = 4.5

# The contrast of every text that is shown, with what is behind it; colours of the pages are opaque.
CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((each) => each / 255).map((each) =>
      each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode()) && found.length < 6000; ) {
    const element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility() || element.closest("script, option, .sr")) continue;
    const [one, two] = [light(getComputedStyle(element).color), light(behind(element))];
    found.push([(Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05), element.className, text.data.slice(0, 40)]);
  }
  return found.sort((one, two) => one[0] - two[0]).slice(0, 3).concat([found.length]);
}"""
OPEN_ALL = "() => { for (const each of document.querySelectorAll('details')) each.open = true; }"
SHOWN_ROWS = "[data-row]:not([hidden])"


def count(page: Page, selector: str) -> int:
    return int(page.locator(selector).count())


def search(page: Page, words: str) -> str:
    """Type into the search, and return what it says it found."""
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.wait_for_function("() => document.getElementById('found').textContent !== ''")
    return str(page.inner_text("#found"))


@pytest.mark.parametrize("width", [390, 768, 980, 1280])
@pytest.mark.parametrize("kind", LOOKED_AT)
def test_it_never_scrolls_sideways(opened: Open, kind: str, width: int) -> None:
    """With every fold open."""
    page = opened(kind, width=width).page
    page.evaluate(OPEN_ALL)
    page.wait_for_timeout(50)  # lists are copied to where they unfold
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("[...document.querySelectorAll('main *')].filter((each) => !each.closest('.sr, thead, svg')"
                         " && each.getBoundingClientRect().right > innerWidth + 1).length") == 0  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", LOOKED_AT)
def test_every_text_is_readable(opened: Open, kind: str, scheme: Scheme) -> None:
    page = opened(kind, scheme=scheme).page
    page.evaluate(OPEN_ALL)
    *lowest, number = page.evaluate(CONTRAST)
    assert number > 20
    assert lowest[0][0] >= LEAST_CONTRAST, lowest


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_a_search_adds_is_readable_and_fits(opened: Open, scheme: Scheme) -> None:
    """The tenants that it tells beside the counts, on a phone too."""
    page = opened("mixed", scheme=scheme, width=390).page
    search(page, "reseller-01")
    assert page.locator(".hit").first.is_visible()
    *lowest, _ = page.evaluate(CONTRAST)
    assert lowest[0][0] >= LEAST_CONTRAST, lowest
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("width", [390, 1280])
def test_an_evil_plan_does_nothing(opened: Open, width: int) -> None:
    """No dialog, request or error, which `opened` watches, and no element that its texts ask for."""
    page = opened("evil", width=width).page
    page.evaluate(OPEN_ALL)
    search(page, "onerror")
    assert count(page, "img, iframe, svg[onload], [onerror], [onmouseover], body script ~ script") == 0
    assert count(page, "a:not([href^='#'])") == 0
    assert page.title().endswith("– plan")


def test_the_policy_stops_what_is_not_its_own(opened: Open) -> None:
    """A script, a style and an image that come in by some other way are refused."""
    found = opened("one tenant")
    found.page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      const image = document.createElement("img");
      image.src = "https://example.com/x.png";
      document.body.append(image);
      document.body.setAttribute("style", "color: rgb(1, 2, 3)");
    }""")
    found.page.wait_for_timeout(50)
    assert found.page.evaluate("window.ran") is None
    assert found.page.evaluate("getComputedStyle(document.body).color") != "rgb(1, 2, 3)"
    assert any("Content Security Policy" in each for each in found.wrong)
    found.wrong.clear()


@pytest.mark.parametrize("kind", ["history", "mixed", "evil"])
def test_without_its_script_everything_is_there(opened: Open, kind: str) -> None:
    """All names, folds that unfold, no tool that does nothing, and lists that links lead to."""
    page = opened(kind, script=False).page
    text = page.locator("body").text_content() or ""
    titles = [each.get_attribute("title") for each in page.locator("[title]").all()]
    said = "\n".join([text, *(each or "" for each in titles)])
    assert [each.tenant for each in KINDS[kind]().outlines if clean(each.tenant) not in said] == []
    assert not page.is_visible(".tools")
    assert count(page, "button:visible") == 0
    assert page.is_visible(".legend a")


def test_without_its_script_a_row_leads_to_its_list(opened: Open) -> None:
    page = opened("mixed", script=False).page
    row = page.locator("#prices .who").first
    row.locator("summary").click()
    row.locator("a").click()
    assert page.locator("#list-1").is_visible()


def test_the_search_finds_a_tenant_and_nothing_else(opened: Open) -> None:
    page = opened("mixed").page
    rows = count(page, SHOWN_ROWS)
    said = search(page, "reseller-013")
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.get_attribute("#found", "role") == "status"
    shown = page.locator(SHOWN_ROWS)
    assert 0 < shown.count() < rows
    number = int(said.removesuffix(" found"))
    assert number <= shown.count() <= number + 2, "those found, and the tenants above them in the tree"
    assert count(page, ".hit") > 0
    told = {"reseller-013: get it", "reseller-013: withheld", "reseller-013: get a part", "reseller-013"}
    assert set(page.locator(".hit").all_inner_texts()) <= told
    assert page.locator("#tenants [data-row]:not([hidden]) >> text=reseller-013").first.is_visible()
    page.keyboard.press("Escape")
    assert page.input_value("#q") == ""
    assert page.inner_text("#found") == ""
    assert count(page, SHOWN_ROWS) == rows
    assert count(page, ".hit") == 0


def test_the_search_takes_all_words_and_says_if_there_is_nothing(opened: Open) -> None:
    page = opened("mixed").page
    search(page, "monthly vm-3")
    assert page.locator("#prices tbody:not([hidden]) th").all_inner_texts() == ["VM 3\nplan vm-3"]
    page.keyboard.press("Escape")
    assert search(page, "nosuch-thing") == "nothing found"
    assert count(page, "main section[data-part]:not([hidden])") == 0


def test_the_search_is_in_the_address(opened: Open) -> None:
    """So that a colleague can be sent to what one sees."""
    page = opened("mixed", fragment="#q=reseller-004&only=held").page
    assert page.input_value("#q") == "reseller-004"
    assert page.input_value("#only") == "held"
    assert re.fullmatch(r"\d+ found", page.inner_text("#found"))
    page.keyboard.press("Escape")
    assert "#" not in page.url
    search(page, "vm")
    assert page.url.endswith("#q=vm")


def test_the_counts_filter(opened: Open) -> None:
    """By what becomes of the tenants that a row concerns."""
    page = opened("mixed").page
    rows = count(page, SHOWN_ROWS)
    button = page.locator(".legend button[data-state=blocked]")
    assert "blocked" in button.inner_text()
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.input_value("#only") == "blocked"
    assert page.locator("#blocked").is_visible()
    assert not page.locator("#withheld").is_visible()
    assert page.locator("#prices").is_visible()
    leaves = page.locator(f"#tenants .leaf{SHOWN_ROWS}")
    assert set(leaves.evaluate_all("all => all.map((each) => each.dataset.row)")) == {"blocked"}
    button.click()
    assert count(page, SHOWN_ROWS) == rows
    page.select_option("#only", "partly")
    assert page.locator("#withheld").is_visible()
    assert not page.locator("#blocked").is_visible()


def test_a_list_is_copied_to_where_it_is_unfolded(opened: Open) -> None:
    page = opened("mixed").page
    row = page.locator("#prices .who").first
    row.locator("summary").click()
    row.locator(".l").first.wait_for()
    assert "reseller-000" in row.inner_text()
    assert "Blocked (4)" in row.inner_text()
    assert count(page, "[id='list-1']") == 1


def test_the_keyboard_reaches_everything(opened: Open) -> None:
    page = opened("mixed").page
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("(document.activeElement.id || document.activeElement.tagName).toLowerCase()"))
    assert {"q", "only", "unfold", "summary", "button", "a"} <= seen
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    summary = page.locator("#tenants summary").first
    summary.focus()
    was = page.evaluate("document.activeElement.parentElement.open")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") != was


def test_everything_unfolds_and_folds(opened: Open) -> None:
    page = opened("history").page
    page.click("#unfold")
    assert count(page, "main details:not(.who):not([open])") == 0
    assert page.inner_text("#unfold") == "Fold all"
    page.click("#unfold")
    assert count(page, "main details:not(.who)[open]") == 0


@pytest.mark.parametrize("script", [False, True])
def test_on_paper_everything_is_unfolded(opened: Open, script: bool) -> None:
    page = opened("history", script=script).page
    page.emulate_media(media="print")
    assert page.locator(".bar").evaluate("each => getComputedStyle(each).display") == "none"
    names = page.locator(".names")
    assert names.count() > 0
    for each in names.all()[:40]:
        box = each.bounding_box()
        assert box is not None
        assert box["height"] > 0
    assert count(page, ".cmd button:visible, #unfold:visible") == 0


@pytest.mark.parametrize("kind", ["largest", "deep"])
def test_the_largest_pages_can_be_used(opened: Open, kind: str) -> None:
    """Loaded and searched by the browser's own clock; the bounds leave room for a machine that does other things."""
    page = opened(kind).page
    timing: dict[str, Any] = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    assert timing["loadEventEnd"] < 15_000
    word = "plan 7/1" if kind == "largest" else "level-0777"
    took = page.evaluate(
        """(word) => {
          const query = document.getElementById("q"), only = document.getElementById("only");
          query.value = word;
          const start = performance.now();
          only.dispatchEvent(new Event("change"));
          document.body.getBoundingClientRect();
          return performance.now() - start;
        }""",
        word,
    )
    print(f"{kind}: loaded in {timing['loadEventEnd']:.0f} ms, searched in {took:.0f} ms")
    assert took < 5_000
    assert re.fullmatch(r"[\d,]+ found", page.inner_text("#found"))
    assert kind in LARGEST
