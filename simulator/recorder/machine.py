"""What a run was made with: versions, and the machine in figures. No host name, no address and no user is gathered."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

import simulator
from simulator.coap import endpoint

_LIBRARIES: Final = ("aiocoap", "uvloop", "numpy", "pandas", "pyarrow")


def versions() -> dict[str, str]:
    """Versions of Python, of this package, of the libraries that matter and of the kernel; empty for what is absent."""
    found = {"python": platform.python_version(), "lwm2m-fleet": simulator.__version__}
    found["coap engine"] = "pure Python" if str(endpoint.__file__).endswith(".py") else "compiled"
    found.update((name, _version(name)) for name in _LIBRARIES)
    found["kernel"] = f"{platform.system()} {platform.release()}"
    return found


def machine() -> dict[str, object]:
    """``cpu`` (model), ``cores`` that this process may use, ``memory_bytes``, ``architecture`` and ``network``."""
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "memory_bytes": int(psutil.virtual_memory().total),
        "architecture": platform.machine(),
        "network": "loopback",
    }


def usable_cores() -> int:
    """Cores that the scheduler lets this process run on (fewer than there are, in a container)."""
    try:
        return len(psutil.Process().cpu_affinity() or [])
    except (AttributeError, psutil.Error):
        return psutil.cpu_count() or 1


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The name of the processor as the kernel tells it, else what the platform tells; may be empty."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"} and value.strip():
            return value.strip()
    return platform.processor()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
