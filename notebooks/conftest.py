"""How nbval compares the notebooks' results: `pytest --nbval-lax notebooks/<stage>.ipynb`."""

from pathlib import Path

# the same values stand beside them as text, without absolute paths
GLUED = ("application/scrapbook.scrap.json+json", "application/scrapbook.scrap.text+json")


def pytest_configure(config) -> None:
    """What differs from run to run is named in one file."""
    config.option.nbval_sanitize_with = config.option.nbval_sanitize_with or str(Path(__file__).with_name("sanitize.cfg"))


def pytest_collectstart(collector) -> None:
    """Leave glued values out of what is compared."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += GLUED
