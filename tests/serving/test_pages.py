"""Every page, made from the record of a real run: what it shows is what `churn why --json` says."""

from __future__ import annotations

import json
import re
import time

import pytest
from bs4 import BeautifulSoup

from churn.audit import facts
from churn.errors import RegistryError
from churn.registry import runs
from serving import record
from serving.app import create_app
from serving.champion import ChampionHolder
from tests.commands import SMOKE, churn

HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{ 7 * 7 }}", "../../etc/passwd", "a" * 300,
           "'; DROP TABLE customers; --", "\x00", "名前\u202e"]  # fmt: skip


@pytest.fixture
def client(finished, monkeypatch):
    """A client of an application for the run, in this process; it looks at the registry once."""
    monkeypatch.setenv("CHURN_STATE", str(finished.state))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{finished.state / 'mlflow.db'}")
    monkeypatch.setattr(ChampionHolder, "start", lambda holder: (holder.refresh(), holder.refreshed.set()))
    return create_app(SMOKE).test_client()


@pytest.fixture(scope="module")
def told(finished) -> dict:
    """What the command line says of the version in production."""
    return json.loads(churn("why", "--json", state=finished.state).stdout)


@pytest.fixture(scope="module")
def customer(finished) -> str:
    [line, *_] = (next((finished.state / "smoke/scores").glob("*/scores.csv"))).read_text().splitlines()[1:]
    return line.split(",")[0].strip('"')


def shown(html: str) -> dict[str, object]:
    """Place in the document -> the value that the page shows there."""
    found = BeautifulSoup(html, "html.parser").select("[data-fact]")
    return {one["data-fact"]: json.loads(one["value"]) for one in found}


def leaves(document: object, path: str) -> list[str]:
    if isinstance(document, dict):
        return [leaf for name, value in document.items() for leaf in leaves(value, f"{path}.{name}")]
    if isinstance(document, list) and document and isinstance(document[0], dict):
        return [leaf for n, value in enumerate(document) for leaf in leaves(value, f"{path}.{n}")]
    return [path]


def test_every_fact_on_a_page_is_what_churn_why_says(client, told):
    decision = told["since"]["decision_run"]
    for address, least in (("/", 40), ("/versions/1", 150), (f"/decisions/{decision}", 40), ("/versions/1/audit", 250)):
        answer = client.get(address)
        assert 200 == answer.status_code, address
        held = shown(answer.text)
        assert len(held) >= least, (address, len(held))
        assert {} == {path: value for path, value in held.items() if value != facts.at(told, path)}, address


def test_the_audit_document_leaves_out_no_value_of_what_it_tells(client, told):
    held = shown(client.get("/audit").text)
    parts = ("purpose.said", "purpose.label", "data.rows", "training", "metrics", "evaluation.segments", "limits",
             "evaluation.baselines", "approvals.given")  # fmt: skip
    due = {leaf for part in parts for leaf in leaves(facts.at(told, part), part)} - {"purpose.said", "approvals.given"}
    due -= {f"training.{name}" for name in ("settings",)} | {
        leaf for leaf in due if leaf.startswith("training.settings")
    }
    assert set() == {leaf for leaf in due if leaf not in held and facts.at(told, leaf) not in (None, [])}
    assert len(told["features"]) == len([path for path in held if re.fullmatch(r"features\.\d+\.meaning", path)])
    assert len(told["data"]["sets"]) == len(
        [path for path in held if re.fullmatch(r"data\.sets\.\d+\.fingerprint", path)]
    )
    assert {told["run"]["id"], told["since"]["decision_run"], told["monitoring"]["run"]} <= set(map(str, held.values()))


def test_the_command_writes_the_same_audit_document_that_the_page_shows(client, finished, tmp_path):
    done = churn("why", "--html", str(tmp_path / "audit.html"), state=finished.state)
    assert (0, ["audit.html"]) == (done.returncode, [file.name for file in tmp_path.iterdir()])
    assert client.get("/audit").text == (tmp_path / "audit.html").read_text()


def test_the_first_page_says_in_words_what_matters(client, told):
    text = " ".join(BeautifulSoup(client.get("/").text, "html.parser").get_text(" ").split())
    for words in ("Version 1", "promoted by", "Nothing was there before", "The gate", "No alarm", "Ready",
                  "A rollback leads nowhere", f"{told['metrics']['auc']['test']:.3f}", "1 September 2023"):  # fmt: skip
        assert words in text, words


def test_the_first_page_is_small_with_all_that_it_asks_for(client):
    page = client.get("/")
    parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert 3 <= len(set(parts))
    assert len(page.data) + sum(len(client.get(part).data) for part in set(parts)) <= 100_000


def test_pages_carry_a_policy_that_lets_no_script_of_theirs_run_inline(client, customer):
    for address in ("/", "/versions/1", "/compare", f"/customers?id={customer}", "/openapi/"):
        answer = client.get(address)
        assert "script-src 'self'; style-src 'self'" in answer.headers["Content-Security-Policy"]
        page = BeautifulSoup(answer.text, "html.parser")
        assert [] == [tag for tag in page.select("script:not([src]), style, [style]")]
        assert [] == [tag for tag in page.find_all(True) if any(name.startswith("on") for name in tag.attrs)]


def test_a_customer_is_told_with_reasons_features_and_past_scores(client, customer):
    answer = client.post("/predict", json={"customer_id": customer, "reasons": 6}).json
    page = BeautifulSoup(client.get("/customers", query_string={"id": customer}).text, "html.parser")
    text = " ".join(page.get_text(" ").split())
    assert f"{100 * answer['churn_probability']:.1f} %" in text
    assert [one["said"] for one in answer["reasons"]] == [one.p.get_text() for one in page.select(".reasons li")]
    assert {"On the lists", "1 September 2023"} <= set(re.findall("On the lists|1 September 2023", text))


@pytest.mark.parametrize("given", HOSTILE)
def test_a_hostile_or_unknown_id_is_told_in_words(client, given):
    answer = client.get("/customers", query_string={"id": given})
    page = BeautifulSoup(answer.text, "html.parser")
    assert (200, 1) == (answer.status_code, len(page.select("[role=alert]")))
    assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
    assert given.strip() == page.select_one("input#id")["value"].strip() or "\x00" in given
    assert "49" not in page.select_one("[role=alert]").get_text()


def test_reports_of_a_run_are_shown_in_a_sandbox_of_their_own(client, told):
    run = told["run"]["id"]
    for name in ("", "index.html", "features.html"):
        answer = client.get(f"/reports/{run}/{name}")
        assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "sandbox allow-scripts" in policy
        assert "allow-same-origin" not in policy and "connect-src" not in policy
    assert 200 == client.get(f"/reports/{told['since']['decision_run']}/promote.html").status_code
    notebook = client.get(f"/reports/{run}/train.ipynb")
    assert "attachment" in notebook.headers["Content-Disposition"]


def test_no_report_leads_out_of_a_run_s_reports(client, told):
    run = told["run"]["id"]
    for path in ("../params.yaml", "..%2fparams.yaml", "%2e%2e/params.yaml", "../../../../mlflow.db", "/etc/passwd",
                 "..\\params.yaml", "features.html/../../params.yaml", "params.yaml", "no.html",
                 "index.html%00.ipynb"):  # fmt: skip
        assert 404 == client.get(f"/reports/{run}/{path}", follow_redirects=True).status_code, path
    for name in ("0" * 32, "..", "x'; --", "<script>"):
        assert 404 == client.get(f"/reports/{name}/index.html").status_code, name


def test_a_run_of_another_experiment_is_not_shown(client, told, monkeypatch):
    assert "smoke" == runs.experiment_of(told["run"]["id"])
    monkeypatch.setattr(runs, "experiment_of", lambda run: "somebody-else")
    assert 404 == client.get(f"/reports/{told['run']['id']}/index.html").status_code


@pytest.mark.parametrize(("address", "status", "words"), [
    ("/versions/99", 404, "There is no version 99"),
    ("/decisions/nothing", 404, "There is no such decision"),
    ("/compare", 200, "There is nothing to compare yet"),
])  # fmt: skip
def test_what_there_is_not_is_told_in_words(client, address, status, words):
    answer = client.get(address)
    assert (status, True) == (answer.status_code, words in answer.text)


def test_nothing_in_production_is_told_in_words(client, monkeypatch):
    client.get("/")
    without = {"experiment": "smoke", "version": None, "production": None, "versions": [], "history": []}
    monkeypatch.setattr(record.why, "standing", lambda experiment: without)
    client.application.record._kept.clear()
    assert "Nothing is in production" in client.get("/").text
    assert 404 == client.get("/audit").status_code


def test_a_silent_registry_is_told_and_what_was_known_is_shown(client, monkeypatch):
    client.get("/")
    monkeypatch.setattr(record, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(record, "FIRST_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(record.versions, "watermark", lambda: "moved")
    monkeypatch.setattr(record.why, "standing", lambda experiment: time.sleep(0.5))
    page = client.get("/").text
    assert "The registry does not answer" in page and "Version" in page
    client.application.record._kept.clear()
    page = client.get("/").text
    assert "The registry is silent" in page and "goes on answering by version 1" in page


def test_a_registry_that_is_gone_is_not_made_by_looking(client, monkeypatch):
    def gone() -> None:
        raise FileNotFoundError

    monkeypatch.setattr(record.versions, "watermark", gone)
    monkeypatch.setattr(record.why, "standing", lambda experiment: pytest.fail("it was asked"))
    with pytest.raises(RegistryError, match="is missing"):
        client.application.record.standing()


def test_the_record_is_read_again_once_the_registry_has_changed(client, monkeypatch):
    marks, read = iter(["one", "one", "two"]), []
    monkeypatch.setattr(record.versions, "watermark", lambda: next(marks))
    monkeypatch.setattr(record.why, "standing", lambda experiment: read.append(experiment) or {"version": len(read)})
    assert [1, 1, 2] == [client.application.record.standing().document["version"] for _ in range(3)]
