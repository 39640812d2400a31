"""The error of an operation that a device refuses."""

from __future__ import annotations

from simulator.coap.codes import code_text


class RefusedError(Exception):
    """An operation is refused; ``code`` is the CoAP code to answer with, the text says why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code

    def __str__(self) -> str:
        return f"{code_text(self.code)}: {self.args[0]}"

    @property
    def reason(self) -> str:
        """The text alone, for a diagnostic payload (RFC 7252, §5.5.2)."""
        return str(self.args[0])
