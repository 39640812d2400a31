"""Hostile datagrams: real traffic, captured from a device's whole life, and what a dice makes of it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from simulator.coap import codes as c
from simulator.coap.message import Message, MessageFormatError, decode, empty, uint_bytes
from simulator.transport.virtual import run_virtual
from tests.device.device_rig import ORIGIN, PACKAGE, SERVER, SMALL, URI, device_rig

NUMBERS = (c.IF_MATCH, c.ETAG, c.IF_NONE_MATCH, c.OBSERVE, c.LOCATION_PATH, c.URI_PATH, c.CONTENT_FORMAT, c.URI_QUERY,
           c.ACCEPT, c.BLOCK2, c.BLOCK1, c.SIZE1, c.SIZE2, c.PROXY_URI, 9, 2048, 65001)  # fmt: skip
CODES = (0, c.GET, c.POST, c.PUT, c.DELETE, c.FETCH, c.IPATCH, c.CREATED, c.DELETED, c.CHANGED, c.CONTENT, c.CONTINUE,
         c.VALID, c.BAD_REQUEST, c.NOT_FOUND, c.REQUEST_ENTITY_INCOMPLETE, c.REQUEST_ENTITY_TOO_LARGE, 0x60, 0xA0,
         0xE1, 0xFF)  # fmt: skip
WORDS = (b"", b"0", b"1", b"3", b"5", b"10", b"13", b"65535", b"65536", b"rd", b"fw", b"good.bin", b"..", b"\xff\xfe",
         b"\0", b"ep=dev", b"ep=", b"lt=1", b"lt=-1", b"lt=9999999999", b"b=U", b"lwm2m=1.1", b"lwm2m=9", b"pmin=1",
         b"pmax=0", b"gt=", URI.encode(), b"coap://", b"http://[::1", b"-1", b"9" * 20, b"AAAA", b"</5/0>")  # fmt: skip


class Captured(NamedTuple):
    """The datagrams of one life, by where they went."""

    to_device: list[bytes]
    to_server: list[bytes]
    to_origin: list[bytes]
    to_pull: list[bytes]


def capture() -> Captured:
    """What is on the wire when all goes well."""
    return run_virtual(_capture())


async def _capture():
    async with device_rig() as rig:
        device = rig.device.link.local
        rig.observe("/5/0/3")
        rig.observe("/5/0/5")
        await rig.call(c.GET, "/5/0", accept=c.FORMAT_LINK)
        for content_format in (c.FORMAT_TLV, c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR):
            await rig.call(c.GET, "/3/0", accept=content_format)
        for path, value in (("/1/0/1", "3600"), ("/1/0/2", "1"), ("/3/0/13", "1700000000"), ("/5/0/13", "5")):
            await rig.write(path, value)
        await rig.write("/1/0/2", "0")
        await rig.call(c.PUT, "/5/0/3", query=("pmin=1", "pmax=60"))
        tlv = (await rig.call(c.GET, "/1/0", accept=c.FORMAT_TLV)).payload
        await rig.call(c.POST, "/1/0", tlv, content_format=c.FORMAT_TLV)
        await rig.call(c.FETCH, "/", b'[{"n":"/5/0/3"},{"n":"/3/0"}]', content_format=c.FORMAT_SENML_JSON)
        await rig.write("/5/0/1", URI)
        await rig.settle(1)
        await rig.execute("/5/0/10")
        for number in range(-(-len(PACKAGE) // 64)):
            await rig.block(number)
        await rig.write("/5/0/0", b"\0", c.FORMAT_OPAQUE)
        await rig.push(SMALL)
        await rig.execute("/5/0/2")
        await rig.settle(10)
        await rig.execute("/1/0/8")
        await rig.execute("/3/0/4")
        await rig.settle(5)
        await rig.write("/5/0/1", "")
        await rig.device.power_off()
        await asyncio.sleep(1)
        log = list(rig.network.log)
    assert any(to == device for _, to, _ in log)
    return Captured(
        _without_most_blocks([data for source, _, data in log if source == SERVER]),
        _without_most_blocks([data for _, to, data in log if to == SERVER]),
        [data for _, to, data in log if to == ORIGIN],
        [data for source, _, data in log if source == ORIGIN],
    )


def _without_most_blocks(datagrams):
    """A push is mostly blocks; the first few and the last are enough, or they would be most of the attack."""
    blocks = [data for data in datagrams if decode(data).uint(c.BLOCK1) >= 0]
    left_out = set(blocks[4:-2])
    return [data for data in datagrams if data not in left_out]


class Mutator:
    """Makes the next datagram for a target that lately said ``sent``."""

    def __init__(self, dice, corpus):
        self.dice = dice
        self.corpus = corpus
        self._kinds = (self._noise, self._bytes, self._bytes, self._rebuilt, self._rebuilt, self._rebuilt, self._again)

    def next(self, sent):
        if sent and self.dice.random() < 0.2:
            return self._answer(sent)
        return self.dice.choice(self._kinds)()

    def _noise(self):
        return self.dice.randbytes(self.dice.choice((0, 1, 3, 4, 5, 8, 20, 60, 1200)))

    def _bytes(self):
        """One of the captured with bytes changed, cut off or added."""
        dice = self.dice
        data = bytearray(self._fresh(dice.choice(self.corpus)))
        for _ in range(dice.randrange(1, 5)):
            data[dice.randrange(len(data))] = dice.getrandbits(8)
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]
        elif dice.random() < 0.1:
            data += dice.randbytes(dice.randrange(1, 40))
        return bytes(data)

    def _fresh(self, data):
        """With another Message ID, so that it does not count as repeated."""
        return data[:2] + self.dice.randbytes(2) + data[4:]

    def _again(self):
        return self._fresh(self.dice.choice(self.corpus))

    def _rebuilt(self):
        """One of the captured, taken apart and put together otherwise; still a well-formed message."""
        dice = self.dice
        message = decode(dice.choice(self.corpus))
        message.mid = dice.getrandbits(16)
        for _ in range(dice.randrange(1, 3)):
            dice.choice((self._code, self._options, self._options, self._options, self._payload, self._token))(message)
        message.options.sort(key=lambda option: option[0])
        return message.encode()

    def _code(self, message):
        message.code = self.dice.choice(CODES)
        message.type = self.dice.randrange(4)

    def _token(self, message):
        message.token = self.dice.choice((b"", b"t", b"raw", self.dice.randbytes(8)))

    def _payload(self, message):
        other = decode(self.dice.choice(self.corpus)).payload
        message.payload = self.dice.choice((b"", b"\0", other, other[:7], self.dice.choice(WORDS), message.payload * 2))

    def _options(self, message):
        dice, options = self.dice, message.options
        what = dice.randrange(4)
        if what == 0 or not options:
            options.append((dice.choice(NUMBERS), self._value()))
        elif what == 1:
            del options[dice.randrange(len(options))]
        elif what == 2:
            at = dice.randrange(len(options))
            options[at] = (options[at][0], self._value())
        else:
            options.append(dice.choice(decode(dice.choice(self.corpus)).options or options))

    def _value(self):
        dice = self.dice
        block = uint_bytes(dice.randrange(4) << 4 | dice.getrandbits(1) << 3 | dice.randrange(8))
        return dice.choice(
            (dice.choice(WORDS), dice.choice(WORDS), block, dice.randbytes(dice.choice((1, 2, 3, 9, 300))))
        )

    def _answer(self, sent):
        """An answer to what the target said, true or nearly so."""
        dice = self.dice
        try:
            asked = decode(dice.choice(sent))
        except MessageFormatError:
            return self._noise()
        if dice.random() < 0.4:
            return empty(dice.choice((c.ACK, c.ACK, c.RST)), asked.mid)
        like = decode(dice.choice(self.corpus))
        code = dice.choice((like.code, like.code, dice.choice(CODES)))
        type_, mid = dice.choice(((c.ACK, asked.mid), (c.ACK, asked.mid), (c.CON, dice.getrandbits(16)), (c.NON, 7)))
        message = Message(type_, code, mid, asked.token, list(like.options), like.payload)
        if dice.random() < 0.3:
            self._options(message)
            message.options.sort(key=lambda option: option[0])
        return message.encode()
