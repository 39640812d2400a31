import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.device.flash import HashingFlash
from simulator.device.receiver import PackageReceiver
from simulator.events import FAULT_OVER
from simulator.faults.flash import STUCK_MIN
from simulator.faults.plan import FaultPlan
from simulator.faults.triggers import Place
from simulator.firmware import HEADER_SIZE
from simulator.firmware.image import generate
from simulator.lwm2m.firmware_table import Event
from simulator.ports import FlashFullError

MODEL = "model-a"
PACKAGE = generate(10_000, MODEL, "2.0", 1)


def plan(kind, package_size=10_000, told=None, **parameters):
    faults = [SimpleNamespace(kind=kind, parameters=parameters)]
    return FaultPlan.build(
        faults,
        package_size=package_size,
        dice=lambda _name: random.Random(1),
        struck=lambda *what: told is not None and told.append(what),
    )


def receive(flash, package=PACKAGE, block=64):
    """What a device makes of a package that comes in blocks, and how many bytes it took."""
    receiver = PackageReceiver(flash, MODEL)
    receiver.begin()
    for at in range(0, len(package), block):
        event = receiver.write(package[at : at + block])
        if event is not None:
            return event, flash.written
    return receiver.finish(), flash.written


def test_a_sound_flash_takes_the_package():
    assert receive(HashingFlash(1 << 20)) == (Event.DOWNLOAD_COMPLETED, len(PACKAGE))


def test_too_small():
    told = []
    flash = plan("flash-too-small", told=told, capacity=1000).wrap_flash(HashingFlash(1 << 20))
    assert flash.capacity == 1 << 20, "the device does not know"
    assert receive(flash) == (Event.FLASH_FULL, 960)
    assert told == [("flash-too-small", "flash", "full after 960 bytes (capacity 1000 bytes, known False)")]


def test_too_small_and_known_is_refused_by_its_size():
    told = []
    flash = plan("flash-too-small", told=told, capacity=1000, known=True).wrap_flash(HashingFlash(1 << 20))
    assert flash.capacity == 1000
    receiver = PackageReceiver(flash, MODEL)
    assert receiver.begin(size=1000) is None
    assert receiver.begin() is None, "nobody has told the size"
    assert told == []
    assert receiver.begin(size=1001) is Event.FLASH_FULL
    [(_, _, detail)] = told
    assert detail.startswith("a package of 1001 bytes is refused")


def test_a_sound_device_refuses_what_it_cannot_take():
    receiver = PackageReceiver(HashingFlash(1000), MODEL)
    assert receiver.begin(size=1000) is None
    assert receiver.begin(size=1001) is Event.FLASH_FULL


@pytest.mark.parametrize(("size", "event"), [(4000, None), (4001, Event.OUT_OF_MEMORY)])
def test_a_buffer_for_the_whole_package(size, event):
    flash = plan("buffer-too-small", capacity=4000).wrap_flash(HashingFlash(1 << 20))
    assert PackageReceiver(flash, MODEL).begin(size=size) is event


def test_a_buffer_that_is_found_too_small_while_it_fills():
    flash = plan("buffer-too-small", capacity=4000).wrap_flash(HashingFlash(1 << 20))
    assert receive(flash) == (Event.OUT_OF_MEMORY, 3968)


@pytest.mark.parametrize(
    ("when", "ends"),
    [
        ({}, [4992, None, None]),
        ({"at": Place("block", 3)}, [128, None, None]),
        ({"at": Place("bytes", 1000)}, [960, None, None]),
        ({"at": Place("block", 3), "times": 2}, [128, 0, None]),
        ({"after": Place("block", 3), "times": "repeated"}, [128, 0, 0]),
    ],
)
def test_writes_fail_so_often(when, ends):
    told = []
    flash = plan("flash-write-error", told=told, **when).wrap_flash(HashingFlash(1 << 20))
    for written in ends:
        sound = (Event.DOWNLOAD_COMPLETED, len(PACKAGE))
        assert receive(flash) == (sound if written is None else (Event.FLASH_FULL, written))
    struck = [detail for _, _, detail in told if not detail.startswith(FAULT_OVER)]
    assert len(struck) == (1 if when.get("times") == "repeated" else len(ends) - ends.count(None))


@pytest.mark.parametrize(("at", "written"), [(0.0, 0), (0.5, 4992), (1.0, 9984), (Place("bytes", 1000), 960)])
def test_a_bad_block_stays_bad(at, written):
    flash = plan("flash-bad-block", at=at).wrap_flash(HashingFlash(1 << 20))
    assert receive(flash) == receive(flash) == (Event.FLASH_FULL, written)


def test_too_small_never_makes_a_flash_larger():
    flash = plan("flash-too-small", capacity=1000, known=True).wrap_flash(HashingFlash(500))
    assert flash.capacity == 500
    with pytest.raises(FlashFullError):
        flash.write(bytes(501))
    assert flash.written == 0


def test_bad_cells_are_found_by_the_device():
    told = []
    flash = plan("image-corrupt", told=told, at=0.5).wrap_flash(HashingFlash(1 << 20))
    assert receive(flash) == (Event.INTEGRITY_FAILED, len(PACKAGE))
    assert receive(flash) == (Event.INTEGRITY_FAILED, len(PACKAGE)), "bad cells stay bad"
    assert [name for name, _, _ in told] == ["image-corrupt"], "told once"


class Keeping:
    """A flash that keeps everything, to look at."""

    capacity = 1 << 20

    def __init__(self):
        self.kept = b""

    @property
    def written(self):
        return len(self.kept)

    def write(self, data):
        self.kept += data


@given(
    at=st.floats(0, 1), bits=st.integers(1, 1024), size=st.integers(HEADER_SIZE + 1, 2000), block=st.integers(1, 300)
)
def test_as_many_bits_as_asked_for_and_none_in_the_header(at, bits, size, block):
    package = generate(size, MODEL, "2.0", 1)
    kept = Keeping()
    flash = plan("image-corrupt", size, at=at, bits=bits).wrap_flash(kept)
    for i in range(0, size, block):
        flash.write(package[i : i + block])
    assert len(kept.kept) == size
    assert kept.kept[:HEADER_SIZE] == package[:HEADER_SIZE]
    flipped = int.from_bytes(kept.kept, "big") ^ int.from_bytes(package, "big")
    assert flipped.bit_count() == min(bits, 8 * (size - HEADER_SIZE))


@given(at=st.floats(0, 1), bits=st.integers(1, 1024), block=st.integers(1, 2048))
def test_a_digest_finds_every_such_image(at, bits, block):
    flash = plan("image-corrupt", at=at, bits=bits).wrap_flash(HashingFlash(1 << 20))
    assert receive(flash, block=block)[0] is Event.INTEGRITY_FAILED


@given(after=st.floats(0, 1), size=st.integers(HEADER_SIZE + 1, 2000), block=st.integers(1, 300))
def test_a_stuck_flash_keeps_what_came_before_and_nothing_after(after, size, block):
    package = generate(size, MODEL, "2.0", 1)
    kept, told = Keeping(), []
    flash = plan("flash-stuck", size, told=told, after=after).wrap_flash(kept)
    for i in range(0, size, block):
        flash.write(package[i : i + block])
    payload = size - HEADER_SIZE
    at = HEADER_SIZE + max(0, min(int(payload * after), payload - STUCK_MIN))
    assert kept.kept == package[:at] + b"\xff" * (size - at)
    [(name, seam, detail)] = told
    assert (name, seam) == ("flash-stuck", "flash")
    assert detail.startswith(f"takes nothing from byte {at} on")


@given(after=st.floats(0, 1), block=st.integers(1, 2048))
def test_a_digest_finds_what_a_stuck_flash_did_not_take(after, block):
    flash = plan("flash-stuck", after=after).wrap_flash(HashingFlash(1 << 20))
    assert receive(flash, block=block) == (Event.INTEGRITY_FAILED, len(PACKAGE))


@given(after=st.floats(0, 1), block=st.integers(1, 2048))
def test_memory_runs_out_after_its_share_and_always(after, block):
    told = []
    flash = plan("out-of-memory", told=told, after=after).wrap_flash(HashingFlash(1 << 20))
    event, written = receive(flash, block=block)
    assert event is Event.OUT_OF_MEMORY
    limit = min(int(len(PACKAGE) * after), len(PACKAGE) - 1)
    assert limit - block < written <= limit
    assert len(told) == 1
    assert receive(flash)[0] is Event.OUT_OF_MEMORY


def test_faults_of_one_seam_add_up():
    faults = [
        SimpleNamespace(kind="flash-too-small", parameters={"capacity": 5000}),
        SimpleNamespace(kind="out-of-memory", parameters={"after": 0.1}),
    ]
    told = []
    both = FaultPlan.build(
        faults, package_size=len(PACKAGE), dice=lambda _: random.Random(1), struck=lambda *what: told.append(what[0])
    )
    flash = both.wrap_flash(HashingFlash(1 << 20))
    assert receive(flash)[0] is Event.OUT_OF_MEMORY
    assert told == ["out-of-memory"]
