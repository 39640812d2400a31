"""Open files: the limit is raised, and too many sockets are told before they fail."""

import resource

import pytest

from simulator.transport import limits


@pytest.fixture
def rlimit(monkeypatch):
    """Limits of a pretended machine, as [soft, hard]."""
    current = [1024, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: tuple(current))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, pair: current.__setitem__(slice(None), pair))
    return current


def test_the_soft_limit_is_raised_to_the_hard_one(rlimit):
    assert limits.raise_open_files() == 4096
    assert rlimit == [4096, 4096]


def test_a_limit_that_cannot_be_raised_stays(rlimit, monkeypatch):
    def refuse(_which, _pair):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert limits.raise_open_files() == 1024


def test_the_files_of_the_process_itself_are_left_out(rlimit):
    assert limits.sockets_that_fit() == 4096 - limits.RESERVED


def test_what_fits_is_let_through_and_what_does_not_is_told(rlimit):
    limits.demand_open_files(4096 - limits.RESERVED)
    with pytest.raises(OSError, match=r"would need 9000 sockets, but may open 4032; use 3 times as many processes"):
        limits.demand_open_files(9000)


def test_no_limit_is_no_limit(rlimit):
    rlimit[:] = [1024, resource.RLIM_INFINITY]
    limits.demand_open_files(10**9)
    assert limits.raise_open_files() > 10**9


def test_the_real_limit_can_be_raised():
    assert limits.raise_open_files() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
