"""The tables behind a report of a log as JSON."""

from __future__ import annotations

import json

import pandas as pd

from churn.log import document


def test_it_holds_days_as_text_and_no_number_as_null(tmp_path):
    days = pd.DataFrame({"day": pd.to_datetime(["2024-01-02"]), "events": [3], "usual": [float("nan")]})
    file = document.write(tmp_path / "log.json", {"hollow": days}, said=["one"])
    told = json.loads(file.read_text())
    assert ["one"] == told["said"]
    assert [3, None] == [told["hollow"][0][name] for name in ("events", "usual")]
    assert told["hollow"][0]["day"].startswith("2024-01-02")
