"""The same input gives the same result to the last bit, wherever and however it is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from churn import engine, state
from churn.audit import row_hashes
from churn.features import build
from churn.params import schema
from churn.pipeline import stage_parameters
from churn.sources import inputs
from churn.state import PROJECT
from churn.training import estimators, labels
from tests import shop

IN_ORDER = ["log/1.csv", "log/2.csv", "log/3.csv"]
DEALT_ANEW = ["log/2024/z.csv", "log/b.csv", "log/a.csv", "log/2023.csv", "log/2024/a.csv"]


def prints(file: Path, folder: Path, *, threads: int) -> dict:
    """Fingerprints of what is staged, of every feature table and of the labels."""
    given, con = schema.load(file), engine.connect(threads=threads)
    source = inputs.read(con, stage_parameters.input_of(given), state.path("shop", "source"))
    label = given.label.model_dump(exclude_none=True)
    days = sorted({*map(str, given.snapshots.train), str(given.snapshots.test)})
    made = build.feature_tables(con, source, experiment="shop", snapshots=days, kinds_before=days[-2],
                                **given.features.model_dump(), label=label)  # fmt: skip
    labelled = labels.build(source.events, source.customers, None, snapshots=days, label=label)
    engine.write_parquet(con, labelled, folder / "labels.parquet")
    tables = state.path("shop", "source").glob("*.parquet")
    staged = {path.stem: row_hashes.of_table(path)[0]["fingerprint"] for path in tables}
    return staged | {
        "features": made["fingerprint"],
        "labels": row_hashes.of_table(folder / "labels.parquet")[0]["fingerprint"],
    }


def test_data_features_and_labels_do_not_depend_on_files_rows_and_threads(state_folder, tmp_path):
    orderly = prints(shop.write(tmp_path / "one", names=IN_ORDER), tmp_path, threads=1)
    shuffled = prints(shop.write(tmp_path / "two", names=DEALT_ANEW, shuffle=11), tmp_path, threads=4)
    assert {"events", "customers", "rejected", "features", "labels"} == set(orderly)
    assert orderly == shuffled


@pytest.mark.parametrize("estimator", [{"model": "logistic", "settings": {"C": 1.0}},
                                       {"model": "hist_gradient_boosting", "settings": {"max_iter": 5}}])  # fmt: skip
def test_a_model_has_the_same_bits_on_any_number_of_cores(estimator):
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.gamma(1.0, 10.0, (40_000, 12)), columns=[f"feature_{i}" for i in range(12)])
    y = (rng.random(len(X)) < 1 / (1 + np.exp(3 - X.feature_0 / 5))).astype("int64").to_numpy()
    bits = set()
    for cores in (1, 2):
        with threadpool_limits(cores):
            bits.add(estimators.probability(estimators.fit(X, y, seed=3, **estimator), X).tobytes())
    assert 1 == len(bits)


@pytest.fixture(scope="module")
def other_locale(tmp_path_factory) -> dict[str, str]:
    """A locale with a decimal comma, letters of its own and no Unicode; plain C where it cannot be made."""
    name, folder = "tr_TR.ISO-8859-9", tmp_path_factory.mktemp("locale")
    make = ["localedef", "-i", "tr_TR", "-f", "ISO-8859-9", str(folder / name)]
    try:
        subprocess.run(make, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return {"LC_ALL": "C"}
    return {"LC_ALL": name, "LOCPATH": str(folder)}


def results(folder: Path, file: Path, *, cores: int | None = None, **environment: str) -> dict:
    """What a run would be compared on, from input to decision; `cores`: of so many only."""
    few = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))] if cores else []
    kept = {name: value for name, value in os.environ.items() if name not in ("MLFLOW_TRACKING_URI", "PYTHONPATH")}
    made = subprocess.run(
        [*few, sys.executable, str(PROJECT / "tests/end_to_end/plain_run.py"), str(file)], cwd=folder, check=False,
        env=kept | {"CHURN_STATE": str(folder / "state"), "PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "1"}
        | environment, capture_output=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert 0 == made.returncode, made.stderr[-3000:]
    return json.loads(made.stdout)


def differing(one: dict, two: dict) -> list[str]:
    return [what for what in one | two if one.get(what) != two.get(what)]


@pytest.mark.system
@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_run_is_the_same_on_one_core_and_in_another_country_with_more_threads_on_other_files(other_locale, tmp_path):
    one_core = results(tmp_path / "here", shop.write(tmp_path / "here", names=IN_ORDER), cores=1)
    abroad = other_locale | {"TZ": "Asia/Kolkata", "PYTHONHASHSEED": "4242"}
    threads = {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}
    file = shop.write(tmp_path / "there", names=DEALT_ANEW, shuffle=11)
    assert None not in one_core.values()
    assert [] == differing(one_core, results(tmp_path / "there", file, **abroad, **threads))
