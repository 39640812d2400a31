"""The one file that holds secrets of connections: for its owner's eyes, and never over another file."""

from __future__ import annotations

import stat

import pytest

from simulator.security.keylog import KeyLog


def test_what_it_writes(tmp_path):
    keys = KeyLog(tmp_path / "keys")
    keys.master(b"\x01" * 32, b"\xab" * 48)
    keys.line(b"CLIENT_TRAFFIC_SECRET_0 00 11")
    assert (tmp_path / "keys").read_text() == (
        f"CLIENT_RANDOM {'01' * 32} {'ab' * 48}\nCLIENT_TRAFFIC_SECRET_0 00 11\n"
    )
    assert keys.written
    keys.close()
    assert "ab" * 8 not in repr(keys) + str(vars(keys))


def test_only_its_owner_may_read_it(tmp_path):
    KeyLog(tmp_path / "keys").close()
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600


def test_another_file_stays_as_it_is(tmp_path):
    (tmp_path / "keys").write_text("mine")
    with pytest.raises(FileExistsError):
        KeyLog(tmp_path / "keys")
    assert (tmp_path / "keys").read_text() == "mine"
