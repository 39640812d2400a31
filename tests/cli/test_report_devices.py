"""``lwm2m-fleet report --device``, as far as the command line goes."""

import pytest

from simulator.cli.failure import USAGE, CommandFailedError
from simulator.cli.report import report_run
from tests.reports.synthetic import Device, Written


@pytest.mark.parametrize(
    ("formats", "message"),
    [("html", r"'vd-00001'; near it are vd-000001"), ("json,md", r"--device: .* html has to be among --format")],
)
def test_what_is_wrong_is_told_before_anything_is_written(tmp_path, formats, message):
    directory = Written([Device(0), Device(1)]).write(tmp_path / "run")
    there = set(directory.iterdir())
    with pytest.raises(CommandFailedError, match=message) as error:
        report_run(directory, None, formats, None, ["vd-00001"])
    assert error.value.code == USAGE
    assert set(directory.iterdir()) == there
