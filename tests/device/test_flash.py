"""The two flashes: the same view of whatever was written in whatever pieces."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.device.flash import FileFlash, HashingFlash
from simulator.firmware import HEADER_SIZE, check, generate
from simulator.ports import Flash, FlashFullError


@pytest.fixture(params=["hashing", "file"])
def flash(request, tmp_path):
    made = HashingFlash(1000) if request.param == "hashing" else FileFlash(tmp_path / "flash.bin", 1000)
    yield made
    if isinstance(made, FileFlash):
        made.close()


@given(st.lists(st.binary(max_size=90), max_size=20))
def test_the_pieces_do_not_matter(pieces):
    flash: Flash = HashingFlash(2000)
    for piece in pieces:
        flash.write(piece)
    whole = b"".join(pieces)
    assert flash.written == len(whole)
    assert flash.digest() == hashlib.sha256(whole[HEADER_SIZE:]).digest()
    for length in (0, 1, HEADER_SIZE, 256):
        assert flash.header(length) == whole[:length]


def test_both_flashes_show_the_same(flash):
    data = bytes(range(256)) * 3
    for at in range(0, len(data), 100):
        flash.write(data[at : at + 100])
    assert (flash.capacity, flash.written) == (1000, 768)
    assert flash.header(HEADER_SIZE) == data[:HEADER_SIZE]
    assert flash.header(256) == flash.header(1000) == data[:256]
    assert flash.digest() == hashlib.sha256(data[HEADER_SIZE:]).digest()
    flash.write(b"more")
    assert flash.digest() == hashlib.sha256(data[HEADER_SIZE:] + b"more").digest()


def test_what_does_not_fit_leaves_no_trace(flash):
    flash.write(bytes(990))
    before = flash.digest()
    with pytest.raises(FlashFullError, match="the flash has 1000 bytes, 990 are taken, 11 more do not fit"):
        flash.write(bytes(11))
    assert (flash.written, flash.digest()) == (990, before)
    flash.write(bytes(10))
    assert flash.written == 1000


def test_erase_forgets_everything(flash):
    flash.write(b"old" * 100)
    flash.erase()
    assert (flash.written, flash.header(256)) == (0, b"")
    assert flash.digest() == hashlib.sha256().digest()
    flash.erase()
    flash.write(b"new")
    assert flash.header(256) == b"new"


def test_a_package_that_went_through_a_flash_passes_its_check():
    package = generate(70_000, "m", "2.0", 1)
    flash = HashingFlash(70_000)
    for at in range(0, len(package), 1024):
        flash.write(package[at : at + 1024])
    assert check(flash.header(HEADER_SIZE), flash.digest(), flash.written, "m").ok


def test_an_idle_device_holds_no_hash_and_a_busy_one_no_image():
    flash = HashingFlash(1 << 20)
    flash.write(bytes(HEADER_SIZE))
    assert flash._hash is None
    flash.write(bytes(1 << 19))
    assert sys.getsizeof(flash._head) <= 256 + sys.getsizeof(b"")
    flash.erase()
    assert flash._hash is None


@pytest.mark.parametrize("kind", [HashingFlash, lambda n: FileFlash(Path("nowhere"), n)])
def test_a_negative_capacity_is_refused(kind):
    with pytest.raises(ValueError, match="0 bytes or more, not -1"):
        kind(-1)


def test_a_file_survives_its_process(tmp_path):
    path = tmp_path / "flash.bin"
    first = FileFlash(path, 500)
    first.write(b"a" * 300)
    first.close()
    second = FileFlash(path, 500)
    assert second.written == 300
    second.write(b"b" * 200)
    assert second.digest() == hashlib.sha256((b"a" * 300 + b"b" * 200)[HEADER_SIZE:]).digest()
    assert path.read_bytes() == b"a" * 300 + b"b" * 200
    second.erase()
    assert not path.exists()


def test_a_file_that_is_larger_than_the_flash_is_refused(tmp_path):
    path = tmp_path / "flash.bin"
    path.write_bytes(bytes(501))
    with pytest.raises(FlashFullError):
        FileFlash(path, 500)
