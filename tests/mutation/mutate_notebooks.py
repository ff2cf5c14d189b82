"""How many changes of logic in the notebooks the regression tests notice: `make mutants-notebooks`.

Each mutant is one small change in one cell. The notebooks from that one on are run by nbval as the tests run them, on
a copy of what the unchanged notebooks before it left, until a cell fails or shows something else than it did.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat

from churn.state import PROJECT
from tests.mutation.operators import mutants, names

STAGES = ("features", "train", "evaluate", "promote")
SHOWS, STOPS = "shows another result", "stops with an error"


@dataclass(frozen=True)
class Mutant:
    """One cell of one notebook with other code."""

    stage: str
    cell: int
    original: str
    source: str

    def __str__(self) -> str:
        before, after = (code.splitlines() for code in (self.original, self.source))
        lost, new = ([line for line in one if line not in other] for one, other in ((before, after), (after, before)))
        return f"{self.stage} [{self.cell}] {' '.join(lost)}  ->  {' '.join(new) or '(left out)'}"


class Bench:
    """A folder with copies of the notebooks and, for each of them, the state that it starts from."""

    def __init__(self, folder: Path) -> None:
        self._notebooks, self._state, self._before = folder / "notebooks", folder / "state", folder / "before"
        shutil.copytree(PROJECT / "notebooks", self._notebooks)
        self._state.mkdir()
        for stage in STAGES:
            shutil.copytree(self._state, self._before / stage)
            if found := self._failure(stage):
                sys.exit(f"without any change: {found}")

    def killed_by(self, mutant: Mutant) -> str | None:
        """The cell that goes red and how, or None where the mutant survives all notebooks from its own on."""
        path = self._notebooks / f"{mutant.stage}.ipynb"
        unchanged = path.read_text()
        shutil.rmtree(self._state)  # the same place for all of them, for MLflow and the manifest hold absolute paths
        shutil.copytree(self._before / mutant.stage, self._state)
        notebook = nbformat.reads(unchanged, as_version=4)
        notebook.cells[mutant.cell].source = mutant.source
        nbformat.write(notebook, path)
        try:
            following = STAGES[STAGES.index(mutant.stage) :]
            return next((found for stage in following if (found := self._failure(stage))), None)
        finally:
            path.write_text(unchanged)

    def _failure(self, stage: str) -> str | None:
        nbval = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--nbval-lax", f"{stage}.ipynb"]
        environment = os.environ | {"CHURN_STATE": str(self._state), "PYTHONPATH": str(PROJECT)}
        done = subprocess.run(
            nbval, cwd=self._notebooks, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode == 0:
            return None
        number = int(re.search(r"ipynb::Cell (\d+)", done.stdout)[1])  # nbval counts the cells of code alone
        cell = [n for n, c in enumerate(_cells(stage)) if c.cell_type == "code"][number]
        return f"{SHOWS if 'Cell outputs differ' in done.stdout else STOPS} in {stage} [{cell}]"


def all_mutants() -> list[Mutant]:
    """Of every cell of code but the parameters (compared with the schema by a test of their own) and the imports."""
    found = []
    for stage in STAGES:
        known: set[str] = set()
        for number, cell in enumerate(_cells(stage)):
            if cell.cell_type == "code":
                known |= names(cell.source)
                original, *changed = mutants(cell.source, known)
                if "parameters" not in cell.metadata.get("tags", []):
                    found += [Mutant(stage, number, original, source) for source in changed]
    return found


def _cells(stage: str) -> list:
    return nbformat.read(PROJECT / "notebooks" / f"{stage}.ipynb", as_version=4).cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=4, help="run every n-th mutant (default: %(default)s)")
    parser.add_argument("--start", type=int, default=0, help="beginning with this one")
    given = parser.parse_args()
    chosen = all_mutants()[given.start :: given.every]
    results = {(stage, how): 0 for stage in STAGES for how in (SHOWS, STOPS, None)}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for number, mutant in enumerate(chosen, 1):
            found = bench.killed_by(mutant)
            results[mutant.stage, found and found.partition(" in ")[0]] += 1
            print(f"{number}/{len(chosen)} {found or 'SURVIVED'}: {mutant}", flush=True)
    _table(results)


def _table(results: dict[tuple, int]) -> None:
    print(f"\n| notebook | mutants | {SHOWS} | {STOPS} | survived | score |\n|---|---|---|---|---|---|")
    for name, stages in [*((stage, [stage]) for stage in STAGES), ("all", STAGES)]:
        shows, stops, survived = (sum(results[stage, how] for stage in stages) for how in (SHOWS, STOPS, None))
        made = shows + stops + survived
        print(f"| {name} | {made} | {shows} | {stops} | {survived} | {(shows + stops) / max(made, 1):.1%} |")


if __name__ == "__main__":
    main()
