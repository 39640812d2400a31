"""aiocoap's client against the same server, at its best: the transport simple6, on uvloop.

Run as a program it is a process of its own, so that nothing else has warmed or burdened the interpreter:

    python -m tests.bench.aiocoap_client PORT TRANSFERS CLIENTS block|small
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import aiocoap
import uvloop

from tests.bench.c_peers import BODY_PATH, SMALL_BODY, SMALL_PATH, Measured, Mode, pinned

_ROOT: Final = Path(__file__).resolve().parent.parent.parent
_BLOCK: Final = 1024


def run_aiocoap_client(
    port: int, *, transfers: int, clients: int = 10, mode: Mode = "block", core: int | None = 0
) -> Measured:
    """Fetch a resource ``transfers`` times in a fresh process, ``clients`` at once with a context (a socket) each.

    One transfer is one exchange for ``small`` and one per 1024 bytes for ``block``. ``resent`` is not known: 0.

    Raises:
        RuntimeError: a request failed.
    """
    command = [sys.executable, "-m", "tests.bench.aiocoap_client", str(port), str(transfers), str(clients), mode]
    done = subprocess.run(pinned(command, core), capture_output=True, text=True, check=False, cwd=_ROOT)
    if done.returncode:
        msg = f"the aiocoap client ended with exit code {done.returncode}: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return Measured(**json.loads(done.stdout))


async def _fetch(context: aiocoap.Context, uri: str, times: int) -> int:
    exchanges = 0
    for _ in range(times):
        response = await context.request(aiocoap.Message(code=aiocoap.GET, uri=uri)).response_raising
        if uri.endswith(SMALL_PATH) and response.payload != SMALL_BODY:
            raise RuntimeError("not the small resource")
        exchanges += max(1, -(-len(response.payload) // _BLOCK))
    return exchanges


async def measure(port: int, transfers: int, clients: int, mode: Mode) -> Measured:
    """The same in this process."""
    uri = f"coap://127.0.0.1:{port}/{BODY_PATH if mode == 'block' else SMALL_PATH}"
    contexts = [await aiocoap.Context.create_client_context(transports=["simple6"]) for _ in range(clients)]
    shares = [transfers // clients + (n < transfers % clients) for n in range(clients)]
    for context in contexts:
        await _fetch(context, uri, 1)
    cpu, wall = time.process_time(), time.perf_counter()
    counts = await asyncio.gather(
        *(_fetch(context, uri, share) for context, share in zip(contexts, shares, strict=True))
    )
    measured = Measured(sum(counts), time.process_time() - cpu, time.perf_counter() - wall, 0)
    for context in contexts:
        await context.shutdown()
    return measured


def main(arguments: list[str]) -> None:
    """Measure, and print the result as JSON."""
    port, transfers, clients, mode = arguments
    assert mode in ("block", "small")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(measure(int(port), int(transfers), int(clients), "block" if mode == "block" else "small"))
    print(json.dumps(measured._asdict()))


if __name__ == "__main__":
    main(sys.argv[1:])
