"""What was found of a log as one JSON document: the tables behind its report."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from churn import state


def write(file: Path, tables: dict[str, pd.DataFrame], **more: object) -> Path:
    """Write tables by name, a list of rows each, and whatever else is plain; days as text, no number as null."""
    rows = {name: json.loads(table.to_json(orient="records", date_format="iso")) for name, table in tables.items()}
    return state.write_json(file, rows | more)
