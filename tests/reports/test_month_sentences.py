"""Sentences about a month, and the table and the figures beside them: on what they were given, and on nothing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from churn.monitoring import drift, effect, matured, retrain, service
from churn.reports import month_sentences, tables
from churn.reports.plots import monitoring, text_form

EMPTY = matured.figures([])
ROW = dict(zip(matured.FIGURES, [
    "list", "2023-10-01", 1, False, 5000, 0.712, 0.69, 0.734, 0.72, 0.7, 0.74, 0.2, 0.19, 0.21, 0.19,
    0.061, 0.031, 0.091, 0.058, 0.052, 0.064, np.nan, np.nan,
], strict=True))  # fmt: skip
ESTIMATE = {
    "snapshot": "2023-11-01", "version": 1, "known_on": "2023-12-01",
    "auc": {"estimate": 0.7, "low": 0.68, "high": 0.72}, "log_loss": {"estimate": 0.2, "low": 0.18, "high": 0.22},
}  # fmt: skip
JUDGED = retrain.NO_ALARM | {
    "why": "after 1 month the evidence is 0.5; an alarm is raised at 20", "e_value": 0.5,
    "path": [{"snapshot": "2023-10-01", "known_on": "2023-10-31", "version": 1, "e_value": 0.5}],
}  # fmt: skip
LIST = dict(zip(effect.BY_LIST, ["2023-10-01", 1, 400, 400, 80, 100, 30, 0.8, 0.7, 0.1, 0.01, 0.2], strict=True))
MEASURED = {
    "difference": {"estimate": 0.1, "low": 0.01, "high": 0.2}, "assumed": 0.25, "crossed": 0, "inside": True,
    "success_rate": {"estimate": 0.33, "low": 0.1, "high": 0.5}, "by_list": [LIST],
}  # fmt: skip
NOTHING = {"difference": None, "success_rate": None, "assumed": 0.25, "crossed": 0, "inside": None, "by_list": []}
MOVED = pd.DataFrame([[drift.SCORE, 0.1, -0.016, "0.0677", "0.0513", 0.0, 0.0],
                      ["payment_count", 0.7, -0.035, "3.007", "5.736", 0.0, 0.0],
                      ["plan", 0.1, 0.002, "basic 50%", "basic 60%", 0.0, 0.0]], columns=drift.DRIFT)  # fmt: skip
COUNTS = pd.DataFrame([[1, 4, 40, 38, 0.1, pd.Timestamp("2023-09-02"), pd.Timestamp("2023-09-03"), 3, 40, 0]],
                      columns=service.COUNTS)  # fmt: skip
COMPACTED = {"days": 2, "before": 90, "after": 2}


def figures(*changed: dict) -> pd.DataFrame:
    return pd.DataFrame([ROW | row for row in changed or [{}]], columns=matured.FIGURES)


def test_the_first_run_says_in_one_line_that_nothing_is_in_production():
    nothing = "Nothing is in production yet, so there is nothing to look back at."
    assert nothing == month_sentences.in_production(0, "", made_by_it=0)
    assert [nothing] == month_sentences.said(0, EMPTY, {}, retrain.NO_ALARM, NOTHING)
    assert [] == month_sentences.months(EMPTY)
    assert [] == month_sentences.notes(0)


def test_what_is_in_production_since_when_and_how_many_lists_it_made():
    assert "**Version 2** is in production since 2023-10-01, and has made 1 list." == month_sentences.in_production(
        2, "2023-10-01", made_by_it=1)  # fmt: skip
    assert "**Version 2** is in production, and has made no list yet." == month_sentences.in_production(
        2, "", made_by_it=0
    )


def test_a_list_that_came_true_is_held_against_its_promise():
    assert (
        "The list of 2023-10-01 (version 1) came true with an AUC of **0.712** (0.690 to 0.734), promised 0.720 "
        "(0.700 to 0.740): as promised. **6.1%** were expected to leave (3.1% to 9.1%), **5.8%** left."
    ) == month_sentences.came_true(figures(), ESTIMATE)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"auc": 0.65, "auc_low": 0.62, "auc_high": 0.68}, "(0.700 to 0.740): below what was promised."),
        ({"auc": 0.8, "auc_low": 0.78, "auc_high": 0.82}, "(0.700 to 0.740): above what was promised."),
        ({"auc_promised": None}, "(0.690 to 0.734); nothing was promised."),
        ({"observed": 0.12}, "**12.0%** left: outside what was expected."),
        ({"auc": np.nan}, "cannot be ranked: all of its 5,000 customers did the same."),
        ({"observed_uncontacted": 0.07, "auc_uncontacted": 0.73},
         "Had nobody been contacted, 7.0% would have left, with an AUC of 0.730: those kept back tell."),
    ],
)  # fmt: skip
def test_what_did_not_come_true_as_promised_is_said(changed, said):
    assert said in month_sentences.came_true(figures(changed), {})


def test_before_a_list_comes_true_it_is_said_when_it_will():
    assert (
        "No list has come true yet: what became of the customers listed on 2023-11-01 is known on 2023-12-01."
    ) == month_sentences.came_true(EMPTY, ESTIMATE)
    assert "There is no list yet that could have come true." == month_sentences.came_true(EMPTY, {})


def test_the_alarm_says_what_it_means():
    assert month_sentences.alarm(retrain.NO_ALARM).startswith("**No alarm**: no list has come true yet.")
    assert (
        "**No alarm**: after 1 month the evidence is 0.5; an alarm is raised at 20; a model that has not changed is called "
        "broken in at most 5% of all lifetimes, however often one looks."
    ) == month_sentences.alarm(JUDGED)
    standing = JUDGED | {"standing": True, "raised_on": "2023-10-31", "why": "more left than was promised"}
    assert "**An alarm stands** since 2023-10-31: more left than was promised." == month_sentences.alarm(standing)


def test_what_contacting_did_is_told_with_the_assumption():
    assert (
        "On 1 list 400 were to be contacted, 400 were (as the file says), and 100 were kept back. Of those to be contacted "
        "80.0% stayed, of those kept back 70.0%: whoever was contacted stayed **10.0 points more often** (+1.0 to +20.0): "
        "contacting keeps customers. That is a success rate of 33% (10% to 50%), where 25% is assumed: nothing speaks against that."
    ) == month_sentences.effect(MEASURED, has_file=True)
    assert "Nothing can be said of contacting yet" in month_sentences.effect(NOTHING, has_file=False)


@pytest.mark.parametrize(
    ("low", "high", "said"), [(-0.2, -0.01, "contacting drives customers away"), (-0.1, 0.1, "no effect can be told")]
)
def test_an_effect_is_told_from_chance(low, high, said):
    changed = MEASURED | {"difference": {"estimate": -0.05, "low": low, "high": high}}
    told = month_sentences.effect(changed, has_file=False)
    assert said in told
    assert "5.0 points less often" in told
    assert "all who were to be, since no file says who was" in told


def test_an_assumption_outside_of_what_was_measured_is_said_with_its_remedy():
    off = MEASURED | {"inside": False, "assumed": 0.6}
    assert month_sentences.effect(off, has_file=False).endswith(
        "That is a success rate of 33% (10% to 50%), where 60% is assumed, too much: set "
        "`evaluate.economics.success_rate` to what was measured."
    )
    assert "Too few left" in month_sentences.effect(MEASURED | {"success_rate": None}, has_file=False)


def test_an_answer_that_differs_is_a_note():
    [note] = month_sentences.notes(3)
    assert "prediction log: 3 answers are not what their version makes of the logged features" == note


def test_the_month_in_plain_sentences_has_no_marks_of_weight():
    said = month_sentences.said(1, figures(), ESTIMATE, JUDGED, MEASURED)
    assert 4 == len(said)
    assert not [sentence for sentence in said if "*" in sentence]
    assert "The list of 2023-11-01 is open until 2023-12-01; its AUC is estimated at 0.700 (0.680 to 0.720)." == said[2]
    assert "(+1.0 to +20.0): contacting keeps customers. That is a success rate of 33%" in said[3]
    assert 1 == len(month_sentences.said(1, EMPTY, ESTIMATE, retrain.NO_ALARM, NOTHING))


def test_months_for_the_page_are_current_lists_in_plain_values():
    rows = figures({"superseded": True}, {"auc": np.nan}, {"from": "log"})
    [month] = month_sentences.months(rows)
    assert {"snapshot": "2023-10-01", "version": 1, "auc": None, "low": 0.69, "high": 0.734, "predicted": 0.061,
            "observed": 0.058} == month  # fmt: skip


def test_the_service_says_what_the_log_cannot_know():
    told = month_sentences.service(COUNTS, {2: "its files are gone"}, COMPACTED)
    assert told.startswith("40 predictions in 4 requests, **40 of 40** recomputed to the last bit.")
    assert "Version 2 was not recomputed: its files are gone." in told
    assert "90 files of 2 finished days are now 2." in told
    assert "(malformed, without a key, too many at once) is counted at `/metrics` alone" in told
    assert "**2 differ**" in month_sentences.service(COUNTS.assign(differing=2), {}, COMPACTED)
    assert "answered nobody yet" in month_sentences.service(COUNTS.head(0), {}, COMPACTED)


def test_a_segment_that_is_markup_stays_text():
    off = {
        "segment": "<b>",
        "value": "*x*",
        "predicted": 0.1,
        "observed": 0.3,
        "observed_low": 0.2,
        "observed_high": 0.4,
    }
    assert r"*&lt;b&gt;* = *\*x\**: 10.0% expected" in month_sentences.segments(pd.DataFrame([off]))


def test_drift_explains_and_is_called_no_alarm():
    told = month_sentences.drift(MOVED, "", meanings={"payment_count": "payments *in* all"})
    assert "the mean score is -1.6 points from that of the training rows (0.0677 → 0.0513)" in told
    assert r"*payments \*in\* all* (-3.5 points, 3.007 → 5.736)" in told
    assert "is no alarm" in told
    assert "Nothing to compare: nothing is in production yet." == month_sentences.drift(
        MOVED.head(0), "nothing is in production yet", meanings={}
    )


def test_segments_off_by_more_than_chance_are_named():
    table = pd.DataFrame([["plan", "gold", 100, 0.7, 0.1, 0.2, 0.12, 0.28], ["plan", "x_*", 100, 0.7, 0.1, 0.1, 0.05, 0.15]],
                         columns=matured.BY_SEGMENT)  # fmt: skip
    assert "In 1 of 2 segments" in month_sentences.segments(table)
    assert "*plan* = *gold*: 10.0% expected, 20.0% left." in month_sentences.segments(table)
    assert "In none of 1 segments" in month_sentences.segments(table.tail(1))
    assert "No list has come true yet" in month_sentences.segments(table.head(0))


def test_the_estimate_says_its_assumption():
    told = month_sentences.estimate(ESTIMATE)
    assert "AUC **0.700** (0.680 to 0.720)" in told
    assert "takes for granted" in told
    assert "There is no list whose outcome is still open." == month_sentences.estimate({})


def test_what_contacting_does_to_the_figures_is_told():
    assert "nothing tells by how much" in month_sentences.contacts(figures())
    assert "the alarm looks at these" in month_sentences.contacts(figures({"observed_uncontacted": 0.06}))
    assert "will hold the effect of contacting" in month_sentences.contacts(EMPTY)


def test_the_decision_is_told():
    assert "**Nothing is trained**: no alarm stands." == month_sentences.decided(False, "no alarm stands")
    assert "**A model is trained**: an alarm stands." == month_sentences.decided(True, "an alarm stands")


def test_the_table_holds_each_number_with_its_interval():
    html = re.sub(r"\s+", " ", tables.came_true(figures()).to_html())
    assert "0.712 (0.690 to 0.734)" in html
    assert "6.1% (3.1% to 9.1%)" in html
    assert "nan" not in html.lower()
    assert tables.came_true(EMPTY).to_html()


@pytest.mark.parametrize(("months", "labelled"), [(1, [1]), (8, range(1, 9)), (12, range(2, 13, 2))])
def test_the_last_month_has_a_label_and_as_many_before_it_as_fit(months, labelled):
    days = [f"2023-{month:02}-01" for month in range(1, months + 1)]
    lists = figures(*({"snapshot": day} for day in days))
    path = [JUDGED["path"][0] | {"known_on": day} for day in days]
    dates = "  x: " + ", ".join(days[month - 1] for month in labelled)
    for drawn in (monitoring.over_time(lists), monitoring.evidence(path, 20.0)):
        assert dates in text_form.described(drawn).splitlines()


@pytest.mark.parametrize(
    ("figure", "title"),
    [
        (lambda: monitoring.over_time(EMPTY), "No list has come true yet"),
        (lambda: monitoring.evidence([], 20.0), "There is no evidence yet: no list has come true"),
        (lambda: monitoring.moved(MOVED.head(0)), "There is no version in production whose features could have moved"),
        (lambda: monitoring.contacting(NOTHING), "No contact has been measured yet"),
        (lambda: monitoring.over_time(figures({}, {"snapshot": "2023-11-01", "version": 2, "auc": None, "auc_low": None},
                                              {"from": "log"}), raised_on="2023-10-31"),
         "5.8% left of the customers listed on 2023-11-01, 6.1% predicted"),
        (lambda: monitoring.evidence([*JUDGED["path"], JUDGED["path"][0] | {"e_value": 31.0}], 20.0),
         "The evidence that the model is broken is 31, over the limit 20"),
        (lambda: monitoring.moved(MOVED), "The mean score has moved by -1.6 points since training"),
        (lambda: monitoring.contacting(MEASURED),
         "The contacted stayed 10.0 points more often than those kept back, which is no chance"),
    ],
)  # fmt: skip
def test_a_figure_s_title_says_the_finding_and_it_can_be_drawn(figure, title):
    drawn = figure()
    assert title == " ".join(drawn.get_suptitle().split())
    assert text_form.described(drawn).startswith(title[:20])
    assert drawn.png
