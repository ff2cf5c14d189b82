"""The twelve logs of different shape, each `(folder, *, customers, seed) -> Log`."""

from __future__ import annotations

from tests.discovery import orders, usage

LOGS = {
    "shop order lines": orders.shop,
    "subscriptions": usage.subscriptions,
    "app sessions": usage.sessions,
    "a help desk": usage.help_desk,
    "donations": usage.donations,
    "a gym": usage.gym,
    "a spreadsheet": orders.spreadsheet,
    "JSON lines": orders.charges,
    "two tables": orders.two_tables,
    "a database": orders.database,
    "a very short log": orders.too_short,
    "a skewed log": orders.skewed,
}
