"""The tables of parameters, from the schema of a params file."""

from __future__ import annotations

from collections.abc import Iterator

from churn.params.schema import Params

PAGE = "parameters"
WORDS = {"string": "text", "integer": "whole number", "number": "number", "date": "date", "date-time": "time"}


def tables() -> dict[str, str]:
    """Mark -> Markdown: a table for each section of a params file, a row for each key."""
    schema = Params.model_json_schema()
    blocks: dict[str, list[str]] = {}
    for section, row in _rows(schema, schema["$defs"], "", "top level"):
        blocks.setdefault(section, ["| key | type | default | meaning |", "|---|---|---|---|"]).append(row)
    text = "\n\n".join(f"**{section}**\n\n" + "\n".join(rows) for section, rows in blocks.items())
    return {"parameters": text}


def _rows(node: dict, known: dict, prefix: str, section: str) -> Iterator[tuple[str, str]]:
    """Section and row of every key below a section of the schema; `known` are the schema's definitions."""
    for name, entry in node["properties"].items():
        key = f"{prefix}{name}"
        inner = [known[ref] for ref in _references(entry)]
        if not inner or "description" in entry:
            yield section, _row(key, entry, required=name in node.get("required", []))
        for part in inner:
            of_its_own = f"`{key}`" + (_variant(part) if len(inner) > 1 else "")
            yield from _rows(part, known, f"{key}.", section if prefix else of_its_own)


def _references(entry: dict) -> list[str]:
    options = entry.get("oneOf", entry.get("anyOf", [entry]))
    return [option["$ref"].rpartition("/")[2] for option in options if "$ref" in option]


def _variant(part: dict) -> str:
    """Which variant of a section it is: by its one fixed value, else by what it says of itself."""
    fixed = (f", `{name}: {p['const']}`" for name, p in part["properties"].items() if "const" in p)
    return next(fixed, None) or f": {part['description'][0].lower()}{part['description'][1:].rstrip('.')}"


def _row(key: str, entry: dict, *, required: bool) -> str:
    default = "required" if required else f"`{_shown(entry.get('default'))}`"
    return f"| `{key}` | {_type(entry)} | {default} | {entry['description']} |"


def _type(entry: dict) -> str:
    if "$ref" in entry:
        return "section"
    if options := entry.get("anyOf") or entry.get("oneOf"):
        return " or ".join(_type(option) for option in options)
    if "const" in entry or "enum" in entry:
        return " or ".join(f"`{value}`" for value in entry.get("enum", [entry.get("const")]))
    if entry["type"] == "array":
        return f"list of {_type(entry['items'])}"
    if entry["type"] == "object":
        return "mapping"
    return WORDS.get(entry.get("format", entry["type"]), entry["type"]) + _limits(entry)


def _limits(entry: dict) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<", "pattern": "matching"}
    limits = [f"{word} `{entry[rule]}`" for rule, word in words.items() if rule in entry]
    return " " + ", ".join(limits) if limits else ""


def _shown(value: object) -> str:
    return "null" if value is None else str(value)
