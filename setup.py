"""The part of the build that pyproject.toml cannot say: the CoAP engine and DTLS, compiled where that is asked for.

With LWM2M_FLEET_NATIVE=1 mypyc compiles simulator.coap, simulator.transport.dtls* and ``PACKETS`` unchanged, with a C
compiler.
LWM2M_FLEET_OPT is the C compiler's optimisation level, 3 by default. Everything else, and the default, is pure Python.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import setup

PACKETS = (
    "network/link.py",
    "network/shaped_port.py",
    "transport/schedule.py",
    "faults/filters.py",
    "faults/triggers.py",
    "fleet/entropy.py",
)

native = []
if os.environ.get("LWM2M_FLEET_NATIVE") == "1":
    from mypyc.build import mypycify

    modules = [*Path("simulator/coap").glob("*.py"), *Path("simulator/transport").glob("dtls*.py")]
    # What every packet goes through behind a network profile or a fault of the link.
    modules += [Path("simulator", name) for name in PACKETS]
    level = os.environ.get("LWM2M_FLEET_OPT", "3")
    native = mypycify(["--config-file", "pyproject.toml", *sorted(map(str, modules))], opt_level=level)

setup(ext_modules=native)
