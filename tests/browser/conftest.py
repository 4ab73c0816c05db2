"""The page in a real browser. These tests run with ``--chromium PATH`` only, as ``script/test-browser`` gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, sync_playwright

from reconciler.report.plans.page import render_html
from tests.reports.kinds import LARGEST

Scheme = Literal["light", "dark"]
Media = Literal["print", "screen"]


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=request.config.getoption("--chromium"),
            args=["--no-sandbox"],  # it may be root who tests; the only pages are our own
        )
        yield started
        started.close()


@dataclass(slots=True)
class Opened:
    """A page, and everything that it did that it should not: requests, errors, dialogs."""

    page: Page
    wrong: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The page of a kind of plan, as a file."""
    folder, files = tmp_path_factory.mktemp("pages"), dict[str, Path]()

    def written(kind: str) -> Path:
        if kind not in files:
            files[kind] = folder / f"{len(files)}.html"
            files[kind].write_text("".join(render_html(LARGEST[kind](), "round.plan")), "utf-8")
        return files[kind]

    return written


Open = Callable[..., Opened]


@pytest.fixture
def opened(browser: Browser, file_of: Callable[[str], Path]) -> Iterator[Open]:
    """Opens the page of a kind of plan. At the end of the test, nothing may have gone wrong in it."""
    contexts: list[tuple[BrowserContext, Opened]] = []

    def open_page(
        kind: str, *, width: int = 1280, scheme: Scheme = "light", script: bool = True, fragment: str = ""
    ) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        found = Opened(context.new_page())
        contexts.append((context, found))
        address = file_of(kind).as_uri() + fragment
        _watch(found, address.partition("#")[0])
        found.page.goto(address)
        return found

    yield open_page
    for context, found in contexts:
        context.close()
        assert found.wrong == []


def _watch(opened: Opened, address: str) -> None:
    page, wrong = opened.page, opened.wrong

    def dialog(shown: Dialog) -> None:
        wrong.append(f"dialog: {shown.message}")
        shown.dismiss()

    def request(sent: Request) -> None:
        if sent.url.partition("#")[0] != address:
            wrong.append(f"request: {sent.url}")

    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", dialog)
    page.on("request", request)
