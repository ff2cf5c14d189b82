"""The rules of the figures: titles that state what the data says, fixed colours, readable on any data."""

from __future__ import annotations

import struct
from datetime import date

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from churn.evaluation import calibration as judged
from churn.evaluation import metrics, profit, resampling
from churn.reports.plots import calibration, comparison, event_log, features, ranking, style, text_form, threshold

N = 400
P = np.linspace(0.01, 0.99, N)
Y = (np.random.default_rng(0).random(N) < P).astype(int)
NOISY = np.clip(P + np.random.default_rng(1).normal(0, 0.2, N), 0, 1)
LONG = "best single feature: purchase_value_mean_over_the_last_one_hundred_and_eighty_days"
MODELS = {"candidate": P, "champion": NOISY, "nobody leaves": np.full(N, 0.5), LONG: P**2}
SEGMENTS = pd.DataFrame({"plan": np.where(np.arange(N) % 2, "basic", "gold")})
ECONOMICS = {"contact_cost": 1.0, "saved_value": 10.0, "success_rate": 0.2}
X = pd.DataFrame({"worth": P})
CURVE = profit.curve(Y, P, X, economics=ECONOMICS)
ORIGINS = [judged.level(day, Y, P) for day in ("2024-01-01", "2024-02-01", "2024-03-01")]
RUNS = pd.DataFrame(
    {
        "run": ["a", "b", "c"],
        "started": pd.date_range("2025-01-01", periods=3, tz="UTC"),
        "auc_train": [0.82, 0.82, 0.83],
        "auc_test": [0.80, 0.81, 0.79],
        "low": [0.79, 0.80, 0.78],
        "high": [0.81, 0.82, 0.80],
        "version": [1, None, 2],
    }
)
EVENTS = pd.DataFrame({"month": pd.date_range("1997-01-01", periods=18, freq="MS"), "kind": "purchase", "events": 100})
SNAPSHOTS = {"train": ["1997-05-01", "1997-07-01"], "test": "1998-01-01", "serve": date(1998, 7, 1)}
BALANCE = pd.DataFrame(
    {
        "part": ["train", "train", "test"],
        "snapshot": ["1997-05-01", "1997-06-01", "1998-01-01"],
        "customers": [100, 300, 200],
        "churn_rate": [0.6, 0.8, 0.8],
    }
)
IMPORTANCE = pd.DataFrame({"feature": ["tenure_days", "active_days"], "importance": [0.01, 0.03], "std": 0.001})
FEATURES = pd.DataFrame({"recency": -P, "flat": 1.0, "empty": np.nan, LONG: NOISY, "orders": (P * 3).astype(int)})


def difference_table() -> pd.DataFrame:
    return resampling.bootstrap(Y, {"candidate": P, "champion": NOISY}, top_fraction=0.1, replicates=100, seed=1)


def policy(y: np.ndarray, p: np.ndarray, **changed) -> profit.Policy:
    given = {"economics": ECONOMICS | changed, "budget": None, "replicates": 20, "seed": 1}
    return profit.decide(y, p, pd.DataFrame({"worth": p}), **given)


def every_figure() -> dict[str, Figure]:
    return {
        "roc": ranking.roc(Y, MODELS),
        "precision_recall": ranking.precision_recall(Y, MODELS),
        "reliability": calibration.reliability(Y, MODELS),
        "gain": ranking.gain(Y, MODELS, 0.1),
        "level_by_origin": calibration.level_by_origin(ORIGINS),
        "score_distribution": calibration.score_distribution(Y, P, P >= 0.4, 0.4),
        "confusion": threshold.confusion(Y, P >= 0.4, 0.4),
        "profit_curve": threshold.profit_curve(CURVE, policy(Y, P)),
        "feature_importance": features.feature_importance(IMPORTANCE),
        "auc_by_segment": comparison.auc_by_segment(
            metrics.by_segment(SEGMENTS, Y, {"candidate": P, "champion": NOISY})
        ),
        "score_intervals": comparison.score_intervals(difference_table()),
        "auc_over_runs": comparison.auc_over_runs(RUNS),
        "events_over_time": event_log.events_over_time(EVENTS, SNAPSHOTS, 180),
        "log_overview": event_log.log_overview(EVENTS),
        "class_balance": event_log.class_balance(BALANCE),
        "feature_against_churn": features.feature_against_churn(FEATURES, Y, list(FEATURES)),
    }


FIGURES = every_figure()
COMPARISONS = ["roc", "precision_recall", "reliability", "gain", "auc_by_segment", "score_intervals"]


def title(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def line_colours(figure: Figure) -> dict[str, str]:
    return {line.get_label(): to_hex(line.get_color()) for ax in figure.axes for line in ax.lines}


def test_every_public_figure_is_checked_here():
    modules = (calibration, comparison, event_log, features, ranking, threshold)
    drawn = [
        name for module in modules for name, draw in vars(module).items()
        if hasattr(draw, "__wrapped__") and draw.__module__ == module.__name__ and name[0] != "_"
    ]  # fmt: skip
    assert sorted(drawn) == sorted(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off(name):
    figure = FIGURES[name]
    FigureCanvasAgg(figure).draw()
    drawn, page = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= page[0]
    assert drawn.y1 <= page[1]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_title_and_a_named_axis(name):
    figure = FIGURES[name]
    assert title(figure)
    assert figure.get_supxlabel() or all(ax.get_xlabel() for ax in figure.axes)


@pytest.mark.parametrize("name", COMPARISONS)
def test_candidate_and_champion_keep_their_colours(name):
    drawn = {to_hex(line.get_color()).upper() for ax in FIGURES[name].axes for line in ax.lines}
    assert {style.CANDIDATE, style.CHAMPION} <= drawn


@pytest.mark.parametrize("name", COMPARISONS[:4])
def test_baselines_are_grey_and_models_are_named_with_their_own_colour(name):
    colours = {label.split(":")[0]: tint.upper() for label, tint in line_colours(FIGURES[name]).items()}
    assert tuple(colours[model] for model in ("candidate", "champion", "nobody leaves")) == (
        style.CANDIDATE,
        style.CHAMPION,
        style.GREY,
    )


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("profit_curve", "Threshold 0.50 earned"),
        ("feature_importance", "active_days matters most, 3.0x as much as tenure_days"),
        ("auc_over_runs", "Test AUC 0.790 in the latest of 3 runs: 0.020 below the best so far, 0.040 below training"),
        ("events_over_time", "The last training label closes 4 days before the test snapshot"),
        ("log_overview", "1,800 events of 1 kind in 18 months, 100 a month on average"),
        ("class_balance", "75.0% left in training, 80.0% in the test: 5.0 points higher"),
    ],
)
def test_titles_state_the_finding(name, finding):
    assert title(FIGURES[name]).startswith(finding)


def test_a_feature_is_drawn_under_its_meaning_with_its_name_in_small_letters():
    drawn = features.feature_importance(IMPORTANCE, meanings={"active_days": "days with a purchase"})
    assert title(drawn).startswith("“days with a purchase” matters most")
    ax = drawn.axes[0]
    assert ["tenure_days", "days with a purchase"] == [label.get_text() for label in ax.get_yticklabels()]
    assert ["active_days"] == [text.get_text() for text in ax.texts]


def test_the_roc_title_is_the_auc_as_a_chance():
    y, p = np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4])
    assert title(ranking.roc(y, {"candidate": p})) == "The candidate puts a leaver ahead of a stayer 75.0% of the time"


def test_the_gain_title_is_the_lift():
    y, p = np.repeat([0, 1], [8, 2]), np.linspace(0, 1, 10)
    assert title(ranking.gain(y, {"candidate": p}, 0.1)) == "The top 10% holds 5.00x its share of leavers"


def test_the_reliability_title_says_how_far_off_and_which_way():
    y, p = np.array([0, 0, 0, 1] * 10), np.full(40, 0.35)
    found = calibration.reliability(y, {"candidate": p})
    assert title(found) == "The candidate is off by 10.0 points on average, mostly too high"


def test_the_confusion_title_counts_the_flags():
    y, p = np.array([1, 1, 1, 1, 0, 0]), np.array([0.9, 0.9, 0.9, 0.1, 0.9, 0.1])
    assert title(threshold.confusion(y, p >= 0.5, 0.5)) == "75% of the 4 flagged left; 75% of the leavers were flagged"


def test_a_threshold_that_nobody_reaches_is_said_in_words():
    assert f"Nobody is flagged, so all {Y.sum()} leavers are missed" == title(
        threshold.confusion(Y, P > 1, profit.CONTACT_NOBODY)
    )
    assert (
        title(calibration.score_distribution(Y, P, P > 1, profit.CONTACT_NOBODY)) == "No customer reaches the threshold"
    )


@pytest.mark.parametrize(
    ("saved_value", "finding"),
    [
        (0.0, "Contacting customers did not pay, however few"),
        (1e4, "Threshold 0.00 earned 1999.00 per customer, everybody 1999.00, the best choice in hindsight 1999.00"),
        (10.0, "Threshold 0.50 earned 0.50 per customer, everybody 1.00, the best choice in hindsight 1.00"),
    ],
)
def test_the_profit_title_says_when_choosing_customers_is_pointless(saved_value, finding):
    y = np.ones(20, dtype=int)
    p = np.linspace(0.001, 1, 20)
    chosen = policy(y, p, saved_value=saved_value)
    curve = profit.curve(y, p, pd.DataFrame({"worth": p}), economics=chosen.economics)
    assert title(threshold.profit_curve(curve, chosen)).startswith(finding)


def test_an_own_threshold_has_no_line_and_is_named_as_such():
    own = policy(Y, P, saved_value={"column": "worth", "margin": 1.0}, contact_cost=0.1)
    drawn = calibration.score_distribution(Y, P, P > 0.5, own.threshold)
    assert title(drawn).startswith("Each one's own threshold flags")
    assert not [line for ax in drawn.axes for line in ax.lines]
    assert "Prediction at each one's own threshold" == threshold.confusion(Y, P > 0.5, None).axes[0].get_xlabel()
    assert title(threshold.profit_curve(CURVE, own)).startswith("Each one's own threshold earned")


def test_what_everybody_and_nobody_earn_are_lines():
    labels = [line.get_label() for line in FIGURES["profit_curve"].axes[0].lines]
    everybody = f"everybody contacted: {np.mean(2.0 * Y - 1.0):.2f}"
    assert {"nobody contacted: 0.00", everybody} <= set(labels)


def test_the_level_title_names_the_worst_snapshot_and_which_way():
    low, high = (judged.level(day, Y, np.full(N, Y.mean() + off)) for day, off in (("a", -0.02), ("b", 0.1)))
    assert "The mean prediction is at worst 10.0 points too high at b" == title(
        calibration.level_by_origin([low, high])
    )
    assert "The mean prediction is 2.0 points too low at a" == title(calibration.level_by_origin([low]))


def test_the_interval_title_claims_a_difference_only_when_zero_is_outside():
    rows = [("candidate", 0.8, 0.79, 0.81), ("champion", 0.78, 0.77, 0.79)]
    for low, finding in [
        (0.01, "The candidate's AUC is clearly higher than the champion's, by 0.020"),
        (-0.01, "No clear difference in AUC"),
    ]:
        table = pd.DataFrame([*rows, ("difference", 0.02, low, 0.03)], columns=["model", "estimate", "low", "high"])
        assert title(comparison.score_intervals(table.assign(metric="auc"))).startswith(finding)


def test_the_segment_title_names_where_the_candidate_lost_most():
    table = pd.DataFrame(
        {
            "segment": "plan",
            "value": ["a", "b"],
            "customers": 100,
            "churn_rate": 0.5,
            "candidate_auc": [0.7, 0.8],
            "champion_auc": [0.75, 0.7],
        }
    )
    assert (
        title(comparison.auc_by_segment(table))
        == "The candidate is behind the champion in 1 of 2 segments, at most by 0.050 (plan = a)"
    )
    assert (
        title(comparison.auc_by_segment(table.drop(columns="champion_auc")))
        == "The weakest segment is plan = a: AUC 0.700"
    )


def test_training_labels_that_close_after_the_test_snapshot_are_called_a_leak():
    found = event_log.events_over_time(EVENTS, SNAPSHOTS | {"test": "1997-12-01"}, 180)
    assert title(found) == "The last training label closes 27 days after the test snapshot, so it leaks"


def test_labels_that_come_with_the_data_have_no_horizon_to_close():
    found = event_log.events_over_time(EVENTS, {"train": ["1998-01-01"], "test": "1998-02-01"}, 0)
    assert title(found) == "The test snapshot lies 31 days after the last training snapshot"


def test_a_shared_snapshot_is_told_apart_by_customers():
    found = event_log.events_over_time(EVENTS, {"train": ["1998-01-01"], "test": "1998-01-01"}, 30)
    assert title(found) == "Training and test share 1998-01-01, so they must not share customers"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: comparison.auc_over_runs(RUNS.head(1)),
        lambda: comparison.auc_over_runs(pd.DataFrame([])),
        lambda: comparison.auc_over_runs(pd.concat([RUNS] * 20)),
        lambda: comparison.auc_over_runs(RUNS.assign(auc_test=[None, None, 0.8], low=None, high=None, version=None)),
        lambda: ranking.roc(np.array([0, 1]), {"candidate": np.array([0.5, 0.5])}),
        lambda: ranking.precision_recall(np.array([0, 1]), {"candidate": np.array([0.5, 0.5])}),
        lambda: calibration.reliability(np.array([0, 1]), {"candidate": np.array([0.5, 0.5])}),
        lambda: comparison.auc_by_segment(metrics.by_segment(SEGMENTS.head(9), Y[:9], {"candidate": P[:9]})),
        lambda: comparison.auc_by_segment(
            pd.DataFrame(
                {
                    "segment": LONG,
                    "value": [f"{LONG} {k}" for k in range(60)],
                    "customers": 99,
                    "churn_rate": 0.5,
                    "candidate_auc": 0.7,
                }
            )
        ),
        lambda: comparison.score_intervals(
            resampling.bootstrap(Y, {"candidate": P}, top_fraction=0.1, replicates=20, seed=1), metric="log_loss"
        ),
        lambda: features.feature_importance(
            pd.DataFrame({"feature": [LONG + str(k) for k in range(40)], "importance": -1.0})
        ),
        lambda: event_log.log_overview(EVENTS.head(0)),
        lambda: features.feature_against_churn(FEATURES, Y, []),
        lambda: event_log.class_balance(BALANCE.head(1)),
        lambda: event_log.events_over_time(EVENTS.head(0), SNAPSHOTS, 180),
        lambda: event_log.events_over_time(
            pd.concat([EVENTS.assign(kind=f"a_rather_long_kind_{k}") for k in range(9)]), SNAPSHOTS, 180
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_awkward_data_still_gives_a_whole_figure(draw):
    figure = draw()
    FigureCanvasAgg(figure).draw()
    drawn, page = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, page[0] - drawn.x1, page[1] - drawn.y1) >= 0


def test_a_notebook_gets_the_picture_at_twice_the_resolution_it_is_shown_at():
    png, shown = FIGURES["roc"]._repr_png_()
    assert (2 * shown["width"], 2 * shown["height"]) == struct.unpack(">II", png[16:24])


def test_drawing_leaves_the_callers_matplotlib_settings_alone():
    with matplotlib.rc_context({"backend": "svg", "font.size": 30}):
        before = dict(matplotlib.rcParams)
        event_log.class_balance(BALANCE)
        assert before == dict(matplotlib.rcParams)


def test_the_callers_matplotlib_settings_do_not_change_the_figures():
    with matplotlib.rc_context({"axes.labelsize": 30, "axes.facecolor": "black"}):
        ax = event_log.class_balance(BALANCE).axes[0]
    assert (ax.xaxis.label.get_size(), to_hex(ax.get_facecolor())) == (10, "#ffffff")


@pytest.mark.parametrize("name", ["Umsatz (€/$) im $", "_fivetran_charges", "$x^{$", "日本", "<b>", "a\\_b"])
def test_a_name_of_any_signs_is_drawn_as_it_is(name, recwarn):
    kinds = EVENTS.assign(kind=name)
    figure = event_log.events_over_time(kinds, SNAPSHOTS, 90)
    assert figure.png
    assert [] == [warning for warning in recwarn if "Glyph" in str(warning.message)]
    assert [name] == [text.get_text().strip() for text in figure.axes[0].get_legend().get_texts()]
    assert f"line {name}" in text_form.described(figure)
    table = pd.DataFrame({"feature": [name, "b"], "importance": [0.2, 0.1], "std": [0.0, 0.0]})
    assert features.feature_importance(table).png
