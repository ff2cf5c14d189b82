"""A run ends with the command that serves what it has made."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from churn.cli import main
from churn.params import schema
from churn.state import PROJECT

SMOKE = "params/smoke.yaml"
PROMOTED = {"version": 1, "decision": "promoted"}


@pytest.fixture
def hint(tmp_path, monkeypatch):
    """The params file and the folder that the hint names, for these --set and a working directory."""

    def _hint(*overrides: str, cwd: Path = PROJECT, file: str = SMOKE) -> tuple[schema.Params, str, str]:
        monkeypatch.chdir(cwd)
        params = schema.load(file, list(overrides))
        folder = tmp_path / "the runs" / "one"
        selection = SimpleNamespace(only=())
        run = SimpleNamespace(
            params=params,
            glued={"promote": PROMOTED},
            selection=selection,
            done=[],
            index="i",
            folder=folder,
            alarm=False,
        )
        text = "\n".join(main._closing(run, file, 1.0))
        words = shlex.split(re.search(r"^  (make .*serve .*?)   #", text, re.MULTILINE)[1])
        [named] = [word.removeprefix("PARAMS=") for word in words if word.startswith("PARAMS=")]
        return params, named, words[words.index("-C") + 1] if "-C" in words else ""

    return _hint


@pytest.mark.parametrize("override", [
    "experiment=another", "serving.max_feature_age_days=7", "serving.as_of=2023-09-05T00:00:00Z",
])  # fmt: skip
def test_what_a_set_changed_of_the_serving_is_served(hint, override):
    params, named, _ = hint(override)
    assert params == schema.load(named)
    assert named.endswith("/the runs/one/params.yaml")


@pytest.mark.parametrize(
    "overrides", [(), ("train.model=hist_gradient_boosting",), ("seed=3", "features.windows_days=[7]")]
)
def test_the_file_itself_is_named_where_it_serves_the_same(hint, overrides):
    assert (SMOKE, "") == hint(*overrides)[1:]


def test_from_another_folder_make_is_told_where_it_is(hint, tmp_path):
    mine = tmp_path / "my shop.yaml"
    mine.write_text((PROJECT / SMOKE).read_text())
    assert (str(mine), str(PROJECT)) == hint(cwd=tmp_path, file="my shop.yaml")[1:]


def test_make_takes_a_params_file_with_a_blank_in_its_name():
    text = (PROJECT / "Makefile").read_text()
    assert ["'$(PARAMS)'"] * 2 == re.findall(r"(?:--params |CHURN_PARAMS=)(\S+)", text.partition("\nui:")[0])
