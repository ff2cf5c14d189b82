"""Scalar SQL over the columns of an input: `quantity * unit_price`, `case when quantity < 0 then 'return' ... end`.

Parsed by sqlglot and built of Ibis, so that every engine gives the same: text is text, and what a column is read as
follows from what is done with it. Numbers are exact decimals: twelve decimals on the way (a quotient has the sixteen
digits of a float), four at the end, halves away from zero; what is too large or divided by zero is null. Nothing else
is let through: no subquery, no aggregate, no function that reads anything.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

import ibis
import sqlglot
from ibis.expr.types import BooleanValue, NumericValue, StringValue, Value
from sqlglot import exp

from churn.errors import InvalidData, first_line
from churn.sources.contract import VALUE
from churn.sources.formats import flags, times
from churn.sources.rows.columns import Columns

LONGEST = 2_000  # characters
DEEPEST = 40  # levels of what stands inside each other
SHOWN = 80  # characters of an expression in a message
WIDE = "decimal(38, 12)"  # of numbers on the way
SHORT = "decimal(18, 8)"  # of the product of two with four decimals
COMPARISONS = {
    exp.EQ: "__eq__", exp.NEQ: "__ne__", exp.LT: "__lt__", exp.LTE: "__le__", exp.GT: "__gt__", exp.GTE: "__ge__",
}  # fmt: skip
ORDERED = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
TOO_LARGE = Decimal("1e26")
EXACT = ("double", "float", "decimal")  # a cast to a whole number rounds on one engine and cuts on another
SUMS, PRODUCTS = (exp.Add, exp.Sub), (exp.Mul, exp.Div)
NUMERIC = (exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.Div, exp.Neg, exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Length)
CHOICES = (exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Paren, exp.Least, exp.Greatest)
FUNCTIONS = [
    "abs",
    "ceil",
    "coalesce",
    "concat",
    "floor",
    "greatest",
    "if",
    "least",
    "left",
    "length",
    "lower",
    "nullif",
    "replace",
    "right",
    "round",
    "split_part",
    "starts_with",
    "substr",
    "trim",
    "upper",
]


def names_in(written: str, names: list[str], *, key: str = "") -> set[str]:
    """The columns that are needed: the one of that very name, or those in an expression. Raises InvalidData."""
    if written in names:
        return {written}
    return {node.name for node in parse(written, key=key).find_all(exp.Column)}


def parse(written: str, *, key: str) -> exp.Expression:
    """The tree of an expression. Raises InvalidData where it is not one, or has in it what is not let through."""
    if len(written) > LONGEST:
        raise InvalidData(f"{key}: an expression has at most {LONGEST:,} characters; found {len(written):,}")
    shown = repr(written if len(written) <= SHOWN else f"{written[:SHOWN]}...")
    try:
        trees = _parsed(written)
    except sqlglot.errors.SqlglotError as error:
        said = first_line(error)[:120]
        raise InvalidData(
            f'{key}: {shown} is neither a column nor an expression ({said}); put names with spaces in ""'
        ) from None
    except RecursionError:
        raise InvalidData(f"{key}: {shown} is nested too deeply, at most {DEEPEST} levels are read") from None
    if len(trees) != 1 or trees[0] is None or isinstance(trees[0], exp.Alias):
        raise InvalidData(f'{key}: {shown} is neither a column nor one expression; put names with spaces in ""')
    if _depth(trees[0]) > DEEPEST:
        raise InvalidData(f"{key}: {shown} is nested too deeply, at most {DEEPEST} levels are read")
    return trees[0]


def _depth(tree: exp.Expression) -> int:
    depth, level = 0, [tree]
    while level := [inside for node in level for inside in node.iter_expressions()]:
        depth += 1
    return depth


@lru_cache(maxsize=256)  # asked again for every line that may be a header
def _parsed(written: str) -> list[exp.Expression | None]:
    return sqlglot.parse(written, read="duckdb")


def number(written: str, columns: Columns) -> NumericValue:
    """The exact number that a column or an expression gives for each row, four decimals."""
    tree = _tree(written, columns)
    if isinstance(tree, exp.Column):
        return columns.number(tree.name)
    general = _number(tree, columns).try_cast(VALUE)
    if not (
        isinstance(tree, exp.Mul) and isinstance(tree.this, exp.Column) and isinstance(tree.expression, exp.Column)
    ):
        return general
    short = _short_product(*(columns.short_number(of.name) for of in (tree.this, tree.expression)))
    return ibis.ifelse(short.isnull(), general, short)  # a tenth of the time


def text(written: str, columns: Columns) -> StringValue:
    """The text that a column or an expression gives for each row."""
    return _text(_tree(written, columns), columns)


def truth(written: str, columns: Columns) -> BooleanValue:
    """Whether a condition holds for each row; null where it cannot be told."""
    return _truth(_tree(written, columns), columns)


def time(written: str, columns: Columns) -> Value:
    """The moment that a column or an expression gives for each row."""
    return _time(_tree(written, columns), columns)


def _tree(written: str, columns: Columns) -> exp.Expression:
    if written in columns.names:
        return exp.column(exp.to_identifier(written, quoted=True))
    tree = parse(written, key=columns.key)
    if odd := next((node for node in tree.find_all(exp.Column) if node.table), None):
        raise InvalidData(f'{columns.key}: no column {odd.sql()}; put a name with a point in it in "": "{odd.sql()}"')
    for name in sorted({node.name for node in tree.find_all(exp.Column)} - {*columns.names}):
        near = difflib.get_close_matches(name, columns.names, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"found {', '.join(columns.names)[:300]}"
        raise InvalidData(f"{columns.key}: no column '{name}'; {hint}")
    return tree


def _number(node: exp.Expression, columns: Columns) -> NumericValue:
    of = lambda inner: _number(inner, columns)  # noqa: E731
    if isinstance(node, exp.Column):
        return columns.number(node.name, WIDE)
    if isinstance(node, exp.Literal) and not node.is_string:
        return _literal(node, columns)
    if isinstance(node, exp.Null):
        return ibis.null(WIDE)
    if isinstance(node, exp.Mod) and (isinstance(node.this, SUMS) or isinstance(node.expression, PRODUCTS)):
        shown = node.sql(dialect="duckdb")[:SHOWN]  # sqlglot has % bind as loosely as +, and engines as tightly as *
        raise InvalidData(f"{columns.key}: {shown!r}: say by brackets what % is of")
    if type(node) in ARITHMETIC:
        return ARITHMETIC[type(node)](of(node.this), of(node.expression))
    if isinstance(node, exp.Neg):
        return -of(node.this)
    if isinstance(node, exp.Abs | exp.Floor | exp.Ceil) and not _more(node):
        return getattr(of(node.this), type(node).__name__.lower())().cast(WIDE)
    if isinstance(node, exp.Round):
        return of(node.this).round(_whole(node.args.get("decimals"), columns, default=0)).cast(WIDE)
    if isinstance(node, exp.Length):
        return _text(node.this, columns).length().cast(WIDE)
    if isinstance(node, exp.Cast) and node.to.is_type(*EXACT):
        return of(node.this)
    return _choice(node, columns, _number)


@ibis.udf.scalar.builtin(name="multiply", signature=((WIDE, WIDE), "decimal(38, 24)"))
def _multiply(one, other):
    """The product, which the engine gives all decimals of both, and refuses from 1e14 on."""


@ibis.udf.scalar.builtin(name="try", signature=(("decimal(38, 24)",), "decimal(38, 24)"))
def _tried(value):
    """Null where the engine would end with an error."""


@ibis.udf.scalar.builtin(name="multiply", signature=((VALUE, VALUE), SHORT))
def _multiply_short(one, other):
    """The product, exact; the engine refuses from 1e10 on."""


@ibis.udf.scalar.builtin(name="try", signature=((SHORT,), SHORT))
def _tried_short(value):
    """Null where the engine would end with an error."""


def _short_product(one: NumericValue, other: NumericValue) -> NumericValue:
    return _tried_short(_multiply_short(one, other)).cast(VALUE)


def _product(one: NumericValue, other: NumericValue) -> NumericValue:
    return _tried(_multiply(one, other)).cast(WIDE)


def _quotient(one: NumericValue, other: NumericValue) -> NumericValue:
    return (one.cast("float64") / other.cast("float64").nullif(0.0)).try_cast(WIDE)


def _remainder(one: NumericValue, other: NumericValue) -> NumericValue:
    return one % other.nullif(ibis.literal(0).cast(WIDE))


ARITHMETIC = {
    exp.Add: operator.add, exp.Sub: operator.sub, exp.Mul: _product, exp.Div: _quotient, exp.Mod: _remainder,
}  # fmt: skip


def _text(node: exp.Expression, columns: Columns) -> StringValue:
    of = lambda inner: _text(inner, columns)  # noqa: E731
    whole = lambda name: _whole(node.args.get(name), columns)  # noqa: E731
    if isinstance(node, exp.Column):
        return columns.text(node.name)
    if isinstance(node, exp.Literal):
        return ibis.literal(node.this)
    if isinstance(node, exp.Null):
        return ibis.null("string")
    if isinstance(node, exp.DPipe):
        return of(node.this).concat(of(node.expression))
    if type(node) is exp.Concat:
        parts = [of(part).fill_null("") for part in node.expressions]
        return parts[0].concat(*parts[1:]) if parts[1:] else parts[0]
    if isinstance(node, exp.Lower | exp.Upper):
        return getattr(of(node.this), type(node).__name__.lower())()
    if isinstance(node, exp.Trim) and not node.expression and not node.args.get("position"):
        return of(node.this).strip()
    if isinstance(node, exp.Left | exp.Right):
        return getattr(of(node.this), type(node).__name__.lower())(whole("expression"))
    if isinstance(node, exp.Substring):
        length = whole("length") if node.args.get("length") else None
        return of(node.this).substr(_position(node.args.get("start"), columns) - 1, length)
    if isinstance(node, exp.Replace):
        return of(node.this).replace(of(node.expression), of(node.args["replacement"]))
    if isinstance(node, exp.SplitPart) and _more(node, "delimiter", "part_index") is None:
        parts = of(node.this).split(_said(node.args["delimiter"], columns))
        return parts[_position(node.args["part_index"], columns) - 1].nullif("")
    if isinstance(node, exp.Cast) and node.to.is_type(*exp.DataType.TEXT_TYPES):
        return of(node.this)
    return _choice(node, columns, _text)


def _time(node: exp.Expression, columns: Columns) -> Value:
    if isinstance(node, exp.Column):
        return columns.time(node.name)
    if isinstance(node, exp.Coalesce | exp.Case | exp.If | exp.Least | exp.Greatest | exp.Paren):
        return _choice(node, columns, _time)
    return columns.time_in(node.sql(dialect="duckdb"), _text(node, columns))


def _truth(node: exp.Expression, columns: Columns) -> BooleanValue:
    of = lambda inner: _truth(inner, columns)  # noqa: E731
    if node.args.get("negate"):
        node = node.copy()
        node.set("negate", False)
        return ~of(node)
    if isinstance(node, exp.And | exp.Or):
        method = "__and__" if isinstance(node, exp.And) else "__or__"
        return getattr(of(node.this), method)(of(node.expression))
    if isinstance(node, exp.Not):
        return ~of(node.this)
    if isinstance(node, exp.Paren):
        return of(node.this)
    if isinstance(node, exp.Boolean):
        return ibis.literal(node.this)
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return _alike(node, [node.this], columns)[0].isnull()
    if type(node) in COMPARISONS:
        left, right = _alike(node, [node.this, node.expression], columns)
        return getattr(left, COMPARISONS[type(node)])(right)
    if isinstance(node, exp.Between):
        value, low, high = _alike(node, [node.this, node.args["low"], node.args["high"]], columns)
        return value.between(low, high)
    if isinstance(node, exp.In) and node.expressions:
        value, *options = _alike(node, [node.this, *node.expressions], columns)
        return ibis.or_(*(value == option for option in options))
    if isinstance(node, exp.Like | exp.ILike):
        return getattr(_text(node.this, columns), type(node).__name__.lower())(_said(node.expression, columns))
    if isinstance(node, exp.StartsWith):
        return _text(node.this, columns).startswith(_text(node.expression, columns))
    if isinstance(node, exp.Column):
        return _text(node, columns).lower().isin(flags.TRUE)
    raise _refusal(node, columns)


def _choice(node: exp.Expression, columns: Columns, of: Callable) -> Value:
    """What chooses among values of one kind, whatever the kind."""
    if isinstance(node, exp.Paren):
        return of(node.this, columns)
    if isinstance(node, exp.Coalesce | exp.Least | exp.Greatest):
        return getattr(ibis, type(node).__name__.lower())(
            *(of(part, columns) for part in [node.this, *node.expressions])
        )
    if isinstance(node, exp.Nullif):
        return of(node.this, columns).nullif(of(node.expression, columns))
    if isinstance(node, exp.If):
        otherwise = of(node.args.get("false") or exp.Null(), columns)
        return ibis.ifelse(_truth(node.this, columns), of(node.args["true"], columns), otherwise)
    if isinstance(node, exp.Case):
        tests = [exp.EQ(this=node.this, expression=i.this) if node.this else i.this for i in node.args["ifs"]]
        branches = [
            (_truth(t, columns), of(i.args["true"], columns)) for t, i in zip(tests, node.args["ifs"], strict=True)
        ]
        return ibis.cases(*branches, else_=of(node.args.get("default") or exp.Null(), columns))
    raise _refusal(node, columns)


def _alike(node: exp.Expression, sides: list[exp.Expression], columns: Columns) -> list[Value]:
    """The sides of a comparison: numbers where one of them is a number, times where they are in order with a date."""
    if null := next((side for side in sides if isinstance(side, exp.Null)), None):
        raise InvalidData(f"{columns.key}: {null.parent.sql()[:SHOWN]!r}: nothing equals null; write `is null`")
    if any(_is_number(side) for side in sides):
        return [_number(side, columns) for side in sides]
    dated = [isinstance(side, exp.Cast) or (isinstance(side, exp.Literal) and side.is_string) for side in sides]
    timed = any(isinstance(side, exp.Column) and _is_time(columns.raw[side.name]) for side in sides)
    if timed or (isinstance(node, ORDERED) and any(dated)):
        return [
            _date(side, columns) if is_date else _time(side, columns)
            for side, is_date in zip(sides, dated, strict=True)
        ]
    if isinstance(node, ORDERED):
        return [_number(side, columns) for side in sides]
    return [_text(side, columns) for side in sides]


def _is_number(node: exp.Expression) -> bool:
    if isinstance(node, CHOICES):
        inside = [*node.find_all(exp.Literal), *node.find_all(*NUMERIC)]
        return bool(inside) and not any(isinstance(i, exp.Literal) and i.is_string for i in inside)
    if isinstance(node, exp.Cast):
        return node.to.is_type(*EXACT)
    return isinstance(node, NUMERIC) or (isinstance(node, exp.Literal) and not node.is_string)


def _is_time(column: Value) -> bool:
    return column.type().is_timestamp() or column.type().is_date()


def _date(node: exp.Expression, columns: Columns) -> Value:
    """A date or time that is written in the expression itself, in ISO."""
    written = _said(node.this if isinstance(node, exp.Cast) else node, columns)
    try:
        datetime.fromisoformat(written)
    except ValueError:
        raise InvalidData(
            f"{columns.key}: {written!r} is compared with a time or by size; only numbers and ISO dates can be"
        ) from None
    return times.as_time(ibis.literal(written), dates="iso", zone=columns.format.zone)


def _said(node: exp.Expression, columns: Columns) -> str:
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise _refusal(node, columns)
    return node.this


def _literal(node: exp.Literal, columns: Columns) -> NumericValue:
    value = Decimal(node.this)
    if abs(value) >= TOO_LARGE or value.as_tuple().exponent < -12:
        raise InvalidData(
            f"{columns.key}: {node.this[:SHOWN]} cannot be read; a number is below 1e26 and has at most 12 decimals"
        )
    return ibis.literal(value, type=WIDE)


def _more(node: exp.Expression, *known: str) -> str | None:
    """An argument of a function beside those that are known, for none may go unread; or one that is missing."""
    given = {name for name, value in node.args.items() if value is not None and value != [] and value is not False}
    return next(iter(given ^ {"this", *known}), None)


def _position(node: exp.Expression | None, columns: Columns) -> int:
    """A place in a text, from 1 on."""
    if not (place := _whole(node, columns)):
        raise InvalidData(f"{columns.key}: places are counted from 1; found 0")
    return place


def _whole(node: exp.Expression | None, columns: Columns, default: int | None = None) -> int:
    if node is None and default is not None:
        return default
    if isinstance(node, exp.Literal) and node.this.isdigit():
        return int(node.this)
    raise InvalidData(
        f"{columns.key}: a whole number has to stand there; found {node.sql() if node else 'nothing'!r:.60}"
    )


def _refusal(node: exp.Expression, columns: Columns) -> InvalidData:
    shown = node.sql(dialect="duckdb")[:60]
    name = node.name if isinstance(node, exp.Anonymous) else ""
    near = difflib.get_close_matches(name.lower(), FUNCTIONS, n=1, cutoff=0.5) if name else []
    hint = f"did you mean {near[0]}?" if near else f"there are + - * / % ||, comparisons, case, {', '.join(FUNCTIONS)}"
    return InvalidData(f"{columns.key}: {shown!r} cannot stand there; {hint}")
