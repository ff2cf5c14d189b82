"""The reader `database` on SQLite: what is read, what is refused, and that nobody learns the url."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import yaml

from churn import engine, fingerprint
from churn.errors import InvalidData, InvalidParams
from churn.params import schema
from churn.pipeline import cache, cache_key, plan, stage_parameters
from churn.sources import inputs, locate
from churn.sources.databases import fetch, sqlite, statement
from churn.state import PROJECT
from tests import commands, shop
from tests.sources.concealed import read
from tests.sources.concealed import refusal as refusal_of
from tests.sources.test_locate import holding

COLUMNS = {"customer_id": "who", "at": "day", "value": "amount"}
PEOPLE = {"columns": {"customer_id": "id", "signup_at": "since"}, "segments": ["city"]}
SECRET = "kept-from-everyone"  # stands in the url, and nowhere else


@pytest.fixture
def database(tmp_path, monkeypatch) -> sqlite3.Connection:
    """A database that SHOP_DB names, with a log of three orders by two people."""
    (tmp_path / SECRET).mkdir()
    file = tmp_path / SECRET / "shop.db"
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as opened:
        opened.executescript("""
            CREATE TABLE orders (who TEXT, day TIMESTAMP, amount DECIMAL(10, 2));
            INSERT INTO orders VALUES ('a', '2024-01-01 10:00:00', 12.3), ('b', '2024-01-02', 5);
            INSERT INTO orders VALUES ('a', '2024-01-03', .1);
            CREATE TABLE people (id TEXT, since TEXT, city TEXT);
            INSERT INTO people VALUES ('a', '2023-01-01', 'Łódź'), ('b', '2023-01-01', NULL);
        """)
        yield opened


def data(**given) -> dict:
    what = {} if "query" in given else {"table": "orders"}
    return {"source": "database", "url": "${SHOP_DB}", "columns": COLUMNS} | what | given


refusal = partial(refusal_of, secret=SECRET)


# --- what is read ---


@pytest.mark.parametrize(
    "of_the_log",
    [
        {"table": "orders"},
        {"table": "main.orders"},
        {"query": "SELECT * FROM orders"},
        {"query": "WITH o AS (SELECT * FROM orders) SELECT * FROM o ORDER BY day; -- the newest last;\n"},
        {"query": "(SELECT who, day, amount FROM orders WHERE who <> ';')"},
    ],
)
def test_a_table_or_a_query_is_an_event_log(database, tmp_path, of_the_log):
    source = read(data(customers={"table": "people"} | PEOPLE, **of_the_log), tmp_path)
    assert {"events": 3, "customers": 2, "rejected": 0, "read": 5} == source.counts
    assert {"a": "Łódź", "b": "unknown"} == source.customers.execute().set_index("customer_id").city.to_dict()
    assert ["0.1000", "12.3000", "5.0000"] == sorted(map(str, source.events.value.execute()))


def test_the_rows_have_the_fingerprint_of_the_same_rows_in_a_file(database, tmp_path):
    rows, people = shop.events(), shop.people()
    rows.to_sql("log", database, index=False)
    people.to_sql("persons", database, index=False)
    (tmp_path / "log").mkdir()
    rows.to_csv(tmp_path / "log/a.csv", index=False)
    people.to_csv(tmp_path / "people.csv", index=False)
    of_files = yaml.safe_load(shop.params(tmp_path).read_text())["data"]
    there = of_files["customers"]
    here = data(table="log", columns=of_files["columns"], customers=there | {"table": "persons"})
    del here["customers"]["path"]
    read(here | {"max_rejected": 0.1}, tmp_path / "here")
    read(of_files | {"max_rejected": 0.1}, tmp_path / "there")
    for name in ("events", "customers"):
        of_each = {fingerprint.of_parquet(tmp_path / f / "staged" / f"{name}.parquet") for f in ("here", "there")}
        assert 1 == len(of_each), name


@pytest.mark.parametrize(
    ("cells", "events"),
    [
        ("1, 2, 2.5", {"1", "2", "2.5"}),
        ("'x', 1, 2.5, NULL, '1'", {"x", "1", "2.5"}),
        ("x'00ff', x'0102'", {"00ff", "0102"}),
        ("9007199254740993, 1", {"9007199254740993", "1"}),
    ],
)
def test_a_column_holds_what_its_cells_hold_whatever_it_was_declared(database, tmp_path, cells, events):
    database.execute("CREATE TABLE mixed (who, day TEXT)")
    values = ", ".join(f"({cell}, '2024-01-01')" for cell in cells.split(", "))
    database.execute(f"INSERT INTO mixed VALUES {values}")
    database.commit()
    columns = {"customer_id": "who", "at": "day"}
    source = read(data(table="mixed", columns=columns, max_rejected=0.5), tmp_path)
    assert events == set(source.events.customer_id.execute())


def test_what_holds_for_a_log_holds_for_one_in_a_database(database, tmp_path):
    database.executescript("""
        CREATE TABLE lines (invoice INTEGER, who TEXT, day TEXT, quantity INTEGER, price REAL, status TEXT);
        INSERT INTO lines VALUES
          (1, 'a', '31.1.2024 10:00', 2, 1.5, 'paid'), (1, 'a', '31.1.2024 10:05', 1, 0.1, 'paid'),
          (2, 'b', '1.7.2024 00:30', -1, 4.0, 'paid'), (3, 'b', '2.7.2024 12:00', 1, 9.9, 'open');
    """)
    columns = {"customer_id": "who", "at": "day", "value": "quantity * price", "event_id": "invoice",
               "kind": "case when quantity < 0 then 'return' else 'purchase' end"}  # fmt: skip
    source = read(data(table="lines", columns=columns, zone="Europe/Amsterdam", where="status = 'paid'"), tmp_path)
    [purchase, back] = source.events.order_by("customer_id").execute().to_dict("records")
    assert ("purchase", "3.1000", "2024-01-31T09:00:00+00:00") == of(purchase)
    assert ("return", "-4.0000", "2024-06-30T22:30:00+00:00") == of(back)
    assert (["table lines"], [4], [1]) == tuple(
        source.inputs[c].tolist() for c in ("files", "rows", "passed_over_by_where")
    )
    assert any(note.startswith("events: 3 lines are 2 events, by 'invoice'") for note in source.notes)


def of(event: dict) -> tuple[str, str, str]:
    return event["kind"], str(event["value"]), event["at"].isoformat()


def test_how_texts_are_written_is_refused_where_it_is_open_and_can_be_said(database, tmp_path):
    database.executescript("CREATE TABLE old (who, day); INSERT INTO old VALUES ('a', '3/4/2024'), ('b', '5/6/2024');")
    old = data(table="old", columns={"customer_id": "who", "at": "day"})
    assert refusal(old, tmp_path).startswith("events: times in 'day' can be read in two ways: 3/4/2024 is")
    source = read(old | {"format": {"dates": "day_first"}}, tmp_path)
    assert {"2024-04-03", "2024-06-05"} == {str(day.date()) for day in source.events["at"].execute()}


@pytest.mark.parametrize(
    ("of_the_log", "ends"),
    [
        ({}, (date(2024, 1, 1), date(2024, 1, 3))),
        ({"where": "amount > 1"}, (date(2024, 1, 1), date(2024, 1, 2))),
        ({"columns": COLUMNS | {"at": "coalesce(day, '2020-01-01')"}}, (date(2024, 1, 1), date(2024, 1, 3))),
        ({"query": "SELECT * FROM orders WHERE who = 'a'"}, (date(2024, 1, 1), date(2024, 1, 3))),
        ({"columns": COLUMNS | {"arrived_at": "day"}}, (date(2024, 1, 1), date(2024, 1, 3))),
        ({"customers": {"table": "people"} | PEOPLE}, (date(2024, 1, 1), date(2024, 1, 3))),
    ],
)
def test_the_first_and_the_last_day_of_a_log_are_asked_for_alone(database, of_the_log, ends):
    assert ends == inputs.span(engine.connect(), data(**of_the_log))


def test_rows_come_in_batches(database, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "ROWS", 2)
    assert 3 == read(data(), tmp_path).counts["events"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_both_reads_show_one_moment(database, tmp_path, monkeypatch, journal):
    database.execute(f"PRAGMA journal_mode = {journal}")
    write, blocked = fetch._write, []

    def write_and_change(*given):
        place = write(*given)
        try:
            database.execute("PRAGMA busy_timeout = 0")
            database.execute("INSERT INTO people VALUES ('c', '2023-01-01', 'Paris')")
            database.commit()
        except sqlite3.OperationalError:  # whoever writes waits until the run has read
            database.rollback()
            blocked.append(place)
        return place

    monkeypatch.setattr(fetch, "_write", write_and_change)
    source = read(data(customers={"table": "people"} | PEOPLE), tmp_path)
    assert ["a", "b"] == sorted(source.customers.customer_id.execute())
    assert (journal == "delete") == bool(blocked)


# --- what is refused ---

NO_READS = "give one query that reads: select, with, values, table"
REFUSED = [
    ({"table": "ordrs"}, "data.table: no table 'ordrs'; did you mean 'orders'?"),
    ({"table": "shop.orders"}, "data.table: no table 'shop.orders'; did you mean 'orders'?"),
    ({"customers": {"table": "poeple"} | PEOPLE}, "data.customers.table: no table 'poeple'; did you mean 'people'?"),
    ({"query": "SELECT * FROM oders"}, "data.query: no table 'oders'; did you mean 'orders'?"),
    ({"query": "SELECT * FROM xyz"}, "data.query: no table 'xyz'; found orders, people"),
    ({"columns": COLUMNS | {"at": "days"}},
     "table orders: no column 'days'; found who, day, amount; did you mean 'day'?"),
    ({"query": "SELECT amuont FROM orders"}, "data.query: no column 'amuont'; did you mean 'amount'?"),
    ({"query": "SELECT o.amuont FROM orders o"}, "data.query: no column 'amuont'; did you mean 'amount'?"),
    ({"query": "SELECT who, day FROM orders"},
     "data.query: no column 'amount'; found who, day; correct the column's name in the data section"),
    ({"customers": {"table": "people", "columns": PEOPLE["columns"], "segments": ["town"]}},
     "table people: no column 'town'; found id, since, city; correct the column's name in the data section"),
    ({"query": "SELECT * FORM orders"}, 'data.query: the database says: near "FORM": syntax error; correct it'),
    ({"query": "SELECT load_extension('x'), o.* FROM orders o"},
     "data.query: the database says: not authorized; correct it"),
    ({"query": "SELECT o.*, o.who FROM orders o"}, "data.query: it names ['who'] twice; rename one of them"),
    ({"query": "INSERT INTO orders SELECT * FROM orders"}, f"data.query: it begins with 'INSERT'; {NO_READS}"),
    ({"query": "delete from orders"}, f"data.query: it begins with 'delete'; {NO_READS}"),
    ({"query": "/* select */ DROP TABLE orders"}, f"data.query: it begins with 'DROP'; {NO_READS}"),
    ({"query": "ATTACH 'other.db' AS other"}, f"data.query: it begins with 'ATTACH'; {NO_READS}"),
    ({"query": "WITH x AS (SELECT 1) DELETE FROM orders"},
     "data.query: it writes ('DELETE FROM'); give a query that only reads"),
    ({"query": "WITH x AS (SELECT 1) UPDATE orders SET amount = 0"},
     "data.query: it writes ('UPDATE orders SET'); give a query that only reads"),
    ({"query": "SELECT 1; DROP TABLE orders"}, "data.query: it holds several statements; give one"),
    ({"query": "SELECT ';' ; -- ;\n SELECT 2"}, "data.query: it holds several statements; give one"),
    ({"query": " -- nothing"}, f"data.query: it is empty; {NO_READS}"),
    ({"query": "SELECT * FROM orders WHERE who = 'z'"},
     "events at data.query: the table is empty; at least one row is needed"),
    ({"columns": COLUMNS | {"value": "day"}},
     "events at table orders: 100.00% of 3 rows cannot be used, the limit is 1.00%; most often 'day' is not a number "
     "(3 rows), e.g. '2024-01-01 10:00:00'; '2024-01-03'; '2024-01-02'; say how numbers are written, for example "
     'format: {decimal: ","}, or raise data.max_rejected'),
]  # fmt: skip


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=lambda value: str(value)[:50])
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(database, tmp_path, given, said):
    before = list(database.iterdump())
    assert said == refusal(data(**given), tmp_path)
    assert before == list(database.iterdump())


def test_nothing_can_be_written_whatever_is_asked(database):
    with sqlite.opened(locate.value_of("${SHOP_DB}"), shown="it") as opened:
        for sql in ("INSERT INTO orders VALUES ('z', '2024-01-01', 1)", "DROP TABLE orders", "CREATE TABLE x (y)"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                opened._connection.execute(sql)


NEEDED = "${SHOP_DB}: a url of postgresql:// or sqlite:/// is needed, other databases are not read; "


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"mysql://me:{SECRET}@host/shop", NEEDED + "its scheme is 'mysql'"),
        (f"mssql+pyodbc://me:{SECRET}@host/shop", NEEDED + "its scheme is 'mssql'"),
        (f"host=db password={SECRET}", NEEDED + "it is none"),
        (f"sqlite:///{SECRET}.db",
         "${SHOP_DB}: has to name a file by its absolute path, after four slashes; correct the value"),
        (f"sqlite:////nowhere/{SECRET}.db", "${SHOP_DB}: no such file; correct the value"),
        (f"sqlite:///{__file__}?{SECRET}",
         "${SHOP_DB}: cannot be opened (file is not a database); give a sound database"),
        ("", "${SHOP_DB}: the environment has no SHOP_DB; set it where you start the command"),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/shop",
         "${SHOP_DB}: the server cannot be reached (Connection refused); start it, or correct the value"),
        (f"postgresql+psycopg://me:{SECRET}@nowhere.invalid/shop?connect_timeout=2",
         "${SHOP_DB}: the server cannot be reached (Name or service not known); start it, or correct the value"),
        (f"postgres://me:p/{SECRET}@host/shop",
         "${SHOP_DB}: the server cannot be reached (invalid integer value ... for connection option); start it, or "
         "correct the value"),
        (f"postgresql://me:%zz{SECRET}@host/shop",
         "${SHOP_DB}: the server cannot be reached (invalid percent-encoded token); start it, or correct the value"),
    ],
)  # fmt: skip
def test_a_url_that_does_not_serve_is_told_without_its_value(tmp_path, monkeypatch, url, said):
    monkeypatch.setenv("SHOP_DB", url)
    assert re.sub("Name or service not known|Temporary failure .*?(?=\\))", "X", said) == re.sub(
        "Name or service not known|Temporary failure .*?(?=\\))", "X", refusal(data(), tmp_path)
    )


@pytest.mark.parametrize(
    ("value", "message", "said"),
    [
        ("postgresql://anna:p%40ss@db.shop/x", "user anna, password p@ss (p%40ss) at db.shop", 4),
        ("postgresql://post:abc@db.shop/x", "post and abc at db.shop", 3),
        ("postgresql://u@h1.shop:5432,h2.shop/x?password=s3cret", "s3cret for h1.shop or h2.shop, h1.shop:5432", 4),
        ("postgresql:///x?host=/var/run/shop&user=anna", "anna at /var/run/shop", 2),
        ("sqlite:////srv/sec%20ret/shop.db", "/srv/sec ret/shop.db", 1),
        ("postgresql://a:one@two@db.shop/x", "one or one@two at two@db.shop or db.shop", 4),
    ],
)
def test_the_parts_of_a_url_are_concealed_too(monkeypatch, value, message, said):
    monkeypatch.setenv("SHOP_DB", value)
    with pytest.raises(InvalidData) as caught, locate.concealed(data()):
        raise InvalidData(f"{message}; of {value}, no postgresql")
    shown = str(caught.value)
    assert (said + 1, True) == (shown.count("${SHOP_DB}"), shown.endswith("of ${SHOP_DB}, no postgresql")), shown


def test_a_name_that_the_params_file_shows_is_not_concealed(monkeypatch):
    monkeypatch.setenv("SHOP_DB", "postgresql://orders:hidden@db.shop/x")
    with pytest.raises(InvalidData, match=re.escape("no table 'orders' for ${SHOP_DB}")), locate.concealed(data()):
        raise InvalidData("no table 'orders' for hidden")


# --- the params file ---

SECTION = {"source": "database", "url": "${SHOP_DB}", "table": "orders", "columns": COLUMNS}
LABEL = "label={rule: inactivity, horizon_days: 30, active_within_days: 60}"


def load(section: dict, *more: str) -> schema.Params:
    given = f"data={yaml.safe_dump(section, default_flow_style=True, width=10_000).strip()}"
    return schema.load(PROJECT / "params/smoke.yaml", [given, LABEL, *more])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query": "SELECT 1"}, "data: give a table or a query, one of them"),
        ({"table": None}, "data: give a table or a query, one of them"),
        ({"customers": PEOPLE}, "data.customers: give a table or a query, one of them"),
        ({"kind": "x", "columns": COLUMNS | {"kind": "y"}}, "data: give data.kind (a constant) or data.columns.kind"),
        ({"format": {"separator": ";"}}, "data.format: a database has no separator; leave it out"),
        ({"zone": "Europe/Amsterdm"}, "data.zone: there is no time zone 'Europe/Amsterdm'; did you mean"),
        ({"tabel": "orders"}, "data.tabel: unknown key; did you mean data.table?"),
        *(({"url": f"{scheme}://me:{password}@host/shop"}, "looks like a secret")
          for scheme in ("postgresql", "postgres", "postgresql+psycopg", "mysql")
          for password in ("hunter2", "hun/ter2", "hun:ter2", "p%40hunter2", "hun@ter2", "x${PW}hunter2")),
        ({"url": "postgresql://host/shop?user=me&password=hunter2"}, "looks like a secret"),
        ({"url": "host=db password=hunter2"}, "looks like a secret"),
    ],
)  # fmt: skip
def test_a_section_that_says_too_little_or_too_much_is_refused(change, said):
    with pytest.raises(InvalidParams) as caught:
        load(SECTION | change)
    assert said in str(caught.value) and "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "${SHOP_DB}",
        "postgresql://${U}:${PW}@${HOST}/shop",
        "postgresql://reader@db.shop/shop",
        "sqlite:////srv/shop.db",
    ],
)
def test_a_url_without_a_secret_may_be_written(url):
    assert url == stage_parameters.input_of(load(SECTION | {"url": url}))["url"]


def test_the_path_of_sqlite_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["sqlite:///a/shop.db", "sqlite:////x/shop.db", "sqlite:///${DIR}/shop.db", "sqlite:///~/shop.db"]
    made = [locate.absolute_paths(SECTION | {"url": url})["url"] for url in given]
    assert [f"sqlite:///{tmp_path}/a/shop.db", *given[1:]] == made


# --- runs ---


def finish(given: schema.Params, rows: str, at: float) -> None:
    """Keep the features of a run that has read these rows."""
    step = plan.step(given, "features", {}, {}, plan.Selection())
    parts = plan.with_rows_read(step, {"events": {"fingerprint": rows}}).ingredients
    glued = {"manifest": "/features.json", "features_fingerprint": "ff"}
    cache.keep("smoke", cache.Entry("features", f"reading {rows}", at, 1.0, parts, glued), also={})


def told(given: schema.Params, *only: str) -> list[str]:
    return [f"{'reuse' if step.entry else 'run'} {step.why}" for step in plan.plan(given, plan.Selection(only=only))]


ANEW = "the rows of a database are read anew by every run"


def test_a_plan_says_that_a_database_is_read_anew(database, state_folder):
    given = load(SECTION)
    assert f"run {ANEW}" == told(given)[0]
    finish(given, "1-aa", 1.0)
    assert [f"run {ANEW}", "run features runs before it"] == told(given)[:2]


def test_later_stages_alone_take_the_rows_that_were_read_last(database, state_folder):
    given = load(SECTION)
    with pytest.raises(InvalidParams, match=f"features comes before and cannot be reused \\({ANEW}\\)"):
        told(given, "train")
    finish(given, "1-aa", 1.0)
    finish(given, "1-bb", 2.0)
    assert "reuse as run reading 1-bb read the database, which is not asked" == told(given, "train")[0]
    with pytest.raises(InvalidParams, match="features comes before"):
        told(load(SECTION | {"query": "SELECT * FROM orders", "table": None}), "train")


def test_the_same_rows_have_the_same_key_and_others_another(database, state_folder):
    step = plan.step(load(SECTION), "features", {}, {}, plan.Selection())
    keys = [plan.with_rows_read(step, {"events": {"fingerprint": rows}}).key for rows in ("1-aa", "1-aa", "1-bb")]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("name", ["postgresql", "sqlite", "fetch", "statement", "address"])
def test_the_key_of_the_features_holds_each_module_that_reads(name):
    assert PROJECT / f"churn/sources/databases/{name}.py" in cache_key.modules("features")


@pytest.fixture(scope="module")
def orders(tmp_path_factory) -> tuple[str, Path]:
    """The url of a shop's database, and the params file that reads it."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / SECRET).mkdir()
    file = folder / SECRET / "shop.db"
    with closing(sqlite3.connect(file)) as database:
        shop.events().to_sql("orders", database, index=False)
        shop.people().to_sql("people", database, index=False)
    given = yaml.safe_load(shop.params(folder).read_text())
    given["data"] |= {"source": "database", "url": "${SHOP_DB}", "query": "SELECT * FROM orders WHERE amount <> 'n/a'"}
    given["data"]["customers"] |= {"table": "people"}
    del given["data"]["path"], given["data"]["customers"]["path"]
    (folder / "database.yaml").write_text(yaml.safe_dump(given))
    return f"sqlite:///{file}", folder / "database.yaml"


def test_a_run_of_a_database_tells_nobody_where_it_is(orders, tmp_path):
    """As far as it reads; the system tests go on to the decision."""
    url, params = orders
    done = commands.run_pipeline("--stages", "features", state=tmp_path / "state", params=params, SHOP_DB=url)
    assert (0, True) == (done.returncode, (tmp_path / "state/shop/features/features.json").exists()), done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert [] == holding(tmp_path / "state", SECRET)


@pytest.mark.parametrize("more", [(), ("--fresh",)])
def test_a_run_that_cannot_read_ends_before_a_kernel_starts(orders, tmp_path, more):
    url, params = orders
    wrong = ("--set", "data.customers.table=peopel")
    done = commands.run_pipeline(*wrong, *more, state=tmp_path / "state", params=params, SHOP_DB=url)
    said = "error: data.customers.table: no table 'peopel'; did you mean 'people'?\n"
    assert (2, said, False) == (done.returncode, done.stderr, (tmp_path / "state/runs").exists())


def test_reads_name_where_they_stand():
    asked = statement.reads(data(customers={"query": "SELECT 1"} | PEOPLE))
    assert {"events": "table orders", "customers": "data.customers.query"} == {n: r.label for n, r in asked.items()}
