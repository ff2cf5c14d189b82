"""The online features of customers, of one feature service: read all at once, and handed on as columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from churn.features import manifest as manifests
from churn.features._feast import feast
from churn.features.online import packing, places

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """One customer's features as the online store holds them, with each view's time: None where the view has none.

    `missing` names the features of which it holds nothing, not even a null. `counts`: whether the customer is of the
    population that models learn from, and how long ago what decides it was.
    """

    features: dict[str, float | int | str | None]
    missing: list[str]
    stamps: dict[str, datetime | None]
    counts: bool = True
    days_silent: float | None = None

    @property
    def as_of(self) -> datetime | None:
        """The oldest view's time; None for a customer that no view knows."""
        return min((stamp for stamp in self.stamps.values() if stamp), default=None)


@dataclass(frozen=True)
class Plan:
    """What is read of each view: its features, and beside them who counts."""

    views: dict[str, list[str]]
    population_view: str | None
    beside: list[str]  # the columns of that view that are no features: who counts, and since when that is decided

    @cached_property
    def features(self) -> list[str]:
        """All features, in order."""
        return [name for names in self.views.values() for name in names]


class Rows:
    """What was read of n customers, in the order that was asked for."""

    def __init__(self, plan: Plan, views: dict[str, packing.Unpacked]) -> None:
        self._plan, self._views = plan, views

    @cached_property
    def times(self) -> np.ndarray:
        """Microseconds since 1970 of each view's row, shape (views, n); 0 where the view does not know the customer."""
        return np.array([view.times for view in self._views.values()])

    @cached_property
    def known(self) -> np.ndarray:
        """Whether any view knows the customer, shape (n,)."""
        return self.times.any(axis=0)

    @cached_property
    def oldest(self) -> np.ndarray:
        """The time of each customer's oldest row, shape (n,); 0 for a customer that no view knows."""
        if (self.times == self.times[0]).all():
            return self.times[0]
        never = np.iinfo(np.int64).max
        return np.where(self.known, np.where(self.times > 0, self.times, never).min(axis=0), 0)

    @cached_property
    def whole(self) -> np.ndarray:
        """Whether every view has all that is read of it for the customer, and of one time, shape (n,)."""
        lacking = any(name not in self._views[view].layout.at for view, name in self._asked())
        return np.zeros(len(self.known), bool) if lacking else (self.times == self.times[0]).all(axis=0) & self.known

    @cached_property
    def numbers(self) -> np.ndarray:
        """The features as floats, shape (features, n): nan for a null, for a text, and for an unknown customer."""
        parts = [
            view.numbers.T[[view.layout.at[name] for name in self._plan.views[name_of]]]
            for name_of, view in self._views.items()
        ]
        return np.concatenate(parts)

    @cached_property
    def texts(self) -> dict[str, list[str | None]]:
        """The features that are texts."""
        return {
            name: view.values(name)
            for name_of, view in self._views.items()
            for name in self._plan.views[name_of]
            if view.layout.at[name] in view.layout.texts
        }

    @cached_property
    def counts(self) -> np.ndarray:
        """Whether the customer is of the population, shape (n,)."""
        if not self._plan.beside:
            return np.ones(len(self.known), bool)
        counts = self._column_beside(0)
        return (counts != 0) & ~np.isnan(counts)

    def as_of(self, place: int) -> datetime | None:
        """The time of one customer's oldest row."""
        return _moment(int(self.oldest[place])) if self.known[place] else None

    def days_silent(self, place: int) -> float | None:
        """How long before that what decides whether one customer counts was."""
        days = self._column_beside(1)[place] if self._plan.beside else np.nan
        return None if np.isnan(days) else float(days)

    def missing(self, place: int) -> list[str]:
        """What the store holds nothing of for one customer, not even a null."""
        return [
            name
            for view, name in self._asked()
            if not self._views[view].found[place] or name not in self._views[view].layout.at
        ]

    def each(self) -> list[Row]:
        """Customer by customer, every value as it was written."""
        held = {
            name: self._views[view].values(name) if name in self._views[view].layout.at else [None] * len(self.known)
            for view, names in self._plan.views.items()
            for name in names
        }
        stamps = {name: view.times.tolist() for name, view in self._views.items()}
        return [
            Row(
                {name: values[i] for name, values in held.items()},
                self.missing(i),
                {view: _moment(times[i]) if times[i] else None for view, times in stamps.items()},
                bool(self.counts[i]),
                self.days_silent(i),
            )
            for i in range(len(self.known))
        ]

    def _asked(self) -> list[tuple[str, str]]:
        of_views = [(view, name) for view, names in self._plan.views.items() for name in names]
        return of_views + [(self._plan.population_view, name) for name in self._plan.beside]

    def _column_beside(self, which: int) -> np.ndarray:
        view, name = self._views[self._plan.population_view], self._plan.beside[which]
        if name not in view.layout.at:
            return np.full(len(view.found), np.nan)
        return view.numbers[:, view.layout.at[name]]


class Reader:
    """The online features of one service. It never looks into Feast's registry on the way."""

    def __init__(self, store: feast.FeatureStore, service: feast.FeatureService) -> None:
        self._place = places.of_experiment(store.project)
        views = {p.name: [f.name for f in p.features] for p in service.feature_view_projections}
        # Who counts, as the views' definition tells it; None: they are older than this rule.
        tags = {name: dict(store.get_feature_view(name).tags) for name in views}
        told = {name: of_view for name, of_view in tags.items() if "rule" in of_view}
        self.population: dict[str, str] | None = next(iter(told.values()), None)
        population_view = next((name for name, of_view in told.items() if "counts" in of_view), None)
        beside = [self.population[role] for role in manifests.POPULATION] if population_view else []
        self._plan = Plan(views, population_view, beside)
        self.features = self._plan.features

    def read(self, customer_ids: list[str]) -> Rows:
        """The features of each customer, all of one snapshot. Raises FeatureStoreUnavailable."""
        views = list(self._plan.views)
        online, held = self._place.read(views, customer_ids)
        return Rows(
            self._plan,
            {
                view: packing.layout(online.views[view].columns).unpack(*rows)
                for view, rows in zip(views, held, strict=True)
            },
        )


def look_up(store: feast.FeatureStore, service: feast.FeatureService, customer_ids: list[str]) -> list[Row]:
    """The online features of each customer, in order, each as it was written. Raises FeatureStoreUnavailable."""
    return Reader(store, service).read(customer_ids).each()


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
