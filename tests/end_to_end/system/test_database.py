"""The reader `database` on a real PostgreSQL: from a table to a decision, and nobody learns the password."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pytest
import yaml

from churn import engine, fingerprint
from churn.errors import InvalidData
from churn.pipeline import plan
from churn.sources import inputs
from churn.sources.databases import fetch, postgresql, statement
from churn.state import PROJECT
from tests import commands, shop
from tests.sources.test_locate import holding

pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]

USER, PASSWORD = "shopkeeper_anna", "kept from @everyone"
COLUMNS = {"customer_id": "who", "at": "when", "kind": "what", "value": "amount"}
PEOPLE = {"columns": {"customer_id": "who", "signup_at": "since"}, "segments": ["city"]}
TABLES = """
CREATE TABLE people (who text, since date, city text);
CREATE TABLE orders (who text, "when" timestamp, what text, amount numeric(12, 2));
CREATE SCHEMA archive CREATE TABLE old_orders (who uuid);
GRANT USAGE ON SCHEMA archive TO PUBLIC;
CREATE TABLE secrets (word text);
"""


@pytest.fixture(scope="module")
def server(postgres) -> Iterator[psycopg.Connection]:
    """A shop's database, as its owner sees it: Anna may read all but one table, and needs her password."""
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        [file] = owner.execute("SHOW hba_file").fetchone()
        lines = [f"host all {USER} all scram-sha-256", "host all all all trust", "local all all trust"]
        owner.execute(f"COPY (SELECT unnest(ARRAY{lines})) TO '{file}'")
        owner.execute("SELECT pg_reload_conf()")
        owner.execute(TABLES)
        copy(owner, "people", shop.people())
        copy(owner, "orders", shop.events().query("amount != 'n/a'"))
        owner.execute(f"GRANT SELECT ON people, orders TO {USER}")
        yield owner


def copy(owner: psycopg.Connection, table: str, rows: pd.DataFrame) -> None:
    with owner.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as target:
        target.write(rows.to_csv(index=False, header=False))


@pytest.fixture
def url(server, monkeypatch) -> str:
    """Anna's url of the database, in SHOP_DB."""
    place = f"{server.info.host}:{server.info.port}/{server.info.dbname}"
    monkeypatch.setenv("SHOP_DB", f"postgresql://{USER}:{quote(PASSWORD)}@{place}")
    return f"postgresql://{USER}:{quote(PASSWORD)}@{place}"


def data(**given) -> dict:
    what = {} if "query" in given else {"table": "orders"}
    return {"source": "database", "url": "${SHOP_DB}", "columns": COLUMNS} | what | given


def read(given: dict, folder: Path):
    return inputs.read(engine.connect(threads=1), given, folder / "staged")


def told(text: str) -> list[str]:
    """What of the url a text tells."""
    return [part for part in (PASSWORD, quote(PASSWORD), USER, "127.0.0.1") if part in text]


def refusal(given: dict, folder: Path) -> str:
    with pytest.raises(InvalidData) as caught:
        read(given, folder)
    assert ([], 1) == (told(str(caught.value)), len(str(caught.value).splitlines()))
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None
    return str(caught.value)


# --- what is read ---


def test_the_rows_have_the_fingerprint_of_the_same_rows_in_a_file(url, tmp_path):
    (tmp_path / "log").mkdir()
    shop.events().query("amount != 'n/a'").to_csv(tmp_path / "log/a.csv", index=False)
    shop.people().to_csv(tmp_path / "people.csv", index=False)
    read(data(customers={"table": "people"} | PEOPLE), tmp_path / "here")
    read(yaml.safe_load(shop.params(tmp_path).read_text())["data"], tmp_path / "there")
    for name in ("events", "customers"):
        of_each = {fingerprint.of_parquet(tmp_path / f / "staged" / f"{name}.parquet") for f in ("here", "there")}
        assert 1 == len(of_each), name


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("12.30::numeric(12, 2)", Decimal("12.30")),
        ("1.234::numeric", Decimal("1.234")),
        ("'Infinity'::numeric", None),
        ("sum(12.50)", Decimal("12.50")),
        ("12345678901234567890123456789::numeric", Decimal("12345678901234567890123456789")),
        ("12345678901234567890.1234567890123456789", "12345678901234567890.1234567890123456789"),
        ("'NaN'::numeric(12, 2)", None),
        ("'12.50'::money", "12.50"),
        ("9007199254740993::bigint", 9007199254740993),
        ("7::smallint", 7),
        ("0.1::float8", 0.1),
        ("true", True),
        ("'Łódź'::varchar(9)", "Łódź"),
        ("timestamptz '2024-01-01 00:00+02'", pd.Timestamp("2023-12-31 22:00", tz="UTC")),
        ("timestamp '2024-01-01 10:00:00.123456'", pd.Timestamp("2024-01-01 10:00:00.123456")),
        ("date_trunc('day', timestamptz '2024-06-01 00:30+02')", pd.Timestamp("2024-05-31", tz="UTC")),
        ("timestamptz 'infinity'", pd.Timestamp("9999-12-31", tz="UTC").as_unit("us")),
        ("date '-infinity'", pd.Timestamp("0001-01-01").as_unit("s").date()),
        ("date '2024-02-29'", pd.Timestamp("2024-02-29").date()),
        ("'550e8400-e29b-41d4-a716-446655440000'::uuid", "550e8400-e29b-41d4-a716-446655440000"),
        ("""'{"a": [1, 2]}'::jsonb""", '{"a": [1, 2]}'),
        ("""'{"a":1}'::json""", '{"a":1}'),
        ("ARRAY[1, 2]", "{1,2}"),
        ("interval '1 day'", "1 day"),
        ("'10.0.0.1'::inet", "10.0.0.1/32"),
        ("'\\x00ff'::bytea", "\\x00ff"),
        ("NULL::jsonb", None),
    ],
)
def test_a_value_arrives_as_it_is_in_the_database(url, tmp_path, sql, value):
    asked = statement.reads({"query": f"SELECT {sql} AS x", "columns": {}})
    [cell] = pq.read_table(fetch.fetch(url, asked, tmp_path, shown="it")["events"]).column(0).to_pylist()
    assert value == (pd.Timestamp(cell) if isinstance(value, pd.Timestamp) and cell.year < 9000 else cell)


def test_both_reads_show_one_moment(url, server, tmp_path, monkeypatch):
    write = fetch._write

    def write_and_change(*given):
        place = write(*given)
        server.execute("INSERT INTO people VALUES ('late', '2023-01-01', 'Paris')")
        server.execute("DELETE FROM people WHERE who = 'k0001'")
        return place

    monkeypatch.setattr(fetch, "_write", write_and_change)
    try:
        ids = set(read(data(customers={"table": "people"} | PEOPLE), tmp_path).customers.customer_id.execute())
    finally:
        server.execute("DELETE FROM people WHERE who = 'late'")
        copy(server, "people", shop.people().query("who == 'k0001'"))
    assert {"k0001"} == ids & {"late", "k0001"}


def test_the_first_and_the_last_day_are_asked_for_and_no_rows(url, monkeypatch):
    asked = []
    batches = postgresql.PostgreSQL.batches
    monkeypatch.setattr(postgresql.PostgreSQL, "batches", lambda self, sql: asked.append(sql) or batches(self, sql))
    orders = pd.to_datetime(shop.events().query("amount != 'n/a'").when)
    ends = orders.min().date(), orders.max().date()
    assert ends == inputs.span(engine.connect(threads=1), data())
    assert asked[-1].startswith('SELECT min("when")')
    assert ends == inputs.span(engine.connect(threads=1), data(where="what is not null"))
    assert asked[-1].startswith('SELECT DISTINCT "what", "when"')


def peak(url: str, folder: Path, rows: int) -> int:
    """The most memory that a process takes to fetch so many rows of about 100 bytes, MB."""
    script = f"""
import pathlib, resource, sys
from churn.sources.databases import fetch, statement
asked = statement.reads({{"columns": {{}}, "query": "SELECT i, md5(i::text) || md5((-i)::text) AS note, "
    "clock_timestamp() AS at, (i / 7.0)::numeric(18, 4) AS amount FROM generate_series(1, {rows}) i"}})
fetch.fetch(sys.argv[1], asked, pathlib.Path(sys.argv[2]), shown="it")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    command = [sys.executable, "-c", script, url, str(folder)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT).stdout)


def test_memory_does_not_grow_with_the_rows(url, tmp_path):
    few, many = peak(url, tmp_path, 300_000), peak(url, tmp_path, 2_000_000)
    assert many < few + 100, "200 MB of rows"


# --- what is refused ---


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"table": "ordrs"}, "data.table: no table 'ordrs'; did you mean 'orders'?"),
        ({"table": "Orders"}, "data.table: no table 'Orders'; did you mean 'orders'?"),
        ({"table": "archive.order"}, "data.table: no table 'archive.order'; did you mean 'archive.old_orders'?"),
        ({"query": "SELECT * FROM oders"}, "data.query: no table 'oders'; did you mean 'orders'?"),
        ({"query": "SELECT amuont FROM orders"}, "data.query: no column 'amuont'; did you mean 'amount'?"),
        ({"query": "SELECT o.amuont FROM orders o"}, "data.query: no column 'amuont'; did you mean 'amount'?"),
        ({"columns": COLUMNS | {"at": "wen"}},
         "table orders: no column 'wen'; found who, when, what, amount; did you mean 'when'?"),
        ({"query": "SELECT * FORM orders"},
         'data.query: the database says: syntax error at or near "FORM"; correct it'),
        ({"query": "SELECT *, 1 / (amount - amount) AS x FROM orders"},
         "data.query: the database says: division by zero; correct it"),
        ({"query": "SELECT *, 1 / (row_number() OVER () - 4000) AS x FROM orders"},
         "data.query: the database says: division by zero; correct it"),
        ({"table": "secrets", "columns": {"customer_id": "word", "at": "word"}},
         "table secrets: the database says: permission denied for table secrets; let the user of the url read it"),
        ({"query": "SELECT * FROM orders WHERE false"},
         "events at data.query: the table is empty; at least one row is needed"),
        ({"query": "SELECT *, who FROM orders"}, "data.query: it names ['who'] twice; rename one of them"),
        ({"query": "SELECT * FROM orders FOR UPDATE"},
         "data.query: the database says: cannot execute SELECT FOR UPDATE in a read-only transaction; correct it"),
        ({"query": "SELECT * INTO other FROM orders"},
         "data.query: it gives no columns; give a query that reads"),
        ({"query": "WITH x AS (INSERT INTO orders DEFAULT VALUES RETURNING *) SELECT * FROM x"},
         "data.query: it writes ('INSERT INTO'); give a query that only reads"),
        ({"query": "SELECT * FROM orders; DROP TABLE orders"}, "data.query: it holds several statements; give one"),
        ({"query": "SELECT * FROM orders) x; DROP TABLE orders; --"},
         "data.query: it holds several statements; give one"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(url, tmp_path, given, said):
    assert said == refusal(data(**given), tmp_path)


@pytest.mark.parametrize("sql", ["INSERT INTO orders VALUES ('z')", "DELETE FROM orders", "CREATE TABLE x (y int)"])
def test_nothing_can_be_written_whatever_is_asked(server, postgres, sql):
    refused = pytest.raises(postgresql.dbapi.Error, match="in a read-only transaction")
    with postgresql.opened(postgres, shown="it") as opened, opened._connection.cursor() as cursor, refused:
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (quote(PASSWORD), "guessed-wrongly", "the server does not let in this user with this password"),
        (USER, "somebody", "the server does not let in this user with this password"),
        (f":{quote(PASSWORD)}", "", "the server does not let in this user with this password"),
        ("/postgres", "/no_such_shop", "the server has no such database"),
        ("127.0.0.1", "nowhere.invalid", "the server cannot be reached ("),
        ("@127.0.0.1:", "@127.0.0.1:1", "the server cannot be reached ("),
    ],
)
def test_a_server_that_does_not_let_in_is_told_without_naming_it(url, tmp_path, monkeypatch, old, new, said):
    monkeypatch.setenv("SHOP_DB", url.replace(old, new))
    shown = refusal(data(), tmp_path)
    assert shown.startswith("${SHOP_DB}: " + said)
    assert not re.search("guessed|somebody|no_such|nowhere|127", shown)


def test_a_full_disk_is_no_fault_of_the_database(url, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_batch", full)
    with pytest.raises(RuntimeError, match=r"OSError: .*No space left on device"):
        read(data(), tmp_path)


# --- a run ---


@pytest.fixture(scope="module")
def params(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    given = yaml.safe_load(shop.params(folder).read_text())
    given["data"] = data(customers={"table": "people"} | PEOPLE)
    (folder / "database.yaml").write_text(yaml.safe_dump(given))
    return folder / "database.yaml"


def reproduced(given: dict) -> dict:
    return json.loads(commands.churn("reproduce", "1", "--anyway", "--json", **given).stdout)


@pytest.mark.long
def test_a_run_ends_with_a_decision_and_can_be_made_again_while_the_rows_are_the_same(
    server, url, params, tmp_path, empty_state
):
    given = {"state": empty_state(tmp_path / "state"), "params": params, "SHOP_DB": url}
    done = commands.run_pipeline(**given)
    assert (0, True) == (done.returncode, "shop version 1: " in done.stdout), done.stderr
    again = commands.run_pipeline(**given)
    outcome = {stage: re.search(rf"{stage} (ran|reused)", again.stdout)[1] for stage in plan.STAGES}
    anew = ("features", "monitor", "promote")  # the rows are read, the first list is looked back at, it is decided
    assert {stage: "ran" if stage in anew else "reused" for stage in plan.STAGES} == outcome
    assert (True, "the database gave the same rows as then") == tuple(
        reproduced(given)[name] for name in ("identical", "database")
    )
    server.execute("UPDATE orders SET amount = 7.77 WHERE ctid = (SELECT max(ctid) FROM orders)")
    rows = len(pd.read_parquet(tmp_path / "state/shop/source/events.parquet"))
    changed = rf"the database gave other rows than then: input: events {rows:,} rows \w+ then, {rows:,} rows \w+ now"
    assert re.fullmatch(changed, reproduced(given)["database"])
    assert [] == told(done.stdout + done.stderr + again.stdout + again.stderr)
    for part in (PASSWORD, quote(PASSWORD), USER):
        assert [] == holding(tmp_path / "state", part), part


def test_a_run_that_fails_tells_neither(url, params, tmp_path):
    wrong = ("--set", "data.query=SELECT *, 1 / (row_number() OVER () - 4000) AS x FROM orders", "--set",
             "data.table=null")  # fmt: skip
    done = commands.run_pipeline(*wrong, state=tmp_path / "state", params=params, SHOP_DB=url)
    assert (2, []) == (done.returncode, told(done.stdout + done.stderr))
    assert "data.query: the database says: division by zero; correct it" in done.stderr
    for part in (PASSWORD, quote(PASSWORD), USER):
        assert [] == holding(tmp_path / "state", part), part
