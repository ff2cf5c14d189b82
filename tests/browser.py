"""A real, headless Chromium, and what every page must hold in it: no violation of axe-core's rules in light and dark,
no sideways scrolling at 360 px, no request to elsewhere, no script of a stranger's.

`faults(browser, url_or_file)` is the whole question; `opened` is for those who want to do something on the page.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SCHEMES = ("light", "dark")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium. Raises StopIteration where there is none: `make test-system` installs it."""
    path = next(found for name in NAMES if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, address: str | Path, *, scheme: str = "light", size: dict = WIDE, **more
) -> Iterator[Page]:
    """A page, open and quiet; a file by its path."""
    address = address.resolve().as_uri() if isinstance(address, Path) else address
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce", **more)
    try:
        page = context.new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.said = []
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(address, wait_until="networkidle")
        yield page
    finally:
        context.close()


def faults(browser: Browser, address: str | Path, **more) -> list[str]:
    """Whatever is wrong with a page, in words; none: []. Looked at wide and narrow, light and dark, and as printed."""
    found: list[str] = []
    for scheme in SCHEMES:
        for size in (WIDE, NARROW):
            with opened(browser, address, scheme=scheme, size=size, **more) as page:
                where = f"{scheme}, {size['width']} px"
                found += [f"{where}: {fault}" for fault in (*_axe(page), *_width(page), *_requests(page), *page.said)]
    return found


def _axe(page: Page) -> list[str]:
    return [
        f"{violation['id']} ({len(violation['nodes'])}): {violation['nodes'][0]['html'][:160]}"
        f" — {violation['nodes'][0]['failureSummary'].splitlines()[-1].strip()[:200]}"
        for violation in Axe().run(page).response["violations"]
    ]


def _width(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"the page scrolls sideways by {wide} px"] if wide > 0 else []


def _requests(page: Page) -> list[str]:
    """Requests that leave the place that the page came from."""
    home = urlsplit(page.url)[:2]
    return [
        f"a request to elsewhere: {url[:120]}"
        for url in page.asked
        if urlsplit(url).scheme not in ("data", "blob", "about") and urlsplit(url)[:2] != home
    ]
