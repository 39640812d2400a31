"""Runs that never happened, recorded by the real recorder, so that every figure of a report is known beforehand."""

import random
from dataclasses import dataclass, field, replace

from simulator.events import (
    DeviceEnded,
    DeviceStarted,
    FaultApplied,
    HealthSampled,
    RegistrationEnded,
    ServerReported,
    StateChanged,
    TransferEnded,
    UpdateEnded,
)
from simulator.recorder.manifest import Manifest, Usage
from simulator.recorder.recorder import Recorder

SIZE = 65_536
BLOCKS = 64


@dataclass
class Device:
    """What happened to one device. The defaults are an update that went well."""

    index: int
    group: str = "pull"
    transport: str = "coap"
    delivery: str = "pull"
    fault: str = ""
    declared: tuple[int, int] = (0, 1)
    device_end: tuple[int, int] | None = None
    """None: as declared."""
    server_end: tuple[int, int] | None = None
    struck: bool = True
    outcome: str = "ok"
    reason: str = ""
    due: float = 0.0
    download_s: float = 0.5
    update_s: float = 1.0
    states: tuple[str, ...] = ("0", "1", "2", "3", "0")
    results: tuple[str, ...] = ("0", "1")
    blocks: list[int] = field(default_factory=lambda: [1000] * BLOCKS)
    management: str = "coap"
    stack: str = "own"
    network: dict = field(default_factory=dict)
    credentials: str = ""
    unreached: str | None = None
    """Why it never registered; nothing else happens to it."""
    refetched: int = 0
    cause: str = ""
    """Why its transfer failed."""
    peer: tuple[int, int] = (-1, -1)
    """Microseconds and turns of its peer."""

    def fleet_events(self):
        """What the fleet records."""
        k, t = self.index, self.due
        state, result = self.device_end or self.declared
        good = (state, result) == (0, 1)
        yield DeviceStarted(
            t + 0.001, k, f"vd-{k:06d}", self.group, self.transport, self.delivery, t, self.fault, *self.declared,
            self.management, self.stack, self.network.get("name", ""), self.credentials,
        )  # fmt: skip
        if self.unreached is not None:
            yield RegistrationEnded(t + 0.01, k, "register", t + 0.001, "unknown", "", 4, self.unreached)
            yield DeviceEnded(t + 5, k, 0, 0, "1.0.0", 1, False, 0, 5, 4)
            return
        yield RegistrationEnded(t + 0.01, k, "register", t + 0.001, "ok", "2.01", 0, "")
        begin = t + 0.1
        yield StateChanged(begin, k, 1, 0, "download_started")
        if self.fault and self.struck:
            yield FaultApplied(begin, k, self.fault, "flash", "")
        end = begin + self.download_s
        yield TransferEnded(
            end, k, self.transport, self.delivery, begin, SIZE, SIZE if good else SIZE // 2, self.refetched,
            SIZE + 5000,
            4000, len(self.blocks), 2, 1, "ok" if good else "fail", 0 if good else result, self.cause, self.blocks,
            *self.peer,
        )  # fmt: skip
        if good:
            yield StateChanged(end, k, 2, 0, "download_completed")
            yield StateChanged(end + 0.05, k, 3, 0, "update_executed")
        yield StateChanged(begin + self.update_s, k, state, result, "ended")
        yield DeviceEnded(begin + self.update_s + 1, k, state, result, "2.0.0", 2, True, 80, 82, 3)

    def operator_events(self):
        """What the operator records."""
        k, begin = self.index, self.due + 0.1
        state, result = self.server_end or self.device_end or self.declared
        states, results = self.states, self.results
        if self.unreached is not None:
            return
        if (state, result) != (0, 1):
            states, results = ("0", "1", str(state)), ("0", str(result))
        step = self.update_s / max(1, len(states) - 1)
        for place, value in enumerate(states):
            yield ServerReported(begin + place * step, k, "/5/0/3", value, "notify")
        for place, value in enumerate(results):
            yield ServerReported(begin + place * self.update_s * 0.99, k, "/5/0/5", value, "notify")
        yield UpdateEnded(
            begin + self.update_s, k, self.delivery, self.due, begin, self.outcome, state, result, "2.0.0", self.reason
        )


def health(process, seconds=3, **changes):
    """Samples of a process that used a fifth of a core."""
    row = HealthSampled(0.0, process, 0.0, 50_000_000, 0.002, 0, 0, 0, 10)
    return [replace(row, t=float(t), cpu_s=0.2 * t, **changes) for t in range(seconds + 1)]


def scenario(devices, criteria=None, **more):
    """A scenario as a manifest holds it."""
    groups = {}
    for device in devices:
        group = groups.setdefault(device.group, {"count": 0, "delivery": device.delivery, "profile": "oma"})
        group.update(network=device.network, block_size=1024, download_credentials=None)
        group["count"] += 1
    return {"run": {"name": "synthetic"}, "groups": groups, "criteria": criteria or {}, **more}


@dataclass
class Written:
    """What to write of a run, and what to leave out."""

    devices: list
    criteria: dict = field(default_factory=dict)
    status: str = "complete"
    reason: str = ""
    close_fleet: bool = True
    close_operator: bool = True
    fleet_health: list = field(default_factory=lambda: health("fleet-0"))
    server_health: list = field(default_factory=lambda: health("server"))
    operator_rows: bool = True
    cores: int = 2
    flush_each: int = 7
    scenario: dict | None = None
    server: str = "embedded"

    def write(self, directory):
        """Write the run directory and give it back."""
        manifest = Manifest(
            directory,
            scenario=self.scenario or scenario(self.devices, self.criteria),
            seed=7,
            t0=100.0,
            command=["lwm2m-fleet", "run", "scenarios/synthetic.toml"],
            server={"kind": self.server, "uri": "coap://127.0.0.1:5683"},
        )
        manifest._document["machine"]["cores"] = self.cores
        manifest.add_process("fleet-0", "fleet", 11)
        manifest.add_process("operator", "operator", 12)
        manifest.add_process("server", "server", 13, records=False)
        fleet = Recorder(directory, "fleet-0", lambda: 0.0)
        operator = Recorder(directory, "operator", lambda: 0.0)
        for place, device in enumerate(self.devices):
            for event in device.fleet_events():
                fleet.emit(event)
            if self.operator_rows:
                for event in device.operator_events():
                    operator.emit(event)
            if place % self.flush_each == 0:
                fleet.flush()
                operator.flush()
        for row in self.fleet_health:
            fleet.emit(row)
        for row in self.server_health:
            operator.emit(row)
        _end(fleet, directory, self.close_fleet)
        _end(operator, directory, self.close_operator)
        if self.status != "running":
            usage = [Usage("fleet-0", "fleet", 2.0, 50_000_000), Usage("server", "server", 3.0, 40_000_000)]
            manifest.end(self.status, self.reason, usage)
        return directory


def _end(recorder, directory, close):
    recorder.close()
    assert recorder.error is None
    if not close:
        (directory / "parts" / f"{recorder.process}.closed.json").unlink()


def fleet_of(count, seed=1):
    """A fleet such as a real run has: pull and push, four faults, spread times."""
    dice = random.Random(seed)
    faults = [
        ("flash-too-small", (0, 2)),
        ("image-corrupt", (0, 5)),
        ("install-fails", (2, 8)),
        ("connection-lost", (0, 4)),
    ]
    devices = []
    for k in range(count):
        delivery = "push" if k % 2 else "pull"
        blocks = [int(dice.lognormvariate(7.0 if delivery == "pull" else 6.6, 0.5)) + 100 for _ in range(BLOCKS)]
        download_s = sum(blocks) / 1e6 * 8
        one = Device(
            k, delivery, "coap", delivery, due=k / 200, blocks=blocks, download_s=download_s,
            update_s=download_s + 0.4 + dice.random() * 0.5,
        )  # fmt: skip
        if k % 50 < len(faults) and not (k % 50 == 3 and delivery == "push"):
            one.fault, one.declared = faults[k % 50]
        devices.append(one)
    return devices
