"""What a stage's functions load when they are first called, loaded while its kernel waits for its turn.

Without it the same would happen in the middle of a notebook, while somebody waits.
"""

from __future__ import annotations

from importlib import import_module

STORE = "mlflow.store.tracking.sqlalchemy_store"
LATER = {
    "features": (),  # the first kernel does not wait
    "monitor": (STORE, "skops.io", "ibis.backends.duckdb"),
    "train": (STORE, "mlflow.sklearn", "mlflow.pyfunc", "skops.io", "ibis.backends.duckdb"),
    "evaluate": (STORE, "skops.io", "ibis.backends.duckdb"),
    "promote": (STORE, "mlflow.store.model_registry.sqlalchemy_store"),
    "score": (STORE, "skops.io", "ibis.backends.duckdb"),
}


def load(stage: str) -> None:
    """Load a stage's libraries, and draw an empty figure, for the first one looks for the fonts."""
    for name in LATER[stage]:
        import_module(name)
    if LATER[stage]:
        from churn.reports.plots import style

        style.blank("")._repr_png_()
