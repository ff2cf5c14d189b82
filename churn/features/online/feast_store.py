"""What both stores are to Feast: its documented interface, so that `get_online_features`, `feast materialize` and its
pages work on packed rows. Serving and the features stage do not come this way."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from churn.features._feast import OnlineStore, Value, feast_types
from churn.features.online import packing
from churn.features.online.snapshot import Columns

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {feast_types.Int64: packing.INTEGER, feast_types.Float64: packing.NUMBER, feast_types.String: packing.CATEGORY}
MEMBERS = {packing.INTEGER: "int64_val", packing.NUMBER: "double_val", packing.CATEGORY: "string_val"}


def columns_of(view) -> Columns:
    """A feature view's columns as rows hold them. Raises ValueError for a type that they do not hold."""
    for field in view.features:
        if field.dtype not in KINDS:
            raise ValueError(
                f"{view.name}: {field.name} is {field.dtype}; rows online hold {', '.join(map(str, KINDS))}"
            )
    return tuple((field.name, KINDS[field.dtype]) for field in view.features)


def microseconds(moment: datetime) -> int:
    """Since 1970, UTC; a moment without a zone is in UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1)


class PackedOnlineStore(OnlineStore):
    """Feast's online store over a place that keeps packed rows."""

    @abstractmethod
    def place(self, config):
        """Where the rows are."""

    def online_write_batch(self, config, table, data, progress) -> None:
        """Write rows of one view, as Feast's own `materialize` does: beside what is there, batch by batch."""
        columns = columns_of(table)
        customers = [_customer(key) for key, *_ in data]
        arrays = {
            name: pa.array([_plain(values.get(name)) for _, values, *_ in data], packing.ARROW[kind])
            for name, kind in columns
        }
        times = np.array([microseconds(moment) for _, _, moment, _ in data], dtype=np.int64)
        rows = packing.layout(columns).pack(arrays, times)
        self.place(config).put(table.name, columns, customers, rows)
        if progress:
            progress(len(data))

    def online_read(self, config, table, entity_keys, requested_features=None):
        """Of each key the row's time and its values; (None, None) where there is none."""
        place = self.place(config)
        if table.name not in place.online().views:
            return [(None, None)] * len(entity_keys)
        online, [(data, sizes)] = place.read([table.name], [_customer(key) for key in entity_keys])
        layout = packing.layout(online.views[table.name].columns)
        rows = layout.unpack(data, sizes)
        kinds = dict(layout.columns)
        names = [name for name in requested_features or kinds if name in kinds]
        values = {name: [_value(value, kinds[name]) for value in rows.values(name)] for name in names}
        return [
            (EPOCH + timedelta(microseconds=time), {name: values[name][i] for name in names}) if known else (None, None)
            for i, (known, time) in enumerate(zip(rows.found.tolist(), rows.times.tolist(), strict=True))
        ]

    def update(self, config, tables_to_delete, tables_to_keep, entities_to_delete, entities_to_keep, partial) -> None:
        """Refuse views that rows cannot hold, and take off those that are gone; a table comes with its first row."""
        for view in tables_to_keep:
            columns_of(view)
        if tables_to_delete:
            self.place(config).drop([view.name for view in tables_to_delete])

    def teardown(self, config, tables, entities) -> None:
        """Take everything off."""
        self.place(config).remove()


def _customer(key) -> str:
    [value] = key.entity_values
    return str(_plain(value))


def _plain(value: Value | None) -> float | int | str | None:
    kind = value.WhichOneof("val") if value is not None else None
    return None if kind in (None, "null_val") else getattr(value, kind)


def _value(value: float | int | str | None, kind: str) -> Value:
    return Value() if value is None else Value(**{MEMBERS[kind]: value})
