"""LwM2M without I/O: registration, the data model with its content formats, and the objects of a device.

Requests, answers and the time go in; answers, notifications to send and deadlines come out. Nothing in this package
knows a clock, a socket, an event loop or a source of chance.
"""
