"""`churn check`: what stops a run is told before it, in the run's own words."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from churn.cli.main import main
from tests import commands, shop

FILES = ["log/one.csv", "log/two.csv"]


def changed(params: Path, **sections) -> Path:
    """The params file with sections in the place of its own."""
    tree = yaml.safe_load(params.read_text()) | sections
    params.write_text(yaml.safe_dump(tree))
    return params


def missing(folder: Path) -> Path:
    params = shop.write(folder, names=FILES)
    (folder / "people.csv").unlink()
    return params


def unusable(folder: Path) -> Path:
    params = shop.write(folder, names=FILES)
    with (folder / FILES[0]).open("a") as log:
        log.write("k0001,2024-02-30,order,1.00\n" * 500)
    return params


def too_short(folder: Path) -> Path:
    return changed(shop.write(folder, names=FILES), snapshots={"every": "month", "train": 9})


def horizon_beyond_the_log(folder: Path) -> Path:
    dates = {"train": [date(2024, 4, 1), date(2024, 5, 1)], "test": date(2024, 10, 1), "serve": date(2024, 10, 25)}
    return changed(shop.write(folder, names=FILES), snapshots=dates)


def several_rows_a_customer(folder: Path) -> Path:
    params = shop.write(folder, names=FILES)
    with (folder / "people.csv").open("a") as people:
        people.write("k0001,2023-12-31,Genève\n")
    return params


def nobody_leaves(folder: Path) -> Path:
    label = {"rule": "event", "kind": "cancel", "horizon_days": 45}
    return changed(shop.write(folder, names=FILES), label=label)


@pytest.mark.parametrize(
    "bad", [missing, unusable, too_short, horizon_beyond_the_log, several_rows_a_customer, nobody_leaves]
)
def test_what_stops_a_run_is_told_before_it_in_its_words(bad, tmp_path, state_folder):
    params = bad(tmp_path / "shop")
    checked = commands.churn("check", state=tmp_path / "other", params=params)
    ran = commands.run_pipeline(state=state_folder, params=params)
    said = ran.stderr[ran.stderr.index("error: ") :].splitlines()[0]
    assert (2, said) == (checked.returncode, checked.stderr.splitlines()[-1])
    assert "stops" in checked.stdout


def test_a_sound_file_is_told_with_who_counts_and_who_leaves(tmp_path, state_folder, capsys):
    params = shop.write(tmp_path / "shop", names=FILES)
    assert 0 == main(["check", "--params", str(params), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (None, []) == (told["stops"], [row for row in told["rows"] if row["outcome"] == "stops"])
    assert ["train", "train", "test", "serve"] == [row["role"] for row in told["snapshots"]]
    assert all(row["population"] > row["leavers"] > 0 for row in told["snapshots"][:3])
    assert told["snapshots"][3]["rate"] is None
    assert {path.name for path in state_folder.iterdir()} == {"shop"}
    assert ["log"] == [path.name for path in (state_folder / "shop").iterdir()]


def test_another_horizon_is_told_beside_that_of_the_file(tmp_path, state_folder, capsys):
    params = shop.write(tmp_path / "shop", names=FILES)
    assert 0 == main(["check", "--params", str(params), "--json"])
    own = json.loads(capsys.readouterr().out)
    assert [] == own["by_the_file"]
    assert 0 == main(["check", "--params", str(params), "--set", "label.horizon_days=20", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert own["snapshots"] == told["by_the_file"]
    assert [row["population"] for row in own["snapshots"]] == [row["population"] for row in told["snapshots"]]
    assert all(now["rate"] > was["rate"] for now, was in zip(told["snapshots"][:3], own["snapshots"][:3], strict=True))
    assert [("now", 20), ("file", 45)] == [(row["by"], row["days"]) for row in told["silent_for_a_horizon"]]
    shares = [row["share"] for row in told["silent_for_a_horizon"]]
    assert 1 > shares[0] > shares[1] > 0


def test_the_table_is_text_with_one_error_line(tmp_path, state_folder, capsys):
    assert 2 == main(["check", "--params", str(missing(tmp_path / "shop"))])
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("error: ") and "people.csv" in line
    assert ["what", "found", "outcome"] == out.splitlines()[0].split()
    assert any(row.split()[0] == "disk" for row in out.splitlines())


def test_a_store_that_does_not_answer_is_a_row_like_any_other(tmp_path, state_folder, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert 2 == main(["check", "--params", str(shop.write(tmp_path / "shop", names=FILES)), "--json"])
    out, err = capsys.readouterr()
    told = json.loads(out)
    stops = [row for row in told["rows"] if row["outcome"] == "stops"]
    assert ["MLflow"] == [row["what"] for row in stops]
    assert err.splitlines()[-1] == f"error: {told['stops']}"
    assert "the tracking server that MLFLOW_TRACKING_URI names does not answer" in told["stops"]
    assert 4 == len(told["snapshots"])
