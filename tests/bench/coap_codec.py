"""How fast the client half is: block-wise GETs of 1024 bytes in memory, answered from a template.

Run: ``python -m tests.bench.coap_codec [exchanges]``. Prints exchanges per second of CPU time without
the template server's own share, as the best of five runs.
"""

from __future__ import annotations

import random
import sys
import time

from simulator.coap.download import Download
from simulator.coap.endpoint import Endpoint
from simulator.coap.requests import request_options

RUNS = 5
PAYLOAD = bytes(range(256)) * 4


class Discard:
    """A sink that keeps nothing."""

    finished = False

    def begin(self, size, etag, offset, now):
        return True

    def write(self, data, now):
        return True

    def complete(self, now):
        self.finished = True

    def failed(self, failure, code, now):
        raise AssertionError((failure, code))


def answer(request: bytes, number: int, last: int) -> bytes:
    """The 2.05 for one request: ETag, Block2 and 1024 bytes."""
    value = (number << 4 | (8 if number < last else 0) | 6).to_bytes(3, "big")
    at = 4 + (request[0] & 15)
    return bytes((0x60 | request[0] & 15, 0x45)) + request[2:at] + b"\x44etag\xd3\x06" + value + b"\xff" + PAYLOAD


def main(exchanges: int) -> None:
    best = 0.0
    for _ in range(RUNS):
        sent: list[bytes] = []
        sink = Discard()
        endpoint = Endpoint(sent.append, random.Random(1))
        Download(request_options(["firmware", "package.bin"]), sink, 6).start(endpoint, 0.0)
        receive = endpoint.receive
        last = exchanges - 1
        begun = time.process_time()
        for number in range(exchanges):
            receive(answer(sent.pop(), number, last), number * 1e-3)
        took = time.process_time() - begun
        assert sink.finished
        request = b"D\x01\x12\x34abcd" + bytes(20)
        begun = time.process_time()
        for number in range(exchanges):
            sent.append(request)
            answer(sent.pop(), number, last)
        took -= time.process_time() - begun
        best = max(best, exchanges / took)
    print(f"{exchanges} exchanges: {best:,.0f} per CPU-second, {1e6 / best:.2f} µs each")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
