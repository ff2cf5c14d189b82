"""Facts of a document as a page shows them, each named by its place: `fact("metrics.auc.test", ".3f")` gives
`<data data-fact="metrics.auc.test" value="0.8075">0.807</data>`, so that whoever doubts a page can compare it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from markupsafe import Markup

NONE = "none"
RULES = {
    "min_auc": "AUC reaches the floor",
    "max_level_error": "level of the probabilities",
    "slope": "slope of the probabilities",
    "max_shape_error": "shape of the probabilities",
    "log_loss": "better than every baseline",
    "min_leavers": "enough leavers to tell",
    "champion_margin": "not worse than the champion",
    "best_margin": "nor than the best of twelve",
    "segment_margin": "no segment worse",
    "min_profit": "profit",
    "parity": "online as offline",
    "signature": "signature for serving",
}
METRICS = {
    "auc": "AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "lift_top": "lift of the top",
    "profit_per_customer": "profit a customer",
}
MODELS = {"logistic": "logistic regression", "hist_gradient_boosting": "boosted trees"}
SHORT = 8  # signs of a long id that are shown; all of it is in the value


def of(document: object, **named: object) -> Callable[[str, str], Markup]:
    """What shows the facts of a document. `named` are further attributes of each, such as version=3."""
    more = Markup("").join(Markup(' data-{}="{}"').format(name, value) for name, value in named.items())

    def fact(path: str, form: str = "") -> Markup:
        value = at(document, path)
        told = json.dumps(value, default=str, ensure_ascii=False)
        return Markup('<data data-fact="{}"{} value="{}">{}</data>').format(path, more, told, shown(value, form))

    return fact


def at(document: object, path: str) -> object:
    """The value at a place such as `decisions.0.gate.3.rule`. Raises KeyError where there is none."""
    value = document
    for step in path.split("."):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (IndexError, ValueError, TypeError) as error:
            raise KeyError(path) from error
    return value


def shown(value: object, form: str = "") -> str:
    """A value as people read it. `form`: a format of numbers (".3f"), or one of FORMS."""
    if value is None or value == "":
        return NONE
    if form in FORMS:
        return FORMS[form](value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(shown(one, form) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one, form)}" for name, one in value.items()) or NONE
    return format(value, form) if isinstance(value, int | float) else str(value)


def _when(value: str) -> str:
    moment = datetime.fromisoformat(value)
    return f"{moment:%-d %B %Y, %H:%M} UTC"


def _day(value: str) -> str:
    return f"{datetime.fromisoformat(value):%-d %B %Y}"


def _month(value: str) -> str:
    return f"{datetime.fromisoformat(value):%b %Y}"


def _words(value: str) -> str:
    return str(value).replace("_", " ")


def _called(names: dict[str, str]) -> Callable[[str], str]:
    return lambda value: names.get(value) or _words(value)


FORMS: dict[str, Callable[[object], str]] = {
    "rule": _called(RULES),
    "metric": _called(METRICS),
    "model": _called(MODELS),
    "when": _when,
    "day": _day,
    "month": _month,
    "id": lambda value: str(value).rpartition("-")[2][:SHORT],
    "words": _words,
}
