"""The mutants of the notebooks: small, different from the original, and the same in every run."""

from __future__ import annotations

import pytest

from tests.mutation.mutate_notebooks import STAGES, all_mutants
from tests.mutation.operators import mutants, names


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("p >= 0.5", ["p > 0.5", "p >= 0.75"]),
        ("n + 1", ["n - 1", "n + 2"]),
        ("rows[rows.part == 'test']", ["rows[rows.part != 'test']", "rows[rows.part == 'train']"]),
        ("f('2024-02-29')", ["f('2024-03-01')"]),
        ("f(x, k=True)", ["f(x)", "f(x, k=False)"]),
        ("days[-1]", ["days[1]", "days[-2]"]),
        ("{*train, test}", ["{test}", "{*train}"]),
        ("scores | more", ["scores"]),
        ("a or 0", ["a", "a or 1"]),
        ("f(x) if x else None", ["f(x)", "None"]),
        ("run.finish()", [""]),
        ("store.apply(x)\nx", ["x"]),
        ("show(x)", []),
        ("f'AUC {auc}'", []),
        ("f('the input')", []),
        ("import churn", []),
    ],
)
def test_an_operator_a_constant_a_name_or_an_argument_changes_and_wording_does_not(code, expected):
    assert expected == mutants(code, set())[1:]


def test_a_variable_is_only_replaced_by_one_that_exists():
    assert ["f(champion)"] == mutants("f(candidate)", {"candidate", "champion"})[1:]
    assert [] == mutants("f(candidate)", {"candidate"})[1:]
    assert {"a", "b", "models"} == names("from churn import model as models\na, b = f(c)")


def test_every_notebook_has_many_mutants_and_they_are_the_same_in_every_run():
    made = all_mutants()
    assert made == all_mutants()
    assert all(sum(m.stage == stage for m in made) >= 25 for stage in STAGES)
    assert all(m.original != m.source for m in made)
