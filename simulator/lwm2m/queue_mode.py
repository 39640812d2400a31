"""Queue mode: a device that sleeps, and a server that keeps its requests until the device is awake (TS 1.1 Core, §6.6).

A device tells by its Register that it is in queue mode: ``b=UQ`` in LwM2M 1.0, ``Q`` from 1.1 on. It listens for a
while after each message, and then no more until it has something to say itself: an Update, or a notification.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from simulator.coap.params import DEFAULT_PARAMETERS

AWAKE_S: Final = DEFAULT_PARAMETERS.MAX_TRANSMIT_WAIT
"""How long both sides take a device to be awake after a message, where nothing else is agreed: 93 s."""


class QueueMode(NamedTuple):
    """How a device sleeps; times in seconds."""

    awake_s: float = AWAKE_S
    """For how long it listens after each message."""
    update_every_s: float | None = None
    """How often it wakes up to send an Update; None: only before its registration ends."""
