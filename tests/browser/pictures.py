"""Takes the pictures of the documentation: ``python -m tests.browser.pictures CHROMIUM``, after script/test-browser.

They are of the real history, and change only when somebody takes them again: look at each before it is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from reconciler.report.plans.page import render_html
from tests.reports.history import history_plan

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


class Picture(NamedTuple):
    """``tenants``: of the history. ``fragment``: the part of the page, or what is searched for."""

    name: str
    tenants: int
    width: int
    height: int
    scheme: Literal["light", "dark"]
    fragment: str = ""


PICTURES = (
    Picture("page-10-1280-light", 10, 1280, 1100, "light"),
    Picture("page-10-1280-dark", 10, 1280, 1100, "dark", "#blocked"),
    Picture("page-10-390-light", 10, 390, 1100, "light"),
    Picture("page-10-390-dark", 10, 390, 1100, "dark", "#withheld"),
    Picture("page-300-1280-light", 300, 1280, 1100, "light", "#withheld"),
    Picture("page-300-1280-dark", 300, 1280, 1100, "dark", "#q=reseller-017"),
    Picture("page-300-390-light", 300, 390, 1100, "light", "#tenants"),
    Picture("page-300-390-dark", 300, 390, 1100, "dark"),
)


def take(browser: Browser, folder: Path, picture: Picture) -> None:
    """Take one picture into ``FOLDER``."""
    file = folder / f"{picture.tenants}.html"
    if not file.exists():
        file.write_text("".join(render_html(history_plan(picture.tenants), "round.plan")), "utf-8")
    size = ViewportSize(width=picture.width, height=picture.height)
    page = browser.new_context(viewport=size, color_scheme=picture.scheme, reduced_motion="reduce").new_page()
    page.goto(file.as_uri() + picture.fragment)
    page.wait_for_timeout(300)
    page.screenshot(path=str(FOLDER / f"{picture.name}.png"))


def main(chromium: str) -> None:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for picture in PICTURES:
            take(browser, Path(folder), picture)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
