"""A real Chromium, phone and desktop windows, and axe. Usable against the stand-in service and the real one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .stub import ROOT, TOKEN, StubService, running_stub

SIZES = {"phone": (390, 844), "narrow": (320, 640), "desktop": (1280, 900)}
ARGUMENTS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SCREENSHOTS = Path(__file__).parent / ".screenshots"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; nothing is downloaded. `CHROMIUM` names another."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip(
            "no Chromium here; install it (Debian: apt-get install chromium fonts-noto-cjk) or name it in CHROMIUM"
        )
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, which containers are.
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS, chromium_sandbox=os.geteuid() != 0)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """`open_page(url, size="phone", **context_options)`; the test fails if a page it opened threw or broke its CSP."""
    contexts = []
    troubles: list[str] = []

    def open_(url: str, *, size: str = "desktop", **options: Any) -> Page:
        width, height = SIZES[size]
        options = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "reduced_motion": "reduce", **options}
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if _is_trouble(message) else None)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not troubles


def _is_trouble(message: Any) -> bool:
    """The browser also reports each refused request as an error; those are what some tests are about."""
    refused = ("Failed to load resource", "Access to fetch at")
    return message.type in ("error", "warning") and not message.text.startswith(refused)


@pytest.fixture
def stub() -> Iterator[StubService]:
    with running_stub() as service:
        yield service


@pytest.fixture
def open_status(open_page: OpenPage, stub: StubService) -> OpenPage:
    """Opens the status page on the stand-in and waits until it says something."""

    def open_(*, view: dict[str, Any] | None = None, query: str = "", token: str = TOKEN, **options: Any) -> Page:
        if view is not None:
            stub.view = view
        page = open_page(f"{stub.url}/s{query}#{token}", **options)
        page.wait_for_selector("h1")
        return page

    return open_


def wait_in_page(page: Page, question: str, seconds: float = 10.0) -> None:
    """Waits until an expression with `await` is true in the page; `wait_for_function` takes a promise for a yes."""
    until = time.monotonic() + seconds
    while not page.evaluate(f"async () => {question}"):
        assert time.monotonic() < until, f"never true: {question}"
        page.wait_for_timeout(20)


def find_axe_violations(page: Page) -> list[str]:
    """What axe-core finds, a line each. (Evaluated, not loaded: the page's own CSP stays as it is.)"""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    script = "tags => axe.run(document, { runOnly: { type: 'tag', values: tags } })"
    violations = page.evaluate(script, AXE_TAGS)["violations"]
    return [f"{each['id']}: {node['html']}" for each in violations for node in each["nodes"]]


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def screenshot(page: Page, name: str) -> Path:
    SCREENSHOTS.mkdir(exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path
