"""Reading a params file: YAML into a plain tree, `--set` into the tree, and a refusal into plain lines."""

from __future__ import annotations

import difflib
import re
from datetime import date
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from churn.errors import InvalidParams
from churn.params import secrets

TAGS = ("str", "list[str]", "number", "own", "word", "every so many")  # of unions: no part of a key


class _Loader(yaml.SafeLoader):
    """YAML that refuses repeated keys and aliases, and reads 1e-3 as a number (PyYAML reads it as text)."""

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):  # a tree that holds itself, or one value a million times
            alias = self.peek_event()
            problem = f"*{alias.anchor} is an alias; write the value itself"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=alias.start_mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:  # 2024-02-30, !!bool maybe, !!timestamp x
            problem = f"{node.value!r} is not a {node.tag.rpartition(':')[2]} ({error})"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        pairs = super().construct_mapping(node, deep)
        keys = [key.value for key, _ in node.value]
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.MarkedYAMLError(problem=f"repeated key {min(repeated)!r}", problem_mark=node.start_mark)
        return {str(k) if isinstance(k, date) else k: v for k, v in pairs.items()}


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InvalidParams(f"{where}:{line} not readable as YAML: {problem}") from None


def read(path: Path) -> dict:
    """The file as a tree of plain values. Raises InvalidParams when it is missing or not a YAML mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise InvalidParams(f"{path}: is a folder; give a params file, such as {path / 'cdnow.yaml'}") from None
    except OSError as error:
        others = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.yaml")], 1)
        hint = f"; did you mean {path.parent / others[0]}?" if others else ""
        raise InvalidParams(f"{path}: no such params file ({error.strerror}){hint}") from None
    except UnicodeDecodeError:
        raise InvalidParams(f"{path}: not a text file in UTF-8") from None
    tree = _parse(text, str(path))
    secrets.refuse(tree, f"{path}: ")
    if not isinstance(tree, dict):
        raise InvalidParams(
            f"{path}: a params file is a mapping of sections (experiment, seed, data, ...); found {tree!r:.60}"
        )
    return tree


def override(tree: dict, text: str) -> None:
    """Put `section.key=value` (the value in YAML) into the tree."""
    key, equals, value = text.partition("=")
    secrets.refuse({key.strip(): value}, "--set ")
    where = f"--set {_on_one_line(text)}"
    *parents, leaf = key.strip().split(".")
    if not equals or not all([*parents, leaf]):
        raise InvalidParams(f"{where}: expected section.key=value, for example --set train.model=logistic")
    for parent in parents:
        if not isinstance(tree.setdefault(parent, {}), dict):
            raise InvalidParams(f"{where}: {parent} is a value, not a section")
        tree = tree[parent]
    tree[leaf] = _parse(value, where)
    secrets.refuse(tree[leaf], "--set ", _on_one_line(key.strip()))


def explain(error: ValidationError, model: type[BaseModel], path: Path) -> list[str]:
    """One line a fault: file, key, rule, value found, nearest valid name."""
    return [_on_one_line(f"{path}: {_explain_one(fault, model)}") for fault in error.errors(include_url=False)]


def _on_one_line(text: str) -> str:
    """The text with escapes for its line breaks and control characters."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _explain_one(fault: dict, model: type[BaseModel]) -> str:
    key, fields = _locate(fault["loc"], model)
    value = fault["input"]
    if fault["type"] == "union_tag_invalid":
        tag = fault["ctx"]["discriminator"].strip("'")
        key, value = f"{key}.{tag}", value[tag]
    if fault["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(fault["loc"][-1]), fields, 1, cutoff=0.5)
        section = key.rpartition(".")[0]
        near = f"did you mean {section + '.' if section else ''}{close[0]}?" if close else f"valid: {', '.join(fields)}"
        return f"{key}: unknown key; {near}"
    if fault["type"] == "missing":
        return f"{key}: required, but missing"
    if fault["type"] == "value_error":
        message = str(fault["ctx"]["error"])
        return f"{key}: {message}" if key else message
    shown = str(value) if isinstance(value, date) else repr(value)
    return f"{key}: {_rule(fault)}; found {shown:.80}{_nearest(fault, value)}"


def _rule(fault: dict) -> str:
    if fault["type"] == "union_tag_not_found":
        return f"needs {fault['ctx']['discriminator']}"
    if fault["type"] == "union_tag_invalid":
        return f"must be one of {fault['ctx']['expected_tags']}"
    return fault["msg"].removeprefix("Input ")


def _nearest(fault: dict, value: Any) -> str:
    context = fault.get("ctx", {})
    options = re.findall(r"'(\w+)'", str(context.get("expected", context.get("expected_tags", ""))))
    close = difflib.get_close_matches(str(value), options, 1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _locate(loc: tuple, model: type[BaseModel]) -> tuple[str, list[str]]:
    """The key as it is written in the file, and the valid names at its level (pydantic's loc also holds union tags)."""
    shown, here, fields = [], [model], list(model.model_fields)
    for part in loc:
        tagged = [m for m in here if _tag(m) == part] if len(here) > 1 else []
        if tagged:
            here = tagged
            fields = list(here[0].model_fields)
            continue
        if part not in TAGS:
            shown.append(str(part) if str(part).isprintable() else repr(part))
        inside = [
            m for owner in here if part in owner.model_fields for m in _models(owner.model_fields[part].annotation)
        ]
        if inside:
            here, fields = inside, [f for m in inside for f in m.model_fields]
    return ".".join(shown), fields


def _tag(model: type[BaseModel]) -> str | None:
    if tag := getattr(model, "TAG", None):
        return tag
    for name in ("source", "rule"):
        if name in model.model_fields:
            return get_args(model.model_fields[name].annotation)[0]
    return None


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in get_args(annotation) for m in _models(inner)]
