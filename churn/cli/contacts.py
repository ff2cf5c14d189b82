"""Whom to contact, for `churn list`: read from the newest list, or written to a file that one names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from churn import state
from churn.errors import UserError
from churn.scoring import lists
from churn.scoring.lists import ScoreList

WRITERS = {".csv": pd.DataFrame.to_csv, ".parquet": pd.DataFrame.to_parquet}


def newest(experiment: str) -> ScoreList:
    """The list of the newest snapshot. Raises UserError where there is none."""
    if found := lists.latest(experiment) or _of_another_machine(experiment):
        return found
    raise UserError(f"{experiment} has no list of customers yet; run the pipeline until a version is in production")


def _of_another_machine(experiment: str) -> ScoreList | None:
    """The list that the newest run keeps, where MLflow lies on a server and the runs were made elsewhere."""
    if state.tracking_uri().startswith("sqlite:"):
        return None
    from churn.registry import runs  # MLflow: seconds

    if not (run_id := runs.newest_with(experiment, lists.DOCUMENT)):
        return None
    document = runs.document(run_id, lists.DOCUMENT)
    return ScoreList(runs.artifact(run_id, lists.ROWS).parent, document)


def read(found: ScoreList, most: int | None) -> dict:
    """What the list says of itself, and the first of those to contact, all where `most` is None."""
    rows = found.to_contact(most)
    return _told(found) | {"customers": rows.astype(object).where(rows.notna(), None).to_dict("records")}


def write(found: ScoreList, most: int | None, out: str) -> dict:
    """Write the first of those to contact to a file, whole or not at all. Raises UserError for one of another kind."""
    target = Path(out).absolute()
    if (writer := WRITERS.get(target.suffix.lower())) is None or target.is_dir():
        raise UserError(
            f"--out {out}: the list is written as CSV or Parquet; name a file that ends in .csv or .parquet"
        )
    rows = found.to_contact(most)
    with state.replacing(target) as temporary:
        writer(rows, temporary, index=False)
    return _told(found) | {"written": len(rows), "out": str(target)}


def _told(found: ScoreList) -> dict:
    return {name: found.document[name] for name in ("experiment", "snapshot", "version", "contact", "budget")}
