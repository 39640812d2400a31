"""What a server gets for its requests to the objects of a device."""

from __future__ import annotations

import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.coap.message import Message
from simulator.coap.requests import request_options
from simulator.lwm2m.composite import decode_paths, decode_values, encode_paths, encode_values
from simulator.lwm2m.definitions import OBJECT_0, OBJECT_3, OBJECT_5_V1_1, restricted
from simulator.lwm2m.formats import ContentFormatError, Record, UnsupportedFormatError, decode, encode
from simulator.lwm2m.objects import ObjectDefinition, ResourceDefinition, ResourceType
from simulator.lwm2m.paths import parse_path
from simulator.lwm2m.refusal import RefusedError
from simulator.lwm2m.standard import ConnectivityMonitoring, Device, Security, Server
from simulator.lwm2m.tree import Answer, ObjectTree

R = ResourceDefinition
TOY = ObjectDefinition(
    42,
    "Toy",
    "1.0",
    {
        1: R(1, "Level", ResourceType.INTEGER, "RW", range=(0, 10)),
        2: R(2, "Names", ResourceType.STRING, "RW", multiple=True, range=(0, 3)),
        3: R(3, "Run", ResourceType.NONE, "E"),
        4: R(4, "Blob", ResourceType.OPAQUE, "RW"),
        5: R(5, "Secret", ResourceType.STRING, "W"),
        6: R(6, "Absent", ResourceType.FLOAT, "R"),
    },
    single=False,
)


class Toy:
    """An instance that remembers its writes."""

    definition = TOY

    def __init__(self, instance_id=0):
        self.instance_id = instance_id
        self.values = {1: 7, 2: {0: "a", 1: "b"}, 4: b"\x00\xff"}
        self.writes = []
        self.runs = []
        self.answer = c.CHANGED

    def read(self, resource_id):
        return self.values.get(resource_id)

    def write(self, resource_id, value):
        self.writes.append((resource_id, value))
        self.values[resource_id] = value
        return self.answer

    def execute(self, resource_id, arguments):
        self.runs.append((resource_id, arguments))
        return self.answer


class World:
    """A device's tree and what its callbacks heard."""

    def __init__(self, version="1.1"):
        self.heard = []
        self.toy = Toy()
        self.server = Server(300, on_lifetime=self.heard.append, on_update_trigger=lambda: self.heard.append("update"))
        self.device = Device("sn1", "1.0.0", now_unix=lambda: 1000, on_reboot=lambda: self.heard.append("reboot"))
        self.tree = ObjectTree(
            [self.toy, Security("coap://127.0.0.1"), self.server, self.device, ConnectivityMonitoring()],
            lwm2m_version=version,
        )

    def ask(self, code, path, payload=b"", *, query=(), content_format=-1, accept=-1):
        options = request_options(
            [s for s in path.split("/") if s], query, content_format=content_format, accept=accept
        )
        return self.tree.handle(Message(c.CON, code, options=options, payload=payload))


@pytest.fixture
def world():
    return World()


# -- Read ----------------------------------------------------------------------------------------------------------


def test_read_default_formats(world):
    assert world.ask(c.GET, "/3/0/3") == Answer(c.CONTENT, c.FORMAT_TEXT, b"1.0.0")
    assert world.ask(c.GET, "/42/0/4") == Answer(c.CONTENT, c.FORMAT_OPAQUE, b"\x00\xff")
    assert world.ask(c.GET, "/42/0/2/1") == Answer(c.CONTENT, c.FORMAT_TEXT, b"b")
    for path in ("/42", "/42/0", "/42/0/2"):
        assert world.ask(c.GET, path).content_format == c.FORMAT_SENML_CBOR
        assert World("1.0").ask(c.GET, path).content_format == c.FORMAT_TLV


def test_read_in_the_format_that_is_asked_for(world):
    path = (42, 0, 1)
    for accept in (c.FORMAT_TLV, c.FORMAT_TEXT, c.FORMAT_CBOR, c.FORMAT_SENML_CBOR, c.FORMAT_SENML_JSON):
        answer = world.ask(c.GET, "/42/0/1", accept=accept)
        assert answer[:2] == (c.CONTENT, accept)
        records = decode(accept, path, answer.payload, world.tree.type_of)
        assert records == [Record(path, ResourceType.INTEGER, 7)]


def test_an_object_read_gives_what_can_be_read(world):
    assert world.tree.read_records((42,)) == [
        Record((42, 0, 1), ResourceType.INTEGER, 7),
        Record((42, 0, 2, 0), ResourceType.STRING, "a"),
        Record((42, 0, 2, 1), ResourceType.STRING, "b"),
        Record((42, 0, 4), ResourceType.OPAQUE, b"\x00\xff"),
    ]


@pytest.mark.parametrize(
    ("path", "accept", "code"),
    [
        ("/", -1, c.METHOD_NOT_ALLOWED),
        ("/9", -1, c.NOT_FOUND),
        ("/42/1", -1, c.NOT_FOUND),
        ("/42/0/9", -1, c.NOT_FOUND),
        ("/42/0/6", -1, c.NOT_FOUND),
        ("/42/0/2/7", -1, c.NOT_FOUND),
        ("/42/0/1/0", -1, c.NOT_FOUND),
        ("/42/0/3", -1, c.METHOD_NOT_ALLOWED),
        ("/42/0/5", -1, c.METHOD_NOT_ALLOWED),
        ("/42/0/1/0/0", -1, c.BAD_REQUEST),
        ("/42/0/x", -1, c.BAD_REQUEST),
        ("/42/65535", -1, c.BAD_REQUEST),
        ("/42/0", c.FORMAT_TEXT, c.NOT_ACCEPTABLE),
        ("/42/0/2", c.FORMAT_CBOR, c.NOT_ACCEPTABLE),
        ("/42/0/1", c.FORMAT_OPAQUE, c.NOT_ACCEPTABLE),
        ("/42/0/1", c.FORMAT_LWM2M_JSON, c.NOT_ACCEPTABLE),
        ("/42/0/1", 50, c.NOT_ACCEPTABLE),
    ],
)
def test_refused_reads(world, path, accept, code):
    assert world.ask(c.GET, path, accept=accept).code == code


def test_1_0_has_neither_senml_nor_composites_nor_paths_of_resource_instances():
    world = World("1.0")
    assert world.ask(c.GET, "/42/0/1", accept=c.FORMAT_SENML_CBOR).code == c.NOT_ACCEPTABLE
    assert world.ask(c.GET, "/42/0/2/0").code == c.NOT_FOUND
    payload = encode_paths(c.FORMAT_SENML_CBOR, [(42,)])
    assert world.ask(c.FETCH, "/", payload, content_format=c.FORMAT_SENML_CBOR).code == c.METHOD_NOT_ALLOWED
    pack = encode(c.FORMAT_SENML_CBOR, (42, 0), [Record((42, 0, 1), ResourceType.INTEGER, 1)])
    assert world.ask(c.PUT, "/42/0", pack, content_format=c.FORMAT_SENML_CBOR).code == c.UNSUPPORTED_CONTENT_FORMAT


@pytest.mark.parametrize("code", [c.GET, c.PUT, c.POST, c.DELETE])
@pytest.mark.parametrize("path", ["/0", "/0/0", "/0/0/0", "/21"])
def test_objects_with_keys_are_closed(world, code, path):
    assert world.ask(code, path, b"x", content_format=0).code == c.UNAUTHORIZED


def test_exists(world):
    for path in ("/", "/42", "/42/0", "/42/0/1", "/42/0/3", "/42/0/2/1", "/3/0/4"):
        assert world.tree.exists(parse_path(path))
    for path in ("/9", "/42/1", "/42/0/6", "/42/0/9", "/42/0/2/2", "/42/0/1/0", "/3/0/5"):
        assert not world.tree.exists(parse_path(path))


# -- Write and Execute ---------------------------------------------------------------------------------------------


def test_write_one_resource(world):
    assert world.ask(c.PUT, "/42/0/1", b"3", content_format=0) == Answer(c.CHANGED)
    assert world.ask(c.PUT, "/42/0/4", b"raw", content_format=42) == Answer(c.CHANGED)
    assert world.ask(c.PUT, "/42/0/5", b"", content_format=0) == Answer(c.CHANGED)
    assert world.ask(c.PUT, "/42/0/1", b"\xc1\x01\x04", content_format=c.FORMAT_TLV) == Answer(c.CHANGED)
    assert world.toy.writes == [(1, 3), (4, b"raw"), (5, ""), (1, 4)]
    world.toy.answer = c.METHOD_NOT_ALLOWED
    assert world.ask(c.PUT, "/42/0/1", b"3", content_format=0) == Answer(c.METHOD_NOT_ALLOWED)


def test_a_write_replaces_a_multiple_resource_and_a_partial_one_adds(world):
    names = [Record((42, 0, 2, 1), ResourceType.STRING, "x"), Record((42, 0, 2, 5), ResourceType.STRING, "y")]
    for content_format in (c.FORMAT_TLV, c.FORMAT_SENML_CBOR, c.FORMAT_SENML_JSON):
        world.toy.values[2] = {0: "a", 1: "b"}
        payload = encode(content_format, (42, 0), names)
        assert world.ask(c.POST, "/42/0", payload, content_format=content_format).code == c.CHANGED
        assert world.toy.values[2] == {0: "a", 1: "x", 5: "y"}
        assert world.ask(c.PUT, "/42/0", payload, content_format=content_format).code == c.CHANGED
        assert world.toy.values[2] == {1: "x", 5: "y"}
    assert world.ask(c.PUT, "/42/0/2/9", b"z", content_format=0).code == c.CHANGED
    assert world.toy.values[2] == {1: "x", 5: "y", 9: "z"}
    assert world.ask(c.PUT, "/42/0/2", b"\x80\x02", content_format=c.FORMAT_TLV).code == c.CHANGED
    assert world.toy.values[2] == {}


INTEGER, STRING = ResourceType.INTEGER, ResourceType.STRING


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([Record((42, 0, 9), INTEGER, 1)], c.NOT_FOUND),
        ([Record((42, 0, 6), ResourceType.FLOAT, 1.5)], c.METHOD_NOT_ALLOWED),
        ([Record((42, 0, 1), INTEGER, 11)], c.BAD_REQUEST),
        ([Record((42, 0, 1), STRING, "1")], c.BAD_REQUEST),
        ([Record((42, 0, 1, 0), INTEGER, 1)], c.BAD_REQUEST),
        ([Record((42, 0, 1), INTEGER, 2), Record((42, 0, 1), INTEGER, 2)], c.BAD_REQUEST),
        ([Record((42, 0, 2), STRING, "a")], c.BAD_REQUEST),
        ([Record((42, 0, 2, 0), STRING, "a"), Record((42, 0, 2, 0), STRING, "b")], c.BAD_REQUEST),
        ([Record((42, 0, 2, 0), STRING, "four")], c.BAD_REQUEST),
        ([Record((42, 0, 1), INTEGER, None)], c.BAD_REQUEST),
    ],
)
def test_a_write_that_is_wrong_anywhere_changes_nothing(world, records, code):
    good = Record((42, 0, 4), ResourceType.OPAQUE, b"new")
    payload = encode(c.FORMAT_SENML_CBOR, (42, 0), [good, *records])
    for method in (c.PUT, c.POST):
        assert world.ask(method, "/42/0", payload, content_format=c.FORMAT_SENML_CBOR).code == code
    composite = encode_values(c.FORMAT_SENML_CBOR, [good, *records])
    assert world.ask(c.IPATCH, "/", composite, content_format=c.FORMAT_SENML_CBOR).code == code
    assert world.toy.writes == []


@pytest.mark.parametrize(
    ("path", "payload", "content_format", "code"),
    [
        ("/", b"1", 0, c.METHOD_NOT_ALLOWED),
        ("/42", b"1", 0, c.METHOD_NOT_ALLOWED),
        ("/42/7/1", b"1", 0, c.NOT_FOUND),
        ("/42/0/9", b"1", 0, c.NOT_FOUND),
        ("/42/0/1/0", b"1", 0, c.NOT_FOUND),
        ("/42/0/3", b"1", 0, c.METHOD_NOT_ALLOWED),
        ("/42/0/1", b"x", 0, c.BAD_REQUEST),
        ("/42/0/1", b"", c.FORMAT_TLV, c.BAD_REQUEST),
        ("/42/0", b"1", 0, c.UNSUPPORTED_CONTENT_FORMAT),
        ("/42/0/1", b"1", c.FORMAT_OPAQUE, c.UNSUPPORTED_CONTENT_FORMAT),
        ("/42/0/1", b"1", c.FORMAT_LWM2M_JSON, c.UNSUPPORTED_CONTENT_FORMAT),
        ("/42/0/2", b"a", 0, c.BAD_REQUEST),
    ],
)
def test_refused_writes(world, path, payload, content_format, code):
    answer = world.ask(c.PUT, path, payload, content_format=content_format)
    assert answer.code == code
    assert answer.payload
    assert world.toy.writes == []


def test_execute(world):
    assert world.ask(c.POST, "/42/0/3") == Answer(c.CHANGED)
    assert world.ask(c.POST, "/42/0/3", b"0='</33629/1>,</33629/2>',5", content_format=0) == Answer(c.CHANGED)
    assert world.toy.runs == [(3, ""), (3, "0='</33629/1>,</33629/2>',5")]
    world.toy.answer = c.METHOD_NOT_ALLOWED
    assert world.ask(c.POST, "/42/0/3").code == c.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("path", "payload", "content_format", "code"),
    [
        ("/42/0/3", b"now", 0, c.BAD_REQUEST),
        ("/42/0/3", b"0='a", 0, c.BAD_REQUEST),
        ("/42/0/3", b"0,", 0, c.BAD_REQUEST),
        ("/42/0/3", b"\xff", 0, c.BAD_REQUEST),
        ("/42/0/3", b"", c.FORMAT_TLV, c.UNSUPPORTED_CONTENT_FORMAT),
        ("/42/0/1", b"", -1, c.METHOD_NOT_ALLOWED),
        ("/42/0/9", b"", -1, c.NOT_FOUND),
        ("/42/3/3", b"", -1, c.NOT_FOUND),
        ("/42", b"", -1, c.METHOD_NOT_ALLOWED),
        ("/42/0/2/0", b"", -1, c.METHOD_NOT_ALLOWED),
    ],
)
def test_refused_executes(world, path, payload, content_format, code):
    assert world.ask(c.POST, path, payload, content_format=content_format).code == code
    assert world.toy.runs == []


def test_nothing_is_deleted(world):
    assert world.ask(c.DELETE, "/42/0").code == c.METHOD_NOT_ALLOWED


# -- Discover and attributes ---------------------------------------------------------------------------------------


def test_discover_and_write_attributes(world):
    assert world.ask(c.PUT, "/42", query=["pmin=10"]) == Answer(c.CHANGED)
    assert world.ask(c.PUT, "/42/0", query=["pmax=60"]) == Answer(c.CHANGED)
    assert world.ask(c.PUT, "/42/0/1", query=["gt=5", "pmin=1"]) == Answer(c.CHANGED)
    assert world.ask(c.GET, "/42", accept=40) == Answer(
        c.CONTENT,
        c.FORMAT_LINK,
        b"</42>;pmin=10,</42/0>;pmax=60,</42/0/1>;pmin=1;gt=5,</42/0/2>;dim=2,</42/0/3>,</42/0/4>,</42/0/5>",
    )
    assert world.ask(c.GET, "/42/0", accept=40).payload.startswith(b"</42/0>;pmax=60,</42/0/1>;pmin=1;gt=5,")
    assert world.ask(c.GET, "/42/0/1", accept=40).payload == b"</42/0/1>;pmin=1;pmax=60;gt=5"
    assert world.ask(c.GET, "/42/0/2", accept=40).payload == (
        b"</42/0/2>;dim=2;pmin=10;pmax=60,</42/0/2/0>,</42/0/2/1>"
    )
    assert world.tree.attributes.inherited((42, 0, 1)) == {"pmin": 1, "pmax": 60, "gt": 5.0}


def test_discover_shows_a_version_where_one_is_announced():
    class Firmware(Toy):
        definition = OBJECT_5_V1_1

    tree = ObjectTree([Firmware()])
    assert tree.links() == b'</>;rt="oma.lwm2m";ct="60 110 112 11542",</5>;ver=1.1,</5/0>'
    options = request_options(["5"], accept=40)
    assert tree.handle(Message(c.CON, c.GET, options=options)).payload.startswith(b"</5>;ver=1.1,</5/0>,")


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/42/0/1", ["foo=1"], c.BAD_REQUEST),
        ("/42/0/4", ["gt=1"], c.BAD_REQUEST),
        ("/42/0", ["st=1"], c.BAD_REQUEST),
        ("/42/0/1", ["lt=5", "gt=5"], c.BAD_REQUEST),
        ("/42/0/6", ["pmin=1"], c.NOT_FOUND),
        ("/43", ["pmin=1"], c.NOT_FOUND),
        ("/42/0/3", ["pmin=1"], c.METHOD_NOT_ALLOWED),
        ("/", ["pmin=1"], c.METHOD_NOT_ALLOWED),
    ],
)
def test_refused_attributes(world, path, query, code):
    assert world.ask(c.PUT, path, query=query).code == code
    assert world.tree.attributes.revision == 0


@pytest.mark.parametrize(
    ("path", "code"), [("/", c.METHOD_NOT_ALLOWED), ("/42/0/6", c.NOT_FOUND), ("/42/0/2/0", c.METHOD_NOT_ALLOWED)]
)
def test_refused_discovers(world, path, code):
    assert world.ask(c.GET, path, accept=40).code == code


# -- composites ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_format", [c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR])
def test_read_composite_leaves_out_what_is_not_there(world, content_format):
    payload = encode_paths(content_format, [(42, 0, 1), (3, 0, 3), (9, 0, 0), (42, 0, 3), (42, 0, 2, 1), (42, 0, 1)])
    answer = world.ask(c.FETCH, "/", payload, content_format=content_format)
    assert answer[:2] == (c.CONTENT, content_format)
    records = decode_values(content_format, answer.payload, world.tree.type_of)
    assert [(r.path, r.value) for r in records] == [((42, 0, 1), 7), ((3, 0, 3), "1.0.0"), ((42, 0, 2, 1), "b")]


def test_read_composite_of_the_root_has_no_keys(world):
    payload = encode_paths(c.FORMAT_SENML_CBOR, [()])
    answer = world.ask(c.FETCH, "/", payload, content_format=c.FORMAT_SENML_CBOR, accept=c.FORMAT_SENML_JSON)
    records = decode_values(c.FORMAT_SENML_JSON, answer.payload, world.tree.type_of)
    assert {record.path[0] for record in records} == {1, 3, 4, 42}
    payload = encode_paths(c.FORMAT_SENML_CBOR, [(42,), (0, 0)])
    assert world.ask(c.FETCH, "/", payload, content_format=c.FORMAT_SENML_CBOR).code == c.UNAUTHORIZED


def test_write_composite(world):
    records = [Record((42, 0, 1), INTEGER, 2), Record((1, 0, 1), INTEGER, 60), Record((42, 0, 2, 1), STRING, "x")]
    payload = encode_values(c.FORMAT_SENML_JSON, records)
    assert world.ask(c.IPATCH, "/", payload, content_format=c.FORMAT_SENML_JSON) == Answer(c.CHANGED)
    assert world.toy.values[1] == 2
    assert world.toy.values[2] == {0: "a", 1: "x"}
    assert world.heard == [60]


@pytest.mark.parametrize(
    ("payload", "content_format", "accept", "code"),
    [
        (b"[]", c.FORMAT_SENML_JSON, -1, c.BAD_REQUEST),
        (b'[{"n":"/42/0/1","v":1}]', c.FORMAT_SENML_JSON, -1, c.BAD_REQUEST),
        (b"x", c.FORMAT_SENML_JSON, -1, c.BAD_REQUEST),
        (b"\x00", c.FORMAT_TLV, -1, c.UNSUPPORTED_CONTENT_FORMAT),
        (b"", -1, -1, c.UNSUPPORTED_CONTENT_FORMAT),
        (b'[{"n":"/42/0/1"}]', c.FORMAT_SENML_JSON, c.FORMAT_TLV, c.NOT_ACCEPTABLE),
    ],
)
def test_refused_read_composites(world, payload, content_format, accept, code):
    assert world.ask(c.FETCH, "/", payload, content_format=content_format, accept=accept).code == code


def test_paths_of_a_composite():
    payload = b'[{"bn":"/3/0/","n":"0"},{"n":"9"},{"bn":"/5/0/3"},{"bn":"","n":"/"}]'
    assert decode_paths(c.FORMAT_SENML_JSON, payload) == ((3, 0, 0), (3, 0, 9), (5, 0, 3), ())
    with pytest.raises(UnsupportedFormatError):
        encode_paths(c.FORMAT_TLV, [(3,)])
    with pytest.raises(ContentFormatError, match="without a path"):
        decode_paths(c.FORMAT_SENML_CBOR, b"\x80")


# -- hostile requests ----------------------------------------------------------------------------------------------


@given(
    st.sampled_from([c.GET, c.PUT, c.POST, c.DELETE, c.FETCH, c.PATCH, c.IPATCH]),
    st.lists(st.sampled_from([b"42", b"3", b"0", b"1", b"2", b"4", b"", b"\xff", b"65535", b"1_0"]), max_size=5),
    st.lists(st.sampled_from([b"pmin=1", b"pmin", b"\xff", b"", b"gt=1"]), max_size=2),
    st.sampled_from([-1, 0, 40, 42, 60, 110, 112, 11542, 11543]),
    st.sampled_from([-1, 0, 40, 42, 60, 110, 112, 11542, 11543]),
    st.binary(max_size=40),
)
def test_any_request_has_an_answer(code, path, query, content_format, accept, payload):
    options = request_options((), content_format=content_format, accept=accept)
    options += [(c.URI_PATH, segment) for segment in path] + [(c.URI_QUERY, argument) for argument in query]
    options.sort(key=lambda option: option[0])
    answer = World().tree.handle(Message(c.CON, code, options=options, payload=payload))
    assert c.is_response(answer.code)
    assert (answer.content_format >= 0) is (answer.code == c.CONTENT)


# -- the standard objects ------------------------------------------------------------------------------------------


def test_server_object(world):
    assert world.ask(c.PUT, "/1/0/1", b"60", content_format=0).code == c.CHANGED
    assert world.ask(c.PUT, "/1/0/1", b"0", content_format=0).code == c.BAD_REQUEST
    assert world.ask(c.POST, "/1/0/8").code == c.CHANGED
    assert world.heard == [60, "update"]
    assert world.ask(c.PUT, "/1/0/6", b"0", content_format=0).code == c.CHANGED
    assert world.ask(c.GET, "/1/0/6").payload == b"0"
    assert world.ask(c.PUT, "/1/0/7", b"S", content_format=0).code == c.BAD_REQUEST
    assert world.ask(c.PUT, "/1/0/7", b"U", content_format=0).code == c.CHANGED
    periods = []
    server = Server(
        300, on_lifetime=periods.append, on_update_trigger=lambda: None, on_periods=lambda *both: periods.append(both)
    )
    server.write(2, 5)
    server.write(3, 60)
    assert periods == [(5, 0), (5, 60)]


def test_device_object(world):
    assert world.ask(c.GET, "/3/0/11/0").payload == b"0"
    assert world.ask(c.GET, "/3/0/13").payload == b"1000"
    assert world.ask(c.PUT, "/3/0/13", b"5000", content_format=0).code == c.CHANGED
    assert world.ask(c.GET, "/3/0/13").payload == b"5000"
    assert world.ask(c.PUT, "/3/0/3", b"x", content_format=0).code == c.METHOD_NOT_ALLOWED
    world.device.error_codes = {0: 5, 1: 7}
    assert world.ask(c.GET, "/3/0/11/1").payload == b"7"
    assert world.ask(c.POST, "/3/0/12").code == c.CHANGED
    assert world.ask(c.GET, "/3/0/11/1").code == c.NOT_FOUND
    assert world.ask(c.POST, "/3/0/4").code == c.CHANGED
    assert world.ask(c.POST, "/3/0/5").code == c.NOT_FOUND
    assert world.heard == ["reboot"]


def test_instances_have_only_what_their_definitions_have(world):
    for instance in world.tree.instances():
        for number, definition in instance.definition.resources.items():
            value = instance.read(number)
            if "R" in definition.operations and value is not None:
                assert isinstance(value, dict) is definition.multiple
        assert list(instance.definition.resources) == sorted(instance.definition.resources)
        if not isinstance(instance, Toy):
            assert instance.execute(99, "") >= c.BAD_REQUEST
            assert instance.write(99, "") >= c.BAD_REQUEST


def test_restricted_definitions_keep_what_is_mandatory():
    with pytest.raises(ValueError, match=r"mandatory ones missing \[4, 11\]"):
        restricted(OBJECT_3, (0, 16))
    with pytest.raises(ValueError, match=r"unknown resources \[77\]"):
        restricted(OBJECT_0, (*OBJECT_0.resources, 77))


def test_two_instances_of_one_path_are_told():
    with pytest.raises(ValueError, match="same path"):
        ObjectTree([Toy(), Toy()])


def test_read_records_tells_why_not(world):
    with pytest.raises(RefusedError, match=r"4\.04: no object /9"):
        world.tree.read_records((9,))
    assert world.tree.read((9,)).code == c.NOT_FOUND


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer keeps memory of its own")
def test_a_tree_is_small_beside_its_instances():
    count = 200
    instances = [
        [Security("coap://127.0.0.1"), Device("s", "1", now_unix=int, on_reboot=int), ConnectivityMonitoring(), Toy()]
        for _ in range(count)
    ]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        trees = [ObjectTree(several) for several in instances]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(trees) == count
    assert (after - before) / count <= 1536
