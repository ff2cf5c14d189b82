"""The API with a feature store that takes 5 s for every look-up while the file in SLOW_WHILE exists."""

from __future__ import annotations

import os
import time
from pathlib import Path
from unittest import mock

from churn.features import reader
from serving import app

read = reader.Reader.read


def slow_read(store: reader.Reader, customer_ids: list[str]) -> reader.Rows:
    if Path(os.environ["SLOW_WHILE"]).exists():
        time.sleep(5)
    return read(store, customer_ids)


def create_app() -> app.Api:
    mock.patch.object(reader.Reader, "read", slow_read).start()
    return app.create_app()
