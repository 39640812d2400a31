"""From the bytes of a package to the event that ends its transfer, however they are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.device.flash import HashingFlash
from simulator.device.receiver import PackageReceiver
from simulator.firmware import HEADER_SIZE
from simulator.lwm2m.firmware_table import Event
from simulator.ports import OutOfMemoryError
from tests.device.device_rig import MODEL, SMALL


def receive(receiver, data, cuts=()):
    """The event that ends the transfer, and how many bytes were taken by then."""
    places = sorted({0, len(data), *cuts})
    for begin, end in itertools.pairwise(places):
        event = receiver.write(data[begin:end])
        if event is not None:
            return event, end
    return receiver.finish(), len(data)


CUTS = st.lists(st.integers(0, len(SMALL)), max_size=20)


@given(CUTS)
def test_a_package_is_complete_however_it_is_cut(cuts):
    receiver = PackageReceiver(HashingFlash(1000), MODEL)
    receiver.begin()
    assert receive(receiver, SMALL, cuts) == (Event.DOWNLOAD_COMPLETED, len(SMALL))
    assert (receiver.verdict.model, receiver.verdict.version) == (MODEL, "2.0.0")


@given(CUTS, st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_changed_byte_is_always_found(cuts, at, difference):
    damaged = SMALL[:at] + bytes([SMALL[at] ^ difference]) + SMALL[at + 1 :]
    receiver = PackageReceiver(HashingFlash(1000), MODEL)
    receiver.begin()
    event, taken = receive(receiver, damaged, cuts)
    # Only the magic itself tells a package of another kind; all else in the header is covered by its CRC.
    assert event is (Event.PACKAGE_UNSUPPORTED if at < 8 else Event.INTEGRITY_FAILED)
    if at < HEADER_SIZE:
        assert taken == min(cut for cut in [*cuts, len(SMALL)] if cut >= HEADER_SIZE)


@given(CUTS, st.integers(0, len(SMALL) - 1))
def test_a_flash_that_is_too_small_is_full(cuts, capacity):
    receiver = PackageReceiver(HashingFlash(capacity), MODEL)
    receiver.begin()
    assert receive(receiver, SMALL, cuts)[0] is Event.FLASH_FULL


@given(CUTS, st.integers(0, len(SMALL)))
def test_a_transfer_goes_on_where_another_one_ended(cuts, offset):
    flash = HashingFlash(1000)
    first = PackageReceiver(flash, MODEL)
    first.begin()
    if offset:
        assert first.write(SMALL[:offset]) is None
    second = PackageReceiver(flash, MODEL)
    second.begin(offset)
    assert (
        receive(second, SMALL[offset:], [cut - offset for cut in cuts if cut > offset])[0] is Event.DOWNLOAD_COMPLETED
    )


def test_a_package_for_another_model_is_known_by_its_header():
    receiver = PackageReceiver(HashingFlash(1000), "another")
    receiver.begin()
    assert receiver.write(SMALL[: HEADER_SIZE - 1]) is None
    assert receiver.write(SMALL[HEADER_SIZE - 1 : HEADER_SIZE]) is Event.PACKAGE_UNSUPPORTED


def test_a_device_without_memory_says_so():
    class Small(HashingFlash):
        def write(self, data):
            raise OutOfMemoryError

    receiver = PackageReceiver(Small(1000), MODEL)
    receiver.begin()
    assert receiver.write(b"x") is Event.OUT_OF_MEMORY


@pytest.mark.parametrize("length", [0, 1, HEADER_SIZE - 1, HEADER_SIZE, len(SMALL) - 1])
def test_a_package_that_ends_early_fails_its_check(length):
    receiver = PackageReceiver(HashingFlash(1000), MODEL)
    receiver.begin()
    assert receive(receiver, SMALL[:length])[0] is Event.INTEGRITY_FAILED
