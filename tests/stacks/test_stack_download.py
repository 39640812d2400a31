"""Downloads block after block through aiocoap: resumed, exchanged under way, interrupted, and with wrong blocks."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.coap.block import Block
from simulator.coap.exchange import Failure, Response
from simulator.coap.message import Message
from simulator.coap.params import TransmissionParameters
from simulator.coap.requests import request_options
from simulator.stacks.download import AiocoapDownload
from tests.coap.wire import Shelf, Sink
from tests.device.device_rig import in_virtual_time
from tests.stacks.stack_rig import stack_rig

BODY = bytes(range(256)) * 10
QUICK = TransmissionParameters(ACK_TIMEOUT=0.5, MAX_RETRANSMIT=1)


class Stopping(Sink):
    """Takes so many blocks and no more."""

    def __init__(self, blocks):
        super().__init__()
        self.left = blocks

    def write(self, data, now):
        self.left -= 1
        super().write(data, now)
        return self.left > 0


def begin(rig, sink, szx=4, **kw):
    download = AiocoapDownload(request_options(["fw"]), sink, szx, rig.now, **kw)
    download.start(rig.device, rig.now())
    return download


def shelf(etag=b"v1"):
    found = Shelf(fw=BODY)
    found.etag = etag
    return found


@pytest.mark.parametrize("szx", range(7))
@in_virtual_time
async def test_a_download_in_blocks_of_every_size(szx):
    async with stack_rig(server=shelf(), szx=szx) as rig:
        sink = Sink()
        download = begin(rig, sink, szx)
        await rig.settle()
        assert (bytes(sink.data), sink.ended, sink.size) == (BODY, "complete", len(BODY))
        blocks = -(-len(BODY) // (16 << szx))
        assert (download.blocks, len(download.block_us), download.received) == (blocks, blocks, len(BODY))
        assert (download.size, download.etag, download.done) == (len(BODY), b"v1", True)
        assert rig.device.messages_in == rig.device.messages_out == blocks


@in_virtual_time
async def test_a_server_with_smaller_blocks_has_its_way():
    async with stack_rig(server=shelf()) as rig:
        rig.server.szx = 2
        sink = Sink()
        download = begin(rig, sink, 6)
        await rig.settle()
        assert (bytes(sink.data), sink.ended, download.blocks) == (BODY, "complete", 40)


@in_virtual_time
async def test_it_goes_on_where_it_stopped():
    async with stack_rig(server=shelf()) as rig:
        first = Stopping(4)
        half = begin(rig, first)
        await rig.settle()
        assert (half.received, half.done, first.ended) == (1024, True, None)
        rest = Sink()
        rest.data += first.data
        whole = begin(rig, rest, offset=half.received, etag=half.etag)
        await rig.settle()
        assert (bytes(rest.data), rest.ended, whole.blocks) == (BODY, "complete", 6)


@pytest.mark.parametrize("now", [b"v2", b""], ids=["another ETag", "no ETag"])
@in_virtual_time
async def test_another_package_is_fetched_from_its_beginning(now):
    async with stack_rig(server=shelf(now)) as rig:
        sink = Sink()
        sink.data += bytes(1024)
        download = begin(rig, sink, offset=1024, etag=b"v1")
        await rig.settle()
        assert (bytes(sink.data), sink.ended, sink.begun) == (BODY, "complete", 1)
        assert (download.blocks, download.etag) == (10, now)


@in_virtual_time
async def test_a_package_that_is_exchanged_again_and_again_is_given_up():
    class Restless(Shelf):
        def on_request(self, endpoint, request, now):
            self.etag = b"%d" % len(self.requests)
            return super().on_request(endpoint, request, now)

    async with stack_rig(server=Restless(fw=BODY)) as rig:
        sink = Sink()
        begin(rig, sink)
        await rig.settle()
        assert sink.ended == (Failure.PROTOCOL, 0)


@in_virtual_time
async def test_errors_silence_and_nobody_there_are_told_apart():
    async with stack_rig(server=Shelf(), params=QUICK) as rig:
        sink = Sink()
        begin(rig, sink)
        await rig.settle()
        assert sink.ended == (None, c.NOT_FOUND)
        rig.lost = lambda to, message: to == "server"
        silent, gone = Sink(), Sink()
        begin(rig, silent)
        await rig.settle(5.0)
        assert silent.ended == (Failure.TIMEOUT, 0)
        begin(rig, gone)
        await rig.settle()
        rig.device.unreachable(rig.now())
        await rig.settle()
        assert gone.ended == (Failure.UNREACHABLE, 0)


@in_virtual_time
async def test_a_sink_that_closes_everything_ends_it():
    async with stack_rig(server=shelf()) as rig:

        class Closing(Sink):
            def write(self, data, now):
                super().write(data, now)
                rig.device.close(now)
                return False

        sink = Closing()
        download = begin(rig, sink)
        await rig.settle(5.0)
        assert (len(sink.data), sink.ended, download.done) == (256, None, True)


@in_virtual_time
async def test_stopped_it_tells_nothing():
    async with stack_rig(server=shelf()) as rig:
        sink = Sink()
        download = begin(rig, sink)
        download.stop(rig.device, rig.now())
        download.stop(rig.device, rig.now())
        await rig.settle(5.0)
        assert (sink.begun, sink.ended) == (0, None)


WRONG = {
    "another number": (Block(1, True, 4), bytes(256)),
    "too large": (Block(0, True, 5), bytes(512)),
    "too short": (Block(0, True, 4), bytes(255)),
    "too long": (Block(0, False, 4), bytes(257)),
}


@pytest.mark.parametrize("wrong", WRONG)
@in_virtual_time
async def test_a_wrong_block_is_not_taken(wrong):
    block, payload = WRONG[wrong]
    async with stack_rig() as rig:
        rig.lost = lambda to, message: True
        sink = Sink()
        begin(rig, sink)
        asked = rig.sent_by_device()[-1]
        options = [(c.BLOCK2, block.to_bytes())]
        rig.device.receive(Message(c.ACK, c.CONTENT, asked.mid, asked.token, options, payload).encode(), rig.now())
        await rig.settle()
        assert (sink.ended, bytes(sink.data)) == ((Failure.PROTOCOL, 0), b"")


@in_virtual_time
async def test_a_package_in_one_message():
    class Whole(Shelf):
        def on_request(self, endpoint, request, now):
            request.options = [o for o in request.options if o[0] != c.BLOCK2]
            return Response(c.CONTENT, b"small")

    async with stack_rig(server=Whole()) as rig:
        sink = Sink()
        begin(rig, sink)
        await rig.settle()
        assert (bytes(sink.data), sink.ended) == (b"small", "complete")
