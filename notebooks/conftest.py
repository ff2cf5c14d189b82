"""How nbval compares the notebooks' results: `pytest --nbval-lax notebooks/<stage>.ipynb`."""

import os
from pathlib import Path

# The last digits of a model depend on the machine code that numpy and OpenBLAS choose by the processor: compared are
# the results of what every x86-64 processor since 2013 has.
PROCESSOR = {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
# the same values stand beside them as text, without absolute paths
GLUED = ("application/scrapbook.scrap.json+json", "application/scrapbook.scrap.text+json")


def pytest_configure(config) -> None:
    """What differs from run to run is named in one file; the kernels inherit the processor."""
    os.environ |= PROCESSOR
    config.option.nbval_sanitize_with = config.option.nbval_sanitize_with or str(Path(__file__).with_name("sanitize.cfg"))


def pytest_collectstart(collector) -> None:
    """Leave glued values out of what is compared."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += GLUED
