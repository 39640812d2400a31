"""What a run has come to so far, for Prometheus: counters, gauges and histograms of low cardinality.

Names and units follow Prometheus' conventions. Nothing is labelled by device: for one device there is the record.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from simulator.fleet.tally import middle_of
from simulator.lwm2m.firmware_table import STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client import Metric

EDGES_S: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    100.0,
    300.0,
    1000.0,
)
"""Upper edges of the buckets of a histogram, seconds: from a block over loopback to a download over NB-IoT."""
PREFIX: Final = "lwm2m_fleet"


class _Histogram:
    """Counts of samples by their edge, and their sum."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(EDGES_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        """Count samples in their bucket; the sum is kept apart, since it is known exactly."""
        self.counts[bisect_left(EDGES_S, seconds)] += count

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper edge, as Prometheus has them."""
        total, found = 0, []
        for edge, count in zip((*map(str, EDGES_S), "+Inf"), self.counts, strict=True):
            total += count
            found.append((edge, float(total)))
        return found


class Totals:
    """What the processes of a run have told so far."""

    def __init__(self) -> None:
        self.operations: Counter[tuple[str, str, str]] = Counter()
        """By operation, transport and outcome (``ok`` or ``fail``)."""
        self.payload: Counter[tuple[str, str]] = Counter()
        """Bytes of packages by delivery and transport."""
        self.updates: Counter[tuple[str, str]] = Counter()
        """Updates by transport and outcome, as the operator saw them."""
        self.seconds: dict[tuple[str, str], _Histogram] = {}
        """How long operations took, by operation and transport."""
        self.gauges: dict[str, Mapping[str, Any]] = {}
        """The newest state of each fleet process."""

    def take(self, line: Mapping[str, Any], transport_of: Callable[[int], str]) -> None:
        """Add what a process of the run tells: its tally, and the updates that were judged.

        Args:
            line: what it tells.
            transport_of: gives the transport of a device.
        """
        tally = line.get("tally")
        if tally is not None:
            self.add_rows(tally["rows"])
            self.gauges[tally["process"]] = tally
        for device, outcome, due, ended, *_ in line.get("updates", ()):
            self.add_update(transport_of(device), outcome, max(0.0, ended - due))

    def add_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add the rows of a tally."""
        for row in rows:
            key = row["operation"], row["transport"]
            self.operations[(*key, "ok")] += row["count"] - row["failures"]
            self.operations[(*key, "fail")] += row["failures"]
            if key[0] in ("download", "push"):
                self.payload[key] += row["length"]
            histogram = self._histogram(*key)
            histogram.sum_s += row["total_us"] / 1e6
            for bucket, count in row["buckets"]:
                histogram.add(middle_of(bucket) / 1e6, count)

    def add_update(self, transport: str, outcome: str, seconds: float) -> None:
        """Add an update that was judged."""
        self.updates[transport, outcome] += 1
        histogram = self._histogram("update", transport)
        histogram.sum_s += seconds
        histogram.add(seconds)

    def devices(self, kind: str) -> Counter[tuple[str, int]]:
        """Devices by group and number, over all fleet processes.

        Args:
            kind: ``states`` (/5/0/3) or ``results`` (/5/0/5).
        """
        sums: Counter[tuple[str, int]] = Counter()
        for told in self.gauges.values():
            for group, number, count in told.get(kind, ()):
                sums[group, number] += count
        return sums

    def _histogram(self, operation: str, transport: str) -> _Histogram:
        return self.seconds.setdefault((operation, transport), _Histogram())


class FleetCollector(Collector):
    """Gives Prometheus the totals when it asks.

    Args:
        totals: what there is to tell, or None while no run goes on.
    """

    def __init__(self, totals: Callable[[], Totals | None]) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment."""
        totals = self._totals()
        if totals is not None:
            yield from _counters(totals)
            yield from _gauges(totals)
            yield _histograms(totals)


def _counters(totals: Totals) -> Iterator[Metric]:
    operations = CounterMetricFamily(
        f"{PREFIX}_operations",
        "Operations of devices: Register, blocks, downloads ...",
        labels=("operation", "transport", "outcome"),
    )
    for labels, count in sorted(totals.operations.items()):
        operations.add_metric(labels, count)
    yield operations
    payload = CounterMetricFamily(
        f"{PREFIX}_payload_bytes", "Bytes of packages that devices took.", labels=("delivery", "transport")
    )
    for (operation, transport), count in sorted(totals.payload.items()):
        payload.add_metric(("pull" if operation == "download" else operation, transport), count)
    yield payload
    updates = CounterMetricFamily(
        f"{PREFIX}_updates", "Updates that the operator has judged.", labels=("transport", "outcome")
    )
    for key, count in sorted(totals.updates.items()):
        updates.add_metric(key, count)
    yield updates


def _gauges(totals: Totals) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        f"{PREFIX}_devices", "Devices that are on, by State (/5/0/3).", labels=("group", "state")
    )
    for (group, number), count in sorted(totals.devices("states").items()):
        states.add_metric((group, STATES[number]), count)
    yield states
    results = GaugeMetricFamily(
        f"{PREFIX}_update_results", "Devices that are on, by Update Result (/5/0/5).", labels=("group", "result")
    )
    for (group, number), count in sorted(totals.devices("results").items()):
        results.add_metric((group, str(number)), count)
    yield results


def _histograms(totals: Totals) -> Metric:
    seconds = HistogramMetricFamily(
        f"{PREFIX}_operation_seconds",
        "How long operations took; a whole update counts from when it was due.",
        labels=("operation", "transport"),
    )
    for labels, histogram in sorted(totals.seconds.items()):
        seconds.add_metric(labels, histogram.buckets(), histogram.sum_s)
    return seconds


def serve_metrics(totals: Callable[[], Totals | None], port: int, host: str = "127.0.0.1") -> Callable[[], None]:
    """Answer Prometheus at ``http://host:port/metrics``; gives the function that ends it.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FleetCollector(totals))
    server, thread = start_http_server(port, host, registry)

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
