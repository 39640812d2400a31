"""CoAP over TCP on a stream port: the endpoint of one connection, made by this side or accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.coap.block import SZX_BERT
from simulator.coap.params import DEFAULT_PARAMETERS, TransmissionParameters
from simulator.coap.tcp_endpoint import MAX_MESSAGE_SIZE_DEFAULT, TcpEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.coap.endpoint import Endpoint
    from simulator.coap.exchange import Handler
    from simulator.coap.owner import Alarm, Chance
    from simulator.ports import Address, Listener, Network, StreamPort


class CoapTcpConnection:
    """What stands above one stream port; its ``endpoint`` lives as long as the connection.

    Args:
        now: the clock.
        chance: the first token.
        handler: answers the peer's requests; ``endpoint.user`` is the peer's address.
        alarm: takes the endpoint and the time at which its ``expire`` is to be called.
        params, szx, max_message_size: as of a ``TcpEndpoint``.
        ended: called once with this connection when it is over, whoever ended it.
    """

    __slots__ = ("_early", "_ended", "_eof", "_now", "_port", "endpoint", "error")

    def __init__(
        self,
        now: Callable[[], float],
        chance: Chance,
        handler: Handler | None,
        alarm: Alarm,
        *,
        params: TransmissionParameters = DEFAULT_PARAMETERS,
        szx: int = SZX_BERT,
        max_message_size: int = MAX_MESSAGE_SIZE_DEFAULT,
        ended: Callable[[CoapTcpConnection], None] | None = None,
    ) -> None:
        self._now = now
        self._ended = ended
        self._port: StreamPort | None = None
        self._early = b""
        self._eof = False
        self.error: OSError | None = None
        """Why it could not be had, or how it was lost; known before the endpoint fails what waits for it."""
        self.endpoint = TcpEndpoint(
            self.transmit,
            self._hang_up,
            chance,
            handler,
            params,
            szx=szx,
            max_message_size=max_message_size,
            alarm=alarm,
        )

    async def connect(self, network: Network, remote: Address, *, local: Address | None = None) -> None:
        """Open the connection. Where the endpoint was closed meanwhile, it is closed at once.

        Raises:
            OSError: refused, unreachable or timed out; what the endpoint was asked for has failed then.
        """
        try:
            port = await network.open_stream(remote, self, local=local)
        except OSError as error:
            self.fail(error)
            raise
        self.attach(port, remote)

    def fail(self, error: OSError) -> None:
        """There will be no connection: what waits for it fails."""
        self.error = error
        self.endpoint.unreachable(self._now())

    def attach(self, port: StreamPort, peer: Address) -> None:
        """The connection stands: speak through this port from now on."""
        if self.endpoint.closed:
            port.close()
            return
        self._port = port
        self.endpoint.user = peer
        self.endpoint.open(self._now())
        early, self._early = self._early, b""
        if early:
            self.on_data(early)
        if self._eof:
            self.on_eof()

    @property
    def port(self) -> StreamPort | None:
        """The stream port; None before the connection stands and after its end."""
        return self._port

    @property
    def local(self) -> Address | None:
        """The address of this side; None while there is no connection."""
        return self._port.local if self._port is not None else None

    def close(self) -> None:
        """Close the connection; what waits for the peer fails with Failure.CLOSED."""
        self.endpoint.close(self._now())

    # -- from the port ---------------------------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """The next bytes of the peer."""
        if self._port is not None:
            self.endpoint.receive(data, self._now())
        elif not self.endpoint.closed:
            # A port may hand over the first bytes before it is handed over itself.
            self._early += data

    def on_eof(self) -> None:
        """The peer will send no more, and so it answers no more: that is the end (RFC 8323 §3.4)."""
        self._eof = True
        if self._port is not None:
            self.endpoint.unreachable(self._now())

    def on_lost(self, error: OSError | None) -> None:
        """The connection is gone."""
        self.error = self.error or error
        self.endpoint.unreachable(self._now())

    # -- from the endpoint -----------------------------------------------------------------------------------------

    def transmit(self, data: bytes) -> None:
        """Send one message; nothing where there is no connection."""
        if self._port is not None:
            self._port.write(data)

    def _hang_up(self) -> None:
        port, self._port = self._port, None
        ended, self._ended = self._ended, None
        self._early = b""
        if port is not None:
            port.close()
        if ended is not None:
            ended(self)


class CoapTcpServer:
    """The connections that one listener accepted. ``accept`` is what ``Network.listen_stream`` wants.

    Args:
        now: the clock.
        chance: source of tokens, shared by all endpoints.
        handler: answers the requests of all peers; ``endpoint.user`` is the peer's address.
        alarm: takes an endpoint and the time at which its ``expire`` is to be called.
        params, szx, max_message_size: as of a ``TcpEndpoint``.
    """

    def __init__(
        self,
        now: Callable[[], float],
        chance: Chance,
        handler: Handler | None,
        alarm: Alarm,
        *,
        params: TransmissionParameters = DEFAULT_PARAMETERS,
        szx: int = SZX_BERT,
        max_message_size: int = MAX_MESSAGE_SIZE_DEFAULT,
    ) -> None:
        self._now = now
        self._chance = chance
        self._handler = handler
        self._alarm = alarm
        self._params = params
        self._szx = szx
        self._max_message_size = max_message_size
        self._listener: Listener | None = None
        self.connections: dict[tuple[str, int], CoapTcpConnection] = {}
        """By the peer's address: the connections that stand."""

    async def listen(self, network: Network, local: Address) -> None:
        """Accept connections on ``local``; port 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        self.attach(await network.listen_stream(local, self.accept))

    def attach(self, listener: Listener) -> None:
        """Belong to this listener, which accepts by ``accept``."""
        self._listener = listener

    @property
    def local(self) -> Address:
        """Where peers connect to."""
        assert self._listener is not None
        return self._listener.local

    def endpoint(self, peer: tuple[str, int]) -> Endpoint | None:
        """The endpoint of a connection that stands; only a peer itself can make a new one."""
        connection = self.connections.get(peer)
        return connection.endpoint if connection is not None else None

    def accept(self, port: StreamPort, peer: Address) -> CoapTcpConnection:
        """What stands above a new connection."""
        connection = CoapTcpConnection(
            self._now,
            self._chance,
            self._handler,
            self._alarm,
            params=self._params,
            szx=self._szx,
            max_message_size=self._max_message_size,
            ended=lambda over: self._forget(peer, over),
        )
        self.connections[peer] = connection
        connection.attach(port, peer)
        return connection

    def _forget(self, peer: Address, connection: CoapTcpConnection) -> None:
        if self.connections.get(peer) is connection:
            del self.connections[peer]

    def close(self) -> None:
        """Accept no more, and close what stands."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections.values()):
            connection.close()


__all__ = ["CoapTcpConnection", "CoapTcpServer"]
