"""The non-volatile memory of one device as files, so that it survives the end of the process.

``device.json`` is what survives a reboot, ``package.bin`` is the flash. The first is written beside its place and then
renamed, so that it is there whole at any time; the second grows as bytes arrive, and what it has beyond the first is
cut off when it is read.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, Final

from simulator.device.flash import FileFlash
from simulator.device.persistent import Persistent
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import State, UpdateResult

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 1
NAME: Final = "device.json"
FLASH_NAME: Final = "package.bin"


class StateError(ValueError):
    """The files cannot be used; the text names the file and the mend."""


class StateFiles:
    """Keeps one device in a directory.

    Args:
        directory: made where it is missing.
        endpoint: whose it is; that of another device is refused.
        image: the file for the flash, instead of the one in the directory.
    """

    def __init__(self, directory: Path, endpoint: str, image: Path | None = None) -> None:
        self._directory = directory
        self._endpoint = endpoint
        self.image = image or directory / FLASH_NAME
        self._written = b""

    def load(self) -> Persistent | None:
        """What the device had stored; None for a device that is new.

        Raises:
            StateError: the file is damaged, of another device, or cannot be read.
        """
        path = self._directory / NAME
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            stored = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"{error.filename or path}: {error.strerror}"
            raise StateError(msg) from None
        except (ValueError, RecursionError):
            msg = f"{path}: not what this program writes; delete the directory for a new device"
            raise StateError(msg) from None
        try:
            owner, persistent = stored["endpoint"], _persistent(stored)
        except (KeyError, TypeError, ValueError):
            msg = f"{path}: a value is missing or wrong; delete the directory for a new device"
            raise StateError(msg) from None
        if owner != self._endpoint:
            msg = f"{path}: the state of {owner!r}, not of {self._endpoint!r}; give each device its own directory"
            raise StateError(msg)
        return self._fitting(persistent)

    def _fitting(self, stored: Persistent) -> Persistent:
        """The flash may be behind or ahead of what was written last, where the process was killed."""
        held = self.image.stat().st_size if self.image.exists() else 0
        if held > stored.received:
            os.truncate(self.image, stored.received)
        if held >= stored.received:
            return stored
        idle = {"state": State.IDLE, "result": UpdateResult.INITIAL} if stored.package_complete else {}
        return dataclasses.replace(stored, received=0, etag=b"", **idle)  # type: ignore[arg-type]

    def flash(self, capacity: int) -> FileFlash:
        """The flash, with what it holds.

        Raises:
            StateError: the file is larger than the flash, or cannot be used.
        """
        return open_flash(self.image, capacity)

    def save(self, persistent: Persistent) -> None:
        """Store this now.

        Raises:
            OSError: the disk does not take it.
        """
        values = dataclasses.asdict(persistent) | {
            "state": int(persistent.state),
            "result": int(persistent.result),
            "transfer": persistent.transfer.value,
            "etag": persistent.etag.hex(),
        }
        content = json.dumps({"format": FORMAT, "endpoint": self._endpoint, **values}, indent=1).encode() + b"\n"
        if content == self._written:
            return
        path = self._directory / NAME
        beside = path.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        self._written = content


def open_flash(image: Path, capacity: int) -> FileFlash:
    """A flash in a file.

    Raises:
        StateError: the file is larger than the flash, or cannot be used.
    """
    try:
        held = image.stat().st_size if image.exists() else 0
        if held <= capacity:
            image.parent.mkdir(parents=True, exist_ok=True)
            return FileFlash(image, capacity)
    except OSError as error:
        msg = f"{image}: {error.strerror}"
        raise StateError(msg) from None
    msg = f"{image}: {held:,} bytes, and the flash has {capacity:,}; name another file, or set a larger flash"
    raise StateError(msg)


def _persistent(stored: dict[str, Any]) -> Persistent:
    if stored["format"] != FORMAT:
        msg = f"format {stored['format']}"
        raise ValueError(msg)
    values = {field.name: stored[field.name] for field in dataclasses.fields(Persistent)}
    for field in dataclasses.fields(Persistent):
        if field.type == "int" and (type(values[field.name]) is not int):
            msg = f"{field.name} is no number"
            raise TypeError(msg)
        if field.type == "bool" and not isinstance(values[field.name], bool):
            msg = f"{field.name} is neither true nor false"
            raise TypeError(msg)
        if field.type == "str" and not isinstance(values[field.name], str):
            msg = f"{field.name} is no text"
            raise TypeError(msg)
    values |= {
        "state": State(values["state"]),
        "result": UpdateResult(values["result"]),
        "transfer": Transfer(values["transfer"]),
        "etag": bytes.fromhex(values["etag"]),
    }
    return Persistent(**values)
