"""The features of one snapshot, as this project makes them and as others would: hand-written SQL, Polars, pandas.

Each function reads events.parquet and customers.parquet of `log` and writes one file a view into `out`. Money is added
up exactly: as decimals by the engines that have them, else in whole ten-thousandths.
"""

from __future__ import annotations

from pathlib import Path

SNAPSHOT, WINDOWS, HORIZON = "2023-12-01", (30, 90, 180), 30
KINDS = ("payment", "payment_failed", "session", "ticket")
HALVES = (15, 30, 60)  # days after which a day of activity counts half
A_DAY = 86_400_000_000  # microseconds
SCALE = 2**40
LABEL = {"rule": "event", "kind": "cancel", "horizon_days": HORIZON}
PROFILE = (
    "momentum_30d_180d", "days_since_activity", "active_days_activity", "days_per_activity", "overdue_activity",
    *(f"fading_count_activity_{half}d" for half in HALVES),
)  # fmt: skip
SEGMENTS = ("plan", "country")


def names(kind: str) -> list[str]:
    """The columns of a kind's view, in order, after customer_id and snapshot."""
    in_windows = [f"{kind}_{what}_{w}d" for w in WINDOWS for what in ("count", "value", "mean")]
    return [f"days_since_{kind}", f"{kind}_count", *in_windows]


def make(log: Path, *, amount: int) -> None:
    """The simulated log of so many customers over fourteen months."""
    from churn import engine
    from churn.sources import inputs

    inputs.read(engine.connect(), {"source": "streaming", "customers": amount, "months": 14, "seed": 7}, log)


def ours(log: Path, out: Path) -> None:
    from churn import engine
    from churn.features.definitions import from_events, terms
    from churn.sources import contract

    con = engine.connect()
    source = contract.event_source(con, log, segments=list(SEGMENTS))
    settings = terms.settings(
        source, before=SNAPSHOT, earliest="2023-06-01", windows_days=list(WINDOWS), recipe="both", label=LABEL
    )
    for view, table in from_events.views(source.events, source.customers, snapshot=SNAPSHOT, **settings).items():
        engine.write_parquet(con, table, out / f"{view}.parquet")


def sql(log: Path, out: Path) -> None:
    import duckdb

    con = duckdb.connect()
    con.execute(f"SET TimeZone = 'UTC'; SET temp_directory = '{out}/spill'")
    con.execute(f"CREATE TEMP TABLE made AS {statement(log)}")
    for kind in KINDS:
        con.execute(_copy(out, kind, [f'"{name}"' for name in names(kind)]))
    population = ["(gone IS NULL)::BIGINT AS counts", f"(epoch_us(snapshot) - epoch_us(gone)) / {A_DAY} AS days_silent"]
    con.execute(_copy(out, "profile", [*PROFILE, *SEGMENTS, *population]))


def _copy(out: Path, view: str, columns: list[str]) -> str:
    selected = ", ".join(["customer_id", "snapshot", *columns])
    return f"COPY (SELECT {selected} FROM made) TO '{out / view}.parquet' (FORMAT parquet)"


def statement(log: Path) -> str:
    """All views side by side in one query."""
    at = f"TIMESTAMPTZ '{SNAPSHOT} 00:00:00+00'"
    since = {w: f'"at" >= {at} - INTERVAL {w} DAY' for w in WINDOWS}
    aggregates, columns = [], []
    for k in KINDS:
        aggregates += [
            f"max(\"at\") FILTER (WHERE kind = '{k}') AS {k}_last",
            f"count(*) FILTER (WHERE kind = '{k}') AS {k}_n",
        ]
        columns += [f"(epoch_us({at}) - epoch_us({k}_last)) / {A_DAY} AS days_since_{k}"]
        columns += [f"coalesce({k}_n, 0)::BIGINT AS {k}_count"]
        for w, within in since.items():
            aggregates += [f"count(*) FILTER (WHERE kind = '{k}' AND {within}) AS {k}_n_{w}"]
            aggregates += [f"sum(value) FILTER (WHERE kind = '{k}' AND {within}) AS {k}_v_{w}"]
            value = f"coalesce({k}_v_{w}::DOUBLE, 0.0)"
            columns += [f"coalesce({k}_n_{w}, 0)::BIGINT AS {k}_count_{w}d", f"{value} AS {k}_value_{w}d"]
            columns += [f"{value} / nullif({k}_n_{w}, 0) AS {k}_mean_{w}d"]
    fading = [f"sum(round(pow(0.5, age / {h}) * {SCALE})::BIGINT) AS fading_{h}" for h in HALVES]
    faded = [f"coalesce(fading_{h}::DOUBLE, 0.0) / {SCALE} AS fading_count_activity_{h}d" for h in HALVES]
    per = f"((epoch_us({at}) - epoch_us(first)) / {A_DAY} / days)"
    known = f"FROM '{log}/events.parquet' WHERE \"at\" < {at} AND"
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    return f"""
    WITH totals AS (
        SELECT customer_id, count(*) FILTER (WHERE {since[30]}) AS recent,
               count(*) FILTER (WHERE {since[180]}) AS longer, {", ".join(aggregates)}
        {known} kind IN ({kinds}) GROUP BY customer_id
    ), by_day AS (
        SELECT customer_id, DATE '{SNAPSHOT}' - "at"::DATE AS age, min("at") AS first, max("at") AS last
        {known} kind IN ({kinds}) GROUP BY ALL
    ), pace AS (
        SELECT customer_id, count(*) AS days, min(first) AS first, max(last) AS last, {", ".join(fading)}
        FROM by_day GROUP BY customer_id
    ), cancelled AS (SELECT customer_id, min("at") AS gone {known} kind = 'cancel' GROUP BY customer_id)
    SELECT customer_id, {at} AS snapshot, {", ".join(columns)},
           coalesce(recent, 0) / nullif(coalesce(longer, 0), 0) AS momentum_30d_180d,
           (epoch_us({at}) - epoch_us(last)) / {A_DAY} AS days_since_activity,
           coalesce(days, 0)::BIGINT AS active_days_activity, {per} AS days_per_activity,
           (epoch_us({at}) - epoch_us(last)) / {A_DAY} / {per} AS overdue_activity, {", ".join(faded)},
           {", ".join(SEGMENTS)}, gone
    FROM '{log}/customers.parquet' LEFT JOIN totals USING (customer_id) LEFT JOIN pace USING (customer_id)
    LEFT JOIN cancelled USING (customer_id)
    WHERE signup_at < {at}"""


def polars(log: Path, out: Path) -> None:
    import polars as pl

    at = pl.lit(f"{SNAPSHOT}T00:00:00").str.to_datetime(time_unit="us", time_zone="UTC")
    since = {w: pl.col("at") >= at - pl.duration(days=w) for w in WINDOWS}
    log_before = pl.scan_parquet(log / "events.parquet").filter(pl.col("at") < at)
    known = log_before.filter(pl.col("kind").is_in(KINDS))
    days_from = {name: (at - pl.col(name)).dt.total_microseconds() / A_DAY for name in ("first", "last", "gone")}
    aggregates = [since[30].sum().alias("recent"), since[180].sum().alias("longer")]
    columns = []
    for k in KINDS:
        of_kind = pl.col("kind") == k
        aggregates += [pl.col("at").filter(of_kind).max().alias(f"{k}_last"), of_kind.sum().alias(f"{k}_count")]
        columns += [((at - pl.col(f"{k}_last")).dt.total_microseconds() / A_DAY).alias(f"days_since_{k}")]
        columns += [_whole(pl, f"{k}_count")]
        for w, within in since.items():
            n, v = f"{k}_count_{w}d", f"{k}_value_{w}d"
            aggregates += [(of_kind & within).sum().alias(n), pl.col("value").filter(of_kind & within).sum().alias(v)]
            value = pl.col(v).cast(pl.Float64).fill_null(0.0)
            mean = pl.when(pl.col(n) > 0).then(value / pl.col(n)).alias(f"{k}_mean_{w}d")
            columns += [_whole(pl, n), value.alias(v), mean]
    age = (pl.lit(SNAPSHOT).str.to_date() - pl.col("day")).dt.total_days()
    fading = [
        (pl.lit(0.5) ** (age / h) * SCALE).round().cast(pl.Int64).sum().alias(f"fading_count_activity_{h}d")
        for h in HALVES
    ]
    pace = known.group_by("customer_id", pl.col("at").dt.date().alias("day")).agg(
        pl.col("at").min().alias("first"), pl.col("at").max().alias("last")
    )
    pace = pace.group_by("customer_id").agg(
        pl.len().alias("active_days_activity"), pl.col("first").min(), pl.col("last").max(), *fading
    )
    gone = log_before.filter(pl.col("kind") == "cancel").group_by("customer_id").agg(pl.col("at").min().alias("gone"))
    rows = pl.scan_parquet(log / "customers.parquet").filter(pl.col("signup_at") < at)
    for table in (known.group_by("customer_id").agg(aggregates), pace, gone):
        rows = rows.join(table, on="customer_id", how="left")
    per = days_from["first"] / pl.col("active_days_activity")
    longer = pl.col("longer").fill_null(0)
    columns += [
        pl.when(longer > 0).then(pl.col("recent").fill_null(0) / longer).alias("momentum_30d_180d"),
        days_from["last"].alias("days_since_activity"), _whole(pl, "active_days_activity"),
        per.alias("days_per_activity"), (days_from["last"] / per).alias("overdue_activity"),
        *(pl.col(f"fading_count_activity_{h}d").cast(pl.Float64).fill_null(0.0) / SCALE for h in HALVES),
        pl.col("gone").is_null().cast(pl.Int64).alias("counts"), days_from["gone"].alias("days_silent"),
    ]  # fmt: skip
    made = rows.select("customer_id", at.alias("snapshot"), *columns, *SEGMENTS).collect(engine="streaming")
    for view, listed in _views().items():
        made.select("customer_id", "snapshot", *listed).write_parquet(out / f"{view}.parquet")


def _whole(pl, name: str):
    return pl.col(name).cast(pl.Int64).fill_null(0)


def pandas(log: Path, out: Path) -> None:
    import pandas as pd

    at = pd.Timestamp(SNAPSHOT, tz="UTC")
    events = pd.read_parquet(log / "events.parquet", columns=["customer_id", "at", "kind", "value"])
    events = events[events["at"] < at]
    gone = events[events.kind == "cancel"].groupby("customer_id")["at"].min()
    events = events[events.kind.isin(KINDS)]
    events["value"] = (events.value.astype("float64") * 10_000).round().astype("int64")
    people = pd.read_parquet(log / "customers.parquet")
    people = people[people.signup_at < at].set_index("customer_id")
    made = {}

    def days(times: pd.Series) -> pd.Series:
        return (at - times.reindex(people.index)) / pd.Timedelta(days=1)

    def whole(counted: pd.Series) -> pd.Series:
        return counted.reindex(people.index).fillna(0).astype("int64")

    within = {w: events[events["at"] >= at - pd.Timedelta(days=w)] for w in WINDOWS}
    for k in KINDS:
        of_kind = events[events.kind == k].groupby("customer_id")["at"]
        made |= {f"days_since_{k}": days(of_kind.max()), f"{k}_count": whole(of_kind.size())}
        for w, rows in within.items():
            values = rows[rows.kind == k].groupby("customer_id")["value"]
            n, v = whole(values.size()), values.sum().reindex(people.index).fillna(0) / 10_000
            made |= {f"{k}_count_{w}d": n, f"{k}_value_{w}d": v, f"{k}_mean_{w}d": v / n.where(n > 0)}
    recent, longer = (whole(within[w].groupby("customer_id").size()) for w in (30, 180))
    by_day = events.groupby(["customer_id", events["at"].dt.floor("D").rename("day")])["at"].agg(["min", "max"])
    age = (at - by_day.index.get_level_values("day")).days
    pace = by_day.groupby(level="customer_id")
    n = whole(pace.size())
    last, per = days(pace["max"].max()), days(pace["min"].min()) / n
    made |= {
        "momentum_30d_180d": recent / longer.where(longer > 0), "days_since_activity": last,
        "active_days_activity": n, "days_per_activity": per, "overdue_activity": last / per,
    }  # fmt: skip
    for h in HALVES:
        weight = pd.Series((0.5 ** (age / h) * SCALE).round().astype("int64"), by_day.index)
        faded = weight.groupby(level="customer_id").sum().reindex(people.index).fillna(0)
        made[f"fading_count_activity_{h}d"] = faded / SCALE
    made |= {s: people[s] for s in SEGMENTS}
    made |= {"counts": (~people.index.isin(gone.index)).astype("int64"), "days_silent": days(gone)}
    frame = pd.DataFrame(made, index=people.index).assign(snapshot=at).reset_index()
    for view, listed in _views().items():
        frame[["customer_id", "snapshot", *listed]].to_parquet(out / f"{view}.parquet", index=False)


def _views() -> dict[str, list[str]]:
    return {kind: names(kind) for kind in KINDS} | {"profile": [*PROFILE, *SEGMENTS, "counts", "days_silent"]}


def refuse_differing(made: Path, expected: Path, *, exactly: bool) -> None:
    """Raises AssertionError where a view differs: in any bit, or in a number by more than 1e-9 of it."""
    import duckdb

    from churn import fingerprint

    for file in sorted(expected.glob("*.parquet")):
        if exactly:
            assert fingerprint.of_parquet(file) == fingerprint.of_parquet(made / file.name), file.stem
            continue
        types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM '{file}')").fetchall())
        near = "a.{0} IS NOT DISTINCT FROM b.{0} OR coalesce(abs(a.{0} - b.{0}) <= 1e-9 * abs(a.{0}), false)"
        same = [
            (near if kind == "DOUBLE" else "a.{0} IS NOT DISTINCT FROM b.{0}").format(name)
            for name, kind in types.items()
        ]
        asked = f"""SELECT count(*), count(*) FILTER (WHERE NOT ({" AND ".join(f"({one})" for one in same)})),
                   (SELECT count(*) FROM '{file}')
            FROM '{file}' a FULL JOIN '{made / file.name}' b USING (customer_id)"""
        [(rows, differing, expected_rows)] = duckdb.sql(asked).fetchall()
        assert (expected_rows, 0) == (rows, differing), file.stem
