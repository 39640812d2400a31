"""A small LwM2M client on aiocoap, independent of this project's engine and object tree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiocoap
from aiocoap import Code, Message
from aiocoap.error import NotFound
from aiocoap.numbers.contentformat import ContentFormat
from aiocoap.resource import ObservableResource, Resource, Site

LINKS = b"</3/0>,</5/0>"
TEXT = 0


class TextValue(ObservableResource):
    """A resource with a text value that a server may read, observe and write."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value
        self.written: list[Message] = []

    def set(self, value: str) -> None:
        """Take a new value and notify."""
        self.value = value
        self.updated_state()

    async def render_get(self, request: Message) -> Message:
        return Message(payload=self.value.encode(), content_format=TEXT)

    async def render_put(self, request: Message) -> Message:
        self.written.append(request)
        return Message(code=Code.CHANGED)


class Package(Resource):
    """Takes what is pushed, and puts the blocks together itself to see them (RFC 7959 §2.5)."""

    def __init__(self) -> None:
        super().__init__()
        self.received: bytes | None = None
        self.content_format: int | None = None
        self.block_sizes: set[int] = set()
        self._partial = b""

    async def needs_blockwise_assembly(self, request: Message) -> bool:
        return False

    async def render_put(self, request: Message) -> Message:
        block = request.opt.block1
        assert block is not None
        if block.start == 0:
            self._partial, self.block_sizes = b"", set()
        if block.start != len(self._partial):
            return Message(code=Code.REQUEST_ENTITY_INCOMPLETE)
        self._partial += request.payload
        self.block_sizes.add(block.size)
        if block.more:
            return Message(code=Code.CONTINUE, block1=block)
        self.received, self.content_format = self._partial, request.opt.content_format
        return Message(code=Code.CHANGED, block1=block)


class Refusing(Resource):
    """Answers every Execute with 4.05, as an Update in a wrong State."""

    def __init__(self) -> None:
        super().__init__()
        self.arguments: list[bytes] = []

    async def render_post(self, request: Message) -> Message:
        self.arguments.append(request.payload)
        return Message(code=Code.METHOD_NOT_ALLOWED)


class Silent(Resource):
    """Never answers beyond the empty acknowledgement."""

    async def render_get(self, request: Message) -> Message:
        await asyncio.Event().wait()
        raise NotFound


class Client:
    """A registered device with the resources that the tests need."""

    def __init__(self, context: aiocoap.Context, endpoint: str, server: str) -> None:
        self.context = context
        self.endpoint = endpoint
        self.server = server
        self.location: tuple[str, ...] = ()
        self.state = TextValue("0")
        self.uri = TextValue("")
        self.package = Package()
        self.update = Refusing()
        site = Site()
        site.add_resource(["5", "0", "3"], self.state)
        site.add_resource(["5", "0", "1"], self.uri)
        site.add_resource(["5", "0", "0"], self.package)
        site.add_resource(["5", "0", "2"], self.update)
        site.add_resource(["3", "0", "3"], TextValue("1.0.0"))
        site.add_resource(["3", "0", "1"], Silent())
        context.serversite = site

    async def register(self, lifetime: int = 300) -> None:
        """Register (LwM2M Core §6.2.1)."""
        query = f"ep={self.endpoint}&lt={lifetime}&lwm2m=1.1&b=U"
        format_ = ContentFormat.LINKFORMAT
        request = Message(code=Code.POST, uri=f"{self.server}/rd?{query}", payload=LINKS, content_format=format_)
        response = await self.context.request(request).response
        assert response.code == Code.CREATED, response
        self.location = response.opt.location_path

    async def renew(self) -> None:
        """Update the registration."""
        response = await self.context.request(self._at_location(Code.POST)).response
        assert response.code == Code.CHANGED, response

    async def deregister(self) -> None:
        """De-register."""
        response = await self.context.request(self._at_location(Code.DELETE)).response
        assert response.code == Code.DELETED, response

    def _at_location(self, code: Code) -> Message:
        return Message(code=code, uri=f"{self.server}/{'/'.join(self.location)}")


@asynccontextmanager
async def client(endpoint: str, server: str) -> AsyncIterator[Client]:
    """A client on a port of its own, which is not registered yet."""
    context = await aiocoap.Context.create_server_context(Site(), bind=("127.0.0.1", 0), transports=["udp6"])
    try:
        yield Client(context, endpoint, server)
    finally:
        await context.shutdown()
