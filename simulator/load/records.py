"""How the files that were recorded on another machine come to the master's: piece by piece, each with an answer.

A worker keeps what it recorded until the master has answered for all of it. Where no answer comes, the user is told
where the files are, and can bring them in later.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from gevent.event import Event
from locust.exception import RPCError

from simulator.load import messages as m
from simulator.load.spool import Spool, take_chunk
from simulator.recorder.losses import Loss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

IN_FLIGHT: Final = 32
"""Pieces that may be on their way without an answer: 8 MiB, so that no queue grows with the record."""
ANSWER_S: Final = 30.0
"""How long an answer may take. The master may be busy; after this time it is gone."""


def how_to_collect(process: str, where: str, run: Path | str) -> str:
    """What a user can do about a record that the master does not have."""
    command = f"lwm2m-fleet collect {shlex.quote(str(run))} COPY"
    return f"what {process} recorded stays in {where}; copy it to the machine of the master, and there: {command}"


class Sending:
    """A worker's side: sends the files of one spool.

    Args:
        spool: whose files.
        send: sends a message to the master: its type, and what it says.
        answer_s: how long an answer may take, seconds.
    """

    def __init__(self, spool: Spool, send: Callable[[str, dict[str, Any]], None], answer_s: float = ANSWER_S) -> None:
        self._spool = spool
        self._send = send
        self._answer_s = answer_s
        self._in_flight = 0
        self._refused = ""
        self._came = Event()

    def run(self) -> str:
        """Send all files, and wait until they are stored; why they are not, and empty where they are."""
        try:
            for chunk in self._spool.chunks():
                if not self._wait(IN_FLIGHT - 1):
                    break
                self._in_flight += 1
                self._send(m.CHUNK, chunk)
            self._wait(0)
        except (OSError, RPCError) as error:
            return f"it cannot be sent: {error}"
        if self._refused:
            return f"the master cannot store it: {self._refused}"
        return f"no answer from the master for {self._answer_s:g} s" if self._in_flight else ""

    def _wait(self, most: int) -> bool:
        """Wait until no more than so many pieces are without an answer; whether it is worth while to go on."""
        while self._in_flight > most and not self._refused:
            self._came.clear()
            if not self._came.wait(self._answer_s):
                return False
        return not self._refused

    def on_stored(self, answer: Mapping[str, Any]) -> None:
        """The master has answered for a piece."""
        self._in_flight -= 1
        self._refused = self._refused or str(answer["error"])
        self._came.set()


class Records:
    """The master's side: stores what comes in, and knows what does not.

    Args:
        directory: the run directory.
        send: sends a message to a worker: its type, what it says, to whom.
    """

    def __init__(self, directory: Path, send: Callable[[str, dict[str, Any], str], None]) -> None:
        self._directory = directory
        self._send = send
        self._elsewhere: dict[str, tuple[str, str]] = {}

    def expect(self, worker: str, process: str, where: str) -> None:
        """A worker records in a directory of its own: ``where``, in words; empty where it is the run directory."""
        if where:
            self._elsewhere.setdefault(worker, (process, where))

    def take(self, chunk: Mapping[str, Any], worker: str) -> None:
        """Store a piece, and answer for it."""
        error = ""
        try:
            take_chunk(self._directory, chunk)
        except (OSError, ValueError) as caught:
            error = str(caught)
        self._send(m.STORED, {"error": error}, worker)

    def came(self, worker: str) -> None:
        """All that a worker recorded is here."""
        self._elsewhere.pop(worker, None)

    def missing(self) -> list[tuple[Loss, str]]:
        """The records that are not here, each with what the user can do."""
        return [
            (
                Loss(f"the record of {process} is not here", record_of=process),
                how_to_collect(process, where, self._directory),
            )
            for process, where in self._elsewhere.values()
        ]
