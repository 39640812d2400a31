"""Why a handshake failed, in words: what an alert or a silence means at the point that it had come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.security.failures import CLOSE_NOTIFY, alert_text
from simulator.transport.dtls_client import ClientHandshake
from simulator.transport.dtls_handshake import State

if TYPE_CHECKING:
    from simulator.transport.dtls_handshake import Handshake


def told(handshake: Handshake, alert: int) -> str:
    """What an alert of the peer means."""
    if alert == CLOSE_NOTIFY:
        return "closed by the peer"
    if isinstance(handshake, ClientHandshake) and handshake.asked_for_missing_certificate:
        return f"{alert_text(alert)}; the server asks for a client certificate, and there is none"
    return alert_text(alert)


def silence(handshake: Handshake, discarded: int) -> str:
    """What it means that no answer came; ``discarded`` counts the records that could not be decrypted."""
    if handshake.keys is not None and discarded:
        return "no Finished that can be decrypted: the keys of the two sides differ"
    if handshake.state is State.FINISHED and handshake.suite.psk and not handshake.resumed:
        # Servers discard what they cannot decrypt without a word (RFC 6347 §4.1.2.7).
        return f"no {State.FINISHED.value.removeprefix('an ')}: wrong PSK key, or the peer is gone"
    return f"no {handshake.state.value.removeprefix('an ')}"
