"""The pages in a real browser: each without a fault, the trail followed, and a promotion that happens meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests import commands
from tests.browser import chromium, faults, opened
from tests.serving.gunicorn_server import Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
PAGES = ["/", "/versions/2", "/audit", "/compare", "/decisions/{decision}", "/customers?id={customer}",
         f"/customers?id={quote(HOSTILE)}", "/openapi/", "/versions/9", "/reports/{run}/"]  # fmt: skip


@pytest.fixture(scope="module")
def state(tmp_path_factory, empty_state) -> Path:
    """A state folder with a version in production and one that was refused."""
    state = tmp_path_factory.mktemp("pages") / "state"
    empty_state(state)
    for more in ((), ("--set", "train.logistic.C=0.00001", "--set", "promote.rules.champion_margin=0")):
        done = commands.run_pipeline("--quiet", *more, state=state)
        assert 0 == done.returncode, done.stderr
    return state


@pytest.fixture(scope="module")
def told(state) -> dict:
    return json.loads(commands.churn("why", "--json", state=state).stdout)


@pytest.fixture(scope="module")
def customer(state) -> str:
    done = commands.churn("list", "--top", "1", "--json", state=state)
    return json.loads(done.stdout)["customers"][0]["customer_id"]


@pytest.fixture(scope="module")
def server(state) -> Iterator[Server]:
    with Server(state, CHURN_STATE=str(state), CHURN_PARAMS=commands.SMOKE) as running:
        running.wait(lambda: running.get("/ready").status_code == 200)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.mark.parametrize("address", PAGES)
def test_a_page_has_no_fault(browser, server, told, customer, address):
    ids = {"decision": told["since"]["decision_run"], "run": told["run"]["id"], "customer": customer}
    assert [] == faults(browser, server.url + address.format(**ids))


def test_the_trail_leads_from_the_first_page_to_the_features_report_and_on(browser, server):
    with opened(browser, f"{server.url}/") as page:
        page.get_by_role("link", name="what came in").click()
        expect(page).to_have_url(re.compile("/features.html$"))
        assert ("null", "refused") == (
            page.evaluate("self.origin"),
            page.evaluate("fetch('/model').then(() => 'read', () => 'refused')"),
        )
        page.goto(page.url.replace("features.html", "index.html"))
        expect(page.locator("h1")).to_be_visible()
        assert [] == page.said


def test_two_versions_are_chosen_and_their_differences_marked(browser, server):
    with opened(browser, f"{server.url}/compare?a=1&b=1") as page:
        assert 0 == page.locator("tbody mark").count()
        page.get_by_label("and").select_option("2")
        page.get_by_role("button", name="Compare").click()
        marked = page.locator("tr.differs", has_text="train.logistic.C")
        expect(marked.locator("mark")).to_have_text("1e-05")
        figure = page.locator("figure img").first
        figure.scroll_into_view_if_needed()
        assert 0 < figure.evaluate("image => image.decode().then(() => image.naturalWidth)")


def test_a_customer_is_tried_by_hand(browser, server, customer):
    answer = server.predict(customer, reasons=6).json()
    with opened(browser, f"{server.url}/customers") as page:
        page.get_by_label("Customer's id").fill(customer)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(f"Customer {customer}")
        assert [one["said"] for one in answer["reasons"]] == page.locator(".reasons li p:first-child").all_inner_texts()


def test_the_audit_document_is_printed(browser, server):
    with opened(browser, f"{server.url}/audit") as page:
        printed = page.pdf(prefer_css_page_size=True)
    assert b"%PDF" == printed[:4]
    assert 2 <= printed.count(b"/Type /Page\n") <= 12


def test_behind_keys_a_browser_asks_for_one_and_shows_the_page(browser, state):
    with Server(state, CHURN_STATE=str(state), CHURN_PARAMS=commands.SMOKE, CHURN_API_KEYS="anna:secret") as running:
        running.wait(lambda: running.get("/ready").status_code == 200)
        assert 401 == running.get("/").status_code
        with opened(browser, f"{running.url}/", http_credentials={"username": "x", "password": "secret"}) as page:
            expect(page.locator("h1")).to_have_text("Version 1")
        assert '"key": "anna"' in running.log()


def test_a_promotion_in_another_process_is_told_on_the_open_page(browser, server, state):
    with opened(browser, f"{server.url}/") as page:
        done = commands.churn("approve", "2", "--override", "--reason", HOSTILE, "--by", "anna", state=state)
        assert 0 == done.returncode, done.stderr
        expect(page.get_by_role("status")).to_contain_text("Version 2 is in production now", timeout=30_000)
        page.get_by_role("link", name="Show it").click()
        expect(page.locator("h1")).to_have_text("Version 2")
        expect(page.locator(".lead q")).to_have_text(HOSTILE)
        expect(page.locator("#back-title + p")).to_have_text("Version 1")
        assert [] == page.said
    assert [] == faults(browser, f"{server.url}/")
