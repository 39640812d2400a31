"""The plan of a fleet: what each device is, computed from the scenario and the seed.

Device ``k`` is the same whatever slice it is started in, and costs nothing until it is asked for. Groups are
interleaved in proportion over the order of arrival, so that pull and push, sound and faulty devices meet the server
mixed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from simulator.coap.params import TransmissionParameters
from simulator.fleet.arrivals import due
from simulator.fleet.entropy import Entropy, Shuffle
from simulator.lwm2m.queue_mode import QueueMode
from simulator.network.profiles import NetworkProfile
from simulator.scenario import Fault, Group, Range, Scenario
from simulator.security.spec import CredentialSpec
from simulator.transport.dtls_handshake import HandshakeTimers

WHOLE_RUN: Final = -1
"""The device that stands for the run as a whole, where streams are drawn."""


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What one device is and does. Times in seconds, sizes in bytes."""

    index: int
    """Its index in the plan, the same in every slice."""
    endpoint: str
    """Endpoint Client Name."""
    group: str
    delivery: str
    """``pull`` or ``push``; empty where no campaign reaches the device."""
    management: str
    """URI scheme of the management server."""
    transport: str
    """URI scheme of the download, or of the management transport for push."""
    protocols: tuple[str, ...]
    """URI schemes that it can pull from (/5/0/8)."""
    stack: str
    """Whose CoAP it speaks: ``own`` or ``aiocoap``."""
    network: NetworkProfile
    credentials: CredentialSpec
    """What it shows to the management server."""
    download_credentials: CredentialSpec
    """What it shows to the package origin."""
    pull_retries: int
    """How often an interrupted pull is taken up again."""
    profile: str
    """``oma``, ``anjay`` or ``zephyr``."""
    switches: tuple[str, ...]
    """Points that the profile reads otherwise."""
    object_version: str | None
    """``1.0``, ``1.1`` or ``1.2`` of object 5; None for that of the profile."""
    lwm2m: str
    """``1.0`` or ``1.1``."""
    firmware_version: str
    """Firmware Version (/3/0/3) before the update."""
    model: str
    lifetime_s: float
    queue: QueueMode | None
    """How it sleeps; None for a device that never does."""
    flash_bytes: int
    flash_file: bool
    """Whether the flash is a file in the run directory."""
    boot_time_s: float
    install_time_s: float
    block_size: int
    """The largest block that it asks for or takes."""
    think_time_s: float
    """Time that it takes over each block."""
    confirmable_notifications: bool
    parameters: TransmissionParameters
    handshake: HandshakeTimers
    """When it sends a flight of DTLS again."""
    faults: tuple[Fault, ...]
    due_s: float
    """When it is to start, from the start of the run."""
    expected_state: int
    """State in which its update is declared to end; 0 where no campaign reaches it."""
    expected_result: int
    """Update Result with which its update is declared to end; 0 where no campaign reaches it."""

    @property
    def fault(self) -> str:
        """Names of its faults, joined by ``+``; empty for a sound device."""
        return "+".join(fault.kind for fault in self.faults)


class Population:
    """All devices of a scenario, by index."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.entropy = Entropy(seed)
        self._reached = frozenset(scenario.campaign_groups)
        self._size = scenario.devices
        names = [name for name, group in scenario.groups.items() if group.count]
        self._deal = _Deal([scenario.groups[name].count for name in names])
        self._groups = [_GroupPlan(name, scenario.groups[name], name in self._reached, self.entropy) for name in names]

    def __len__(self) -> int:
        return self._size

    def slice(self, i: int, n: int) -> Iterable[int]:
        """The indices of slice ``i`` of ``n``: every ``n``-th device, so that all slices start at the same pace.

        Raises:
            ValueError: there is no such slice.
        """
        if not 0 <= i < n:
            msg = f"slice {i} is not in 0 to {n - 1}"
            raise ValueError(msg)
        return range(i, self._size, n)

    def device(self, k: int) -> DevicePlan:
        """The plan of device ``k``.

        Raises:
            IndexError: there is no such device.
        """
        if not 0 <= k < self._size:
            msg = f"device {k} is not in 0 to {self._size - 1}"
            raise IndexError(msg)
        at, member = self._deal(k)
        plan = self._groups[at]
        group = plan.group
        faults = plan.faults_of(member)
        state, result = plan.end(faults)
        return DevicePlan(
            index=k,
            endpoint=group.endpoint.format(group=plan.name, index=k),
            group=plan.name,
            delivery=group.delivery if plan.reached else "",
            management=group.management,
            transport=group.scheme,
            protocols=plan.protocols,
            stack=group.stack,
            network=plan.network,
            credentials=plan.credentials,
            download_credentials=plan.download_credentials,
            pull_retries=plan.pull_retries,
            profile=group.profile,
            switches=group.switches,
            object_version=group.object_version,
            lwm2m=group.lwm2m,
            firmware_version=group.from_version or self.scenario.firmware.from_version,
            model=self.scenario.firmware.model,
            lifetime_s=group.lifetime,
            queue=plan.queue,
            flash_bytes=group.flash,
            flash_file=group.flash_file,
            boot_time_s=self._drawn(k, "boot_time", group.boot_time),
            install_time_s=self._drawn(k, "install_time", group.install_time),
            block_size=group.block_size,
            think_time_s=group.think_time,
            confirmable_notifications=group.notifications == "con",
            parameters=plan.parameters,
            handshake=plan.handshake,
            faults=faults,
            due_s=due(k, self._size, self.scenario.arrivals),
            expected_state=state,
            expected_result=result,
        )

    def due(self, k: int) -> float:
        """When device ``k`` is to start, in seconds from the start of the run.

        Raises:
            IndexError: there is no such device.
        """
        return due(k, self._size, self.scenario.arrivals)

    def _drawn(self, k: int, seam: str, between: Range) -> float:
        if between.min == between.max:
            return between.min
        return self.entropy.stream(k, seam).uniform(between.min, between.max)


class _GroupPlan:
    """What the devices of one group share, and which of them carry which fault."""

    def __init__(self, name: str, group: Group, reached: bool, entropy: Entropy) -> None:
        self.name = name
        self.group = group
        self.reached = reached
        self.parameters = group.coap.parameters
        self.handshake = group.dtls.timers
        self.queue = None if group.queue_mode is None else group.queue_mode.mode
        self._expected = group.expected
        self.protocols = group.protocols if group.protocols is not None else (group.transport,)
        self.network = group.network.resolved
        self.credentials = group.management_spec
        self.download_credentials = group.download_spec
        self.pull_retries = group.pull_retries
        self._order = Shuffle(group.count, entropy.number(WHOLE_RUN, f"faults/{name}"))
        self._decisive: list[tuple[Fault, range]] = []
        self._others: list[tuple[Fault, Shuffle, int]] = []
        first = 0
        for position, fault in enumerate(group.faults if reached else ()):
            carriers = fault.carriers(group.count)
            if fault.decisive:
                last = min(group.count, first + carriers)
                self._decisive.append((fault, range(first, last)))
                first = last
            else:
                order = Shuffle(group.count, entropy.number(WHOLE_RUN, f"faults/{name}/{position}"))
                self._others.append((fault, order, carriers))

    def faults_of(self, member: int) -> tuple[Fault, ...]:
        """The faults of the group's device ``member``; among them at most one that decides the end.

        Those share one random order of the devices, in which each has a stretch of its own; each of the others has
        an order of its own, so that they meet by chance.
        """
        others = tuple(fault for fault, order, carriers in self._others if order(member) < carriers)
        if not self._decisive:
            return others
        place = self._order(member)
        return tuple(fault for fault, stretch in self._decisive if place in stretch) + others

    def end(self, faults: tuple[Fault, ...]) -> tuple[int, int]:
        """State and Update Result in which an update with these faults is declared to end."""
        if not self.reached:
            return 0, 0
        decisive = (fault.expected for fault in faults if fault.decisive and fault.expected is not None)
        return next(decisive, self._expected)


class _Deal:
    """Deals ``counts`` cards of several colours as evenly as possible.

    Card ``j`` of a colour with ``c`` cards belongs at the place (j + 1/2) / c of the whole. This order repeats itself
    as often as the greatest common divisor of the counts says, so only one period is kept.
    """

    def __init__(self, counts: list[int]) -> None:
        periods = math.gcd(*counts) if counts else 1
        self._per_period = [count // periods for count in counts]
        whole = math.lcm(*self._per_period)
        cards = sorted(
            ((2 * j + 1) * (whole // count), colour, j)
            for colour, count in enumerate(self._per_period)
            for j in range(count)
        )
        self._colours = array("L", (colour for _, colour, _ in cards))
        self._members = array("L", (j for _, _, j in cards))

    def __call__(self, k: int) -> tuple[int, int]:
        """The colour of the card at place ``k``, and which one of its colour it is."""
        period, at = divmod(k, len(self._colours))
        colour = self._colours[at]
        return colour, period * self._per_period[colour] + self._members[at]
