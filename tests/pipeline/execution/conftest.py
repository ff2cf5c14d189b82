from __future__ import annotations

from collections.abc import Iterator

import pytest

from churn.pipeline.execution import kernels


@pytest.fixture(scope="package")
def kernel() -> Iterator[kernels.Kernel]:
    """One warm kernel for the tests that leave it alive."""
    with kernels.warm_kernel("promote") as ready:
        yield ready
