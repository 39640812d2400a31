"""A package origin that loses datagrams, answers late or breaks connections, as devices meet it: over plain transports,
with the defect and without it."""

from __future__ import annotations

import json
import random

import pytest

from simulator.events import TransferEnded
from simulator.network.profiles import IDEAL
from simulator.servers.origin import Origins
from simulator.servers.origin_chaos import defects_of
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import PACKAGE, _Run

PLAIN = ["coap", "coap+tcp", "http"]


class Run(_Run):
    """A device that pulls from the origin of a run, with defects."""

    def __init__(self, settings, chaos):
        super().__init__([], 1, IDEAL, {"delivery": "pull", **settings}, None)
        self.acts = []
        defects = defects_of(json.dumps(chaos) if chaos else "", self.clock.now, self.acts.append)
        self.origins = Origins(
            {"good": PACKAGE},
            self.clock.now,
            random.Random(5),
            network=self.network,
            unix_now=lambda: 1.7e9,
            defects=defects,
        )

    async def serve(self):
        await super().serve()
        self.places = await self.origins.open()

    def uri(self, order):
        return f"{self.places[self.device.plan.transport]}/{order}"


def pull(transport, settings=None, **chaos):
    """How a pull ends, its transfer, and what the origin did wrong."""

    async def work():
        run = Run({"transport": transport, **(settings or {})}, chaos)
        end = await run.update("good")
        await run.origins.close()
        [transfer] = [event for event in run.log.events if isinstance(event, TransferEnded)]
        return end, transfer, [act.fault for act in run.acts]

    return run_virtual(work())


@pytest.mark.parametrize("transport", PLAIN)
def test_a_sound_origin_does_nothing_wrong(transport):
    end, transfer, acts = pull(transport)
    assert (end.state, end.result, acts, transfer.retransmissions) == (0, 1, [], 0)


def test_lost_datagrams_are_asked_for_again():
    end, transfer, acts = pull("coap", drops=0.05)
    assert (end.state, end.result, acts) == (0, 1, ["drops"])
    assert transfer.retransmissions > 0


@pytest.mark.parametrize("transport", ["coap+tcp", "http"])
def test_a_stream_loses_no_datagrams(transport):
    end, _, acts = pull(transport, drops=1.0)
    assert (end.state, end.result, acts) == (0, 1, [])


def test_an_origin_that_loses_all_is_given_up():
    end, _, _ = pull("coap", drops=1.0)
    assert (end.state, end.result) == (0, 4)


@pytest.mark.parametrize("transport", PLAIN)
def test_a_late_answer_is_waited_for(transport):
    end, transfer, acts = pull(transport, {"block_size": 1024}, late=1.0, late_by=20.0)
    assert (end.state, end.result, set(acts)) == (0, 1, {"late"})
    assert transfer.t - transfer.started >= 20.0 * len(acts)
    assert len(acts) == (1 if transport == "http" else transfer.blocks)


@pytest.mark.parametrize("transport", ["coap+tcp", "http"])
@pytest.mark.parametrize(("retries", "share", "result"), [(0, 1.0, 4), (3, 1.0, 4), (8, 0.05, 1)])
def test_a_connection_that_breaks_is_made_anew_where_the_pull_is_taken_up_again(transport, retries, share, result):
    end, _, acts = pull(transport, {"pull_retries": retries}, breaks=share)
    assert (end.state, end.result) == (0, result)
    assert set(acts) <= {"breaks"}
    if share == 1.0:
        assert len(acts) == retries + 1


def test_datagrams_have_no_connection_to_break():
    end, _, acts = pull("coap", breaks=1.0)
    assert (end.state, end.result, acts) == (0, 1, [])
