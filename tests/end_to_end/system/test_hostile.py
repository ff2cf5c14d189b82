"""Ids, segments and their values, kinds, file names and reasons that are scripts: a page shows them and runs none."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import browser, commands
from tests.end_to_end import odd_names
from tests.serving.gunicorn_server import Server

pytestmark = pytest.mark.system
ELSEWHERE = [
    "../" * 9 + "etc/passwd", "..%2f" * 9 + "etc%2fpasswd", "%2e%2e/" * 9 + "etc/passwd", "/etc/passwd",
    "..\\..\\params.yaml", "notebooks/../../../../mlflow.db", "index.html%00.png", "file:///etc/passwd",
]  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory, empty_state) -> tuple[Path, Path]:
    """A state folder in which a version was approved by somebody for some reason, and made a list; the params."""
    folder = tmp_path_factory.mktemp("hostile")
    params, state = odd_names.hostile(folder), empty_state(folder / "state")
    said = ("--reason", odd_names.HOSTILE[0], "--by", odd_names.HOSTILE[1])
    for done in (
        commands.run_pipeline("--quiet", "--set", "promote.approval=required", state=state, params=params),
        commands.churn("approve", "1", *said, state=state, params=params),
        commands.run_pipeline("--quiet", "--stages", "score", state=state, params=params),
    ):
        assert 0 == done.returncode, done.stderr
    return state, params


@pytest.fixture(scope="module")
def api(lived, tmp_path_factory):
    state, params = lived
    environment = {"CHURN_STATE": str(state), "CHURN_PARAMS": str(params)}
    with Server(tmp_path_factory.mktemp("api"), **environment) as server:
        server.wait(lambda: server.get("/ready").status_code == 200)
        yield server


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as running:
        yield running


@pytest.fixture(scope="module")
def history(lived) -> list[dict]:
    state, params = lived
    return json.loads(commands.churn("history", "--json", state=state, params=params).stdout)


def addresses(history: list[dict]) -> list[str]:
    run = history[0]["run_id"]
    ids = [quote(f"{text}{place}", safe="") for place, text in enumerate(odd_names.HOSTILE)]
    stages = ("index", "features", "monitor", "train", "evaluate", "promote", "score")
    return [
        "/", "/versions/1", "/audit", "/compare?a=1&b=1", "/customers",
        *[f"/decisions/{decision['decision_run']}" for decision in history],
        *[f"/customers?id={customer}" for customer in ids],
        *[f"/customers?id={quote(text, safe='')}" for text in odd_names.HOSTILE],
        *[f"/reports/{run}/{stage}.html" for stage in stages],
        f"/compare?a={ids[0]}&b={ids[1]}", f"/versions/{ids[0]}", f"/decisions/{ids[0]}", f"/reports/{ids[0]}/{ids[1]}",
    ]  # fmt: skip


def test_no_page_runs_what_an_id_a_segment_a_reason_or_a_file_is_called(chromium, api, history):
    ran = {}
    for address in addresses(history):
        with browser.opened(chromium, api.url + address) as page:
            frames = [frame.evaluate("window.ran") for frame in page.frames]
            if any(frames) or page.said:
                ran[address] = (frames, page.said)
    assert {} == ran


def test_pages_show_them_as_text(chromium, api, history):
    address = f"{api.url}/decisions/{history[-1]['decision_run']}"
    with browser.opened(chromium, address) as page:
        shown = page.inner_text("body")
    assert odd_names.HOSTILE[0] in shown and odd_names.HOSTILE[1] in shown


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_file_outside_the_reports_of_a_run_is_read(api, history, path):
    run = history[0]["run_id"]
    for address in (f"/reports/{run}/{path}", f"/reports/{path}", f"/static/{path}"):
        answer = api.get(address)
        assert 400 <= answer.status_code < 500, address
        assert "root:" not in answer.text and "SQLite format" not in answer.text
