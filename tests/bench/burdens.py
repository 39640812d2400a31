"""What the fault machinery costs those who do not use it, and what links cost those who do."""

from __future__ import annotations

from functools import partial
from typing import Final

from simulator.transport.loop import run
from tests.bench import pairs
from tests.bench.figures import Goal
from tests.bench.measures import BLOCK, Bench
from tests.bench.rig import Load

UNWRAPPED: Final = "tests.bench.unwrapped"
LINKS: Final = {
    "network lte-m": Load(0, 0, network="lte-m"),
    "packet-loss 1 %": Load(0, 0, faults=('kind = "packet-loss"\nrate = "1 %"',)),
    "packet-delay 10 %": Load(0, 0, faults=('kind = "packet-delay"\nrate = "10 %"\ntime = "500 ms"',)),
    "packet-duplicate 10 %": Load(0, 0, faults=('kind = "packet-duplicate"\nrate = "10 %"',)),
}
"""What is in the way of every device; numbers of devices and bytes are those of the benchmark."""


def machinery(bench: Bench) -> None:
    """CPU of devices without faults, as they are and with the fault machinery cut out of their source."""
    sizes = bench.sizes
    wrapped = Load(sizes.paired_devices, sizes.update_bytes)
    unwrapped = Load(sizes.paired_devices, sizes.update_bytes, module=UNWRAPPED)
    say = partial(_say, bench, "devices without faults, with the machinery and without", sizes.rounds)
    found = run(pairs.rounds(bench.place(), unwrapped, wrapped, sizes.rounds, update=True, say=say))
    downloads = [with_it.download / without.download for without, with_it in found]
    updates = [(with_it.download + with_it.update) / (without.download + without.update) for without, with_it in found]
    for name, values in (("Block2", downloads), ("pull update", updates)):
        note = f"{len(values)} rounds in turn; {pairs.spread(values)}"
        bench.add(f"{name}, no fault : no machinery", "ratio", values, Goal("at most", 1.02), note)


def links(bench: Bench) -> None:
    """CPU of a Block2 exchange of many devices behind a network profile or a fault of the link, and without it."""
    sizes = bench.sizes
    plain = Load(sizes.many_devices, sizes.link_bytes)
    exchanges = plain.devices * -(-plain.package_bytes // BLOCK)
    for name, what in LINKS.items():
        behind = Load(plain.devices, plain.package_bytes, network=what.network, faults=what.faults)
        say = partial(_say, bench, name, bench.results.repetitions)
        found = run(pairs.rounds(bench.place(), plain, behind, bench.results.repetitions, update=False, say=say))
        bench.add(f"exchange, {name}", "CPU µs", [1e6 * slow.download / exchanges for _, slow in found])
        note = f"{plain.devices:,} devices, {plain.package_bytes >> 10} KiB; what is lost is sent again, and counted"
        ratios = [slow.download / fast.download for fast, slow in found]
        bench.add(f"{name} : without", "ratio", ratios, Goal("at most", 1.3), note)


def _say(bench: Bench, what: str, of: int, number: int) -> None:
    bench.say(f"{what}, round {number} of {of}" if number else f"{what}, a first round")
