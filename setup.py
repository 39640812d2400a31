"""The part of the build that pyproject.toml cannot say: the CoAP engine and DTLS, compiled where that is asked for.

With LWM2M_FLEET_NATIVE=1 mypyc compiles simulator.coap and simulator.transport.dtls* unchanged, with a C compiler.
LWM2M_FLEET_OPT is the C compiler's optimisation level, 3 by default. Everything else, and the default, is pure Python.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import setup

native = []
if os.environ.get("LWM2M_FLEET_NATIVE") == "1":
    from mypyc.build import mypycify

    modules = [*Path("simulator/coap").glob("*.py"), *Path("simulator/transport").glob("dtls*.py")]
    level = os.environ.get("LWM2M_FLEET_OPT", "3")
    native = mypycify(["--config-file", "pyproject.toml", *sorted(map(str, modules))], opt_level=level)

setup(ext_modules=native)
