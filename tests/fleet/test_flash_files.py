"""A scenario chooses whether a device's flash is a file or only a digest."""

import asyncio

from simulator.device.flash import FileFlash, HashingFlash
from simulator.events import EventLog
from simulator.fleet.population import Population
from simulator.fleet.runner import FleetRunner
from simulator.ports import Address
from simulator.scenario import loads
from simulator.transport.clock import LoopClock
from simulator.transport.virtual import run_virtual

SCENARIO = """
[groups.plain]
count = 1
[groups.kept]
count = 1
flash_file = true
flash = "128 KiB"
"""


def test_a_flash_is_a_file_where_the_scenario_says_so(tmp_path):
    async def work():
        population = Population(loads(SCENARIO), 1)
        runner = FleetRunner(
            population,
            (0, 1),
            network=None,
            servers={"coap": Address("192.0.2.1", 5683)},
            clock=LoopClock(asyncio.get_running_loop()),
            deadlines=None,
            sink=EventLog(),
            unix_start=0,
            package_size=1000,
            flash_directory=tmp_path / "flash",
        )
        plans = [population.device(k) for k in range(2)]
        return {plan.group: (plan.index, runner.make(plan).flash) for plan in plans}

    flashes = run_virtual(work())
    assert isinstance(flashes["plain"][1], HashingFlash)
    index, flash = flashes["kept"]
    assert isinstance(flash, FileFlash)
    assert flash.capacity == 128 * 1024
    flash.write(b"package")
    flash.close()
    assert (tmp_path / "flash" / f"{index:06d}.bin").read_bytes() == b"package"
