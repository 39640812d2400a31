"""The faults of one device, wrapped around its ports; without faults every port is the very same object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from simulator.coap.params import DEFAULT_PARAMETERS
from simulator.faults.kinds import Made, Scene, Struck
from simulator.faults.registry import FAULTS
from simulator.faults.strikes import Strikes
from simulator.faults.watch import Watch
from simulator.network.wrapped import WrappedNetwork

if TYPE_CHECKING:
    from simulator.coap.exchange import Upload
    from simulator.device.persistent import Boot
    from simulator.faults.seams import LinkFault, Notify, Power, Send
    from simulator.faults.streams import Connect, DatagramFault, OpenDatagram, StreamFault
    from simulator.lwm2m.firmware_table import State
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

    __slots__ = ("_made", "_watches")

    def __init__(self, made: tuple[Made, ...] = (), watches: tuple[Watch, ...] = ()) -> None:
        self._made = made
        self._watches = watches

    @staticmethod
    def build(
        faults: Iterable[Injected],
        *,
        package_size: int,
        dice: Callable[[str], Dice],
        struck: Struck,
        exchange_lifetime_s: float = DEFAULT_PARAMETERS.EXCHANGE_LIFETIME,
    ) -> FaultPlan:
        """Make the faults of one device.

        Args:
            faults: kinds and parameters.
            package_size: bytes of the package that the device is to get.
            dice: a stream of chance by name.
            struck: told of each strike, and of the end of what lasted (``simulator.faults.strikes``).
            exchange_lifetime_s: how long a message to the device may be under way.

        Raises:
            ValueError: there is no such kind, or a parameter of it cannot be.
        """
        watch = Watch(package_size)
        made = tuple(_make(fault, watch, dice, struck, exchange_lifetime_s) for fault in faults)
        watch.told = tuple(each.on_state for each in made if each.on_state is not None)
        return FaultPlan(made, (watch,) if watch.used or watch.told else ()) if made else NO_FAULTS

    def joined(self, other: FaultPlan) -> FaultPlan:
        """These faults and those of another plan."""
        return FaultPlan(self._made + other._made, self._watches + other._watches) if other._made else self

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

    def wrap_upload(self, upload: Upload) -> Upload:
        """A push that begins, with what is wrong with it."""
        for made in self._made:
            if made.upload is not None:
                upload = made.upload(upload)
        return upload

    def wrap_notify(self, notify: Notify) -> Notify:
        """What sends notifications, with what is wrong with it."""
        for made in self._made:
            if made.notify is not None:
                notify = made.notify(notify)
        return notify

    def wrap_boot(self, boot: Boot) -> Boot:
        """What a device comes up with, with what is wrong in its store."""
        for made in self._made:
            if made.boot is not None:
                boot = made.boot(boot)
        return boot

    def wrap_send(self, send: Send, next_mid: Callable[[], int] | None) -> Send:
        """What sends messages of the management, with what is wrong with it; without ``next_mid`` over a stream."""
        for made in self._made:
            if made.send is not None:
                send = made.send(send, next_mid)
        return send

    @property
    def leaves_clock(self) -> bool:
        """Whether the wall clock of the device is never wrong."""
        return all(made.clock is None for made in self._made)

    def clock_ahead(self) -> float:
        """By how many seconds the wall clock of the device is ahead now."""
        return sum(made.clock() for made in self._made if made.clock is not None)

    def changed(self, device: Power, state: State) -> None:
        """Tell of a change of State or Update Result; nothing where no fault looks on."""
        for watch in self._watches:
            watch.changed(device, state)

    def defers_update(self, severity: int) -> bool:
        """Whether the user puts an update of this Severity (/5/0/11) off."""
        return any(made.defers is not None and made.defers(severity) for made in self._made)

    def network(self, network: Network, purpose: str) -> Network:
        """The network with what is wrong with its ports; ``purpose`` is ``management`` or ``download``."""
        mine = [made for made in self._made if purpose in made.purposes]
        links = [made.link for made in mine if made.link is not None]
        streams = [made.stream for made in mine if made.stream is not None]
        datagrams = [made.datagrams for made in mine if made.datagrams is not None]
        return FaultyNetwork(network, links, streams, datagrams) if links or streams or datagrams else network


NO_FAULTS = FaultPlan()


def _make(
    fault: Injected, watch: Watch, dice: Callable[[str], Dice], struck: Struck, exchange_lifetime_s: float
) -> Made:
    kind = FAULTS.get(fault.kind)
    if kind is None:
        msg = f"{fault.kind!r} is no kind of fault; there are {', '.join(FAULTS)}"
        raise ValueError(msg)
    parameters = kind.complete(fault.parameters)
    when = kind.timing(parameters)
    sight = watch.sight(when)
    strikes = Strikes(kind, parameters, when, struck)
    name = kind.name
    scene = Scene(name, sight.package_size, dice(name), strikes.struck, parameters, when, sight, strikes.over)
    return kind.make(scene._replace(exchange_lifetime_s=exchange_lifetime_s))


class FaultyNetwork(WrappedNetwork):
    """A network whose connected ports carry link faults."""

    __slots__ = ("_datagrams", "_links", "_streams")

    def __init__(
        self,
        network: Network,
        links: list[LinkFault],
        streams: list[StreamFault],
        datagrams: Sequence[DatagramFault] = (),
    ) -> None:
        super().__init__(network)
        self._links = links
        self._datagrams = datagrams
        self._streams = streams

    async def open_datagram(
        self, remote: Address, receiver: DatagramReceiver, *, local: Address | None = None
    ) -> DatagramPort:
        """A connected port behind all link faults."""
        wraps = []
        for link in self._links:
            receiver, wrap = link.open(receiver)
            wraps.append(wrap)
        connect: OpenDatagram = partial(self._network.open_datagram, remote, local=local)
        for fault in self._datagrams:
            connect = partial(fault.open_datagram, connect)
        port = await connect(receiver)
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
