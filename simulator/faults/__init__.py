"""Faults: each wraps one port of a device, or changes one order of the operator, and is otherwise not there.

What a fault does and when it strikes are two things (``triggers``). A fault that is not injected costs nothing: the
device gets the very port that it would get without this package.
"""
