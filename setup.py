"""The part of the build that pyproject.toml cannot say: the CoAP engine and DTLS, compiled where that is asked for.

With LWM2M_FLEET_NATIVE=1 mypyc compiles simulator.coap and simulator.transport.dtls* unchanged, with a C compiler.
Everything else, and the default, is pure Python.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import setup

native = []
if os.environ.get("LWM2M_FLEET_NATIVE") == "1":
    from mypyc.build import mypycify

    modules = [*Path("simulator/coap").glob("*.py"), *Path("simulator/transport").glob("dtls*.py")]
    native = mypycify(["--config-file", "pyproject.toml", *sorted(map(str, modules))])

setup(ext_modules=native)
