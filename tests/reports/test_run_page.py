"""The index page of a run, as a reader of it would look: what it says, where it leads, what it needs."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from churn.reports import run_page
from churn.reports.run_page import Stage

RAN = [Stage(name, "ran", 61.0, 1620.0, f"{name}.html", None) for name in ("features", "train", "evaluate", "promote")]
PROMOTED = {"decision": "promoted", "version": 2, "failed": [], "production": 2, "decision_run": "d0"}
REFUSED = PROMOTED | {"decision": "refused", "failed": ["auc 0.71 is below the floor 0.75"], "production": 1}
FAILURE = {
    "stage": "train", "notebook": "/runs/8f/train.ipynb", "section": "The <model>", "cell": 7, "error": "E: a < b",
    "report": "train.html", "anchor": "failed-cell",
}  # fmt: skip


def scored(model: str, auc: float | None) -> list[dict]:
    scores = {"auc": auc, "average_precision": 0.9, "calibration_error": 0.031, "lift_top": 2.5}
    return [{"model": model, "part": "train"} | dict.fromkeys(scores, 0.99), {"model": model, "part": "test"} | scores]


def interval(model: str, estimate: float, low: float, high: float, metric: str = "auc") -> dict:
    return {"model": model, "metric": metric, "estimate": estimate, "low": low, "high": high}


EVALUATION = {
    "version": 2, "champion": 1, "champion_scored": True, "rows": {"train": 100, "test": 23570}, "top_fraction": 0.1,
    "threshold": 0.4141, "profit_per_customer": -1.5,
    "scores": [
        *scored("candidate", 0.8124), *scored("champion", 0.8051), *scored("nobody leaves", 0.5),
        *scored("best single feature: visits", 0.7924), *scored("not measured", None),
    ],
    "intervals": [
        interval("candidate", 0.8124, 0.8012, 0.8236), interval("champion", 0.8051, 0.7951, 0.8151),
        interval("difference", 0.0073, -0.00214, 0.0168),
        interval("candidate", 2.5, 2.204, 2.806, "lift_top"),
        interval("candidate", -1.5, -2.011, 0.25, "profit_per_customer"),
    ],
}  # fmt: skip


@pytest.fixture
def page(tmp_path: Path):
    """The index page of a finished run with these changes, parsed."""

    def build(**changed: object) -> BeautifulSoup:
        given = {
            "experiment": "cdnow", "run_id": "8f2e1c0a", "status": "FINISHED", "started": "2026-11-23T03:12:05Z",
            "parameters": {"seed": 7}, "stages": RAN, "decision": PROMOTED, "evaluation": EVALUATION, "failure": None,
            "previous": None, "mlflow": "make ui", "footer": {"run": "8f2e1c0a", "commit": "1a2b", "lock": "961e"},
        }  # fmt: skip
        path = run_page.write(tmp_path / "run", **given | changed)
        assert tmp_path / "run" / "index.html" == path
        return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")

    return build


def text(tag: Tag | None) -> str:
    return re.sub(r"\s+", " ", tag.get_text(" ", strip=True)) if tag else ""


def table(html: BeautifulSoup, name: str) -> list[list[str]]:
    return [[text(cell) for cell in row.select("th, td")] for row in html.select(f"table.{name} tbody tr")]


def test_every_report_is_linked_by_its_name_alone(page):
    links = [link["href"] for link in page().select("table.stages a")]
    assert ["features.html", "train.html", "evaluate.html", "promote.html"] == links


def test_no_link_leaves_the_folder_of_runs_but_that_to_mlflow(page):
    html = page(mlflow="http://127.0.0.1:5000/#/runs/8f", previous={"run_id": "p", "href": "../p/index.html",
                                                                    "auc": 0.8, "decision": "promoted"})  # fmt: skip
    links = {link["href"] for link in html.select("a") if not link["href"].startswith("#")}
    assert {"../p/index.html", "http://127.0.0.1:5000/#/runs/8f"} == {link for link in links if "/" in link}


def test_nothing_is_loaded_from_elsewhere(page):
    html = page()
    assert not html.select("script, link, img, iframe, object, embed, base")
    assert not re.search(r"@import|url\(", str(html))
    assert html.select_one("meta[http-equiv=Content-Security-Policy]")["content"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (PROMOTED, "Version 2 was promoted. Version 2 is in production."),
        (REFUSED, "Version 2 was refused. Version 1 is in production."),
        (REFUSED | {"production": 0}, "Version 2 was refused. Nothing is in production."),
        (PROMOTED | {"decision": "needs approval", "production": 1},
         "Version 2 waits for approval. Version 1 is in production."),
        (None, "Finished, without a decision."),
    ],
)  # fmt: skip
def test_the_decision_is_the_first_thing_said(page, decision, said):
    assert said == text(page(decision=decision).select_one("h1.verdict"))


def test_a_refusal_gives_its_reasons(page):
    assert REFUSED["failed"] == [text(reason) for reason in page(decision=REFUSED).select(".failed-rules li")]
    assert not page().select(".failed-rules")


def test_headline_figures_are_those_of_the_candidate_on_the_test_rows(page):
    html = page()
    tiles = {text(tile.dt): text(tile.dd) for tile in html.select(".tiles div")}
    assert "0.812 0.801 to 0.824" == tiles["AUC"]
    assert tiles["lift in the top 10%"].startswith("2.50 ")
    assert tiles["profit per customer"].startswith("−1.50 ")
    assert tiles["threshold"].startswith("0.414 ")
    assert "On 23,570 test customers" in html.get_text()


def test_every_headline_figure_has_its_interval_but_the_threshold_which_is_a_choice(page):
    html = page()
    tiles = {text(tile.dt): text(tile.small) for tile in html.select(".tiles div")}
    assert tiles == {
        "AUC": "0.801 to 0.824",
        "lift in the top 10%": "2.20 to 2.81",
        "profit per customer": "−2.01 to 0.25",
        "threshold": "probability from which contact pays",
    }
    assert "a range is a 95 % interval. The threshold is a choice and has none." in html.get_text()


def test_candidate_champion_best_baseline_and_difference_are_compared(page):
    rows = table(page(), "scores")
    names = ["candidate version 2", "champion version 1", "baseline best single feature: visits"]
    assert [*names, "difference candidate − champion"] == [row[0] for row in rows]
    assert ["0.805 0.795 to 0.815", "0.900", "0.031", "2.50"] == rows[1][1:]
    assert ["+0.0073 −0.0021 to +0.0168", "", "", ""] == rows[3][1:]


def test_without_a_champion_there_is_none_to_compare_with(page):
    alone = copy.deepcopy(EVALUATION) | {"champion": None, "champion_scored": False}
    for part in ("scores", "intervals"):
        alone[part] = [row for row in alone[part] if row["model"] not in ("champion", "difference")]
    html = page(evaluation=alone)
    assert ["candidate", "baseline"] == [row[0].split()[0] for row in table(html, "scores")]
    assert "could not be scored" not in html.get_text()


def test_a_champion_that_could_not_be_scored_is_named(page):
    alone = copy.deepcopy(EVALUATION) | {"champion_scored": False}
    alone["scores"] = [row for row in alone["scores"] if row["model"] != "champion"]
    assert "The champion, version 1, could not be scored" in page(evaluation=alone).get_text()


def test_intervals_are_drawn_where_they_lie(page):
    ranges = page().select("figure.intervals .range")
    low, high = [float(ranges[0][end].rstrip("%")) for end in ("x1", "x2")]
    below, above = [float(ranges[1][end].rstrip("%")) for end in ("x1", "x2")]
    assert 0 < below < low < above < high < 100
    dots = [float(dot["cx"].rstrip("%")) for dot in page().select("figure.intervals circle")]
    assert pytest.approx((low + high) / 2, abs=0.02) == dots[0]
    assert dots[2] < below, "the baseline, 0.792, lies below every interval"


def test_ticks_are_round_numbers_that_lie_on_the_axis(page):
    ticks = page().select("figure.intervals text")
    assert ["0.79", "0.80", "0.81", "0.82"] == [text(tick) for tick in ticks]
    assert all(0 <= float(tick["x"].rstrip("%")) <= 100 for tick in ticks)


def test_what_was_not_measured_is_a_dash(page):
    unknown = copy.deepcopy(EVALUATION) | {"intervals": []}
    for row in unknown["scores"]:
        row |= {"auc": None, "lift_top": None}
    assert ["–", "0.900", "0.031", "–"] == table(page(evaluation=unknown), "scores")[0][1:]


def test_a_stage_shows_what_became_of_it_and_what_it_cost(page):
    stages = [
        Stage("features", "reused", 0.12, None, "features.html", "0123456789abcdef"),
        Stage("train", "failed", 119.8, 999.6, "train.html", None),
        Stage("evaluate", "not run", None, None, None, None),
    ]
    html = page(stages=stages, decision=None, evaluation=None)
    assert table(html, "stages") == [
        ["features", "reused from run 01234567", "0.1 s", ""],
        ["train", "failed", "2 min 00 s", "1,000 MB"],
        ["evaluate", "not run", "", ""],
    ]
    assert "2 min 00 s in its stages" in text(html.select_one(".facts"))


def test_a_stage_that_a_person_stopped_is_interrupted_and_not_failed(page):
    html = page(status="KILLED", stages=[Stage("train", "interrupted", 3.0, None, "train.html", None)],
                decision=None, evaluation=None)  # fmt: skip
    assert "Interrupted." == text(html.select_one(".verdict"))
    assert [["train", "interrupted", "3.0 s", ""]] == table(html, "stages")


def test_a_failure_is_on_top_and_leads_straight_to_the_cell(page):
    html = page(status="FAILED", failure=FAILURE, decision=None, evaluation=None)
    banner = html.select_one("main > *")
    place = "“The <model>”, cell 7 of train.ipynb."
    assert f"Stopped in train , {place} Go to the cell that failed E: a < b" == text(banner)
    assert "train.html#failed-cell" == banner.a["href"]
    assert not html.select("#results, .verdict")


def test_a_failure_outside_of_the_notebooks_is_its_error_alone(page):
    html = page(status="FAILED", failure={"stage": "", "error": "the disk is full"}, decision=None, evaluation=None)
    assert "Stopped . the disk is full" == text(html.select_one(".banner"))


def test_a_failure_without_a_report_has_no_dead_link(page):
    html = page(status="FAILED", failure=FAILURE | {"report": None}, decision=None, evaluation=None)
    assert not html.select(".banner a")


@pytest.mark.parametrize(("status", "said"), [("KILLED", "Interrupted."), ("RUNNING", "Under way.")])
def test_a_run_that_did_not_end_says_so(page, status, said):
    assert said == text(page(status=status, decision=None, evaluation=None).select_one(".verdict"))


def test_a_run_under_way_reloads_its_page_and_no_other_does(page):
    waiting = page(status="RUNNING", decision=None)
    assert "location.reload()" in waiting.script.get_text()
    assert "Look now" == text(waiting.select_one(".quiet a"))
    assert not page().select("script, .quiet")


def test_the_page_of_a_killed_run_says_so_and_no_longer_waits(page, tmp_path):
    page(status="RUNNING", decision=None)
    run_page.mark_killed(tmp_path / "run")
    html = BeautifulSoup((tmp_path / "run" / "index.html").read_text(), "html.parser")
    assert "Killed: its process is gone." == text(html.select_one(".verdict"))
    assert ("Killed: its process is gone." in html.title.string, []) == (True, html.select("script"))
    run_page.mark_killed(tmp_path / "a run that wrote no page")


def test_parameters_are_listed_by_section_as_the_file_would_have_them(page):
    given = {"seed": 7, "train": {"model": "logistic", "logistic": {"C": 1.0}}, "snapshots": {"train": ["a", "b"]},
             "promote": {"rules": {"min_auc": None, "parity": True}}, "advisory": []}  # fmt: skip
    assert table(page(parameters=given), "settings") == [
        ["seed", "7"], ["advisory", "[]"], ["train"], ["model", "logistic"], ["logistic.C", "1.0"],
        ["snapshots"], ["train", "[a, b]"], ["promote"], ["rules.min_auc", "null"], ["rules.parity", "true"],
    ]  # fmt: skip


def test_what_differs_from_the_run_before_is_marked(page):
    before = {"seed": 7, "train": {"model": "logistic", "gone": 1}, "features": {"windows_days": [7]}}
    now = {"seed": 7, "train": {"model": "trees", "new": False}, "features": {"windows_days": [7]}}
    previous = {"run_id": "p", "href": "../p/index.html", "auc": None, "decision": None}
    html = page(parameters=now, previous=previous | {"parameters": before})
    assert [text(row) for row in html.select("tr.changed")] == [
        "model trees was logistic", "new false was not given", "gone not given was 1",
    ]  # fmt: skip
    assert "3 of them differ" in html.get_text()
    assert not page(parameters=now, previous=previous).select("tr.changed")


def test_parameters_that_mlflow_kept_as_text_are_compared_too(page):
    now = {"seed": 7, "train": {"C": 1.0, "parity": True, "kinds": None, "days": ["a", "b"], "model": "trees"}}
    kept = {"seed": "7", "train.C": "1.0", "train.parity": "true", "train.kinds": "null", "train.days": '["a", "b"]',
            "train.model": "logistic"}  # fmt: skip
    html = page(
        parameters=now, previous={"run_id": "p", "href": None, "auc": None, "decision": None, "parameters": kept}
    )
    assert ["model trees was logistic"] == [text(row) for row in html.select("tr.changed")]


def test_a_run_before_whose_page_is_gone_is_named_without_a_link(page):
    html = page(previous={"run_id": "aa11", "href": None, "auc": None, "decision": None})
    assert "aa11" == text(html.select_one(".elsewhere dd")) and not html.select(".elsewhere dd a")


def test_the_run_before_is_linked_with_its_result(page):
    html = page(previous={"run_id": "aa11", "href": "../aa11/index.html", "auc": 0.8051, "decision": "promoted"})
    assert "aa11 , AUC 0.805, promoted" == text(html.select_one(".elsewhere dd"))


def test_mlflow_is_a_link_or_the_command_that_opens_it(page):
    assert "make ui" in [text(code) for code in page().select(".elsewhere code")]
    assert page(mlflow="https://ml.example/x").select_one(".elsewhere a")["href"] == "https://ml.example/x"


def test_footer_shows_run_commit_and_lock(page):
    shown = {text(entry.dt): text(entry.dd) for entry in page().select("footer dl div")}
    assert {"run": "8f2e1c0a", "commit": "1a2b", "lock": "961e"} == shown


def test_whatever_is_shown_is_text_and_not_markup(page):
    html = page(experiment="<b>x", parameters={"a": "<b>x"}, decision=REFUSED | {"failed": ["<b>x"]},
                footer={"run": "<b>x"})  # fmt: skip
    assert not html.select("b")


REPORT = "<main>\n<!--reused--><!--/reused-->\n<h1>Features</h1> a b"


def test_a_reused_report_says_by_whom_and_from_where_and_is_otherwise_the_same(tmp_path):
    (tmp_path / "old.html").write_text(REPORT)
    made = run_page.mark_reused(tmp_path / "old.html", tmp_path / "new" / "old.html", run_id="aa11", source_run="bb22")
    line = BeautifulSoup(made.read_text(), "html.parser").select_one(".reused")
    assert "Reused in run aa11 ; executed in run bb22 ." == text(line)
    assert REPORT == made.read_text().replace(str(line), "")


def test_a_report_that_is_reused_again_names_the_latest_run_only(tmp_path):
    (tmp_path / "a.html").write_text(REPORT)
    once = run_page.mark_reused(tmp_path / "a.html", tmp_path / "b.html", run_id="aa11", source_run="bb22")
    twice = run_page.mark_reused(once, tmp_path / "c.html", run_id="cc33", source_run="bb22").read_text()
    assert (1, 0) == (twice.count("cc33"), twice.count("aa11"))


def test_the_page_is_made_without_the_libraries_of_notebooks():
    code = "import sys, churn.reports.run_page; print({'nbconvert', 'nbformat', 'mlflow', 'pandas'} & set(sys.modules))"
    assert "set()\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


# --- what the stages found ---


def test_each_note_of_a_stage_stands_under_the_verdict(page):
    notes = ["31 of 7,700 rows could not be used", "`amount` has <1> odd cell", "12 rows twice"]
    assert notes == [text(line) for line in page(notes=notes).select("ul.notes li")]


def test_without_notes_there_is_no_list(page):
    assert [] == page().select("ul.notes") == page(notes=[]).select("ul.notes")


QUESTIONS = ["What was decided", "What it earns", "Whom to contact", "What changed since last time"]
KNOWN = {"snapshot": "1998-01-01", "version": 1, "auc": 0.8, "low": 0.79, "high": 0.81, "predicted": 0.3,
         "observed": 0.31}  # fmt: skip
LOOKED_BACK = {
    "alarm": False, "retrain": True, "why": "each run trains a challenger", "production": 1, "notes": [],
    "said": ["Version 1 kept its promise."],
    "months": [KNOWN, KNOWN | {"snapshot": "1998-02-01", "auc": None, "low": None, "high": None, "observed": 0.0}],
}  # fmt: skip
MONTH = {"looked_back": LOOKED_BACK, "listed": {"version": 1, "said": ["Contact 120 customers."]}, "skipped": ""}


def test_the_first_screen_tells_how_production_did_and_whom_to_contact(page):
    html = page(month=MONTH)
    assert QUESTIONS == [text(title) for title in html.select(".answers dt")]
    assert "Contact 120 customers. The list and what it earns" == text(html.select(".answers dd")[2])
    assert "Version 1 kept its promise." in text(html.select(".answers dd")[3])
    reports = [link["href"] for link in html.select(".answers a")]
    assert ["promote.html", "evaluate.html", "score.html", "monitor.html"] == reports


def test_the_months_are_told_the_newest_first(page):
    assert [
        ["1998-02-01", "1", "–", "30.0%", "0.0%"], ["1998-01-01", "1", "0.800 0.790 to 0.810", "30.0%", "31.0%"]
    ] == table(page(month=MONTH), "months")  # fmt: skip


def test_without_training_the_page_says_why_and_what_stays(page):
    html = page(month=MONTH | {"skipped": "no alarm stands"}, decision=None, evaluation=None)
    assert "Nothing was trained: no alarm stands. Version 1 stays in production." == text(html.select_one(".verdict"))


def test_the_page_opens_with_an_alarm(page):
    assert not page(month=MONTH).select(".banner")
    alarmed = LOOKED_BACK | {"alarm": True, "alarm_said": "Version 1 expects 30% to leave, and 45% left."}
    html = page(month=MONTH | {"looked_back": alarmed})
    assert "Alarm. Version 1 expects 30% to leave, and 45% left." == text(html.select_one("main > :first-child"))


# --- four answers ---

POLICY = {"contacted": 0.25, "everybody": {"estimate": -2.0}}
PICTURES = {
    "calibration": {"candidate": [[0.1, 0.2], [0.8, 0.7]], "champion": [[0.1, 0.1]]},
    "profit": [[0.0, 0.0], [0.25, -1.5], [1.0, -2.0]],
    "features": [{"name": "visits_30d", "meaning": "visits in the <last> 30 days", "share": 1.0}],
}


def answers(html: BeautifulSoup) -> dict[str, str]:
    return {text(answer.dt): text(answer.dd) for answer in html.select(".answers > div")}


def test_what_was_decided_is_told_with_by_how_much(page):
    said = answers(page(decision=REFUSED))["What was decided"]
    assert said.startswith(
        "+0.0073 AUC against the champion The two cannot be told apart: the candidate’s AUC is 0.812"
    )
    assert "−0.0021 to +0.0168 off version 1’s" in said
    assert REFUSED["failed"][0] in said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.001, 0.002, "Better beyond doubt"), (-0.02, -0.01, "Worse beyond doubt"), (0.0, 0.1, "The two cannot be told")],
)
def test_a_difference_is_beyond_doubt_where_its_interval_is_on_one_side_of_zero(page, low, high, said):
    found = copy.deepcopy(EVALUATION)
    found["intervals"][2] |= {"low": low, "high": high}
    assert said in answers(page(evaluation=found))["What was decided"]


def test_a_difference_of_nothing_has_no_sign(page):
    found = copy.deepcopy(EVALUATION)
    found["intervals"][2] |= {"estimate": -0.00001, "low": -0.001, "high": 0.001}
    assert answers(page(evaluation=found))["What was decided"].startswith("0.0000 AUC against the champion")


def test_a_run_before_without_a_decision_is_told_so(page):
    previous = {"run_id": "p", "href": None, "auc": None, "decision": None}
    said = answers(page(previous=previous))["What changed since last time"]
    assert "The run before ended without a decision." == said


def test_what_it_earns_is_told_with_its_interval_and_beside_contacting_everybody(page):
    said = answers(page(evaluation=EVALUATION | {"policy": POLICY}))["What it earns"]
    assert said.startswith("−1.50 per customer, at the test Between −2.01 and +0.25, 95 % of the time.")
    assert "It contacts 25% of the customers, from a probability of 0.414 on; contacting everybody brings −2.00" in said


def test_what_changed_is_told_against_the_run_before(page):
    previous = {"run_id": "p", "href": "../p/index.html", "auc": 0.8, "decision": "refused", "parameters": {"seed": 8}}
    said = answers(page(previous=previous))["What changed since last time"]
    assert said.startswith("+0.0124 AUC against the last run’s 0.800 1 parameter differs : seed .")
    assert "The run before ended with “refused” ( its page )." in said
    assert "Nothing: this is the first run." == answers(page())["What changed since last time"]


def test_small_figures_say_in_words_what_they_draw(page):
    html = page(evaluation=EVALUATION | {"policy": POLICY, "pictures": PICTURES}, month=MONTH)
    assert [
        "0.0% left, 30.0% expected", "Off by 3.1 points on average", "−1.50 per customer at 25% contacted",
        "Most telling",
    ] == [text(said) for said in html.select(".strip b")]  # fmt: skip
    assert "visits in the <last> 30 days visits_30d" == text(html.select_one(".weights > span"))
    assert not page().select(".strip")


def test_all_parameters_are_folded_and_only_those_that_differ_are_open(page):
    previous = {"run_id": "p", "href": None, "auc": None, "decision": None, "parameters": {"seed": 8}}
    html = page(previous=previous)
    assert [["seed", "7", "8"]] == table(html, "changes")
    assert not html.select_one("details:has(table.settings)").has_attr("open")


def test_a_failed_run_answers_nothing(page):
    assert {} == answers(page(status="FAILED", failure=FAILURE, decision=None, evaluation=None))
