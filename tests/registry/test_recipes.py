"""Against whom a candidate is measured: the version in production, those before it, and how the recipes differ."""

from __future__ import annotations

import pytest

from churn.registry import recipes, versions
from churn.registry.versions import Loaded, Version
from tests.registry.test_decisions import NAME, decide, roll_back

SNAPSHOTS = ["2024-01-01", "2024-02-01"]


def loaded(
    columns: str = "ab", *, model: str = "logistic", settings: dict | None = None, snapshots=SNAPSHOTS
) -> Loaded:
    tags = recipes.tags(model=model, settings=settings or {"C": 1.0}, snapshots=snapshots)
    return Loaded(Version("mine", 1, "None", "run", "models:/x", tags), None, list(columns), {})


CHAMPION = loaded()


@pytest.mark.parametrize(
    ("candidate", "same_recipe", "as_new", "simpler"),
    [
        (loaded(), True, True, False),
        (loaded("ba"), True, True, False),
        (loaded(snapshots=["2024-03-01"]), True, True, False),
        (loaded(snapshots=["2023-12-01", "2024-01-01"]), True, False, False),
        (loaded(settings={"C": 2.0}), False, True, False),
        (loaded("a"), False, True, True),
        (loaded("abc"), False, True, False),
        (loaded(model="hist_gradient_boosting"), False, True, False),
        (loaded("a", model="hist_gradient_boosting"), False, True, False),
        (loaded(model="bg_nbd"), False, True, True),
        (loaded("abc", model="pareto_nbd"), False, True, False),
    ],
)
def test_a_refresh_has_the_champions_recipe_and_what_is_simpler_has_less(candidate, same_recipe, as_new, simpler):
    expected = {"same_recipe": same_recipe, "as_new": as_new, "simpler": simpler}
    assert expected == recipes.relation(candidate, CHAMPION)


def test_a_logistic_regression_is_simpler_than_trees_and_trees_are_not_simpler_than_it():
    trees = loaded(model="hist_gradient_boosting")
    assert recipes.relation(CHAMPION, trees)["simpler"]
    assert not recipes.relation(trees, CHAMPION)["simpler"]


def test_what_a_version_of_an_earlier_release_does_not_say_is_not_held_against_the_candidate():
    old = Loaded(Version("mine", 1, "None", "run", "models:/x", {"model": "logistic"}), None, ["a", "b"], {})
    assert {"same_recipe": True, "as_new": True, "simpler": False} == recipes.relation(CHAMPION, old)


def test_without_a_champion_there_is_no_relation():
    assert recipes.relation(CHAMPION, None) is None


def test_a_version_is_never_its_own_rival(world):
    one, two = (versions.load(versions.get(NAME, number)) for number in (1, 2))
    assert (None, False) == recipes.rival(one)
    decide(1)
    assert (None, True) == recipes.rival(one)
    champion, itself = recipes.rival(two)
    assert (1, False) == (champion.version.version, itself)


def test_the_versions_before_the_champion_are_remembered_newest_first_without_what_was_taken_back(world):
    candidate = versions.load(versions.get(NAME, 4))
    for number in (1, 2, 3):
        decide(number)
    champion = recipes.rival(candidate)[0]
    assert [2, 1] == [v.version.version for v in recipes.earlier(candidate, champion)]
    roll_back(2)
    assert [1] == [v.version.version for v in recipes.earlier(candidate, recipes.rival(candidate)[0])]
    two = versions.load(versions.get(NAME, 2))
    assert [1] == [v.version.version for v in recipes.earlier(two, recipes.rival(two)[0])]


def test_only_the_last_twelve_are_remembered_and_one_that_cannot_be_loaded_is_left_out(world, monkeypatch):
    for number in (1, 2, 3):
        decide(number)
    candidate = versions.load(versions.get(NAME, 4))
    monkeypatch.setattr(recipes, "REMEMBERED", 1)
    assert [3] == [v.version.version for v in recipes.earlier(candidate, None)]
    monkeypatch.setattr(recipes, "REMEMBERED", 12)
    versions.tag(NAME, 2, {"digest": "another"})
    assert [3, 1] == [v.version.version for v in recipes.earlier(candidate, None)]


def test_whoever_fits_a_loaded_version_again_changes_it_for_nobody_else(world):
    version = versions.get(NAME, 1)
    spoilt = versions.load(version)
    expected = versions.load(version).pipeline["classifier"].coef_.tolist()
    spoilt.pipeline["classifier"].coef_ *= 0
    spoilt.metadata.clear()
    found = versions.load(version)
    assert expected == found.pipeline["classifier"].coef_.tolist()
    assert found.metadata
