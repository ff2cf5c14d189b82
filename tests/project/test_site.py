"""The documentation as a site: built without a warning, and each kind of page as people meet it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from churn.state import PROJECT
from tests.browser import chromium, faults

pytestmark = pytest.mark.system

KINDS = [  # the map, figures, commands, long tables, generated ones, Python code, the gallery, and no page
    "index.html", "benchmarks.html", "tutorial/1-run.html", "explanation/concepts.html", "reference/parameters.html",
    "python/churn.params.html", "gallery/index.html", "404.html",
]  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        """Nothing: the browser tells what fails."""


@pytest.fixture(scope="module")
def site(tmp_path_factory, finished):
    """The site, the reports of a run in its gallery."""
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {"CHURN_GALLERY": str(finished.state), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    return folder


@pytest.fixture(scope="module")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.mark.parametrize("page", KINDS)
def test_a_page_has_no_fault(browser, address, page):
    assert [] == faults(browser, f"{address}/{page}")


def test_every_room_has_a_page_of_its_docstrings(site):
    rooms = {sign.parent.name for sign in PROJECT.glob("churn/*/__init__.py")}
    assert rooms == {page.name.split(".")[1] for page in site.glob("python/churn.*.html")}


def test_the_gallery_holds_the_reports_of_the_run_and_links_them(site, finished):
    [run] = [index.parent for index in (finished.state / "runs").glob("*/index.html")]  # not what decisions left
    reports = sorted(page.name for page in run.glob("*.html"))
    assert reports == sorted(page.name for page in (site / "gallery" / run.name).glob("*.*"))
    text = (site / "gallery" / "index.html").read_text()
    assert [] == [name for name in reports if f'href="{run.name}/{name}"' not in text]
