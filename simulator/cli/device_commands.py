"""The commands that ``lwm2m-fleet device`` takes on standard input."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Final

from simulator.api import DeviceStateError, SettingsError
from simulator.api.settings import OF_OTHERS
from simulator.faults.registry import FAULTS

if TYPE_CHECKING:
    from simulator.api import VirtualDevice
    from simulator.cli.device_lines import DeviceLines

SLEEP_MAX_S: Final = 365 * 86_400

HELP: Final[Mapping[str, str]] = {
    "status": "how the device is now",
    "update": "send a registration Update",
    "deregister": "De-register, and stay away until `register` or a reboot",
    "register": "Register, anew where it is registered",
    "reboot": "reboot in order, as after Execute of /3/0/4",
    "power-cut [SECONDS]": "lose power, and get it back then or at once: nobody is told, what is not stored is gone",
    "sleep SECONDS": "no coverage for so long, then an Update",
    "offline": "lose coverage until `online`: nothing comes or goes",
    "online": "have coverage again",
    "wait SECONDS": "read no further command for so long; for scripts",
    "fault KIND:name=value,...": "add a fault; `fault` alone lists the kinds",
    "help": "this list",
    "quit": "De-register and end; the end of input does the same",
}
"""Every command with its words."""


class DeviceCommands:
    """Carries out one line after the other. What takes its time goes on beside the lines that follow.

    Args:
        device: a device that runs.
        lines: where answers go.
    """

    def __init__(self, device: VirtualDevice, lines: DeviceLines) -> None:
        self._device = device
        self._lines = lines
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, line: str) -> bool:
        """Carry out a line; whether there is more to come. An empty line is none."""
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if not word:
            return True
        if word in ("quit", "exit"):
            return False
        known = {name.split()[0].replace("-", "_") for name in HELP}
        name = word.replace("-", "_")
        if name not in known:
            self._lines.say(f"unknown command {word!r}; `help` lists them", error=True)
            return True
        try:
            await getattr(self, f"_{name}")(rest)
        except (DeviceStateError, SettingsError, ValueError) as error:
            self._lines.say(str(error), error=True)
        return True

    async def close(self) -> None:
        """Let go of what is still under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Callable[[], Awaitable[object]]) -> None:
        """Start what takes its time; what comes of it is in the timeline, but for why it could not be."""

        async def done() -> None:
            try:
                await work()
            except (DeviceStateError, TimeoutError) as error:
                self._lines.say(str(error), error=True)

        task = asyncio.get_running_loop().create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- one for each word of HELP ---------------------------------------------------------------------------------

    async def _status(self, _rest: str) -> None:
        self._lines.status(self._device.status)

    async def _update(self, _rest: str) -> None:
        self._begin(self._device.update)

    async def _deregister(self, _rest: str) -> None:
        self._begin(self._device.deregister)

    async def _register(self, _rest: str) -> None:
        self._begin(self._device.register)

    async def _reboot(self, _rest: str) -> None:
        self._begin(self._device.reboot)

    async def _power_cut(self, rest: str) -> None:
        seconds = _seconds("power-cut", rest) if rest else 0.0
        self._begin(lambda: self._device.power_cut(seconds))

    async def _sleep(self, rest: str) -> None:
        seconds = _seconds("sleep", rest)
        self._begin(lambda: self._device.sleep(seconds))

    async def _offline(self, _rest: str) -> None:
        self._device.offline()

    async def _online(self, _rest: str) -> None:
        self._device.online()

    async def _wait(self, rest: str) -> None:
        await asyncio.sleep(_seconds("wait", rest))

    async def _fault(self, rest: str) -> None:
        if rest:
            self._device.inject(rest)
            return
        for kind in FAULTS.values():
            if kind.seam not in OF_OTHERS:
                names = ",".join(f"{name}=..." for name in kind.parameters)
                self._lines.say(f"  {kind.name}{':' if names else ''}{names}  {kind.summary}", fault=kind.name)

    async def _help(self, _rest: str) -> None:
        width = max(map(len, HELP))
        for name, words in HELP.items():
            self._lines.say(f"  {name:<{width}}  {words}", command=name)


def _seconds(command: str, text: str) -> float:
    """A number of seconds.

    Raises:
        ValueError: it is none.
    """
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not (isfinite(seconds) and 0 <= seconds <= SLEEP_MAX_S):
        msg = f"{command} takes a number of seconds: {command} 30"
        raise ValueError(msg)
    return seconds
