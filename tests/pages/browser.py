"""Pages in a real browser: Chromium without a window, which loads nothing but the file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120_000
"""Milliseconds; on a busy machine a page takes its time."""
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@dataclass
class Opened:
    """An open page.

    Attributes:
        page: of Playwright.
        errors: what its console called an error, and exceptions that nothing caught.
        requests: addresses that it asked for, but for those of data within it.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def opened(address: Path | str, **context: Any) -> Iterator[Opened]:
    """Open a file, or an address on this machine; skips the test where there is no Chromium.

    Args:
        address: of the page.
        context: of Playwright's ``new_context``, such as ``color_scheme`` or ``viewport``.
    """
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        # A profile of its own, in a folder that is removed: Playwright sees to it.
        browser = driver.chromium.launch(executable_path=program, args=QUIET)
        try:
            page = browser.new_context(**context).new_page()
            page.set_default_timeout(PATIENCE)
            found = Opened(page)
            page.on("console", lambda said: found.errors.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: found.errors.append(str(error)))
            page.on("request", lambda asked: _note(found.requests, asked.url))
            page.goto(address.resolve().as_uri() if isinstance(address, Path) else address)
            yield found
        finally:
            browser.close()


def _note(requests: list[str], url: str) -> None:
    if not url.startswith("data:"):
        requests.append(url)
