"""Why a handshake failed, in words: what an alert or a silence means at the point that it had come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.security.failures import BAD_RECORD_MAC, CLOSE_NOTIFY, DECRYPT_ERROR, alert_text
from simulator.transport.dtls_client import ClientHandshake
from simulator.transport.dtls_handshake import State
from simulator.transport.dtls_server import KEYS_DIFFER

if TYPE_CHECKING:
    from simulator.transport.dtls_handshake import Handshake


def told(handshake: Handshake, alert: int) -> str:
    """What an alert of the peer means."""
    if alert == CLOSE_NOTIFY:
        return "closed by the peer"
    if isinstance(handshake, ClientHandshake) and handshake.asked_for_missing_certificate:
        return f"{alert_text(alert)}; the server asks for a client certificate, and there is none"
    if alert in (DECRYPT_ERROR, BAD_RECORD_MAC) and handshake.keys is not None and handshake.suite.psk:
        return f"{alert_text(alert)}; wrong PSK key"
    return alert_text(alert)


def silence(handshake: Handshake, discarded: int) -> str:
    """What it means that no answer came; ``discarded`` counts the records that could not be decrypted."""
    if handshake.keys is not None and discarded:
        return KEYS_DIFFER
    if handshake.state is State.FINISHED and handshake.suite.psk and not handshake.resumed:
        # Many servers discard what they cannot decrypt without a word (RFC 6347 §4.1.2.7).
        return f"no {State.FINISHED.value.removeprefix('an ')}: wrong PSK key, or the peer is gone"
    return f"no {handshake.state.value.removeprefix('an ')}"
