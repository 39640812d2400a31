"""CoAP without I/O: message codec (RFC 7252), reliability, block-wise transfer (RFC 7959) and Observe (RFC 7641).

Datagrams and the time go in; datagrams, calls of handlers and one deadline come out. Nothing in this package knows a
clock, a socket, an event loop or a source of chance.
"""
