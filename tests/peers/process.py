"""One peer: a child process that is ready when it answers, and is gone when the test is over."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

READY_WITHIN_S: Final = 30.0
STOP_WITHIN_S: Final = 5.0
ATTEMPTS: Final = 3

HOST: Final = "127.0.0.1"


class PeerError(Exception):
    """A peer did not start; the text holds what it wrote."""


class Peer:
    """A running child process; what it writes is kept for the report of a failing test.

    Attributes:
        port: the first port that it was given.
    """

    def __init__(self, command: Sequence[str], port: int, *, cwd: Path | None = None) -> None:
        self.command = list(command)
        self.port = port
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the peer
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def wait_ready(self, answers: Callable[[int], bool]) -> None:
        """Ask until the peer answers.

        Raises:
            PeerError: it ended first, or never answered.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while not answers(self.port):
            code = self._process.poll()
            if code is not None:
                raise PeerError(f"{self.command[0]} ended with exit code {code}:\n{self.output()}")
            if time.monotonic() > deadline:
                raise PeerError(f"{self.command[0]} did not answer in {READY_WITHIN_S:.0f} s:\n{self.output()}")

    def output(self) -> str:
        """What the peer has written so far."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def stop(self) -> None:
        """End the process, and print what it wrote: pytest shows it where the test failed. May be called twice."""
        if self._output.closed:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        print(f"--- output of {' '.join(self.command)}\n{self.output()}")
        self._output.close()


def start(
    command_for: Callable[[int], Sequence[str]],
    answers: Callable[[int], bool],
    *,
    ports: int = 1,
    cwd: Path | None = None,
) -> Peer:
    """Start a peer on a free port, and on another one where that was taken in the meantime.

    ``command_for`` gives the command for a port, ``answers`` asks once whether a peer on it is there, and ``ports`` is
    how many ports in a row the peer takes.

    Raises:
        PeerError: it ended or stayed silent each time.
    """
    for attempt in range(ATTEMPTS):
        port = find_free_port(ports)
        peer = Peer(command_for(port), port, cwd=cwd)
        try:
            peer.wait_ready(answers)
        except BaseException as error:
            peer.stop()
            if attempt + 1 < ATTEMPTS and isinstance(error, PeerError):
                continue
            raise
        return peer
    raise AssertionError("unreachable")


def find_free_port(consecutive: int = 1) -> int:
    """The first of some ports in a row on loopback that are free for UDP and for TCP.

    They lie below the range from which the kernel takes ports for clients, so that none of those comes in between.

    Raises:
        OSError: none was found in a hundred tries.
    """
    for _ in range(100):
        first = random.SystemRandom().randrange(10_000, 32_000)
        if all(_is_free(first + n) for n in range(consecutive)):
            return first
    raise OSError(f"no {consecutive} free ports in a row on {HOST}")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind((HOST, port))
            except OSError:
                return False
    return True


def answers_coap_ping(port: int) -> bool:
    """Whether a CoAP endpoint answers a ping, an Empty confirmable message, with a Reset (RFC 7252 §4.3)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect((HOST, port))
        try:
            sock.send(b"\x40\x00\x12\x34")
            return sock.recv(64) == b"\x70\x00\x12\x34"
        except ConnectionRefusedError:
            time.sleep(0.02)
            return False
        except TimeoutError:
            return False


def answers_tcp(port: int) -> bool:
    """Whether something accepts TCP connections."""
    try:
        with socket.create_connection((HOST, port), timeout=0.2):
            return True
    except OSError:
        time.sleep(0.02)
        return False
