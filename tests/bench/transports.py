"""The benchmarks of the secure and of the stream transports: which loads, and which figures come of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from simulator.transport.loop import run
from tests.bench import orders
from tests.bench.bare_dtls import Bare, run_bare
from tests.bench.figures import Goal
from tests.bench.measures import BLOCK, Bench
from tests.bench.origins import curl_cpu_s, curl_missing, origin
from tests.bench.rig import Load, find_tests, rig

PER_CPU_S: Final = "per CPU-s"
MEGABYTE: Final = 1e6
STREAMS: Final = ("http", "coap+tcp", "https", "coaps+tcp")
CONNECTIONS: Final = {
    "coaps": ("DTLS session, device with it", 64.0),
    "coap+tcp": ("TCP connection", 40.0),
    "coaps+tcp": ("TLS connection", 40.0),
}
"""By scheme of the management server: what its memory is called, and how many KB it may be."""


def coaps(bench: Bench) -> None:
    """Handshakes and Block2 exchanges of whole devices over coaps, beside DTLS alone: OpenSSL's, and the product's."""
    sizes = bench.sizes
    fetch = Load(sizes.exchange_devices, sizes.exchange_bytes, transport="coaps")
    blocks = fetch.devices * -(-fetch.package_bytes // BLOCK)
    find_tests()

    def once() -> tuple[float, float, float, dict[str, Bare]]:
        plain, secure = (
            bench.run(orders.register, Load(sizes.devices, sizes.update_bytes, management=scheme))
            for scheme in ("coap", "coaps")
        )
        exchanged = blocks / bench.run(orders.download, fetch)
        bare = run_bare(sizes.bare_handshakes, 10 * sizes.bare_handshakes)
        return sizes.devices / (secure - plain), sizes.devices / secure, exchanged, bare

    rows = bench.repeated("coaps", once)
    note = f"{sizes.devices} devices that register over coaps, less the CPU of as many that register over coap"
    bench.add("DTLS handshakes, whole devices", PER_CPU_S, [row[0] for row in rows], Goal("at least", 2_500), note)
    bench.add("Registers over coaps, whole devices", PER_CPU_S, [row[1] for row in rows], None, "boot to registration")
    note = f"{fetch.devices} devices with recorder, {fetch.package_bytes >> 10} KiB in blocks of {BLOCK} B"
    bench.add("Block2 over coaps, whole devices", PER_CPU_S, [row[2] for row in rows], Goal("at least", 20_000), note)
    for name, what in (("openssl", "OpenSSL alone"), ("own", "own DTLS alone")):
        bench.add(f"DTLS handshakes, {what}", PER_CPU_S, [row[3][name].handshakes for row in rows])
        bench.add(f"DTLS exchanges, {what}", PER_CPU_S, [row[3][name].exchanges for row in rows])
    shaken = [row[0] / row[3]["openssl"].handshakes for row in rows]
    exchanged = [row[2] / row[3]["openssl"].exchanges for row in rows]
    bench.add("handshakes, devices : OpenSSL", "ratio", shaken, Goal("at least", 0.4))
    note = "a request sealed and a block opened, against the same with CoAP, sockets, flash and recorder"
    bench.add("exchanges, devices : OpenSSL", "ratio", exchanged, Goal("at least", 0.4), note)


async def _curl(directory: Path, load: Load, transfers: int) -> dict[str, float]:
    """CPU seconds of curl for so many transfers from the package origin, over http and over https."""
    async with rig(directory, load) as under_test, origin(under_test) as uris:
        identity = under_test.identity
        return {
            scheme: await asyncio.to_thread(curl_cpu_s, uris[scheme], transfers, identity)
            for scheme in ("http", "https")
        }


def streams(bench: Bench) -> None:
    """Payload per CPU-second of whole devices over streams, and of curl from the same origin."""
    missing = curl_missing()
    if missing:
        bench.results.skipped["streams"] = missing
        return
    sizes = bench.sizes
    devices, size = sizes.stream_devices, sizes.exchange_bytes
    megabytes = devices * size / MEGABYTE

    def once() -> dict[str, float]:
        loads = {scheme: Load(devices, size, transport=scheme) for scheme in STREAMS}
        rates = {scheme: megabytes / bench.run(orders.download, load) for scheme, load in loads.items()}
        used = run(_curl(bench.place(), Load(1, size), devices))
        return rates | {f"curl {scheme}": megabytes / cpu_s for scheme, cpu_s in used.items()}

    rows = bench.repeated("streams", once)
    note = f"{devices} devices with recorder, {size >> 10} KiB each, a connection each; with the SHA-256 of the flash"
    for scheme in STREAMS:
        bench.add(f"{scheme}, whole devices", "MB per CPU-s", [row[scheme] for row in rows], None, note)
        note = ""
    for scheme in ("http", "https"):
        note = f"{devices} transfers into /dev/null, a connection each, without the start of curl"
        bench.add(f"{scheme}, curl", "MB per CPU-s", [row[f"curl {scheme}"] for row in rows], None, note)
    for scheme in STREAMS:
        beside = "https" if scheme in ("https", "coaps+tcp") else "http"
        ratios = [row[scheme] / row[f"curl {beside}"] for row in rows]
        bench.add(f"{scheme} : curl's {beside}", "ratio", ratios, Goal("at least", 0.3))


def connections(bench: Bench) -> None:
    """Memory of a management connection: of one more device that has it, less that of one more over coap."""
    few, many = bench.sizes.connections

    def device_kb(scheme: str) -> float:
        loads = (Load(n, bench.sizes.update_bytes, management=scheme) for n in (few, many))
        small, large = (bench.run(orders.idle, load) for load in loads)
        return (large - small) / (many - few) / 1e3

    rows = bench.repeated(
        "memory of connections", lambda: {scheme: device_kb(scheme) for scheme in ("coap", *CONNECTIONS)}
    )
    for scheme, (name, goal) in CONNECTIONS.items():
        # A DTLS session is meant with its device, a connection without.
        without = [0.0 if scheme == "coaps" else row["coap"] for row in rows]
        values = [row[scheme] - less for row, less in zip(rows, without, strict=True)]
        note = f"slope of the unique set size from {few:,} to {many:,} registered devices"
        note += "" if scheme == "coaps" else ", less that over coap"
        bench.add(f"memory of a {name}", "KB", values, Goal("at most", goal), note)
