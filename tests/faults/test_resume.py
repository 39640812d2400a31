"""What a device remembers of an interrupted download: field failure 8, by a power cut in the middle of a pull."""

import pytest

from simulator.events import FaultApplied, TransferEnded
from simulator.network.profiles import PROFILES
from tests.faults.faulty_device import ORIGINS, PACKAGE, update

SCHEMES = sorted(ORIGINS)


def pulled(*kinds, scheme="coap", **parameters):
    # In small blocks and over a network that takes its time, or a stream would bring all before the power is gone.
    settings = {"transport": scheme, "block_size": 512}
    end = update("pull", *kinds, settings=settings, profile=PROFILES["lte-m"], **parameters)
    transfers = [event for event in end.log.events if isinstance(event, TransferEnded)]
    return (end.state, end.result), transfers, end


def detail(end, kind):
    return next(event.detail for event in end.log.events if isinstance(event, FaultApplied) and event.fault == kind)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_the_fault_nothing_is_fetched_again(scheme):
    ended, transfers, _ = pulled("power-cut", scheme=scheme)
    assert (ended, len(transfers)) == ((0, 1), 2)
    assert transfers[1].refetched == 0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("by", [16, 1024, 8192])
def test_a_download_that_goes_on_at_a_wrong_place_is_found_by_its_digest(scheme, by):
    ended, transfers, end = pulled("resume-misplaced", "power-cut", scheme=scheme, by=by)
    assert (ended, len(transfers)) == ((0, 5), 2)
    assert end.struck == ["power-cut", "resume-misplaced"]
    assert "goes on at byte " in detail(end, "resume-misplaced")


def test_behind_the_end_there_is_no_wrong_place():
    ended, _, end = pulled("resume-misplaced", "power-cut", by=len(PACKAGE))
    # At the first byte: all of it comes again, and the flash is begun anew, too.
    assert ended == (0, 1)
    assert "goes on at byte 0" in detail(end, "resume-misplaced")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("etag", ["lost", "other"])
def test_without_the_right_etag_a_download_begins_anew(scheme, etag):
    ended, transfers, end = pulled("resume-etag-differs", "power-cut", scheme=scheme, etag=etag)
    assert (ended, end.struck) == ((0, 1), ["power-cut", "resume-etag-differs"])
    assert transfers[-1].refetched > 0


def test_a_device_that_does_not_restart_in_the_middle_has_nothing_to_remember():
    for kind in ("resume-misplaced", "resume-etag-differs"):
        ended, _, end = pulled(kind)
        assert (ended, end.struck) == ((0, 1), [])
