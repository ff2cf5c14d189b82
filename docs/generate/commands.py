"""The tables of commands: targets from the Makefile's head, flags from the parsers of the command line."""

from __future__ import annotations

import argparse
import re

from churn.cli import main
from churn.state import PROJECT
from docs.generate.table import table

PAGE = "commands"
TARGET = re.compile(r"^#   make ([a-z-]+) +(.+?)(?: +\(([A-Z_]+=[^)]*)\))?$", re.MULTILINE)
EVERYWHERE = {"help", "params", "as_json"}  # of every command: said once, in the text


def tables() -> dict[str, str]:
    """Mark -> Markdown."""
    return {"make": _targets(), "run_pipeline": _flags(main.run_parser()), "churn": _commands(main.churn_parser())}


def _targets() -> str:
    found = TARGET.findall((PROJECT / "Makefile").read_text())
    rows = [(f"`make {name}`", what, f"`{takes}`" if takes else "") for name, what, takes in found]
    return table(("target", "what it does", "takes"), rows)


def _flags(parser: argparse.ArgumentParser) -> str:
    shown = [action for action in parser._actions if action.dest != "help"]
    return table(("flag", "meaning"), [(f"`{_usage(action)}`", " ".join(action.help.split())) for action in shown])


def _commands(parser: argparse.ArgumentParser) -> str:
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    said = {choice.dest: choice.help for choice in commands._choices_actions}
    rows = [(_call(name, made), said[name], _own(made)) for name, made in sorted(commands.choices.items())]
    return table(("command", "what it does", "flags of its own"), rows)


def _call(name: str, parser: argparse.ArgumentParser) -> str:
    """The command with what it takes without a flag."""
    taken = [f"[{a.metavar}]" if a.nargs == "?" else a.metavar for a in parser._actions if not a.option_strings]
    return f"`{' '.join(['churn', name, *taken])}`"


def _own(parser: argparse.ArgumentParser) -> str:
    flags = [action for action in parser._actions if action.option_strings and action.dest not in EVERYWHERE]
    shown = [flag for flag in flags if flag.help != argparse.SUPPRESS]
    required = {True: " (required)", False: ""}
    return "; ".join(f"`{_usage(a)}`{required[a.required]}: {' '.join(a.help.split())}" for a in shown)


def _usage(action: argparse.Action) -> str:
    takes = [] if action.nargs == 0 else [action.metavar or action.dest.upper()]
    return " ".join([action.option_strings[0], *takes])
