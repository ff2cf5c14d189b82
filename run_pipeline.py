"""Run the churn workflow: `python run_pipeline.py --params params/cdnow.yaml` (see --help)."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"Papertrail needs Python 3.11 or 3.12; this is {sys.version.split()[0]}. `make run` finds or makes one.")

from churn.cli.main import run_pipeline

if __name__ == "__main__":
    sys.exit(run_pipeline())
