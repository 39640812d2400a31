"""The processes of the package origin: what each is started with, and what all of them are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator.fleet.entropy import Entropy
from simulator.recorder.machine import usable_cores

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
    from pathlib import Path

    from simulator.cli.child import Child
    from simulator.cli.plan import Plan

    Start = Callable[[str, list[str]], Awaitable[Child]]
    Wait = Callable[[Coroutine[Any, Any, dict[str, Any]]], Awaitable[dict[str, Any]]]


def name_of(k: int, processes: int) -> str:
    """The name of the k-th process in the records."""
    return f"origin-{k}" if processes > 1 else "origin"


def crowded(processes: int, cores: int | None = None) -> str:
    """What is to be said of so many processes on a machine with fewer cores; empty where it has enough."""
    cores = usable_cores() if cores is None else cores
    if processes == 1 or processes <= cores:
        return ""
    return f"firmware.processes is {processes} on {cores} core{'s' if cores > 1 else ''}: more than cores gain nothing"


def arguments_of(k: int, plan: Plan, packages: Path, identity_dir: str, uris: Mapping[str, str]) -> list[str]:
    """The arguments of the k-th process, after those that every process of a run has.

    Args:
        k: counted from 0.
        plan: of the run.
        packages: directory of what is given out.
        identity_dir: of the servers' certificates; empty where nobody needs them.
        uris: where the first process is, by scheme; empty for the first itself.
    """
    firmware = plan.scenario.firmware
    # Chance of its own for each, or all would do wrong with requests of the same turn.
    chaos = firmware.chaos_json(plan.seed if k == 0 else Entropy(plan.seed).number(-1, name_of(k, firmware.processes)))
    found = [str(packages), *([identity_dir] if identity_dir else []), "--name", name_of(k, firmware.processes)]
    found += ["--host", firmware.host, *(["--chaos", chaos] if chaos else [])]
    if firmware.processes > 1:
        ports = {scheme: urlsplit(uri).port for scheme, uri in uris.items()}
        found += ["--shared", str(plan.directory / "logs" / "exchanges"), "--ports", json.dumps(ports)]
    return found


async def start_origins(
    plan: Plan, packages: Path, identity_dir: str, psks: Iterable[list[tuple[str, str]]], start: Start, wait: Wait
) -> dict[str, str]:
    """Have all processes ready; the URIs of the origin by scheme.

    Args:
        plan: of the run.
        packages: directory of what is given out.
        identity_dir: of the servers' certificates; empty where nobody needs them.
        psks: identities and keys of devices, in pieces.
        start: starts a process by its name and its arguments.
        wait: waits for a process to be ready.

    Raises:
        ChildError: one of them failed.
    """
    origins: list[Child] = []
    uris: dict[str, str] = {}
    for k in range(plan.scenario.firmware.processes):
        arguments = arguments_of(k, plan, packages, identity_dir, uris)
        origins.append(await start(name_of(k, plan.scenario.firmware.processes), arguments))
        if k == 0:
            # The others serve the ports that it has found free.
            ready = await wait(origins[0].ready())
            uris = {str(scheme): str(uri) for scheme, uri in ready["origins"].items()}
    for origin in origins[1:]:
        await wait(origin.ready())
    for piece in psks:
        for origin in origins:
            await origin.tell(do="credentials", psks=piece)
    return uris
