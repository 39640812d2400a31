"""What virtual time costs: whole updates with loss, server, origin and operator included; and random histories."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from simulator.scenario import loads
from tests.bench.figures import Goal
from tests.bench.rig import BenchError
from tests.histories.draw import draw
from tests.histories.judge import judged_document
from tests.histories.world import live

if TYPE_CHECKING:
    from tests.bench.measures import Bench

LOSS: Final = "2 %"
SCENARIO: Final = """
[run]
seed = 5
[firmware]
size = "{size} B"
[groups.fleet]
count = {devices}
delivery = "{delivery}"
network = {{ loss = "{loss}", delay = "50 ms" }}
[arrivals]
kind = "at-once"
[campaign]
concurrency = {devices}
timeout = "10 min"
request_timeout = "10 min"
"""


def updates_per_cpu_second(delivery: str, devices: int, size: int) -> float:
    """Updates of a fleet over coap, every invariant looked at.

    Raises:
        BenchError: an update did not end well, or an invariant was broken.
    """
    scenario = loads(SCENARIO.format(delivery=delivery, devices=devices, size=size, loss=LOSS))
    began = time.process_time()
    witness = live(scenario)
    spent = time.process_time() - began
    ended = [event.outcome for event in witness.log.events if event.table == "updates"]
    if witness.broken or ended != ["ok"] * devices:
        msg = f"of {devices} updates {ended.count('ok')} ended well; broken: {[str(each) for each in witness.broken]}"
        raise BenchError(msg)
    return devices / spent


def histories_per_cpu_second(count: int) -> float:
    """Random histories, drawn and lived.

    Raises:
        BenchError: one broke an invariant.
    """
    began = time.process_time()
    broken = [str(each) for seed in range(count) for each in judged_document(draw(seed))]
    if broken:
        raise BenchError(broken[0])
    return count / (time.process_time() - began)


def virtual_time(bench: Bench) -> None:
    """Updates per CPU-second in virtual time, and histories."""
    sizes = bench.sizes
    note = f"{sizes.update_bytes >> 10} KiB over coap with {LOSS} loss; devices, server, origin and operator together"
    for delivery in ("pull", "push"):
        values = bench.repeated(
            f"updates by {delivery} in virtual time",
            lambda delivery=delivery: updates_per_cpu_second(delivery, sizes.virtual_devices, sizes.update_bytes),
        )
        bench.add(f"{delivery} updates in virtual time", "per CPU-s", values, Goal("at least", 200), note)
        note = ""
    values = bench.repeated("random histories", lambda: histories_per_cpu_second(sizes.virtual_devices))
    bench.add("random histories", "per CPU-s", values, None, "a few devices with faults each, of small packages")
