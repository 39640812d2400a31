"""The section about the server under test: ``[server]``, one class for each set of keys."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from simulator.scenario.chaos import ChaosSettings
from simulator.scenario.sections import Host, Section
from simulator.scenario.units import refuse

OtherPort = Annotated[int, Field(ge=1, le=65535)]
Port = Annotated[int, Field(ge=0, le=65535)]


class StartedServer(Section):
    """A server under test that the run itself starts: ours, Leshan's library or the aiocoap reference."""

    kind: Literal["embedded", "leshan", "aiocoap"] = Field(
        default="embedded", description="The server under test: embedded, leshan, leshan-demo, aiocoap or external."
    )
    host: Host = Field(default="127.0.0.1", description="The address that the server binds, or is reached at.")
    port: Port = Field(default=0, description="Its UDP port; 0 takes a free one (not for external).")


class EmbeddedServer(StartedServer):
    """The server that comes with the program, sound or not."""

    chaos: ChaosSettings | None = Field(default=None, description="What it does wrong on purpose; a table.")


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        refuse(f"{value!r} is no http URL", 'write it as "http://127.0.0.1:8080"')
    return value


class LeshanDemo(Section):
    """Leshan's demo server, driven through its web API."""

    kind: Literal["leshan-demo"] = Field(description="The demo server of Leshan.")
    url: Annotated[str, BeforeValidator(_http_url, json_schema_input_type=str)] | None = Field(
        default=None, description="URL of a demo server that runs already. Default: the run starts one."
    )


class ExternalServer(Section):
    """A server that somebody else runs and drives: the devices register and do what it orders."""

    kind: Literal["external"] = Field(description="A server that the run neither starts nor drives.")
    host: Host = Field(description="Where it is.")
    port: OtherPort = Field(default=5683, description="Its UDP port of coap.")
    coaps_port: OtherPort = Field(default=5684, description="Its UDP port of coaps.")
    coap_tcp_port: OtherPort = Field(default=5683, description="Its TCP port of coap+tcp.")
    coaps_tcp_port: OtherPort = Field(default=5684, description="Its TCP port of coaps+tcp.")

    def port_of(self, scheme: str) -> int:
        """The port of a management transport."""
        ports = {"coaps": self.coaps_port, "coap+tcp": self.coap_tcp_port, "coaps+tcp": self.coaps_tcp_port}
        return ports.get(scheme, self.port)


MANAGEMENT_OF: Final[dict[str, tuple[str, ...]]] = {
    "leshan": ("coap", "coaps"),
    "leshan-demo": ("coap", "coaps"),
    "aiocoap": ("coap", "coap+tcp", "coaps+tcp"),
}
"""The management transports of servers that do not have all four."""


def chaos_of(server: Section, seed: int) -> str:
    """What a server does wrong on purpose, as the embedded server takes it; empty for a sound one."""
    chaos = server.chaos if isinstance(server, EmbeddedServer) else None
    return "" if chaos is None else chaos.to_json(seed)


Server = EmbeddedServer | StartedServer | LeshanDemo | ExternalServer
SERVERS: Final[dict[str, type[Section]]] = {
    "embedded": EmbeddedServer,
    "leshan": StartedServer,
    "leshan-demo": LeshanDemo,
    "aiocoap": StartedServer,
    "external": ExternalServer,
}
