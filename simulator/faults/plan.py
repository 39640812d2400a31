"""The faults of one device, wrapped around its ports; without faults every port is the very same object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from simulator.faults.kinds import Made, Scene, Struck
from simulator.faults.registry import FAULTS
from simulator.network.wrapped import WrappedNetwork

if TYPE_CHECKING:
    from simulator.faults.kinds import LinkFault
    from simulator.faults.streams import Connect, StreamFault
    from simulator.ports import (
        Address,
        DatagramPort,
        DatagramReceiver,
        Dice,
        Flash,
        Installer,
        Network,
        StreamPort,
        StreamReceiver,
    )


class Injected(Protocol):
    """A fault as a plan names it."""

    @property
    def kind(self) -> str:
        """A name in ``FAULTS``."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """In bytes, seconds and shares."""


class FaultPlan:
    """What is injected into one device."""

    __slots__ = ("_made",)

    def __init__(self, made: tuple[Made, ...] = ()) -> None:
        self._made = made

    @staticmethod
    def build(
        faults: Iterable[Injected], *, package_size: int, dice: Callable[[str], Dice], struck: Struck
    ) -> FaultPlan:
        """Make the faults of one device.

        Args:
            faults: kinds and parameters.
            package_size: bytes of the package that the device is to get.
            dice: a stream of chance by name.
            struck: told once per fault, when it strikes.

        Raises:
            ValueError: there is no such kind, or a parameter of it cannot be.
        """
        made = tuple(_make(fault, package_size, dice, struck) for fault in faults)
        return FaultPlan(made) if made else NO_FAULTS

    def wrap_flash(self, flash: Flash) -> Flash:
        """The flash with what is wrong with it."""
        for made in self._made:
            if made.flash is not None:
                flash = made.flash(flash)
        return flash

    def wrap_installer(self, installer: Installer) -> Installer:
        """The installer with what is wrong with it."""
        for made in self._made:
            if made.installer is not None:
                installer = made.installer(installer)
        return installer

    def defers_update(self, severity: int) -> bool:
        """Whether the user puts an update of this Severity (/5/0/11) off."""
        return any(made.defers is not None and made.defers(severity) for made in self._made)

    def network(self, network: Network, purpose: str) -> Network:
        """The network with what is wrong with its ports; ``purpose`` is ``management`` or ``download``."""
        mine = [made for made in self._made if purpose in made.purposes]
        links = [made.link for made in mine if made.link is not None]
        streams = [made.stream for made in mine if made.stream is not None]
        return FaultyNetwork(network, links, streams) if links or streams else network


NO_FAULTS = FaultPlan()


def _make(fault: Injected, package_size: int, dice: Callable[[str], Dice], struck: Struck) -> Made:
    kind = FAULTS.get(fault.kind)
    if kind is None:
        msg = f"{fault.kind!r} is no kind of fault; there are {', '.join(FAULTS)}"
        raise ValueError(msg)
    name, seam = kind.name, kind.seam
    told = False

    def once(detail: str) -> None:
        nonlocal told
        if not told:
            told = True
            struck(name, seam, detail)

    return kind.make(Scene(name, package_size, dice(name), once, kind.complete(fault.parameters)))


class FaultyNetwork(WrappedNetwork):
    """A network whose connected ports carry link faults."""

    __slots__ = ("_links", "_streams")

    def __init__(self, network: Network, links: list[LinkFault], streams: list[StreamFault]) -> None:
        super().__init__(network)
        self._links = links
        self._streams = streams

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A connected port behind all link faults."""
        wraps = []
        for link in self._links:
            receiver, wrap = link.open(receiver)
            wraps.append(wrap)
        port = await self._network.open_datagram(remote, receiver, local=local)
        for wrap in reversed(wraps):
            port = wrap(port)
        return port

    async def open_stream(
        self, remote: Address, receiver: StreamReceiver, *, local: Address | None = None
    ) -> StreamPort:
        """A connection behind all faults of streams.

        Raises:
            OSError: refused, unreachable or timed out, or kept off by a fault.
        """
        connect: Connect = partial(self._network.open_stream, remote, local=local)
        for fault in self._streams:
            connect = partial(fault.open, connect)
        return await connect(receiver)
