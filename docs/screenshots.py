"""The pictures of the README and of docs/: `make screenshots`.

Runs the pipeline on real data (cdnow) and three months of the simulated business (streaming) on an empty state folder
of its own, serves it, and looks at all in a real browser.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser  # noqa: E402

from tests import browser  # noqa: E402
from tests.serving.gunicorn_server import Server  # noqa: E402

IMAGES = PROJECT / "docs" / "images"
REAL, MONTHLY = "params/cdnow.yaml", "params/streaming.yaml"
MONTHS = ("2023-10-01", "2023-11-01", "2023-12-01")
COLOURS = 128  # a page has few, and so takes a third of the bytes
SIZE = {"width": 1200, "height": 900}


def main() -> None:
    """Run what is to be seen, then take every picture."""
    with tempfile.TemporaryDirectory() as state:
        os.environ["CHURN_STATE"] = state
        _all(Path(state))


def _all(state: Path) -> None:
    run = _run(REAL)
    month = [_run(MONTHLY, "--as-of", day) for day in MONTHS][-1]
    with browser.chromium() as chromium:
        _shoot(chromium, run / "index.html", "run")
        _shoot(chromium, run / "evaluate.html", "report")
        _shoot(chromium, f"{(run / 'log.html').as_uri()}#Who-comes-back", "log")
        _shoot(chromium, month / "index.html", "month")
        environment = {"CHURN_STATE": str(state), "CHURN_PARAMS": str(PROJECT / MONTHLY)}
        with Server(state, **environment) as api:
            api.wait(lambda: api.get("/ready").status_code == 200)
            customer = _contacted()
            _shoot(chromium, f"{api.url}/", "page")
            _shoot(chromium, f"{api.url}/compare?a=1&b=3", "comparison")
            _shoot(chromium, f"{api.url}/customers?id={customer}", "customer")


def _run(params: str, *more: str) -> Path:
    """Run the pipeline; the folder of its reports."""
    command = [sys.executable, "run_pipeline.py", "--params", params, "--quiet", *more]
    told = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    [page] = [line.split(maxsplit=2)[-1] for line in told.splitlines() if line.startswith("start at ")]
    return Path(page).parent


def _contacted() -> str:
    """The first customer of the newest list."""
    command = [Path(sys.executable).with_name("churn"), "list", "--params", MONTHLY, "--top", "1", "--json"]
    told = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    return json.loads(told)["customers"][0]["customer_id"]


def _shoot(chromium: Browser, address: str | Path, name: str) -> None:
    """The first screen of a page, from its anchor on where one is named, as docs/images/<name>.png."""
    with browser.opened(chromium, address, size=SIZE) as page:
        if "#" in str(address):  # figures that came later have pushed it down
            page.locator(f"#{str(address).partition('#')[2]}").evaluate("part => part.scrollIntoView()")
        page.screenshot(path=(image := IMAGES / f"{name}.png"))
    Image.open(image).convert("RGB").quantize(COLOURS).save(image, optimize=True)
    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    main()
