"""What Prometheus reads at /metrics, summed over all workers. No label ever holds a customer."""

from __future__ import annotations

import os
from collections import Counter as Counts
from collections.abc import Iterator
from datetime import datetime

from prometheus_client import REGISTRY as OWN
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from churn.registry.versions import Version

FAST = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
TENTHS = tuple(i / 10 for i in range(1, 11))

REQUEST_SECONDS = Histogram(
    "churn_request_seconds", "time to answer, by route and status", ["route", "status"], buckets=FAST
)
STORE_SECONDS = Histogram("churn_feature_store_seconds", "time of a look-up in the feature store", buckets=FAST)
MODEL_SECONDS = Histogram("churn_model_seconds", "time of the model", buckets=FAST)
PROBABILITY = Histogram("churn_probability", "churn probabilities answered", ["version"], buckets=TENTHS)
REFUSED = Counter("churn_refused_total", "customers that could not be scored, by problem type", ["type"])
OUT_OF_RANGE = Counter(
    "churn_out_of_range_total", "scored customers with a feature outside its training range", ["feature"]
)
SWAPS = Counter("churn_model_swaps_total", "models swapped in, over all workers")
SWAP_FAILURES = Counter(
    "churn_model_swap_failures_total", "models that could not be loaded or verified; the last good one kept serving"
)
MODEL = Gauge(
    "churn_model_info", "workers that serve this version", ["name", "version", "run_id"], multiprocess_mode="livesum"
)
REGISTRY_UP = Gauge("churn_registry_up", "1 when every worker reaches the model registry", multiprocess_mode="livemin")
# Not shown: an age that was written down would stand still until somebody asks again, and be 0 until somebody did.
FEATURES_AS_OF = Gauge("features_as_of_seconds", "snapshot of the features last used", multiprocess_mode="mostrecent")
LOGGED = Counter("churn_prediction_log_rows_total", "predictions written to the prediction log")
LOG_DROPPED = Counter(
    "churn_prediction_log_dropped_total",
    "predictions that the prediction log lost: it was full or could not be written",
)


def swapped(before: Version | None, after: Version) -> None:
    """Count a swap and name the version now serving."""
    SWAPS.inc()
    if before:
        MODEL.labels(before.name, before.version, before.run_id).set(0)
    MODEL.labels(after.name, after.version, after.run_id).set(1)


def predictions() -> Counts:
    """Predictions asked for so far, over all workers: `requests`, `failed` (5xx), and by upper bound in seconds how
    many took no longer."""
    told = Counts()
    for metric in _everything().collect():
        for sample in metric.samples if metric.name == "churn_request_seconds" else ():
            if not sample.labels["route"].startswith("/predict"):
                continue
            if sample.name.endswith("_bucket") and sample.labels["le"] != "+Inf":
                told[float(sample.labels["le"])] += sample.value
            elif sample.name.endswith("_count"):
                told["requests"] += sample.value
                told["failed"] += sample.value if sample.labels["status"].startswith("5") else 0
    return told


def serving() -> dict[str, int]:
    """Version -> how many workers have it in memory."""
    info = (metric for metric in _everything().collect() if metric.name == "churn_model_info")
    found = Counts()
    for sample in (sample for metric in info for sample in metric.samples):
        found[sample.labels["version"]] += int(sample.value)
    return {version: workers for version, workers in sorted(found.items()) if workers}


def exposition(now: datetime) -> tuple[bytes, str]:
    """The metrics of all workers in Prometheus' text format, and its content type; ages are those at `now`."""
    return generate_latest(_Ours(_everything(), now)), CONTENT_TYPE_LATEST


def _everything() -> CollectorRegistry:
    """What all workers count; where there is but this process, its own."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return OWN
    everything = CollectorRegistry()
    MultiProcessCollector(everything)
    return everything


class _Ours:
    """Leaves out what Feast registers for a server of its own."""

    def __init__(self, everything: CollectorRegistry, now: datetime) -> None:
        self._everything, self._now = everything, now.timestamp()

    def collect(self) -> Iterator[Metric]:
        """The metrics that begin with churn_, and the age of the features once any have been used."""
        for metric in self._everything.collect():
            if metric.name.startswith("churn_"):
                yield metric
            elif metric.name == "features_as_of_seconds" and (
                used := max((s.value for s in metric.samples), default=0)
            ):
                age = self._now - used
                yield GaugeMetricFamily("churn_feature_age_seconds", "age of the features last used", age)
