"""Whatever columns, segments and kinds of events are called, a run ends well and the API answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from churn.pipeline import plan
from tests import commands
from tests.end_to_end import odd_names
from tests.serving.gunicorn_server import Server


@dataclass(frozen=True)
class Ran:
    """A run that was promoted, and the API over it."""

    state: Path
    params: Path
    api: Server

    @property
    def manifest(self) -> dict:
        return json.loads((self.state / self.params.stem / "features/features.json").read_text())

    def pages(self) -> dict[str, str]:
        """The text of every page of the run."""
        [folder] = (self.state / "runs").iterdir()
        return {page.stem: BeautifulSoup(page.read_text(), "html.parser").get_text() for page in folder.glob("*.html")}


@pytest.fixture(scope="module", params=["tables", "events"])
def ran(request, tmp_path_factory, empty_state):
    folder = tmp_path_factory.mktemp(request.param)
    params = getattr(odd_names, request.param)(folder / "input")
    done = commands.run_pipeline("--quiet", state=empty_state(folder / "state"), params=params)
    assert 0 == done.returncode, done.stderr
    with Server(folder, CHURN_STATE=str(folder / "state"), CHURN_PARAMS=str(params)) as api:
        api.wait(lambda: api.get("/ready").status_code == 200)
        yield Ran(folder / "state", params, api)


def test_what_can_be_held_is_called_as_given_and_the_rest_is_told(ran):
    named = {f.get("given", f["name"]): f["name"] for f in ran.manifest["features"]}
    if ran.params.stem == "tables":
        assert {name: name for name in odd_names.HELD} | odd_names.MAPPED == {
            name: called for name, called in named.items() if name in {*odd_names.HELD, *odd_names.MAPPED}
        }
    else:
        assert "profile.churned" == named["churned"]
        assert {"Soort klant (B2B)", "row", "self", "profile.churned", "loyalty_y_"} <= set(ran.manifest["segments"])
    told = " ".join(ran.pages()["features"].split())
    for given, name in named.items():
        assert name in told
        assert given == name or f"{given!r} is {name!r}" in told


def test_every_page_holds_names_as_text_and_no_warning(ran):
    pages = ran.pages()
    log = {"log"} if (ran.state / ran.params.stem / "log" / "log.html").exists() else set()
    assert {*plan.STAGES, "index"} | log == set(pages)
    assert [] == [name for name, text in pages.items() if "Warning" in text or "Traceback" in text]


def test_online_equals_offline_and_every_segment_is_scored(ran):
    evaluation = json.loads((ran.state / ran.params.stem / "evaluation/evaluation.json").read_text())
    assert (200, 0) == (evaluation["parity"]["customers"], evaluation["parity"]["different"])
    assert set(ran.manifest["segments"]) == {row["segment"] for row in evaluation["segments"]}


def test_the_api_answers_and_its_pages_and_metrics_hold_the_names(ran):
    answers = ran.api.batch([f"{10_000 + i}" for i in range(100)]).json()["results"]
    scored = [answer for answer in answers if "error" not in answer]
    assert scored and {409} >= {answer["error"]["status"] for answer in answers if "error" in answer}
    for path in ("/", "/model", "/openapi/openapi.json", "/openapi/", "/metrics", "/ready"):
        assert 200 == ran.api.get(path).status_code, path
    names = {f["name"] for f in ran.manifest["features"]}
    assert set(ran.api.get("/model").json()["training_ranges"]) == names
    page = BeautifulSoup(ran.api.get("/versions/1").text, "html.parser").get_text()
    assert [] == [name for name in names if name not in page]
    log = ran.state / ran.params.stem / "predictions"
    ran.api.wait(lambda: list(log.rglob("[!.]*.parquet")))
    kept = pd.concat(map(pd.read_parquet, log.rglob("[!.]*.parquet")))
    assert set(kept.features.iloc[0]) == names
    assert [one["churn_probability"] for one in scored] == kept.churn_probability.tolist()
    refused = [answer["customer_id"] for answer in answers if "error" in answer]
    kept = [pd.read_parquet(file) for file in log.with_name("refusals").rglob("[!.]*.parquet")]
    assert refused == [customer for rows in kept for customer in rows.customer_id]
    out = {name for answer in scored for name in answer["out_of_range"]}
    metrics = ran.api.get("/metrics").text
    assert len(out) == metrics.count("churn_out_of_range_total{")


def test_why_tells_of_it(ran):
    told = commands.churn("why", "--json", state=ran.state, params=ran.params)
    assert 0 == told.returncode, told.stderr
    assert "promoted" == json.loads(told.stdout)["decisions"][0]["decision"]
    assert 0 == commands.churn("why", state=ran.state, params=ran.params).returncode
