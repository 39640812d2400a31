"""The benchmarks: which loads, how often, and which figures come of them."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from simulator.transport.loop import run
from tests.bench import c_peers, orders
from tests.bench.aiocoap_client import run_aiocoap_client
from tests.bench.figures import Figure, Goal, Results
from tests.bench.rig import Load

BLOCK: Final = 1024
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the loads are."""

    exchange_devices: int = 500
    exchange_bytes: int = 1 << 20
    aiocoap_transfers: int = 10
    devices: int = 1_000
    many_devices: int = 10_000
    update_bytes: int = 64 << 10
    traced_devices: int = 2_000
    stream_devices: int = 1_000
    bare_handshakes: int = 3_000
    connections: tuple[int, int] = (200, 1_200)
    """Devices with a management connection whose memory is compared."""
    virtual_devices: int = 200
    """Devices of a fleet in virtual time, and random histories."""
    paired_devices: int = 300
    rounds: int = 60
    """Of two fleets in turn, for a ratio that is known to 2 %."""
    link_bytes: int = 16 << 10
    idle_devices: int = 50_000
    """Of a run under Locust."""
    report_rows: tuple[int, ...] = (100_000, 1_000_000, 10_000_000)
    """Rows of the run directories that are reported."""


QUICK: Final = Sizes(
    100, 128 << 10, 10, 100, 1_000, 64 << 10, 300, 100, 300, (100, 300), 50, 100, 6, 8 << 10, 300, (10_000, 100_000)
)


class Bench:
    """One run of the benchmark.

    Args:
        directory: for the files of the processes; each load has a directory of its own in it.
        say: told what is measured now.
    """

    def __init__(self, directory: Path, sizes: Sizes, results: Results, say: Callable[[str], None]) -> None:
        self.directory = directory
        self.sizes = sizes
        self.results = results
        self.say = say
        self._count = itertools.count()

    def place(self) -> Path:
        """A directory for one more load."""
        return self.directory / f"load-{next(self._count):03d}"

    def repeated(self, what: str, measure: Callable[[], T]) -> list[T]:
        """What ``measure`` gives, time after time."""
        found = []
        for n in range(self.results.repetitions):
            self.say(f"{what}, {n + 1} of {self.results.repetitions}")
            found.append(measure())
        return found

    def add(self, name: str, unit: str, values: list[float], goal: Goal | None = None, note: str = "") -> None:
        """Keep a figure."""
        self.results.figures.append(Figure(name, unit, tuple(values), goal, note))

    def run(self, order: Callable[[Path, Load], Coroutine[Any, Any, T]], load: Load) -> T:
        """Give a fleet an order; what it comes to."""
        return run(order(self.place(), load))

    # -- exchanges -------------------------------------------------------------------------------------------------

    def exchanges(self) -> None:
        """Block2 exchanges per CPU-second: the product, a client in C and aiocoap, one after the other each time."""
        sizes = self.sizes
        load = Load(sizes.exchange_devices, sizes.exchange_bytes)
        wanted = load.devices * -(-load.package_bytes // BLOCK)

        def once() -> tuple[float, float, float]:
            ours = wanted / self.run(orders.download, load)
            with c_peers.server(load.package_bytes) as port:
                c = c_peers.run_client(port, devices=load.devices, exchanges=wanted, mode="block")
                other = run_aiocoap_client(port, transfers=sizes.aiocoap_transfers, clients=10)
            return ours, c.per_cpu_second, other.per_cpu_second

        rows = self.repeated("Block2 exchanges", once)
        unit = "per CPU-s"
        note = f"{load.devices} devices with recorder, {load.package_bytes >> 10} KiB in blocks of {BLOCK} B"
        self.add("Block2, whole devices", unit, [ours for ours, _, _ in rows], None, note)
        self.add("Block2, client in C", unit, [c for _, c, _ in rows])
        self.add("Block2, aiocoap client", unit, [other for _, _, other in rows])
        self.add("devices : C", "ratio", [ours / c for ours, c, _ in rows], Goal("at least", 0.2))
        self.add("devices : aiocoap", "ratio", [ours / other for ours, _, other in rows], Goal("at least", 10))

    # -- updates ---------------------------------------------------------------------------------------------------

    def _update_ms(self, load: Load) -> float:
        return self.run(orders.update, load).cpu_s / load.devices * 1e3

    def updates(self) -> None:
        """CPU of one whole update, pulled and pushed, in a fleet of a thousand."""
        note = "register, observe, transfer, install, reboot, register; with recorder, without the start of the process"
        for delivery in ("pull", "push"):
            load = Load(self.sizes.devices, self.sizes.update_bytes, delivery)
            values = self.repeated(f"whole updates by {delivery}", partial(self._update_ms, load))
            name = f"{delivery} update, {load.package_bytes >> 10} KiB"
            self.add(name, "CPU ms", values, Goal("at most", 2.0), note)
            note = ""

    def scale(self) -> None:
        """CPU of one update in a large fleet against that in a small one, as many at the same time."""
        few, many = self.sizes.devices, self.sizes.many_devices

        def once() -> tuple[float, float]:
            small, large = (self._update_ms(Load(n, self.sizes.update_bytes)) for n in (few, many))
            return small, large

        rows = self.repeated(f"updates of {few:,} and of {many:,} devices", once)
        self.add(f"pull update, {many:,} devices", "CPU ms", [large for _, large in rows])
        ratios = [large / small for small, large in rows]
        self.add(f"{many:,} devices : {few:,}", "ratio", ratios, Goal("at most", 1.2))

    def recorder(self) -> None:
        """What part of the fleet's CPU goes into recording: its calls, and the thread that writes."""
        load = Load(self.sizes.devices, self.sizes.update_bytes, probe="recorder")

        def once() -> float:
            place = self.place()
            ready_cpu_s = run(orders.update(place, load)).ready_cpu_s
            spent = orders.read_probe(place)
            recording = spent.get("emit", 0.0) + spent.get("poll", 0.0) + spent["writer"]
            self.results.parts["recorder"] = spent
            return 100 * float(recording) / (float(spent["process"]) - ready_cpu_s)

        values = self.repeated("the recorder's share", once)
        note = "emit, poll and the writer's thread, with the reading of the clock that measures them"
        self.add("recorder's share", "% of CPU", values, Goal("at most", 5.0), note)

    # -- memory ----------------------------------------------------------------------------------------------------

    def memory(self) -> None:
        """Memory of one more idle registered device, and which part of the program holds it."""
        few, many = self.sizes.devices, self.sizes.many_devices

        def once() -> float:
            small, large = (self.run(orders.idle, Load(n, self.sizes.update_bytes)) for n in (few, many))
            return (large - small) / (many - few) / 1e3

        values = self.repeated(f"memory of {few:,} and of {many:,} devices", once)
        note = (
            f"registered; slope of the unique set size from {few:,} to {many:,} devices; without the kernel's sockets"
        )
        self.add("memory of an idle device", "KB", values, Goal("at most", 12.0), note)
        self.say("what the memory is made of")
        self.results.parts["memory"] = self._memory_parts()

    def _memory_parts(self) -> dict[str, Any]:
        """Traced bytes per device, by package and by line: the difference between two fleets."""
        few, many = self.sizes.traced_devices // 4, self.sizes.traced_devices
        small, large = (Counter(self._traced(n)) for n in (few, many))
        large.subtract(small)
        lines = {line: held / (many - few) for line, held in large.most_common() if held > 0}
        packages: defaultdict[str, float] = defaultdict(float)
        for line, held in lines.items():
            packages["/".join(line.partition(":")[0].split("/")[:2])] += held
        return {
            "bytes_per_device": sum(lines.values()),
            "by_package": dict(sorted(packages.items(), key=lambda item: -item[1])),
            "by_line": dict(list(lines.items())[:40]),
        }

    def _traced(self, devices: int) -> dict[str, int]:
        place = self.place()
        run(orders.idle(place, Load(devices, self.sizes.update_bytes, probe="memory")))
        return orders.read_probe(place)

    # -- where the time goes ---------------------------------------------------------------------------------------

    def profile(self) -> None:
        """Shares of the fleet's CPU by function, in a campaign of pulls and in one of pushes; no figure, only parts."""
        for delivery in ("pull", "push"):
            self.say(f"where the CPU goes in updates by {delivery}")
            place = self.place()
            run(
                orders.update(
                    place, Load(self.sizes.traced_devices, self.sizes.update_bytes, delivery, probe="profile")
                )
            )
            rows = orders.read_probe(place)
            total = sum(alone for alone, _ in rows.values()) or 1
            self.results.parts[f"profile {delivery}"] = {
                "samples": total,
                "percent_alone_and_with_callees": {
                    name: [round(100 * alone / total, 1), round(100 * whole / total, 1)]
                    for name, (alone, whole) in sorted(rows.items(), key=lambda row: -row[1][0])[:60]
                },
            }
