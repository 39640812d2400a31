"""Whole devices against servers that break TLS and DTLS, or never answer; and what floods leave in memory."""

from __future__ import annotations

import random
import struct
import tracemalloc

import pytest

from simulator.coap import codes as c
from simulator.coap.tcp import frame
from simulator.network.profiles import NetworkProfile
from tests.faults.faulty_device import PACKAGE
from tests.properties.hostile_origins import (
    CLOSE,
    HEAR,
    RESET,
    DatagramOrigin,
    Origin,
    endless,
    lost,
    pull,
    says,
)
from tests.properties.test_hostile_frames import CSM, SIGNAL, flood
from tests.properties.test_hostile_web import CHUNKS, OK
from tests.transport.http_rig import response

MEMORY_MAX = 6 << 20
"""Bytes that a device, its server and an origin may take together; what floods send is a multiple of it."""


def record(kind, body, version=b"\3\3"):
    return bytes((kind,)) + version + struct.pack("!H", len(body)) + body


RECORDS = {
    "no word": (says(), 31),
    "no word, and no hearing": (lambda talker: iter(()), 31),
    "a drip of a record": (endless(b"\x16\3\3\x40\0", b"x", 1.0), 31),
    "garbage": (says(random.Random(1).randbytes(3000)), 1),
    "records that are too long": (says(b"\x16\3\3\xff\xff" + bytes(70_000)), 1),
    "empty records without end": (endless(b"", record(22, b"") * 1000), 31),
    "warnings without end": (endless(b"", record(21, b"\1\x5a") * 1000), 31),
    "a fatal alert": (says(record(21, b"\2\x28")), 1),
    "close notify": (says(record(21, b"\1\0")), 31),
    "data in plain": (says(record(23, PACKAGE[:1000])), 1),
    "SSL 3": (says(record(22, bytes(50), b"\3\0")), 31),
    "http": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 1),
    "a message of 16 MiB": (endless(record(22, b"\2\xff\xff\xff"), record(22, bytes(16_000))), 31),
    "hello requests without end": (endless(b"", record(22, b"\0\0\0\0") * 500), 31),
    "the end": (says(CLOSE), 1),
    "a reset": (says(RESET), 1),
}


@pytest.mark.parametrize("transport", ["coaps+tcp", "https"])
@pytest.mark.parametrize("name", RECORDS)
def test_below_tls(transport, name):
    script, seconds = RECORDS[name]
    origin = Origin(script)
    end, took = pull(transport, origin)
    assert lost(end)
    assert took <= seconds
    assert len(origin.talkers) == 1


def dtls_record(kind, body, sequence=0, epoch=0):
    return bytes((kind, 0xFE, 0xFD)) + struct.pack("!HIHH", epoch, sequence >> 16, sequence & 0xFFFF, len(body)) + body


def fragment(kind, length, sequence, offset, data):
    return bytes((kind,)) + b"".join(
        (
            length.to_bytes(3, "big"),
            sequence.to_bytes(2, "big"),
            offset.to_bytes(3, "big"),
            len(data).to_bytes(3, "big"),
            data,
        )
    )


def challenge(cookie, sequence=0):
    body = b"\xfe\xfd" + bytes((len(cookie),)) + cookie
    return dtls_record(22, fragment(3, len(body), sequence, 0, body), sequence)


def challenges(talker):
    """A new cookie for every hello, and some more."""
    dice = random.Random(1)
    number = 0
    while True:
        yield HEAR
        for _ in range(20):
            yield challenge(dice.randbytes(20), number)
            number += 1


def challenges_at_any_time(talker):
    number = 0
    while True:
        for _ in range(200):
            yield challenge(b"x" * 200, number)
            number += 1
        yield 1.0


def fragments(length, sequences, size, seconds=0.1):
    """Parts of messages that are never whole."""

    def script(talker):
        number = 0
        while True:
            for sequence in sequences:
                yield dtls_record(
                    22, fragment(2, length, sequence, number * size % max(length - size, 1), bytes(size)), number
                )
                number += 1
            yield seconds

    return script


def datagrams(make, seconds=0.1, count=50):
    def script(talker):
        number = 0
        while True:
            for _ in range(count):
                yield make(number)
                number += 1
            yield seconds

    return script


DICE = random.Random(5)
HELLO = b"\xfe\xfd" + bytes(36)
DATAGRAMS = {
    "no word": says(),
    "a challenge for every hello": challenges,
    "challenges without end": challenges_at_any_time,
    "fragments of 16 KiB": fragments(1 << 14, range(1), 1000),
    "fragments of 16 MiB": fragments(0xFFFFFF, range(1), 1000),
    "fragments of many messages": fragments(1 << 14, range(0, 60_000, 500), 1000, 0.5),
    "fragments of one byte": fragments(1 << 14, range(1), 1),
    "records that are too long": datagrams(lambda n: dtls_record(22, bytes(100), n)[:-2] + bytes(2)),
    "garbage": datagrams(lambda n: DICE.randbytes(n % 1400)),
    "records of another epoch": datagrams(lambda n: dtls_record(23, bytes(1000), n, 1)),
    "warnings": datagrams(lambda n: dtls_record(21, b"\1\x5a", n)),
    "close notify": datagrams(lambda n: dtls_record(21, b"\1\0", n)),
    "a fatal alert": datagrams(lambda n: dtls_record(21, b"\2\x28", n)),
    "change cipher spec": datagrams(lambda n: dtls_record(20, b"\1", n)),
    "hellos of the server without end": datagrams(lambda n: dtls_record(22, fragment(2, 38, n & 1, 0, HELLO), n)),
    "CoAP in plain": datagrams(lambda n: b"\x60\x45" + n.to_bytes(4, "big")[2:] + b"\xff" + bytes(50)),
}  # fmt: skip


@pytest.mark.parametrize("name", DATAGRAMS)
def test_below_dtls(name):
    end, took = pull("coaps", DatagramOrigin(DATAGRAMS[name]))
    assert lost(end)
    assert took <= 94


@pytest.mark.parametrize(
    ("transport", "seconds"),
    [("coap", 93), ("coaps", 93), ("coap+tcp", 30), ("coaps+tcp", 30), ("http", 30), ("https", 30)],
)
def test_nobody_answers_at_all(transport, seconds):
    """A black hole: not even a SYN is answered. TCP gives up after 30 s, DTLS after six flights or CoAP before."""

    async def hole(run, at):
        run.device.download_network = run.network.behind(NetworkProfile("hole", loss=1.0))
        return Nothing()

    end, took = pull(transport, hole)
    assert lost(end)
    assert took <= seconds + 1


class Nothing:
    def close(self):
        pass


FLOODS = {
    "http headers": ("http", Origin(endless(OK, b"X-More: and more\r\n" * 2000))),
    "http extensions": ("http", Origin(endless(CHUNKS + b"5;", b"more=yes;" * 4000))),
    "http body": ("http", Origin(endless(response(200, PACKAGE, length=10**12), bytes(60_000)))),
    "tls empty records": ("https", Origin(endless(b"", record(22, b"") * 5000, 0.05))),
    "csms": ("coap+tcp", Origin(flood(CSM * 3000, 5.0))),
    "pings": ("coap+tcp", Origin(flood(frame(SIGNAL["ping"], b"12345678", [], b"") * 1500, 5.0))),
    "frames": ("coap+tcp", Origin(flood(frame(c.CONTENT, b"no", [], bytes(8000)) * 40, 2.0))),
    "dtls fragments": ("coaps", DatagramOrigin(fragments(1 << 14, range(64), 1000))),
    "dtls challenges": ("coaps", DatagramOrigin(challenges_at_any_time)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_fills_no_memory(name):
    transport, origin = FLOODS[name]
    pull(transport, Origin(says()) if transport != "coaps" else DatagramOrigin(says()))  # what is loaded once
    tracemalloc.start()
    try:
        end, _ = pull(transport, origin)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert end.result in (2, 4)
    assert most < MEMORY_MAX
