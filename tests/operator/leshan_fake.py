"""A demo server of Leshan made up of its answers, in the form of 2.0.0-M4 or of 2.0.0-M18.

The answers are those that the two servers gave when they were asked. A device is a name here: what it is called decides
what it answers.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web


class FakeDemo:
    """The web API, with clients and events that a test sets.

    Attributes:
        m18: whether it answers in the form of M18.
        clients: registration ids by endpoint.
        secrets: mode, identity and key by endpoint.
        asked: method, path and query, content type and body of each request for a device.
        streams: open streams of events.
    """

    def __init__(self, *, m18: bool) -> None:
        self.m18 = m18
        self.clients: dict[str, str] = {}
        self.asked: list[tuple[str, str, str, str]] = []
        self.secrets: dict[str, tuple[str, ...]] = {}
        self.streams: list[web.StreamResponse] = []
        self.opened = 0
        self.down = False
        self.url = ""
        self._cut = asyncio.Event()
        self._transports: list[asyncio.Transport] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_get("/api/server/endpoint", self._endpoint)
        app.router.add_get("/api/clients", self._clients)
        app.router.add_get("/api/event", self._events)
        app.router.add_put("/api/security/clients/", self._credentials)
        app.router.add_route("*", "/api/clients/{endpoint}/{path:.*}", self._operate)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    # -- events ----------------------------------------------------------------------------------------------------

    async def tell(self, event: str, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        for stream in self.streams:
            await stream.write(f"event: {event}\r\ndata: {text}\r\n\r\n".encode())

    async def register(self, endpoint: str, number: str) -> None:
        before = self.clients.get(endpoint)
        if before is not None:
            await self.deregister(endpoint)
        self.clients[endpoint] = number
        await self.tell("REGISTRATION", registration(endpoint, number))

    async def deregister(self, endpoint: str) -> None:
        await self.tell("DEREGISTRATION", registration(endpoint, self.clients.pop(endpoint)))

    async def notify(self, endpoint: str, path: str, value: int) -> None:
        number = int(path.rpartition("/")[2])
        kind = {"kind": "single"} if self.m18 else {}
        await self.tell("NOTIFICATION", {"ep": endpoint, **kind, "res": path, "val": self._content(number, value)})

    async def cut(self) -> None:
        """Break all streams of events."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        self.streams.clear()
        self._cut.set()
        self._cut = asyncio.Event()
        await asyncio.sleep(0)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            raise web.HTTPServiceUnavailable
        if request.headers["Accept"] != "text/event-stream":
            raise web.HTTPMethodNotAllowed("GET", [])
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b"\r\n")
        self.streams.append(stream)
        if request.transport is not None:
            self._transports.append(request.transport)
        self.opened += 1
        await self._cut.wait()
        return stream

    # -- answers ---------------------------------------------------------------------------------------------------

    async def _endpoint(self, request: web.Request) -> web.Response:
        if not self.m18:
            return web.json_response({"securedEndpointPort": "5684", "unsecuredEndpointPort": "5683"})
        uris = [("coaps", "127.0.0.1", 7684), ("coap", "127.0.0.1", 7683), ("coap", "127.0.0.1", 7685)]
        return web.json_response(
            [
                {"uri": {"full": f"{s}://{h}:{p}", "scheme": s, "host": h, "port": p}, "description": "..."}
                for s, h, p in uris
            ]
        )

    async def _clients(self, request: web.Request) -> web.Response:
        return web.json_response([registration(name, number) for name, number in self.clients.items()])

    async def _credentials(self, request: web.Request) -> web.Response:
        body = await request.json()
        try:
            if self.m18:
                secret = (body["tls"]["mode"], *body["tls"].get("details", {}).values())
            else:
                secret = ("psk", *body["psk"].values()) if "psk" in body else {True: ("x509",)}[body["x509"]]
        except KeyError:
            return web.Response(status=500 if self.m18 else 400, text=f"not understood: {body}")
        if secret[0] == "psk" and secret[1] in {other[1] for other in self.secrets.values() if len(other) > 1}:
            return web.Response(status=400, text=f"PSK Identity {secret[1]} is already used")
        self.secrets[body["endpoint"]] = secret
        return web.Response()

    async def _operate(self, request: web.Request) -> web.Response:
        body = await request.text()
        line = f"{request.method} {request.raw_path}"
        self.asked.append((line, request.match_info["endpoint"], request.headers.get("Content-Type", ""), body))
        endpoint = request.match_info["endpoint"]
        if endpoint not in self.clients:
            return web.Response(status=400, text=f"No registered client with id '{endpoint}'")
        if endpoint in REFUSALS:
            status, text = REFUSALS[endpoint]
            return web.Response(status=status, text=text)
        if endpoint == "asleep":
            return web.json_response({"delayed": True, "requestId": "1"})
        if endpoint == "refusing":
            return self._answer("METHOD_NOT_ALLOWED(405)")
        if request.method == "PUT" and not request.path.endswith("/attributes"):
            return self._write(json.loads(body))
        if request.method == "PUT" or (request.method == "POST" and not request.path.endswith("/observe")):
            return self._answer("CHANGED(204)")
        return self._answer("CONTENT(205)", self._content(3, 1))

    def _write(self, body: dict[str, Any]) -> web.Response:
        if self.m18 and not {"kind", "type"} <= body.keys():
            return web.Response(status=500, text="Unexpected exception: missing kind")
        return self._answer("CHANGED(204)")

    def _content(self, number: int, value: int) -> dict[str, Any]:
        if self.m18:
            return {"kind": "singleResource", "id": number, "type": "INTEGER", "value": str(value)}
        return {"id": number, "value": value}

    @staticmethod
    def _answer(status: str, content: dict[str, Any] | None = None) -> web.Response:
        success = status.endswith(("204)", "205)"))
        document = {"status": status, "valid": True, "success": success, "failure": not success}
        return web.json_response(document if content is None else {**document, "content": content})


REFUSALS = {
    "slow": (504, "Request timeout"),
    "reset": (500, "Request rejected: Request GET /5/0/3 rejected"),
    "gone": (500, "Request cancelled: null"),
    "strange": (500, "Unexpected exception:Invalid elements in path: x"),
    "html": (500, "<html><body><h2>HTTP ERROR 500</h2>\n<p>Problem accessing</p></body></html>"),
    "nonsense": (200, "no JSON"),
    "codeless": (200, '{"status": "FINE"}'),
}


def registration(endpoint: str, number: str) -> dict[str, Any]:
    """A registration as both forms tell it, as far as the driver looks at it."""
    return {"endpoint": endpoint, "registrationId": number, "lifetime": 300, "objectLinks": [{"url": "/5/0"}]}
