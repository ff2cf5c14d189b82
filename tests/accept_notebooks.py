"""Run the four notebooks with their defaults, in pipeline order on an empty state, and keep the outputs of the cells
that the regression tests compare: `make accept`, then read the diff."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
IN_ORDER = [FOLDER / f"{stage}.ipynb" for stage in ("features", "train", "evaluate", "promote")]


def main() -> None:
    with tempfile.TemporaryDirectory() as state:
        for notebook in IN_ORDER:
            run = [
                "jupyter",
                "nbconvert",
                "--to",
                "notebook",
                "--execute",
                "--inplace",
                "--log-level",
                "WARN",
                str(notebook),
            ]
            subprocess.run([sys.executable, "-m", *run], check=True, env=os.environ | {"CHURN_STATE": state})
    subprocess.run([sys.executable, "-m", "nbstripout", "--keep-count", *map(str, IN_ORDER)], check=True)


if __name__ == "__main__":
    main()
