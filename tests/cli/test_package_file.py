"""``lwm2m-fleet package``: what it writes is a package, and what it refuses is left alone."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.cli.failure import CommandFailedError
from simulator.firmware import parse_header


def typed(*arguments):
    done = CliRunner().invoke(app, ["package", *map(str, arguments)], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output


def test_a_package_of_a_size(tmp_path):
    file = tmp_path / "fw.bin"
    typed(file, "--size", "10KiB", "--version", "3.1", "--model", "m")
    content = file.read_bytes()
    header = parse_header(content)
    assert (len(content), header.version, header.model) == (10_240, "3.1", "m")


def test_an_image_gets_a_header_once(tmp_path):
    image, file = tmp_path / "image", tmp_path / "fw.bin"
    image.write_bytes(b"contents")
    typed(file, "--image", image)
    assert file.read_bytes().endswith(b"contents")
    with pytest.raises(CommandFailedError, match="a package already, version"):
        typed(tmp_path / "again", "--image", file)
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--size", "10"), "--size"),
        (("--size", "1B"), "at least"),
        (("--version", "x" * 99), "bytes"),
        (("--image", "no-such-file"), "no-such-file: No such file"),
        (("--image", "x", "--size", "1KiB"), "exclude"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, part):
    with pytest.raises(CommandFailedError, match=part):
        typed(tmp_path / "fw.bin", *options)
    assert not (tmp_path / "fw.bin").exists()
