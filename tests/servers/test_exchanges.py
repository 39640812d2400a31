"""What several processes of an origin know of packages that were exchanged."""

from __future__ import annotations

import os
import random

import pytest

from simulator.servers import exchanges
from simulator.servers.exchanges import SharedExchanges
from simulator.servers.http_packages import HttpPackages, etag_of
from simulator.servers.troubles import Trouble

PACKAGE = random.Random(1).randbytes(1000)


def replaced(name):
    return Trouble("replaced", "good.bin", name)


@pytest.fixture
def two(tmp_path):
    """Two processes, as far as they have something in common."""
    both = [SharedExchanges(tmp_path / "exchanges") for _ in range(2)]
    yield both
    for one in both:
        one.close()


@pytest.mark.parametrize("name", ["17", "", "a/b", "\udcff"])
def test_what_one_exchanges_has_been_exchanged_for_both(two, name):
    assert not any(one.took_place(replaced(name)) for one in two)
    two[0].exchange(replaced(name))
    assert all(one.took_place(replaced(name)) for one in two)
    assert not any(one.took_place(replaced("18")) for one in two)


def test_both_exchange_and_each_knows_all(two):
    for k in range(100):
        two[k % 2].exchange(replaced(str(k)))
    for one in two:
        assert all(one.took_place(replaced(str(k))) for k in range(100))
        assert not one.took_place(replaced("100"))


def test_an_exchange_is_written_once(two, tmp_path):
    for _ in range(3):
        two[0].exchange(replaced("7"))
    assert (tmp_path / "exchanges").stat().st_size == exchanges.DIGEST_BYTES


def test_what_is_half_written_is_read_when_it_is_whole(two, tmp_path):
    digest = exchanges._digest(replaced("7"))
    with (tmp_path / "exchanges").open("ab", buffering=0) as file:
        file.write(digest[:5])
        assert not two[1].took_place(replaced("7"))
        file.write(digest[5:])
    assert two[1].took_place(replaced("7"))


def test_further_exchanges_do_not_take_place(two, monkeypatch, tmp_path):
    monkeypatch.setattr(exchanges, "NAMES_MAX", 2)
    for name in "abc":
        two[0].exchange(replaced(name))
    assert [two[1].took_place(replaced(name)) for name in "abc"] == [True, True, False]
    assert (tmp_path / "exchanges").stat().st_size == 2 * exchanges.DIGEST_BYTES


def test_a_device_that_begins_anew_at_another_process_gets_the_new_package(two):
    first, second = (HttpPackages({"good.bin": PACKAGE}, one) for one in two)
    path = "/replaced/3/good.bin"
    assert second.answer("HEAD", path, {}).headers["ETag"] == etag_of(PACKAGE)
    assert first.answer("GET", path, {}).stops == 500
    assert second.answer("GET", path, {}).headers["ETag"] != etag_of(PACKAGE)


def test_nothing_is_left_behind(tmp_path):
    file = tmp_path / "exchanges"
    both = [SharedExchanges(file) for _ in range(2)]
    for one in both:
        one.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(one._descriptor)
    assert not file.exists()
