"""The examples of the specifications, byte for byte (TS 1.0, §6.4.3; TS 1.1 Core, §7.4)."""

from __future__ import annotations

import json

import cbor2
import pytest

from simulator.coap.codes import FORMAT_SENML_CBOR, FORMAT_SENML_JSON, FORMAT_TLV
from simulator.lwm2m.formats import ContentFormatError, Record, decode, encode
from simulator.lwm2m.objects import ObjectLink, ResourceType

S, N, T, L = ResourceType.STRING, ResourceType.INTEGER, ResourceType.TIME, ResourceType.OBJLNK

DEVICE = [
    Record((3, 0, 0), S, "Open Mobile Alliance"),
    Record((3, 0, 1), S, "Lightweight M2M Client"),
    Record((3, 0, 2), S, "345000123"),
    Record((3, 0, 3), S, "1.0"),
    Record((3, 0, 6, 0), N, 1),
    Record((3, 0, 6, 1), N, 5),
    Record((3, 0, 7, 0), N, 3800),
    Record((3, 0, 7, 1), N, 5000),
    Record((3, 0, 8, 0), N, 125),
    Record((3, 0, 8, 1), N, 900),
    Record((3, 0, 9), N, 100),
    Record((3, 0, 10), N, 15),
    Record((3, 0, 11, 0), N, 0),
    Record((3, 0, 13), T, 1367491215),
    Record((3, 0, 14), S, "+02:00"),
    Record((3, 0, 16), S, "U"),
]
DEVICE_TYPES = {record.path[:3]: record.type for record in DEVICE}

DEVICE_TLV = bytes.fromhex(
    "C80014 4F70656E204D6F62696C6520416C6C69616E6365"
    "C80116 4C69676874776569676874204D324D20436C69656E74"
    "C80209 333435303030313233"
    "C303 312E30"
    "8606 410001 410105"
    "880708 42000ED8 42011388"
    "8708 41007D 42010384"
    "C109 64"
    "C10A 0F"
    "830B 410000"
    "C40D 5182428F"
    "C60E 2B30323A3030"
    "C110 55"
)

DEVICE_JSON = """[{"bn":"/3/0/","n":"0","vs":"Open Mobile Alliance"},
{"n":"1","vs":"Lightweight M2M Client"},{"n":"2","vs":"345000123"},{"n":"3","vs":"1.0"},
{"n":"6/0","v":1},{"n":"6/1","v":5},{"n":"7/0","v":3800},{"n":"7/1","v":5000},{"n":"8/0","v":125},{"n":"8/1","v":900},
{"n":"9","v":100},{"n":"10","v":15},{"n":"11/0","v":0},{"n":"13","v":1367491215},{"n":"14","vs":"+02:00"},
{"n":"16","vs":"U"}]"""


def test_tlv_of_the_device_instance():
    assert len(DEVICE_TLV) == 121
    assert encode(FORMAT_TLV, (3, 0), DEVICE) == DEVICE_TLV
    assert decode(FORMAT_TLV, (3, 0), DEVICE_TLV, DEVICE_TYPES.get) == DEVICE


def test_tlv_of_the_device_object():
    data = bytes.fromhex("080079") + DEVICE_TLV
    assert encode(FORMAT_TLV, (3,), DEVICE) == data
    assert decode(FORMAT_TLV, (3,), data, DEVICE_TYPES.get) == DEVICE
    assert decode(FORMAT_TLV, (3,), DEVICE_TLV, DEVICE_TYPES.get) == DEVICE  # the instance's element left out


def test_tlv_of_two_access_control_instances():
    data = bytes.fromhex("08000E C10001 C10100 8302417F07 C1037F 080212 C10003 C10100 8702 417F07 61013601 C1037F")
    records = [
        Record((2, 0, 0), N, 1),
        Record((2, 0, 1), N, 0),
        Record((2, 0, 2, 127), N, 7),
        Record((2, 0, 3), N, 127),
        Record((2, 2, 0), N, 3),
        Record((2, 2, 1), N, 0),
        Record((2, 2, 2, 127), N, 7),
        Record((2, 2, 2, 310), N, 1),
        Record((2, 2, 3), N, 127),
    ]
    assert decode(FORMAT_TLV, (2,), data, lambda path: N) == records
    assert encode(FORMAT_TLV, (2,), records) == data


def test_tlv_of_object_links():
    data = bytes.fromhex("88000C 440000420000 440100420001 C8010D 3836313330303030303030 3132 C40212345678")
    records = [
        Record((65, 0, 0, 0), L, ObjectLink(66, 0)),
        Record((65, 0, 0, 1), L, ObjectLink(66, 1)),
        Record((65, 0, 1), S, "8613000000012"),
        Record((65, 0, 2), N, 0x12345678),
    ]
    types = {(65, 0, 0): L, (65, 0, 1): S, (65, 0, 2): N}
    assert decode(FORMAT_TLV, (65, 0), data, types.get) == records
    assert encode(FORMAT_TLV, (65, 0), records) == data


def test_senml_json_of_the_device_instance():
    assert decode(FORMAT_SENML_JSON, (3, 0), DEVICE_JSON.encode(), DEVICE_TYPES.get) == DEVICE
    assert encode(FORMAT_SENML_JSON, (3, 0), DEVICE) == DEVICE_JSON.replace("\n", "").encode()


def test_senml_cbor_has_the_labels_of_rfc_8428():
    data = encode(FORMAT_SENML_CBOR, (3, 0), DEVICE[:1] + DEVICE[10:11])
    expected = "82 a3 21 65 2f332f302f 00 61 30 03 74 4f70656e204d6f62696c6520416c6c69616e6365 a2 00 61 39 02 1864"
    assert data == bytes.fromhex(expected)
    assert decode(FORMAT_SENML_CBOR, (3, 0), encode(FORMAT_SENML_CBOR, (3, 0), DEVICE), DEVICE_TYPES.get) == DEVICE


def test_senml_base_time_and_links():
    pack = [{"bn": "/72/", "bt": 25462634, "n": "1/2", "v": 22.4, "t": -5}, {"n": "1/2", "v": 22.9, "t": -30}]
    records = decode(FORMAT_SENML_JSON, (72,), json.dumps(pack).encode(), lambda path: ResourceType.FLOAT)
    assert [(r.value, r.time) for r in records] == [(22.4, 25462629.0), (22.9, 25462604.0)]
    pack = [{"bn": "/65/0/", "n": "0/0", "vlo": "66:0"}, {"n": "0/1", "vlo": "66:1"}]
    links = decode(FORMAT_SENML_JSON, (65, 0), json.dumps(pack).encode(), lambda path: L)
    assert [r.value for r in links] == [ObjectLink(66, 0), ObjectLink(66, 1)]


@pytest.mark.parametrize(
    ("pack", "says"),
    [
        ({"n": "/3/0/0"}, "list of records"),
        ([1], "record 0"),
        ([{"n": "/3/0/0", "vs": "a", "v": 1}], "two values"),
        ([{"n": "/3/0/0", "v": 1}], "type string"),
        ([{"n": "/3/0/9", "v": True}], "type integer"),
        ([{"n": "/3/0/9", "v": 1.5}], "type integer"),
        ([{"n": "/3/0/9", "v": 2**63}], "type integer"),
        ([{"n": "/3/0", "v": 1}], "cannot have a value"),
        ([{"n": "3/0/9", "v": 1}], "slash"),
        ([{"n": "/3/0/09", "v": 1}], "'09'"),
        ([{"n": "/3/0/65535", "v": 1}], "65535"),
        ([{"n": "/3/0/1/2/3", "v": 1}], "four segments"),
        ([{"n": "/4/0/1", "v": 1}], "not under"),
        ([{"bver": 11, "n": "/3/0/9", "v": 1}], "version"),
        ([{"n": "/3/0/9", "v": 1, "foo_": 1}], "must be understood"),
        ([{"n": "/3/0/9", "v": 1, "bv": 1}], "must be understood"),
        ([{"n": 7, "v": 1}], "'n'"),
        ([{"n": "/3/0/9", "v": 1, "t": "x"}], "'t'"),
        ([{"n": "/3/0/9", "v": None}], "type integer"),
    ],
)
def test_bad_senml_is_told_with_its_place(pack, says):
    for content_format, payload in (
        (FORMAT_SENML_JSON, json.dumps(pack).encode()),
        (FORMAT_SENML_CBOR, _cbor(pack)),
    ):
        with pytest.raises(ContentFormatError, match=says):
            decode(content_format, (3,), payload, DEVICE_TYPES.get)


LABELS = {"bver": -1, "bn": -2, "bt": -3, "bv": -5, "n": 0, "v": 2, "vs": 3, "t": 6}


def _cbor(pack):
    if not isinstance(pack, list):
        return cbor2.dumps(pack)
    return cbor2.dumps(
        [{LABELS.get(k, k): v for k, v in entry.items()} if isinstance(entry, dict) else entry for entry in pack]
    )


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"[]x", "malformed JSON"),
        (b"\xff\xfe[\x00]\x00", "malformed JSON"),
        (b"\xef\xbb\xbf[]", "malformed JSON"),
        (b"[" * 100_000, "nested too deeply|malformed"),
        (b'[{"n":"/3/0/9","v":NaN}]', "NaN"),
        (b'[{"n":"/3/0/9","v":1e999}]', "type integer"),
        (b'[{"n":"/3/0/9","v":' + b"9" * 6000 + b"}]", "malformed JSON"),
        (b'[{"n":"/3/0/9","v":1,"v":2}]', "twice"),
        (b'[{"n":"/3/0/0","vs":"\\ud800"}]', "type string"),
    ],
)
def test_bad_json(payload, says):
    with pytest.raises(ContentFormatError, match=says):
        decode(FORMAT_SENML_JSON, (3,), payload, DEVICE_TYPES.get)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80\x80",  # trailing bytes
        b"\x81" * 5000 + b"\x01",
        cbor2.dumps([{True: 2}]),
        cbor2.dumps([{"n": "/3/0/9", 2: 1}]),
        cbor2.dumps([{0: "/3/0/9", 2: float("nan")}]),
        b"\xd8\x1c\x81\xd8\x1d\x00",  # a list that contains itself
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    ],
)
def test_bad_cbor(payload):
    with pytest.raises(ContentFormatError):
        decode(FORMAT_SENML_CBOR, (3,), payload, DEVICE_TYPES.get)


@pytest.mark.parametrize(
    ("base", "payload", "says"),
    [
        ((3, 0), "C8", "header"),
        ((3, 0), "C80005 4142", "claims 5 bytes, 2 are left"),
        ((3, 0), "410001", "resource instance"),
        ((3, 0), "8306 C10001", "cannot stand"),
        ((3, 0), "0801 03 C10901", "not under /3/0"),
        ((3, 0, 9), "C10A0F", "not under /3/0/9"),
        ((3, 0), "C309010203", "3 bytes are no integer"),
        ((3, 0), "E1FFFF01", "reserved id"),
        ((3, 0), "C300 FFFEFD", "no string"),
        ((3,), "0003 030000", "cannot stand|header|claims"),
    ],
)
def test_bad_tlv(base, payload, says):
    with pytest.raises(ContentFormatError, match=says):
        decode(FORMAT_TLV, base, bytes.fromhex(payload), DEVICE_TYPES.get)


def test_tlv_of_one_resource_and_of_one_resource_instance():
    types = DEVICE_TYPES.get
    assert decode(FORMAT_TLV, (3, 0, 9), b"\xc1\x09\x64", types) == [Record((3, 0, 9), N, 100)]
    assert decode(FORMAT_TLV, (3, 0, 6), bytes.fromhex("8606410001410105"), types) == DEVICE[4:6]
    assert decode(FORMAT_TLV, (3, 0, 6), bytes.fromhex("410001410105"), types) == DEVICE[4:6]
    assert decode(FORMAT_TLV, (3, 0, 6, 1), bytes.fromhex("410105"), types) == DEVICE[5:6]
    assert decode(FORMAT_TLV, (3, 0, 6), b"\x80\x06", types) == [Record((3, 0, 6), N, None)]
