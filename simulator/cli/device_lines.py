"""How ``lwm2m-fleet device`` shows what happens: a line for people each, or a line of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from simulator.api import Entry

_STYLES: Final = {
    "error": "bold red",
    "fault": "magenta",
    "state": "bold cyan",
    "power": "yellow",
    "link": "yellow",
    "registration": "green",
    "transfer": "cyan",
    "progress": "dim",
}
_BAD: Final = ("refused", "no answer", "failed")


class DeviceLines:
    """Writes entries of a timeline, and answers to commands.

    Args:
        console: where to.
        as_json: lines of JSON instead of text.
    """

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._json = as_json

    def entry(self, entry: Entry) -> None:
        """One thing that happened."""
        if self._json:
            self._write_json({"t": round(entry.t, 6), "what": entry.what, "text": entry.text, **entry.data})
            return
        style = _STYLES.get(entry.what, "")
        if entry.what in ("registration", "transfer") and any(word in entry.text for word in _BAD):
            style = "red"
        line = Text(f"{entry.t:10.3f}  ")
        line.append(f"{entry.what:<12}  {entry.text}", style=style)
        self._console.print(line, soft_wrap=True)

    def say(self, text: str, **data: Any) -> None:
        """Something that is no event of the device: the answer to a command, or why there is none."""
        if self._json:
            self._write_json({"what": "answer", "text": text, **data})
        else:
            self._console.print(Text(text), soft_wrap=True)

    def status(self, status: dict[str, Any]) -> None:
        """The status of the device."""
        if self._json:
            self._write_json({"what": "status", **status})
            return
        width = max(map(len, status))
        for name, value in status.items():
            shown = {True: "yes", False: "no", "": "-"}.get(value, value) if isinstance(value, bool | str) else value
            self._console.print(Text(f"  {name.replace('_', ' '):<{width}}  {shown}"), soft_wrap=True)

    def _write_json(self, line: dict[str, Any]) -> None:
        self._console.print(Text(json.dumps(line, ensure_ascii=True)), soft_wrap=True)
