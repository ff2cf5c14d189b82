"""What is known of a replay is what was lived."""

import json

import pytest

from churn.params import schema
from churn.replay.record import Life


@pytest.mark.parametrize("file", ["cdnow", "shop", "smoke", "streaming"])
def test_a_life_read_from_its_file_has_the_parameters_that_it_was_lived_by(tmp_path, file):
    params = schema.load(f"params/{file}.yaml")
    told = json.loads(json.dumps(params.model_dump(mode="json")))
    assert params == Life("always", told, tmp_path, []).settings


def test_the_day_of_a_break_is_a_date_again(tmp_path):
    params = schema.load("params/shop.yaml", ["data.breaks={packs: 2024-07-01}"])
    life = Life("always", params.model_dump(mode="json"), tmp_path, [])
    assert params.data.breaks.packs == life.settings.data.breaks.packs
