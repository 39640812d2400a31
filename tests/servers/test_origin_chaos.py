"""An origin that misbehaves on purpose: each defect over CoAP and HTTP, told when it happens, and drawn by the seed."""

import pytest

from simulator.coap import codes as c
from simulator.coap.message import CON, Message
from simulator.events import FaultApplied
from simulator.scenario import ScenarioError, loads
from simulator.servers.http_packages import HttpPackages
from simulator.servers.origin_chaos import SHIFT, defects_of
from simulator.servers.package_origin import PackageOrigin

PACKAGE = bytes(range(256)) * 4
FILES = {"good.bin": PACKAGE}
GET = Message(CON, c.GET, 1, b"t", [(c.URI_PATH, b"good.bin")], b"")


def settings(text):
    return loads(f"[groups.a]\ncount = 1\n[firmware.chaos]\n{text}").firmware.chaos_json(3)


@pytest.fixture
def acts():
    return []


@pytest.fixture
def defects(acts):
    return lambda text: defects_of(settings(text), lambda: 4.5, acts.append)


def test_without_chaos_the_handlers_are_the_sound_ones(acts):
    assert defects_of(loads("[groups.a]\ncount = 1").firmware.chaos_json(3), lambda: 0.0, acts.append) is None


def test_silence(defects, acts):
    bad = defects("silent = '100 %'")
    assert bad.coap(PackageOrigin(FILES)).on_request(None, GET, 0.0) is None
    answer = bad.http(HttpPackages(FILES)).answer("GET", "/good.bin", {})
    assert (answer.stops, answer.holds) == (0, True)
    assert acts == [FaultApplied(4.5, -1, "silent", "origin", "/good.bin")] * 2


def test_busy_says_for_how_long(defects, acts):
    bad = defects("busy = '100 %'\nbusy_for = '90 s'")
    response = bad.coap(PackageOrigin(FILES)).on_request(None, GET, 0.0)
    assert (response.code, response.options) == (c.SERVICE_UNAVAILABLE, [(c.MAX_AGE, b"\x5a")])
    answer = bad.http(HttpPackages(FILES)).answer("GET", "/good.bin", {})
    assert (answer.status, answer.headers, bytes(answer.body)) == (503, {"Retry-After": "90"}, b"")
    assert [act.fault for act in acts] == ["busy", "busy"]


def test_bytes_out_of_place_under_the_same_etag(defects, acts):
    bad, sound = defects("alters = '100 %'"), PackageOrigin(FILES).on_request(None, GET, 0.0)
    response = bad.coap(PackageOrigin(FILES)).on_request(None, GET, 0.0)
    assert (response.code, response.etag) == (c.CONTENT, sound.etag)
    assert response.payload == PACKAGE[SHIFT:] + PACKAGE[:SHIFT]
    answer = bad.http(HttpPackages(FILES)).answer("GET", "/good.bin", {"Range": "bytes=512-"})
    assert (answer.status, bytes(answer.body)) == (206, PACKAGE[512 + SHIFT :] + PACKAGE[512 : 512 + SHIFT])
    assert [act.fault for act in acts] == ["alters", "alters"]
    # What has no bytes cannot be altered.
    missing = Message(CON, c.GET, 2, b"t", [(c.URI_PATH, b"none.bin")], b"")
    assert bad.coap(PackageOrigin(FILES)).on_request(None, missing, 0.0).code == c.NOT_FOUND
    assert len(acts) == 2


def test_the_seed_draws_which_requests_it_meets(defects, acts):
    runs = [[defects("silent = '20 %'\nbusy = '20 %'").drawn() for _ in range(1)] for _ in range(2)]
    assert runs[0] == runs[1]
    bad = defects("silent = '20 %'\nbusy = '20 %'")
    drawn = [bad.drawn() for _ in range(1000)]
    assert 150 < drawn.count("silent") < 250
    assert 110 < drawn.count("busy") < 210
    assert "alters" not in drawn


def test_an_origin_with_chaos_has_to_do_something():
    with pytest.raises(ScenarioError, match="this origin does nothing wrong"):
        settings("busy_for = '5 s'")
