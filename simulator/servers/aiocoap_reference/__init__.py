"""An LwM2M server on aiocoap: an independent second opinion beside the embedded server.

It shares no code with the devices: the CoAP stack is aiocoap's and the LwM2M rules are written here once more, so that
both sides cannot be wrong in the same way. It takes registrations under ``/rd`` (OMA LwM2M Core 1.1.1, 6.2), speaks the
driver protocol (docs/driver-protocol.md) on standard input and output, and can be the package origin under ``/fw``.

It offers coap and coap+tcp without security and coaps+tcp with certificates, sends requests to a device in queue mode
at once, and knows neither DTLS nor Bootstrap nor Send. Its pace is that of aiocoap, a few thousand messages a second.

    python -m simulator.servers.aiocoap_reference --host 127.0.0.1 --port 5683 --serve packages/
"""
