"""Source addresses on loopback roll over when one has no port left, and come back when ports are free again."""

import errno
import socket

import pytest

from simulator.ports import Address
from simulator.transport import sources
from simulator.transport.sources import SourceAddresses

REMOTE = Address("127.0.0.1", 9)


@pytest.fixture
def take():
    """A function that opens a socket and gives its host, its release and itself."""
    opened = []

    def take(source, remote=REMOTE, local=None):
        sock, release = source.connect(remote, local)
        opened.append(sock)
        return sock.getsockname()[0], release, sock

    yield take
    for sock in opened:
        sock.close()


def test_the_next_address_is_taken_when_one_is_full(take):
    source = SourceAddresses(per_address_max=3)
    assert [take(source)[0] for _ in range(8)] == ["127.0.0.1"] * 3 + ["127.0.0.2"] * 3 + ["127.0.0.3"] * 2


def test_a_socket_that_was_closed_makes_room(take):
    source = SourceAddresses(per_address_max=2, addresses_max=2)
    taken = [take(source) for _ in range(4)]
    with pytest.raises(OSError, match=r"no free port on 127\.0\.0\.1 to 127\.0\.0\.2; use fewer devices") as told:
        source.connect(REMOTE)
    assert told.value.errno == errno.EADDRNOTAVAIL
    taken[1][2].close()
    taken[1][1]()
    assert take(source)[0] == "127.0.0.1"
    with pytest.raises(OSError, match="no free port"):
        source.connect(REMOTE)


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EAGAIN])
def test_the_next_address_is_taken_when_the_kernel_has_no_port(take, monkeypatch, number):
    connected = sources._connected

    def full_at_first(remote, local):
        if local.host == "127.0.0.1":
            raise OSError(number, "no port")
        return connected(remote, local)

    monkeypatch.setattr(sources, "_connected", full_at_first)
    assert take(SourceAddresses())[0] == "127.0.0.2"


def test_another_error_is_told_at_once(monkeypatch):
    def refuse(remote, local):
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(sources, "_connected", refuse)
    with pytest.raises(OSError, match="too many open files"):
        SourceAddresses().connect(REMOTE)


def test_an_address_that_is_asked_for_is_not_counted(take):
    source = SourceAddresses(per_address_max=1, addresses_max=1)
    assert take(source, local=Address("127.0.0.9", 0))[0] == "127.0.0.9"
    assert take(source)[0] == "127.0.0.1"


def test_an_occupied_local_port_is_named(take):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        local = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(OSError, match=rf"UDP from 127\.0\.0\.1:{local.port} to 127\.0\.0\.1:9") as told:
            SourceAddresses().connect(REMOTE, local)
    assert told.value.errno == errno.EADDRINUSE


def test_a_port_that_was_given_back_is_not_given_to_the_next_device(take):
    source = SourceAddresses()
    used = set()
    for _ in range(500):
        _, release, sock = take(source)
        used.add(sock.getsockname())
        sock.close()
        release()
    assert len(used) == 500


@pytest.mark.parametrize("text", ["40000 40003", "40003\t40000", "no numbers", ""])
def test_when_every_port_had_its_turn_the_next_address_begins(take, monkeypatch, tmp_path, text):
    (tmp_path / "range").write_text(text)
    monkeypatch.setattr(sources, "_RANGE", tmp_path / "range")
    monkeypatch.setattr(sources, "_USUAL_RANGE", (41_000, 41_003))
    source = SourceAddresses(addresses_max=2)
    hosts = []
    for _ in range(10):
        host, release, sock = take(source)
        hosts.append(host)
        assert sock.getsockname()[1] in range(40_000, 41_004)
        sock.close()
        release()
    # Somebody else may have one of the four ports.
    assert [host for host, before in zip(hosts, [None, *hosts], strict=False) if host != before][:2] == [
        "127.0.0.1",
        "127.0.0.2",
    ]
