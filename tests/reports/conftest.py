import pytest

from reports.aggregate import update_frame
from reports.build import summarise
from reports.devices import device_frame
from reports.read import read_run
from tests.reports.synthetic import Written


@pytest.fixture
def record(tmp_path):
    """Write a run of these devices and read it."""

    def make(devices, **options):
        return read_run(Written(devices, **options).write(tmp_path / "run"))

    return make


@pytest.fixture
def summary(record):
    """Write a run of these devices and give what a report finds."""

    def make(devices, **options):
        run = record(devices, **options)
        frame = device_frame(run)
        return summarise(run, frame, update_frame(run, frame))

    return make
