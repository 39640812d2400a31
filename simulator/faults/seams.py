"""What a fault may ask of the device that it strikes, and what may be put in the place of one of its ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from simulator.coap.exchange import Response
    from simulator.ports import DatagramPort, DatagramReceiver


class Power(Protocol):
    """A device as a whole, for a fault that takes its power."""

    def lose_power(self, seconds: float) -> None:
        """Go down in the next turn, without a word to the server, and come up after this time; never after infinity."""

    @property
    def registrar(self) -> Registered:
        """Its registration, while it is up."""

    @property
    def deferral(self) -> Deferral:
        """Its consent to an update, while it is up."""

    @property
    def notifier(self) -> Notifier:
        """What tells its observers, while it is up."""


class Registered(Protocol):
    """The registration of a device, for a fault that ends it or has it renewed."""

    def leave_for(self, seconds: float) -> None:
        """De-register, and Register anew after this time."""

    def update_soon(self) -> None:
        """Have an Update sent, where the device is registered."""

    def oversleep(self, seconds: float) -> None:
        """Send the next Update this long after the registration has ended at the server."""


class Notifier(Protocol):
    """The observations that a device keeps, for a fault that loses them."""

    def forget(self) -> int:
        """Forget all observers, without a word to them; how many observations there were."""


class Deferral(Protocol):
    """What the user of a device says of an update."""

    def agree(self) -> bool:
        """Whoever put an update off agrees now; whether one was waiting."""

    def arm(self) -> None:
        """The wall clock has another time: look when what was put off is due."""

    def call_off(self) -> bool:
        """The user calls the update off by hand; whether there was one, and a way to tell of it."""


class Notify(Protocol):
    """Sends one notification; an error ends the observation."""

    def __call__(self, endpoint: Any, observation: Any, answer: Response, now: float, /, *, confirmable: bool) -> None:
        """Send it."""


Send = Callable[[bytes], None]
"""Sends one message of CoAP."""


class LinkFault(Protocol):
    """Stands between a datagram port and what is above it."""

    def open(self, receiver: DatagramReceiver) -> tuple[DatagramReceiver, Callable[[DatagramPort], DatagramPort]]:
        """What to give the network as receiver, and how to wrap the port that it gives back."""
