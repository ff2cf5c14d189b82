"""An estimator's structure in words."""

from churn.reports.estimator import structure
from churn.training import estimators


def test_the_steps_are_numbered_and_the_columns_named_by_kind():
    told = structure(estimators.logistic([f"n{i}" for i in range(8)], ["plan"], seed=7, C=0.5)).splitlines()
    assert "- one after the other:" == told[0]
    assert "        - **8** of kind *number*: n0, n1, n2, n3, n4, n5 and 2 more" in told
    assert "        - **1** of kind *category*: plan" in told
    assert "    2. `LogisticRegression(C=0.5, max_iter=2000, random_state=7)`" == told[-1]


def test_a_function_is_called_by_its_name_and_not_by_its_place_in_memory():
    told = structure(estimators.logistic(["n"], [], seed=7, C=1.0))
    assert "func=signed_log1p" in told
    assert "0x" not in told


def test_a_column_that_is_markup_stays_text():
    assert r"\[a\]" in structure(estimators.logistic(["[a]"], [], seed=7, C=1.0))
