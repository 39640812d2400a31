"""/5/0 as a server reads it, and a pull from its Write to the new firmware."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.lwm2m.definitions import OBJECT_5_V1_0, OBJECT_5_V1_1
from simulator.lwm2m.firmware_resources import PROTOCOLS, Transfer, uri_event
from simulator.lwm2m.firmware_update import TRANSFER_EVENTS, Effect, Event, State, UpdateResult
from simulator.lwm2m.objects import Instance
from simulator.lwm2m.profiles import OMA, ZEPHYR
from tests.lwm2m.firmware_rig import SCHEMES, Rig

E, S, R = Event, State, UpdateResult


def test_it_is_an_instance():
    fw: Instance = Rig().fw
    assert (fw.definition, fw.instance_id) == (OBJECT_5_V1_1, 0)
    assert Rig(lwm2m="1.0").fw.definition is OBJECT_5_V1_0
    assert Rig(ZEPHYR).fw.definition is OBJECT_5_V1_0


def test_a_fresh_device():
    assert {n: Rig().fw.read(n) for n in range(15)} == {
        0: None,
        1: "",
        2: None,
        3: 0,
        4: None,
        5: 0,
        6: None,
        7: None,
        8: {0: 0, 1: 2},
        9: 2,
        10: None,
        11: 1,
        12: None,
        13: None,
        14: None,
    }
    old = Rig(lwm2m="1.0").fw
    assert [n for n in range(15) if old.read(n) is not None] == [1, 3, 5, 8, 9]


def test_without_schemes_it_is_push_only():
    fw = Rig(schemes=frozenset()).fw
    assert (fw.read(8), fw.read(9)) == (None, 1)
    assert fw.write(1, "coap://a/b") == c.BAD_REQUEST
    assert fw.read(5) == 9


def test_a_scheme_that_object_5_does_not_know_is_refused():
    with pytest.raises(ValueError, match="object 5 has no protocol ftp; it has coap, coaps, http"):
        Rig(schemes=frozenset({"ftp"}))


def test_all_protocols_by_value():
    assert Rig(schemes=frozenset(PROTOCOLS)).fw.read(8) == dict(enumerate(range(6)))


# -- pull ---------------------------------------------------------------------------------------------------------


def test_a_pull_from_write_to_new_firmware():
    rig = Rig(result=R.UPDATE_FAILED)
    assert rig.write(1, "coap://h/fw") == "2.04"
    assert rig.fw.take_changes() == [5, 12, 3, 1]
    assert rig.fw.take_effects() == [Effect.START_DOWNLOAD]
    assert rig.fw.transfer is Transfer.PULL
    rig.fw.set_package_info("meter", "2.0")
    assert rig.fw.read(6) is None
    rig.fw.finished(E.DOWNLOAD_COMPLETED)
    assert rig.pair == (2, 0)
    assert rig.fw.take_changes() == [12, 3, 6, 7]
    assert (rig.fw.read(6), rig.fw.read(7)) == ("meter", "2.0")
    assert rig.execute(2) == "2.04"
    assert rig.fw.take_effects() == [Effect.START_INSTALLATION]
    rig.fw.installation_ended(E.INSTALL_SUCCEEDED)
    assert rig.pair == (0, 1)
    assert rig.fw.read(1) == "coap://h/fw"
    assert (rig.fw.read(6), rig.fw.read(7)) == (None, None)
    assert rig.host.transitions == [
        (1, 0, "uri_written"),
        (2, 0, "download_completed"),
        (3, 0, "update_executed"),
        (0, 1, "install_succeeded"),
    ]


@pytest.mark.parametrize(
    ("uri", "event"),
    [
        ("", E.URI_CLEARED),
        ("coap://h/fw", E.URI_WRITTEN),
        ("COAP://h/fw", E.URI_WRITTEN),
        ("coaps://h/fw", E.URI_UNSUPPORTED),
        ("ftp://h/fw", E.URI_UNSUPPORTED),
        ("coap://h/" + "x" * 247, E.URI_TOO_LONG),
        ("ftp://h/" + "x" * 300, E.URI_TOO_LONG),
        ("coap+tcp://h/fw", E.URI_UNSUPPORTED),
        ("no scheme at all", E.URI_WRITTEN),
        ("//h/fw", E.URI_WRITTEN),
        ("coap://[broken", E.URI_WRITTEN),
    ],
)
def test_what_a_package_uri_means(uri, event):
    assert uri_event(uri, SCHEMES) is event


def test_a_package_uri_of_255_bytes_is_taken_and_a_longer_one_is_not():
    rig = Rig()
    assert rig.write(1, "coap://h/" + "x" * 247) == "4.00"
    assert rig.write(1, "coap://h/" + "ä" * 124) == "4.00"
    assert (rig.pair, rig.fw.take_changes(), rig.fw.read(1)) == ((0, 7), [5], "")
    assert rig.write(1, "coap://h/" + "x" * 246) == "2.04"
    assert rig.pair == (1, 0)


def test_an_unsupported_scheme_is_told_by_result_9():
    rig = Rig()
    assert rig.write(1, "ftp://h/fw") == "4.00"
    assert (rig.pair, rig.fw.read(1)) == ((0, 9), "")
    zephyr = Rig(ZEPHYR)
    assert zephyr.write(1, "ftp://h/fw") == "2.04"
    assert (zephyr.pair, zephyr.fw.read(1)) == ((0, 9), "ftp://h/fw")


def test_a_second_uri_is_refused_and_zephyr_shows_it_nevertheless():
    rig, zephyr = Rig(), Rig(ZEPHYR)
    for r in (rig, zephyr):
        r.write(1, "coap://h/1")
    assert rig.write(1, "coap://h/2") == "4.00"
    assert rig.fw.read(1) == "coap://h/1"
    assert zephyr.write(1, "coap://h/2") == "2.04"
    assert zephyr.fw.read(1) == "coap://h/2"
    assert zephyr.fw.take_effects() == [Effect.START_DOWNLOAD]


def test_an_empty_uri_stops_the_pull():
    rig = Rig()
    rig.write(1, "coap://h/1")
    rig.fw.take_effects()
    assert rig.write(1, "") == "2.04"
    assert (rig.pair, rig.fw.read(1), rig.fw.transfer) == ((0, 0), "", Transfer.NONE)
    assert rig.fw.take_effects() == [Effect.STOP_TRANSFER, Effect.ERASE_PACKAGE]


def test_a_report_of_a_stopped_transfer_changes_nothing():
    rig = Rig()
    rig.write(1, "coap://h/1")
    rig.execute(10)
    assert rig.pair == (0, 10)
    for event in TRANSFER_EVENTS:
        assert rig.fw.finished(event) == c.REQUEST_ENTITY_INCOMPLETE
    assert rig.pair == (0, 10)


def test_the_uri_can_be_gone_after_the_download():
    rig = Rig(OMA.switched("uri-cleared-after-download"))
    rig.write(1, "coap://h/1")
    assert rig.fw.read(1) == "coap://h/1"
    rig.fw.take_changes()
    rig.fw.finished(E.DOWNLOAD_COMPLETED)
    assert rig.fw.read(1) == ""
    assert rig.fw.take_changes() == [12, 3, 1]


def test_a_refused_uri_can_be_shown_as_the_last_written():
    rig = Rig(OMA.switched("uri-last-written"))
    assert rig.write(1, "ftp://h/fw") == "4.00"
    assert rig.fw.read(1) == "ftp://h/fw"


def test_the_name_of_an_erased_package_does_not_come_back():
    rig = Rig()
    for n, shown in enumerate(("meter", None)):
        rig.write(1, f"coap://h/{n}")
        if shown:
            rig.fw.set_package_info("meter", "2.0")
        rig.fw.finished(E.DOWNLOAD_COMPLETED)
        assert rig.fw.read(6) == shown
        rig.execute(10)


def test_the_same_uri_again_is_no_change_of_package_uri():
    rig = Rig()
    rig.write(1, "coap://h/1")
    rig.fw.finished(E.CONNECTION_LOST)
    rig.fw.take_changes()
    rig.write(1, "coap://h/1")
    assert rig.fw.take_changes() == [5, 12, 3]


@pytest.mark.parametrize(("switches", "order"), [((), [12, 5, 3]), (("state-first-to-idle",), [12, 3, 5])])
def test_two_changes_in_one_turn_keep_the_order_of_result_and_state(switches, order):
    rig = Rig(OMA.switched(*switches))
    rig.write(1, "coap://h/1")
    rig.fw.take_changes()
    rig.fw.finished(E.CONNECTION_LOST)
    rig.write(0, b"\0")
    assert rig.pair == (0, 0)
    assert [resource for resource in rig.fw.take_notices() if resource in order] == order
    rig.write(1, "coap://h/2")
    rig.fw.finished(E.FLASH_FULL)
    rig.write(1, "coap://h/3")
    assert [resource for resource in rig.fw.take_notices() if resource in order] == [12, 5, 3]
