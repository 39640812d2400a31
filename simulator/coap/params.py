"""Transmission parameters of RFC 7252 §4.8, as one value, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransmissionParameters:
    """Base parameters (RFC 7252 §4.8) in the RFC's spelling; times in seconds.

    Raises:
        ValueError: a value with which the protocol cannot work.
    """

    ACK_TIMEOUT: float = 2.0
    ACK_RANDOM_FACTOR: float = 1.5
    MAX_RETRANSMIT: int = 4
    NSTART: int = 1
    MAX_LATENCY: float = 100.0

    def __post_init__(self) -> None:
        if self.ACK_TIMEOUT <= 0 or self.ACK_RANDOM_FACTOR < 1 or self.MAX_LATENCY <= 0:
            msg = f"ACK_TIMEOUT and MAX_LATENCY must be above 0 and ACK_RANDOM_FACTOR at least 1: {self}"
            raise ValueError(msg)
        if not 0 <= self.MAX_RETRANSMIT <= 20 or self.NSTART < 1:
            msg = f"MAX_RETRANSMIT must be 0 to 20 and NSTART at least 1: {self}"
            raise ValueError(msg)

    @property
    def MAX_TRANSMIT_SPAN(self) -> float:  # noqa: N802
        """From the first transmission of a CON to its last (RFC 7252 §4.8.2)."""
        return self.ACK_TIMEOUT * ((1 << self.MAX_RETRANSMIT) - 1) * self.ACK_RANDOM_FACTOR

    @property
    def MAX_TRANSMIT_WAIT(self) -> float:  # noqa: N802
        """From the first transmission of a CON until its sender gives up (RFC 7252 §4.8.2)."""
        return self.ACK_TIMEOUT * ((2 << self.MAX_RETRANSMIT) - 1) * self.ACK_RANDOM_FACTOR

    @property
    def PROCESSING_DELAY(self) -> float:  # noqa: N802
        """The time a node takes to turn a CON into an ACK (RFC 7252 §4.8.2 sets it to ACK_TIMEOUT)."""
        return self.ACK_TIMEOUT

    @property
    def MAX_RTT(self) -> float:  # noqa: N802
        """The longest round trip (RFC 7252 §4.8.2)."""
        return 2 * self.MAX_LATENCY + self.PROCESSING_DELAY

    @property
    def EXCHANGE_LIFETIME(self) -> float:  # noqa: N802
        """How long a Message ID of a CON must not be used again (RFC 7252 §4.8.2): 247 s by default."""
        return self.MAX_TRANSMIT_SPAN + self.MAX_RTT


DEFAULT_PARAMETERS = TransmissionParameters()
