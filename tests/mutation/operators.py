"""Small changes of logic in the code of a notebook's cell, each of which the regression tests have to notice."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from datetime import date, timedelta

WORDS = {  # strings and methods with a counterpart that would run in their place
    "train": "test", "min": "max", "mean": "sum", "count": "size", "events": "customers", "candidate": "champion",
    "customer_id": "snapshot", "features": "segments", "head": "tail",
}  # fmt: skip
NAMES = {  # variables of the same kind
    "candidate": "champion", "test_snapshot": "serve_snapshot", "train": "test",
    "scores": "intervals", "run_id": "experiment", "training_set": "manifest",
}  # fmt: skip
WORDS, NAMES = (pairs | {other: one for one, other in pairs.items()} for pairs in (WORDS, NAMES))
OPERATORS = {
    ast.GtE: ast.Gt, ast.Gt: ast.GtE, ast.LtE: ast.Lt, ast.Lt: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip


def mutants(source: str, known: set[str]) -> list[str]:
    """The code of a cell, then every mutant of it, in the order of the code; comments and layout are lost.

    `known` are the names that the cell may use: none is replaced by one that does not exist.
    """
    tree = ast.parse(source)
    found = [ast.unparse(tree)]
    for number, node in enumerate(_nodes(tree)):
        for version in range(len(list(_changed(node, tree, known)))):
            changed = copy.deepcopy(tree)
            old = list(_nodes(changed))[number]
            _replace(changed, old, list(_changed(old, changed, known))[version])
            found.append(ast.unparse(ast.fix_missing_locations(changed)))
    return list(dict.fromkeys(found))


def names(source: str) -> set[str]:
    """The names that a cell binds, imported or assigned."""
    nodes = list(ast.walk(ast.parse(source)))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return bound | {n.asname or n.name for n in nodes if isinstance(n, ast.alias)}


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST | None) -> None:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list):
                setattr(parent, field, [m for v in value if (m := new if v is old else v) is not None])


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """What may change: everything but imports and annotations; of sentences, none of the words."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
            waiting[:0] = [c for c in ast.iter_child_nodes(node) if c is not getattr(node, "annotation", None)]


def _changed(node: ast.AST, tree: ast.Module, known: set[str]) -> Iterator[ast.AST | None]:
    """What a node may become; None where it is left out."""
    if isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if NAMES.get(node.id) in known:
            yield _with(node, id=NAMES[node.id])
    elif isinstance(node, ast.Attribute) and node.attr in WORDS:
        yield _with(node, attr=WORDS[node.attr])
    elif isinstance(node, ast.Compare):
        yield _with(node, ops=[OPERATORS[type(op)]() for op in node.ops])
    elif isinstance(node, ast.BinOp):
        yield _with(node, op=OPERATORS[type(node.op)]()) if type(node.op) in OPERATORS else node.left
    elif isinstance(node, ast.BoolOp):
        yield node.values[0]
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Set | ast.List) and len(node.elts) > 1:
        yield from (_with(node, elts=node.elts[1:]), _with(node, elts=node.elts[:-1]))
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Expr) and (node is not tree.body[-1] or ast.unparse(node).startswith("run.")):
        yield None  # an effect that does not happen


def _constants(value: object) -> Iterator[ast.Constant]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1 if isinstance(value, int) else value * 1.5)
    elif isinstance(value, str) and " " not in value:
        yield ast.Constant(WORDS.get(value) or _later(value) or f"{value}_")


def _later(value: str) -> str | None:
    try:
        return str(date.fromisoformat(value) + timedelta(days=1))
    except ValueError:
        return None


def _calls(node: ast.Call) -> Iterator[ast.Call]:
    """Without each of its named arguments; to leave out one of the others would hardly ever run at all."""
    for keyword in node.keywords:
        yield _with(node, keywords=[k for k in node.keywords if k is not keyword])


def _with(node: ast.AST, **fields: object) -> ast.AST:
    return type(node)(**{name: value for name, value in ast.iter_fields(node)} | fields)
