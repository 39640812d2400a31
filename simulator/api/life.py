"""From the settings of one device to a device that runs, and to its end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import SOCK_DGRAM
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from simulator.api.credentials import held_credentials
from simulator.api.settings import Settings, SettingsError, fault_table, make_plan, server_uri
from simulator.api.timeline import Timeline
from simulator.api.watched import Watched, Where
from simulator.fleet.entropy import Entropy
from simulator.lwm2m.firmware_table import UpdateResult
from simulator.ports import Address
from simulator.scenario import is_public
from simulator.transport.clock import LoopClock

if TYPE_CHECKING:
    from types import TracebackType

    from simulator.api.timeline import Entry
    from simulator.ports import Network
    from simulator.security.credentials import Psk

PACKAGE_SIZE: Final = 65_536
_NO_END: Final = frozenset({UpdateResult.INITIAL, UpdateResult.DEFERRED})
LEAVE_WITHIN_S: Final = 10.0
"""How long the De-register of a device may take that is switched off."""


class UpdateEnd(NamedTuple):
    """How a firmware update ended at the device."""

    state: int
    """State (/5/0/3)."""
    result: int
    """Update Result (/5/0/5)."""
    version: str
    """Firmware Version (/3/0/3) that runs now."""


class Answer(NamedTuple):
    """What came of a Register, Update or De-register."""

    outcome: str
    """``ok``, ``fail`` (refused) or ``unknown`` (no answer)."""
    code: str
    """Response code such as ``2.04``; empty without an answer."""
    cause: str
    """Why there was no answer, where the device knows."""


class DeviceStateError(RuntimeError):
    """What was asked for is not possible now; the text says why."""


class DeviceLife:
    """A virtual device that runs while its context is open: ``async with VirtualDevice(...) as device``.

    It begins to register on entry, and De-registers at the end. Whatever waits has a time-out in seconds, and raises
    TimeoutError with what the device was doing.

    Args:
        server: URI of the management server: coap, coaps, coap+tcp or coaps+tcp.
        endpoint: Endpoint Client Name.
        psk: pre-shared key for the server, and for package origins that take one.
        certificate, key: PEM files of the device's own certificate.
        trust: PEM file of the CAs that the device trusts.
        server_name: what the server's certificate has to be for, instead of the host of the URI.
        protocols: schemes that it can pull from; by default all that its credentials allow.
        faults: ``KIND:name=value,...`` each, or tables as in a scenario.
        package_size: bytes of the package that faults count in, where they strike after a share of it.
        state_directory: keeps the device over the end of the process, its flash included.
        image: a file for the flash, in which the package then is.
        seed: of everything that is drawn, credentials included where none are given. Default: a new one.
        over: the network that packets go by, instead of sockets: one in memory, in virtual time.
        allow_public_target: allow a server outside loopback and private ranges.
        settings: other keys of a group of a scenario (docs/scenario.md): ``lifetime="5 min"``, ``network="lte-m"``.

    Raises:
        SettingsError: something is wrong with them; its text has a line for each problem.
    """

    def __init__(
        self,
        server: str,
        *,
        endpoint: str,
        psk: Psk | None = None,
        certificate: Path | str | None = None,
        key: Path | str | None = None,
        trust: Path | str | None = None,
        server_name: str = "",
        protocols: Sequence[str] | None = None,
        faults: Sequence[str | Mapping[str, Any]] = (),
        firmware_version: str = "1.0.0",
        model: str = "vd-1",
        package_size: int = PACKAGE_SIZE,
        state_directory: Path | str | None = None,
        image: Path | str | None = None,
        seed: int | None = None,
        over: Network | None = None,
        allow_public_target: bool = False,
        **settings: Any,
    ) -> None:
        held = held_credentials(psk, certificate, key, trust, server_name)
        self._settings = Settings(
            server,
            endpoint,
            Entropy.draw() if seed is None else seed,
            None if seed is not None and not held.usable else held,
            None if protocols is None else tuple(protocols),
            firmware_version,
            model,
            tuple(fault_table(fault) if isinstance(fault, str) else fault for fault in faults),
            settings,
        )
        self.plan = make_plan(self._settings)
        directory, file = (None if path is None else Path(path) for path in (state_directory, image))
        self._where = Where(Address("", 0), over, package_size, directory, file)
        self._allow_public_target = allow_public_target
        self._changed = asyncio.Event()
        self._watched: Watched | None = None
        self.timeline = Timeline()
        """Everything that has happened; ``listen`` tells of what happens."""
        self.timeline.listen(self._on_entry)
        self._ends: deque[UpdateEnd] = deque()
        self._answers = 0
        self._answer = Answer("unknown", "", "")
        self.states: list[tuple[int, int]] = []
        """State and Update Result, whenever one of them took a new value."""
        self.was_registered = False
        """Whether a server has ever taken its Register."""

    @property
    def seed(self) -> int:
        """The seed of everything that is drawn."""
        return self._settings.seed

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Switch the device on; returns when its first Register is on its way.

        Raises:
            SettingsError: the server is on the public Internet, and nobody has allowed that.
            StateError: the files of the device cannot be used.
            OSError: the host of the server has no address.
        """
        loop = asyncio.get_running_loop()
        uri = server_uri(self._settings.server)
        found = await loop.getaddrinfo(uri.host, uri.port, type=SOCK_DGRAM)
        address = str(found[0][4][0])
        if is_public(address) and not self._allow_public_target:
            msg = (
                f"{uri.host} is outside loopback and private ranges; a device on somebody else's server needs "
                "their consent. If you have it, allow it (--allow-public-target, allow_public_target)"
            )
            raise SettingsError([msg])
        clock = LoopClock(loop, loop.time())
        self.timeline.now = clock.now
        where = self._where._replace(server=Address(address, uri.port))
        self._watched = Watched(self.plan, self._settings, where, self.timeline, clock)
        await self._watched.device.power_on(0.0)

    async def stop(self, leave_within_s: float = LEAVE_WITHIN_S) -> None:
        """Switch it off, after a De-register where the server answers in time; nothing where it is off."""
        if self._watched is not None:
            try:
                await self._watched.close(leave_within_s)
            finally:
                self._watched = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _on_entry(self, entry: Entry) -> None:
        data = entry.data
        if entry.what == "state":
            self.states.append((data["state"], data["result"]))
            if data["result"] not in _NO_END:
                version = self._on.device.persistent.firmware_version
                self._ends.append(UpdateEnd(data["state"], data["result"], version))
        elif entry.what == "registration" and "operation" in data:
            self._answers += 1
            self._answer = Answer(data["outcome"], data["code"], data["cause"])
            self.was_registered |= data["outcome"] == "ok"
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def _on(self) -> Watched:
        if self._watched is None:
            raise DeviceStateError("the device is off")
        return self._watched
