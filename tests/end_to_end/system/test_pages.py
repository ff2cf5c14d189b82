"""What people see of a world that has lived, in a real browser: from page to page, by keyboard and ear, on paper.

Its ids, segments and their values, kinds, file names and reasons are scripts: a page shows them and runs none.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote, unquote

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
    """A state folder in which two versions were promoted and one taken back, by somebody for some reason; params."""
    folder = tmp_path_factory.mktemp("hostile")
    params, state = odd_names.hostile(folder), empty_state(folder / "state")
    for strength in ("1.0", "0.1"):
        done = commands.run_pipeline("--quiet", "--set", f"train.logistic.C={strength}", state=state, params=params)
        assert 0 == done.returncode, done.stderr
    done = commands.churn(
        "rollback", "--reason", odd_names.HOSTILE[0], "--by", odd_names.HOSTILE[1], state=state, params=params
    )
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
        "/", "/versions/1", "/versions/2", "/audit", "/versions/2/audit", "/compare?a=1&b=2", "/customers",
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


def test_every_page_reads_well_in_light_and_dark_wide_and_narrow(chromium, api, history):
    run, decision = history[0]["run_id"], history[-1]["decision_run"]
    some = [
        "/", "/versions/2", "/versions/9", "/audit", "/compare?a=1&b=2", "/customers", f"/customers?id={scored(api)}",
        "/customers?id=nobody", "/openapi/", f"/decisions/{decision}", f"/reports/{run}/",
    ]  # fmt: skip
    found = {address: browser.faults(chromium, api.url + address) for address in some}
    assert {} == {address: faults for address, faults in found.items() if faults}


def scored(api) -> str:
    """The id of a customer who can be scored, as an address has it."""
    ids = [f"{odd_names.HOSTILE[place % len(odd_names.HOSTILE)]}{place}" for place in range(odd_names.CUSTOMERS)]
    results = api.batch(ids).json()["results"]
    return quote(next(result["customer_id"] for result in results if "error" not in result), safe="")


def test_the_trail_leads_from_what_is_in_production_to_the_features_it_was_made_of(chromium, api):
    with browser.opened(chromium, api.url) as page:
        with page.expect_navigation():
            page.get_by_role("link", name="as of when").click()
        assert page.inner_text("h1").startswith("Features")
        assert page.url.endswith("/features.html")


def test_two_versions_are_compared_from_the_first_page(chromium, api):
    with browser.opened(chromium, api.url) as page:
        page.get_by_role("link", name="Compare", exact=True).click()
        page.goto(f"{api.url}/compare?a=1&b=2")
        shown = page.inner_text("main")
        assert "train.logistic.C" in shown.replace(" ", "") or "logistic.C" in shown
        assert 0 < page.locator(".differs").count()


def test_a_customer_is_looked_up_by_typing_an_id(chromium, api):
    customer = unquote(scored(api))
    answer = api.predict(customer, reasons=1).json()
    with browser.opened(chromium, f"{api.url}/customers") as page:
        page.get_by_label("Customer's id").fill(customer)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        shown = page.inner_text("main")
    assert f"{100 * answer['churn_probability']:.1f} %" in shown
    assert answer["reasons"][0]["said"] in " ".join(shown.split())


def test_the_audit_document_goes_onto_paper(chromium, api, tmp_path):
    with browser.opened(chromium, f"{api.url}/audit") as page:
        page.pdf(path=tmp_path / "audit.pdf", prefer_css_page_size=True)
    assert (tmp_path / "audit.pdf").read_bytes().startswith(b"%PDF")


def test_a_page_tells_of_a_promotion_in_another_process(chromium, api, lived):
    """The last of this file: afterwards version 2 is in production."""
    state, params = lived
    with browser.opened(chromium, api.url) as page:
        assert "Version 1" in page.inner_text("h1")
        done = commands.churn("rollback", "2", "--reason", "it is better", state=state, params=params)
        assert 0 == done.returncode, done.stderr
        page.get_by_text("Version 2 is in production now.").wait_for(timeout=60_000)
        with page.expect_navigation():
            page.get_by_role("link", name="Show it").click()
        assert "Version 2" in page.inner_text("h1")
