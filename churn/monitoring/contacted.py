"""Who was really contacted, and when: a file of the people who do it, checked before a run begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from churn import engine
from churn.errors import InvalidData, first_line

if TYPE_CHECKING:
    from churn.scoring.lists import ScoreList

CUSTOMER, AT = ("customer_id", "customer"), "at"
SHOWN = 3  # examples in a message


def check(path: str | Path, lists: Sequence[ScoreList]) -> pd.DataFrame:
    """The file, read, and nobody in it whom no list has. Raises InvalidData, in one line."""
    rows = read(path)
    known = {customer for made in lists for customer in made.rows(["customer_id"]).customer_id}
    unknown = [customer for customer in rows.customer_id.unique() if customer not in known]
    if unknown and not lists:
        raise InvalidData(
            f"contacted {path}: there is no list yet that tells whom to contact; leave it away until then"
        )
    if unknown:
        more = f" and {len(unknown) - SHOWN:,} more" if len(unknown) > SHOWN else ""
        named = ", ".join(map(repr, unknown[:SHOWN])) + more
        raise InvalidData(
            f"contacted {path}: each customer is on a list; found {named} on none; "
            "give the ids as the lists have them, as text (a spreadsheet drops leading zeros), or leave these away"
        )
    return rows


def given(path: str, lists: Sequence[ScoreList]) -> pd.DataFrame | None:
    """The same where a file is named; None where `path` is empty."""
    return check(path, lists) if path else None


def read(path: str | Path) -> pd.DataFrame:
    """Who was contacted: customer_id (text) and at (UTC), a row a contact, in the file's order. Raises InvalidData.

    CSV or Parquet with the columns customer_id (or customer) and at, in ISO 8601; a time without a zone is in UTC.
    """
    given = _rows(Path(path))
    column = next((name for name in CUSTOMER if name in given), None)
    if column is None or AT not in given:
        found = ", ".join(map(str, given.columns)) or "none"
        raise InvalidData(f"contacted {path}: has the columns customer_id (or customer) and at; found {found}")
    customers = given[column].astype("string").str.strip()
    at = pd.to_datetime(given[AT], format="ISO8601", utc=True, errors="coerce")
    _refuse(path, customers.isna() | (customers == ""), given[column], "customer", "give it, or leave the row away")
    _refuse(path, at.isna(), given[AT], "time", "write 2024-03-05 or 2024-03-05T14:30:00Z")
    return pd.DataFrame({"customer_id": customers.astype("object"), "at": at})


def within(rows: pd.DataFrame, snapshot: str, *, horizon_days: int) -> set[str]:
    """Who was contacted between a list's snapshot and the end of its horizon."""
    begins = pd.Timestamp(snapshot, tz="UTC")
    return set(rows.customer_id[(rows["at"] >= begins) & (rows["at"] < begins + timedelta(days=horizon_days))])


def _rows(path: Path) -> pd.DataFrame:
    """The file as text, or as Parquet has it."""
    if not path.is_file():
        raise InvalidData(f"contacted {path}: there is no such file; correct score.contacted, or leave it away")
    try:
        if path.suffix == ".parquet":
            return engine.frame(path)
        return pd.read_csv(path, dtype="string", sep=_separator(path), encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, OSError) as error:  # Arrow's and pandas' own are of these
        raise InvalidData(f"contacted {path}: is CSV in UTF-8, or Parquet; found {first_line(error)}") from None


def _separator(path: Path) -> str:
    """What parts the columns: whatever the first line has most of."""
    with open(path, encoding="utf-8-sig") as file:
        heading = file.readline()
    return max(",;\t", key=heading.count)


def _refuse(path: str | Path, wrong: pd.Series, given: pd.Series, what: str, remedy: str) -> None:
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        more = f" and {wrong.sum() - 1:,} more" if wrong.sum() > 1 else ""
        found = f"{'' if pd.isna(given.iloc[row]) else given.iloc[row]!s:.40}"
        raise InvalidData(f"contacted {path}: each row has a {what}; found {found!r} in row {row + 1}{more}; {remedy}")
