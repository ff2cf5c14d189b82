"""Expressions over the columns of an input: what they give, exactly, and what is refused in one line."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from churn.engine import connect
from churn.errors import InvalidData
from churn.sources import inputs
from churn.sources.formats.format import Format
from churn.sources.rows import expressions
from churn.sources.rows.columns import Columns

TEXTS = {
    "q": ["2", "-3", "0", None, "10"],
    "price": ["1.50", "19.99", "0.1", "7", "n/a"],
    "big": ["90000000000000", "1", "2", "3", "99999999999999.9999"],
    "rate": ["1.08765", "0.00001", "1", "2", "3"],
    "type": ["1", "2", "3", None, "2"],
    "name": ["Ann", "bob", "", "O'Brien", None],
    "class": ["x", "y", "z", "x", "y"],
    "day": ["2024-01-31", "2024-02-01", "2023-12-31", None, "2024-01-01"],
    "later": ["2024-02-01", "2024-02-01", "2023-12-01", "2024-01-01", "2024-01-02"],
    "month": ["1", "2", "12", "1", "1"],
    "flag": ["yes", "no", "True", "0", None],
    "Unit Price (€)": ["1", "2", "3", "4", "5"],
    "charges.month": ["9", "9", "9", "9", "9"],
    "q * price": ["7", "7", "7", "7", "7"],
    "a-b": ["4", "4", "4", "4", "4"],
    "2023_total": ["5", "5", "5", "5", "5"],
    'the "best"': ["6", "6", "6", "6", "6"],
}  # fmt: skip
TYPES = {
    "q": float,
    "type": float,  # as workbooks have whole numbers
    "price": Decimal,
    "big": Decimal,
    "rate": float,
    "month": int,
    "day": date.fromisoformat,
    "later": datetime.fromisoformat,
}


@pytest.fixture(scope="module")
def con():
    return connect(threads=1)


@pytest.fixture(scope="module", params=["text", "typed"])
def table(request, con):
    """The same rows in columns of text, as CSV has them, and in columns with types, as Parquet has them."""
    of = TYPES if request.param == "typed" else {}
    columns = {
        name: pa.array(
            [
                None if text in (None, "n/a") and name in of else of.get(name, str)(text) if text is not None else None
                for text in texts
            ]
        )
        for name, texts in TEXTS.items()
    }
    return con.create_table(f"rows_{request.param}", pa.table(columns), overwrite=True)


@pytest.fixture(scope="module")
def texts_only(con):
    return con.create_table("rows_of_text", pa.table(TEXTS))


@pytest.fixture
def value(con, table):
    """What an expression gives for each row."""

    def _value(written: str, of=expressions.number, *, rows=table, **format) -> list:
        columns = Columns(rows, Format.of(format), "data.columns.value")
        given = con.to_pyarrow(columns.raw.select(x=of(written, columns)))
        return given["x"].to_pylist()

    return _value


def numbers(*written: str | None) -> list[Decimal | None]:
    return [None if text is None else Decimal(text) for text in written]


# --- numbers ---


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("q * price", ("7", "7", "7", "7", "7")),  # a column of that very name comes first
        ("q*price", ("3", "-59.97", "0", None, None)),
        ("q + price", ("3.5", "16.99", "0.1", None, None)),
        ("q - -price", ("3.5", "16.99", "0.1", None, None)),
        ("q*price*(1 - q/100)", ("2.94", "-61.7691", "0", None, None)),
        ("price * rate", ("1.6315", "0.0002", "0.1", "14", None)),
        ("rate * 100000", ("108765", "1", "100000", "200000", "300000")),
        ("q * 0.00001 * 100000", ("2", "-3", "0", None, "10")),
        ("q / 0", (None,) * 5),
        ("price / q", ("0.75", "-6.6633", None, None, None)),
        ("price / 1000 * 1000", ("1.5", "19.99", "0.1", "7", None)),
        ("q % 3", ("2", "0", "0", None, "1")),
        ("q * 7 % 4 - 1", ("1", "-2", "-1", None, "1")),
        ("mod(q + 1, 4) + (q % 4)", ("5", "-5", "1", None, "5")),
        ("month % q", ("1", "2", None, None, "1")),
        ("big * big", (None, "1", "4", "9", None)),
        ("big * q / q", (None, "1", None, None, None)),
        ("abs(q) + round(price, 1)", ("3.5", "23", "0.1", None, None)),
        ("round(price)", ("2", "20", "0", "7", None)),
        ("floor(price) - ceil(price)", ("-1", "-1", "-1", "0", None)),
        ("coalesce(price, q, 0)", ("1.5", "19.99", "0.1", "7", "10")),
        ("nullif(q, 0)", ("2", "-3", None, None, "10")),
        ("least(q, price)", ("1.5", "-3", "0", "7", "10")),
        ("greatest(q, price, 5)", ("5", "19.99", "5", "7", "10")),
        ("case when q < 0 then -price when q = 0 then 0.5 else price end", ("1.5", "-19.99", "0.5", "7", None)),
        ("case type when 1 then 10 when 2 then 20.5 end", ("10", "20.5", None, None, "20.5")),
        ("if(q > 0, price, 0)", ("1.5", "0", "0", "0", None)),
        ("length(name) * 1", ("3", "3", None, "7", None)),
        ("cast(q as double) + q::decimal(10, 2)", ("4", "-6", "0", None, "20")),
        ('"Unit Price (€)" * 2', ("2", "4", "6", "8", "10")),
        ('"charges.month" * 2', ("18",) * 5),
        ('"the ""best""" + 1', ("7",) * 5),
        ("charges.month", ("9",) * 5),
        ("a-b", ("4",) * 5),
        ("2023_total", ("5",) * 5),
        ("null", (None,) * 5),
    ],
)
def test_arithmetic_is_exact_and_the_same_for_texts_and_types(value, written, meant):
    assert numbers(*meant) == value(written)


def test_a_value_has_the_type_of_the_contract_whatever_it_is_made_of(con, texts_only):
    columns = Columns(texts_only, Format.of({}), "data")
    for written in ("q", "q*price", "q + price", "q / price", "round(q, 1)", "case when q > 0 then q else 0.5 end"):
        made = con.to_pyarrow(columns.raw.select(x=expressions.number(written, columns)))
        assert pa.decimal128(18, 4) == made.schema.field("x").type, written


def test_numbers_in_an_expression_are_read_as_the_format_says(con, value):
    rows = con.create_table("comma", {"n": ["1.234,50", "2,5", "€ 3"]}, overwrite=True)
    assert numbers("2469", "5", "6") == value("n * 2", rows=rows, decimal=",", thousands=".")


# --- text ---


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("name || '-' || class", ["Ann-x", "bob-y", None, "O'Brien-x", None]),
        ("concat(name, '-', class)", ["Ann-x", "bob-y", "-z", "O'Brien-x", "-y"]),
        ("upper(left(name, 2)) || lower(right(name, 1))", ["ANn", "BOb", None, "O'n", None]),
        ("substr(name, 2)", ["nn", "ob", None, "'Brien", None]),
        ("substring(name, 2, 1)", ["n", "o", None, "'", None]),
        ("replace(trim(name), 'n', '')", ["A", "bob", None, "O'Brie", None]),
        ("split_part(name, '''', 2)", [None, None, None, "Brien", None]),
        ("coalesce(name, 'nobody')", ["Ann", "bob", "nobody", "O'Brien", "nobody"]),
        ("nullif(name, 'bob')", ["Ann", None, None, "O'Brien", None]),
        ("case when q < 0 then 'return' else 'purchase' end", ["purchase", "return", *["purchase"] * 3]),
        ("case class when 'x' then 'a' when 'y' then 'b' end", ["a", "b", None, "a", "b"]),
        ("case when flag then 'a' else 'b' end", ["a", "b", "a", "b", "b"]),
        ("type", ["1", "2", "3", None, "2"]),
        ("'t' || type", ["t1", "t2", "t3", None, "t2"]),
        ("cast(month as text) || '!'", ["1!", "2!", "12!", "1!", "1!"]),
        ("'it''s'", ["it's"] * 5),
    ],
)
def test_text_is_cut_joined_and_chosen(value, written, meant):
    assert meant == value(written, expressions.text)


# --- conditions ---


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("q > 0", [True, False, False, None, True]),
        ("q >= price", [True, False, False, None, None]),
        ("2 = q", [True, False, False, None, False]),
        ("q <> 0 and not price > 5", [True, False, False, False, None]),
        ("q in (2, 10) or class = 'z'", [True, False, True, None, True]),
        ("type in ('1', '2')", [True, True, False, None, True]),
        ("type = '2'", [False, True, False, None, True]),
        ("class not in ('x', 'y')", [False, False, True, False, False]),
        ("q between 0 and 5", [True, False, True, None, False]),
        ("q not between 0 and 5", [False, True, False, None, True]),
        ("name like 'A%'", [True, False, None, False, None]),
        ("name not like '%''%'", [True, True, None, False, None]),
        ("name ilike 'a_n'", [True, False, None, False, None]),
        ("name is null", [False, False, True, False, True]),
        ("q is not null and name is not null", [True, True, False, False, False]),
        ("q * 2 is null", [False, False, False, True, False]),
        ("day is null", [False, False, False, True, False]),
        ("starts_with(name, 'O')", [False, False, None, True, None]),
        ("flag", [True, False, True, False, None]),
        ("day >= '2024-01-01'", [True, True, False, None, True]),
        ("'2024-01-31' >= day", [True, False, True, None, True]),
        ("day < date '2024-02-01'", [True, False, True, None, True]),
        ("day between '2024-01-01' and '2024-01-31'", [True, False, False, None, True]),
        ("day > timestamp '2024-01-31 00:00:00'", [False, True, False, None, False]),
        ("day = '2024-01-31'", [True, False, False, None, False]),
        ("day in ('2024-01-31', '2024-02-01')", [True, True, False, None, False]),
        ("later <> '2024-02-01'", [False, False, True, True, True]),
        ("coalesce(day, '2024-06-01') > '2024-05-01'", [False, False, False, True, False]),
        ("true", [True] * 5),
    ],
)
def test_conditions_have_three_values_and_are_the_same_for_texts_and_types(value, written, meant):
    assert meant == value(written, expressions.truth)


def test_days_are_compared_by_size_and_not_letter_by_letter(con, value):
    rows = con.create_table("days", {"d": ["31.01.2024", "01.02.2024 10:00", "15.12.2023"]}, overwrite=True)
    assert [False, True, False] == value("d > '2024-01-31'", expressions.truth, rows=rows, dates="day_first")


# --- times ---


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("coalesce(day, later)", ["2024-01-31", "2024-02-01", "2023-12-31", "2024-01-01", "2024-01-01"]),
        ("case when q < 0 then later else day end", ["2024-01-31", "2024-02-01", "2023-12-31", None, "2024-01-01"]),
        ("least(day, later)", ["2024-01-31", "2024-02-01", "2023-12-01", "2024-01-01", "2024-01-01"]),
        ("concat('2024-', month, '-15')", ["2024-01-15", "2024-02-15", "2024-12-15", "2024-01-15", "2024-01-15"]),
    ],
)
def test_times_are_chosen_and_put_together(value, written, meant):
    assert [text and pd.Timestamp(text, tz="UTC") for text in meant] == value(written, expressions.time)


# --- what is refused ---

CANNOT = [
    ("(select 1)", "cannot stand there"),
    ("q in (select 1)", "cannot stand there"),
    ("read_csv('/etc/passwd')", "cannot stand there"),
    ("count(*)", "cannot stand there"),
    ("sum(q)", "cannot stand there"),
    ("sum(q) over ()", "cannot stand there"),
    ("random()", "cannot stand there"),
    ("current_date", "cannot stand there"),
    ("cast(q as int)", "cannot stand there"),
    ("floor(price, 1)", "cannot stand there"),
    ("q || price", "cannot stand there"),
    ("q + '1'", "cannot stand there"),
    ("q > 1", "cannot stand there"),
    ("*", "cannot stand there"),
    ("q; price", "nor one expression"),
    ("q as z", "nor one expression"),
    ("q z", "nor one expression"),
    ("", "nor one expression"),
    ("-- q", "nor one expression"),
    ("q +", "neither a column nor an expression"),
    ("Unit Price (€) * q", 'put names with spaces in ""'),
    ("2023_total * 2", 'put names with spaces in ""'),
    ("lenght(name)", "did you mean length?"),
    ("rond(q)", "did you mean round?"),
    ("q + pirce", "no column 'pirce'; did you mean 'price'?"),
    ("q + unknown", "no column 'unknown'; found q, price"),
    ("charges.month * 2", 'put a name with a point in it in "": "charges.month"'),
    ("t.q * 2", "no column t.q"),
    ("case when name = null then 1 end", "write `is null`"),
    ("case when q in (1, null) then 1 end", "write `is null`"),
    ("case when day > '31.01.2024' then 1 end", "only numbers and ISO dates can be"),
    ("case when name > 'a' then 1 end", "only numbers and ISO dates can be"),
    ("1e400", "a number is below 1e26"),
    ("q * 99999999999999999999999999999", "a number is below 1e26"),
    ("q * 0.0000000000001", "at most 12 decimals"),
    ("round(q, price)", "a whole number has to stand there; found 'price'"),
    ("q + price % 3", "say by brackets what % is of"),
    ("q % price * 3", "say by brackets what % is of"),
    ("q - price % 3", "say by brackets what % is of"),
    ("q" + " + q" * 600, "has at most 2,000 characters; found 2,401"),
    ("q" + "+q" * 990, "nested too deeply"),
    ("(" * 300 + "q" + ")" * 300, "nested too deeply"),
    ("abs(" * 60 + "q" + ")" * 60, "nested too deeply"),
    ("- " * 500 + "q", "nested too deeply"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "told"), CANNOT, ids=lambda text: text[:30])
def test_what_is_no_scalar_expression_is_refused_in_one_line(texts_only, value, written, told):
    with pytest.raises(InvalidData) as caught:
        value(written, rows=texts_only)
    message = str(caught.value)
    assert message.startswith("data.columns.value: ") and told in message
    assert "\n" not in message and len(message) < 400


@pytest.mark.parametrize(
    "written",
    ["concat_ws('-', name, class)", "substr(name, 0)", "split_part(name, '-', 0)", "split_part(name, class, 1)",
     "trim('x' from name)", "name like class", "q * price || 'x'"],
)  # fmt: skip
def test_an_argument_that_would_go_unread_is_refused(texts_only, value, written):
    with pytest.raises(InvalidData):
        value(f"case when true then {written} end", expressions.text, rows=texts_only)


# --- any arithmetic ---

NUMBERS = st.decimals("-1000", "1000", places=4)
LEAVES = st.one_of(st.sampled_from(["x", "y"]), st.decimals("0", "100", places=3).map(str))
BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2}
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(inner, st.sampled_from("+-*%"), inner) | st.tuples(inner, st.just("/"), LEAVES),
    max_leaves=8,
)


def written_of(tree) -> str:
    """With the brackets that it needs."""
    if isinstance(tree, str):
        return tree
    one, sign, other = tree
    left = written_of(one) if isinstance(one, str) or BINDS[one[1]] >= BINDS[sign] else f"({written_of(one)})"
    right = written_of(other) if isinstance(other, str) or BINDS[other[1]] > BINDS[sign] else f"({written_of(other)})"
    return f"{left} {sign} {right}"


def exact(tree, row: dict[str, Decimal], seen: list[Decimal]) -> Decimal | None:
    """What the documentation says: twelve decimals on the way, halves away from zero, nothing of a division by zero."""
    if isinstance(tree, str):
        return row.get(tree) if tree in row else Decimal(tree)
    one, other = exact(tree[0], row, seen), exact(tree[2], row, seen)
    if one is None or other is None or (tree[1] in "/%" and other == 0):
        return None
    found = {"+": one.__add__, "-": one.__sub__, "*": one.__mul__, "/": one.__truediv__, "%": one.__mod__}[tree[1]](
        other
    )
    seen.append(abs(found))
    return found.quantize(Decimal("1e-12"), ROUND_HALF_UP)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(tree=TREES, rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4))
def test_any_arithmetic_gives_what_decimals_give(con, tree, rows):
    columns = Columns(ibis.memtable(pd.DataFrame(rows, columns=["x", "y"]).astype(str)), Format.of({}), "data")
    with localcontext() as context:
        context.prec = 60
        seen = [Decimal(0)]
        meant = [exact(tree, {"x": x, "y": y}, seen) for x, y in rows]
    assume(max(seen) < (10**6 if "/" in written_of(tree) else 10**13))  # a float has sixteen digits, the contract 18
    assume("%" not in written_of(tree) or "/" not in written_of(tree))  # of a rounded quotient anything may remain
    try:
        given = con.to_pyarrow(columns.raw.select(r=expressions.number(written_of(tree), columns)))["r"].to_pylist()
    except InvalidData as refused:
        assert "say by brackets what % is of" in str(refused)
        return
    for found, number in zip(given, meant, strict=True):
        slack = Decimal("0.0001") if "/" in written_of(tree) else Decimal(0)
        rounded = number and number.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        assert found == rounded if number is None else abs(found - rounded) <= slack, written_of(tree)


# --- in a log ---


def test_expressions_stand_where_columns_do(con, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(
        "Klant;Land;Datum;Tijd;Aantal;Prijs (€)\n7;NL;31.01.2024;10:30;2;1,50\n8;BE;01.02.2024;11:00;-1;2,00\n"
        ";NL;02.02.2024;12:00;1;1,00\n9;NL;03.02.2024;12:00;0;1,00\n"
    )
    data = {
        "source": "events",
        "path": str(path),
        "columns": {
            "customer_id": "Land || '-' || Klant",
            "at": "Datum || ' ' || Tijd",
            "value": 'Aantal * "Prijs (€)"',
            "kind": "case when Aantal < 0 then 'return' else 'purchase' end",
        },
        "where": "Klant is not null and Aantal <> 0",
    }
    source = inputs.read(con, data, tmp_path / "staged")
    assert [
        ("BE-8", pd.Timestamp("2024-02-01 11:00", tz="UTC"), "return", Decimal("-2.0000")),
        ("NL-7", pd.Timestamp("2024-01-31 10:30", tz="UTC"), "purchase", Decimal("3.0000")),
    ] == sorted(source.events.execute().itertuples(index=False, name=None))
    assert 2 == source.inputs.passed_over_by_where[0] and source.rejected.empty
    assert pa.decimal128(18, 4) == pq.read_schema(tmp_path / "staged/events.parquet").field("value").type


def test_a_row_whose_value_cannot_be_computed_is_set_aside_and_ends_no_run(con, tmp_path):
    path = tmp_path / "log.csv"
    rows = "7,2024-01-01,3,0\n7,2024-01-02,99999999999999,99999999999999\n7,2024-01-03,4,2\n"
    path.write_text("id,day,a,b\n" + rows)
    columns = {"customer_id": "id", "at": "day", "value": "a * b + (a % b)"}
    source = inputs.read(con, {"source": "events", "path": str(path), "columns": columns, "max_rejected": 1}, tmp_path)
    assert [Decimal("8.0000")] == list(source.events.execute().value)
    assert [("events", "a * b + (a % b)", "is not a number", 2)] == list(
        source.rejected.itertuples(index=False, name=None)
    )


@pytest.mark.parametrize(("column", "word"), [("value", "-999"), ("value", "0"), ("at", "1970-01-01")])
def test_a_word_for_missing_may_be_a_number_or_a_day(con, tmp_path, column, word):
    path = tmp_path / "log.csv"
    good = {"id": "7", "at": "2024-01-01", "value": "5"}
    path.write_text("id,at,value\n" + "".join(",".join(row.values()) + "\n" for row in (good, good | {column: word})))
    data = {"source": "events", "path": str(path), "columns": {"customer_id": "id", "at": "at", "value": "value"}}
    source = inputs.read(con, data | {"null_words": [word], "max_rejected": 1.0}, tmp_path)
    assert [("events", column, "is missing", 1)] == list(source.rejected.itertuples(index=False, name=None))
