"""BG/NBD and Pareto/NBD: published parameters, probabilities that hold in simulated lives, and fits that say so."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit

from churn.errors import InvalidData
from churn.training.buy_till_you_die.bg_nbd import BgNbd
from churn.training.buy_till_you_die.histories import columns, from_pace
from churn.training.buy_till_you_die.pareto_nbd import ParetoNbd

MODELS = {"BG/NBD": BgNbd, "Pareto/NBD": ParetoNbd}
each_model = pytest.mark.parametrize("name", MODELS)
HORIZON = 40.0


def pace(x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The features that the histories have."""
    return np.column_stack([T - t_x, T / (x + 1), x + 1])


@pytest.fixture(scope="module")
def cdnow() -> np.ndarray:
    """The 2,357 customers of the papers in their first 39 weeks; times in weeks."""
    [file] = [f for f in importlib.metadata.files("lifetimes") if f.name == "cdnow_customers_summary.csv"]
    return pace(*pd.read_csv(file.locate())[["frequency", "recency", "T"]].to_numpy(float).T)


def lives(name: str, parameters: tuple, *, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Customers drawn as the model has them: their features at a moment of their own, and who then stays silent."""
    rng = np.random.default_rng(seed)
    r, alpha, s, beta = parameters
    T = rng.uniform(20, 200, n)
    rate = rng.gamma(r, 1 / alpha, n)
    times = np.cumsum(rng.exponential(1, (n, 200)) / rate[:, None], axis=1)
    if name == "BG/NBD":
        gone = rng.random((n, 200)) < rng.beta(s, beta, n)[:, None]
        happens = np.cumsum(gone, axis=1) - gone == 0  # the purchase after which somebody leaves still happens
    else:
        happens = times < (rng.exponential(1, n) / rng.gamma(s, 1 / beta, n))[:, None]
    before = happens & (times < T[:, None])
    silent = ~(happens & (times >= T[:, None]) & (times < T[:, None] + HORIZON)).any(axis=1)
    return pace(before.sum(axis=1).astype(float), np.where(before, times, 0).max(axis=1), T), silent


TRUE = {"BG/NBD": (1.2, 20.0, 1.5, 4.0), "Pareto/NBD": (1.2, 20.0, 0.8, 30.0)}


def with_parameters(name: str) -> BgNbd | ParetoNbd:
    model = MODELS[name](horizon_days=HORIZON)
    model.parameters_ = np.array(TRUE[name])
    return model


@pytest.mark.parametrize(
    ("name", "published"),
    [("BG/NBD", [0.243, 4.414, 0.793, 2.426]), ("Pareto/NBD", [0.553, 10.578, 0.606, 11.669])],
)
def test_the_papers_parameters_are_found_in_their_data(cdnow, name, published):
    """Fader, Hardie & Lee 2005, table 2; of a flat maximum: the last one moves by .01 while the likelihood stays."""
    found = MODELS[name](horizon_days=39).fit(cdnow).parameters_
    assert published == pytest.approx(found.tolist(), abs=1e-3, rel=1e-3)


@each_model
def test_probabilities_are_the_shares_of_simulated_customers_who_stay_silent(name):
    X, silent = lives(name, TRUE[name], n=40_000, seed=5)
    p = with_parameters(name).predict_proba(X)[:, 1]
    x, t_x, T = from_pace(X)
    for group in (x == 0, x == 1, x > 3, (x > 1) & (T - t_x > 60), T > 150):
        error = np.sqrt((p * (1 - p))[group].sum()) / group.sum()
        assert silent[group].mean() == pytest.approx(p[group].mean(), abs=3.5 * error)


@each_model
def test_parameters_are_recovered_from_simulated_customers(name):
    X, _ = lives(name, TRUE[name], n=8_000, seed=6)
    assert list(TRUE[name]) == pytest.approx(MODELS[name]().fit(X).parameters_.tolist(), rel=0.25)


@each_model
def test_a_fit_is_the_same_to_the_bit_in_any_order_of_customers_and_without_labels(name):
    X, silent = lives(name, TRUE[name], n=500, seed=7)
    first = MODELS[name]().fit(X).parameters_
    assert first.tobytes() == MODELS[name]().fit(X[::-1], silent).parameters_.tobytes()


@each_model
def test_the_unit_of_time_does_not_matter(name):
    X, _ = lives(name, TRUE[name], n=2_000, seed=8)
    days, years = X, X / [365, 365, 1]
    p, q = (MODELS[name](h).fit(of).decision_function(of) for h, of in ((HORIZON, days), (HORIZON / 365, years)))
    assert np.abs(expit(p) - expit(q)).max() < 1e-5


@each_model
def test_the_likelihood_holds_for_hundreds_of_purchases_over_years(name):
    x, t_x, T = np.array([[0.0, 0, 3000], [1, 1, 3000], [900, 2990, 3000], [900, 900, 3000], [2000, 3000, 3000]]).T
    log_odds = with_parameters(name).decision_function(pace(x, t_x, T))
    assert np.isfinite(log_odds).all()
    assert log_odds[2] < log_odds[0] < log_odds[3]


@pytest.mark.parametrize("parameters", [(0.6, 80.0, 0.4, 45.0), (0.6, 45.0, 0.4, 80.0), (3.0, 5.0, 0.01, 5.0)])
@pytest.mark.parametrize(("x", "t_x", "T"), [(0.0, 0.0, 300.0), (3.0, 100.0, 300.0), (150.0, 290.0, 291.0)])
def test_the_likelihood_is_the_integral_that_it_stands_for(parameters, x, t_x, T):
    r, alpha, s, beta = parameters
    scale = -(r + x) * np.log(alpha + t_x)

    def gone_at(t: float) -> float:
        return np.exp(-(r + x) * np.log(alpha + t) - (s + 1) * np.log(beta + t) - scale)

    there = np.exp(-(r + x) * np.log(alpha + T) - s * np.log(beta + T) - scale)
    shape = np.prod((np.arange(int(x)) + r) / (alpha + t_x)) * (alpha / (alpha + t_x)) ** r * beta**s
    expected = np.log(shape * (there + s * quad(gone_at, t_x, T, epsabs=0, limit=200)[0]))
    found = ParetoNbd.log_likelihood(np.array(parameters), *(np.array([value]) for value in (x, t_x, T)))
    assert expected == pytest.approx(found[0], rel=1e-9)


@each_model
def test_who_has_had_no_event_is_like_a_new_customer(name):
    model = with_parameters(name)
    assert model.decision_function([[0, 0, 1]]) == model.decision_function([[np.nan, np.nan, 0]])


@each_model
def test_numbers_that_no_log_can_give_still_have_a_probability(name):
    odd = [[-5.0, 10, 3], [5, -10, 3], [5, 10, -3], [500, 1, 3], [1e9, 1e9, 1e9]]
    assert np.isfinite(with_parameters(name).decision_function(odd)).all()


@each_model
def test_silence_that_a_double_cannot_tell_from_certain_is_still_a_number(name):
    assert 30 < with_parameters(name).decision_function([[2500, 3, 900]])[0] < 40


@each_model
def test_customers_who_never_leave_and_are_all_alike_are_no_trouble(name):
    """The parameters run to their limits; the probabilities are those of a Poisson process."""
    rng = np.random.default_rng(9)
    T = rng.uniform(300, 400, 3_000)
    x = rng.poisson(T / 20).astype(float)
    X = pace(x, T * rng.beta(np.maximum(x, 1), 1), T)
    p = expit(MODELS[name](HORIZON).fit(X).decision_function(X))
    assert np.exp(-HORIZON / 20) == pytest.approx(p.mean(), abs=0.01)


@each_model
def test_without_a_second_day_nothing_is_learnt(name):
    with pytest.raises(InvalidData, match="no customer has an event on a second day; nothing tells how often"):
        MODELS[name]().fit([[3.0, 10.0, 1.0], [np.nan, np.nan, 0.0]])


@each_model
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_search_that_finds_no_maximum_is_told(name):
    with pytest.raises(InvalidData, match="no most likely parameters were found from 2 histories"):
        MODELS[name]().fit([[3.0, 10.0, 3.0], [np.inf, np.inf, 2.0]])


def test_the_features_of_pace_are_found_by_their_names():
    features = ["days_since_visit", "days_per_order", "active_days_order", "days_since_order"]
    assert ["days_since_order", "days_per_order", "active_days_order"] == columns(features)
    assert [] == columns(["days_since_visit", "days_per_order", "days_since_order"])
