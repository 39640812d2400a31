"""What a device answers to the blocks of a push: each fault on the wire, and what becomes of it."""

import pytest

from simulator.coap.block import Block
from simulator.coap.codes import ACK, BLOCK1, CHANGED, CON, CONTENT, CONTINUE, PUT, URI_PATH
from simulator.coap.message import encode
from simulator.events import DeviceEnded, FaultApplied, TransferEnded
from simulator.faults.answers import BlockAnswers, FirstBlocks
from simulator.faults.filters import IN, OUT
from simulator.faults.triggers import FromNth, Limited, Place, When
from simulator.network.profiles import IDEAL
from simulator.scenario import ScenarioError, loads
from tests.faults.faulty_device import PACKAGE, update
from tests.simulation.world import simulate

LAST = {"at": 1.0}
BLOCKS = -(-len(PACKAGE) // 1024)
FULL = {"block_size": 1024}


def push(*kinds, **parameters):
    end = update("push", *kinds, settings=FULL, **parameters)
    [transfer] = [event for event in end.log.events if isinstance(event, TransferEnded)]
    return (end.state, end.result), end, transfer


def test_shares_are_of_the_package_where_the_device_asked_for_smaller_blocks():
    end = update("push", "push-answer-lost", **LAST)
    assert (end.state, end.result) == (0, 1)
    assert details(end)[0].startswith(f"the answer to block {-(-len(PACKAGE) // 256) - 1} is lost")


def details(end):
    return [event.detail for event in end.log.events if isinstance(event, FaultApplied)]


@pytest.mark.parametrize("at", [Place("block", 1), Place("block", 7), Place("share", 0.5), Place("share", 1.0)])
@pytest.mark.parametrize("kind", ["push-answer-late", "push-answer-lost"])
def test_a_block_that_comes_twice_is_stored_once(kind, at):
    ended, end, transfer = push(kind, at=at)
    assert ended == (0, 1)
    assert transfer.received == len(PACKAGE)
    # The repetition of the last block comes when the transfer is over.
    assert transfer.duplicates == (0 if at == Place("share", 1.0) else 1)
    number = 0 if at == Place("block", 1) else {7: 6, 0.5: 9, 1.0: BLOCKS - 1}[at.value]
    assert [f"the answer to block {number} " in detail for detail in details(end)] == [True]


@pytest.mark.parametrize("time", [0.5, 3.5])
def test_a_late_answer_is_the_reason_for_a_repetition_only_if_it_is_late_enough(time):
    ended, _, transfer = push("push-answer-late", time=time, at=Place("block", 9))
    assert (ended, transfer.duplicates) == ((0, 1), int(time > 2))


def test_a_device_that_ignores_the_repetition_waits_in_vain():
    ended, end, transfer = push("push-answer-lost", repeats="ignored", at=Place("block", 9))
    assert ended == (0, 4)
    # Nothing comes any more, and what was dropped before it reached the device is no duplicate.
    assert (transfer.received, transfer.duplicates) == (9 * 1024, 0)
    assert 247 <= end.took <= 249


def test_a_device_that_ignores_the_repetition_of_the_last_block_has_the_package():
    ended, end, _ = push("push-answer-lost", repeats="ignored", **LAST)
    assert ended == (0, 1)
    # The server goes on when it has given up waiting.
    assert end.took > 60


@pytest.mark.parametrize(("missing", "kept"), [(28, 996), (1024, 0), (2000, 0)])
def test_a_block_that_is_stored_short_is_found_by_the_check_of_the_whole(missing, kept):
    ended, end, transfer = push("push-block-short", missing=missing, at=Place("block", 2))
    assert ended == (0, 5)
    assert transfer.received == len(PACKAGE) - 1024 + kept
    assert details(end)[0].startswith(f"{kept} bytes of a block of 1024 are stored")


@pytest.mark.parametrize("form", ["tlv", "cbor"])
def test_a_first_block_of_which_nothing_is_stored_has_no_header_either(form):
    text = f"""
        [firmware]
        size = "4 KiB"
        [groups.a]
        count = 1
        delivery = "push"
        push_format = "{form}"
        [[groups.a.faults]]
        kind = "push-block-short"
        missing = "1 KiB"
        """
    [end] = [event for event in simulate(loads(text), 3, IDEAL).log.events if isinstance(event, DeviceEnded)]
    assert (end.state, end.result) == (0, 5)


@pytest.mark.parametrize(
    "kind", ["push-answer-late", "push-answer-lost", "push-restart-ignored", "push-block-misnumbered"]
)
def test_what_another_fault_has_damaged_is_no_answer(kind):
    # Each of them may stand on either side of the other.
    for kinds in ((kind, "packet-damage"), ("packet-damage", kind)):
        end = update("push", *kinds, settings=FULL, seed=4, **({"rate": 0.2} if kinds[0] == "packet-damage" else {}))
        assert (end.state, end.result) in ((0, 1), (0, 4))


def answer(number, code=CONTINUE, mid=1, szx=4):
    return encode(ACK, code, mid, b"t", [(BLOCK1, Block(number, code == CONTINUE, szx).to_bytes())], b"")


def block(number, mid=1):
    path = [(URI_PATH, part) for part in (b"5", b"0", b"0")]
    return encode(CON, PUT, mid, b"t", [*path, (BLOCK1, Block(number, True, 4).to_bytes())], b"x")


def test_blocks_are_counted_and_not_their_answers():
    told = []
    answers = BlockAnswers(Limited((FromNth(3),), 1, float("inf"), lambda: 0.0), told.append, None, ignores=True)
    sent = [0, 0, 0, 1, 1, 2, 3]
    assert [len(answers.passes(answer(number, mid=number), OUT)) for number in sent] == [1, 1, 1, 1, 1, 0, 1]
    assert told == ["the answer to block 2 is lost"]
    assert answers.passes(block(2, mid=2), IN) == []
    assert len(answers.passes(block(3, mid=3), IN)) == 1
    assert len(answers.passes(answer(0, CONTENT), OUT)) == 1


def test_a_push_that_begins_anew_is_ignored_in_the_middle_of_another_alone():
    told = []
    blocks = FirstBlocks(told.append)
    assert len(blocks.passes(block(0), IN)) == 1
    blocks.passes(answer(0), OUT)
    assert len(blocks.passes(block(0), IN)) == 1, "its own repetition"
    blocks.passes(answer(1), OUT)
    assert blocks.passes(block(0, mid=9), IN) == []
    assert len(blocks.passes(block(2), IN)) == 1
    blocks.passes(answer(2, CHANGED), OUT)
    assert len(blocks.passes(block(0, mid=10), IN)) == 1
    assert len(told) == 1


@pytest.mark.parametrize("data", [b"", b"@\x03", b"\xff\x03\xff\xff\xff", block(0)[:-1], bytes(4)])
def test_what_is_no_message_passes(data):
    filters = FirstBlocks(print), BlockAnswers(FromNth(1), print, None, ignores=True)
    filters[0].passes(answer(1), OUT)
    for one in filters:
        assert one.passes(data, IN) == [(0.0, data)] or data == block(0)[:-1]
        assert one.passes(data, OUT) == [(0.0, data)]


@pytest.mark.parametrize("kind", ["push-answer-late", "push-answer-lost", "push-restart-ignored"])
def test_these_need_blocks_that_can_be_read(kind):
    text = f'[groups.a]\ncount = 1\ndelivery = "push"\nmanagement = "coaps"\n[[groups.a.faults]]\nkind = "{kind}"\n'
    with pytest.raises(ScenarioError, match=f"{kind} cannot strike over coaps"):
        loads(text)


def test_the_end_follows_from_the_place():
    assert str(When(Place("share", 1.0))) == "100 %"
    text = '[groups.a]\ncount = 1\ndelivery = "push"\n[[groups.a.faults]]\nkind = "push-answer-lost"\n'
    ignored, long = 'repeats = "ignored"\n', '[campaign]\ntimeout = "10 min"\n'
    assert loads(text + ignored + long).groups["a"].faults[0].expected == (0, 4)
    assert loads(text + ignored + 'at = "100 %"\n').groups["a"].faults[0].expected is None
    assert loads(text).groups["a"].faults[0].expected is None
    with pytest.raises(ScenarioError, match="a device gives up a push after up to 247 s"):
        loads(text + ignored)
