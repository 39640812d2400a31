"""Loading: every problem at once, each with its place, and nothing but ScenarioError for bad input."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap.params import TransmissionParameters
from simulator.firmware import HEADER_SIZE, build
from simulator.scenario import ScenarioError, load, loads
from simulator.scenario.schema import json_schema

MINIMAL = "[groups.a]\ncount = 3\n"
UNIT_MEND = "did you mean `MiB` or `MB`? units are B, kB, KiB, MB, MiB, GB, GiB"


def problems(text, kinds, *overrides, **options):
    """The problems of a text as (line, key, message, mend)."""
    with pytest.raises(ScenarioError) as caught:
        loads(text, overrides, kinds=kinds, **options)
    return [(p.line, p.key, p.message, p.mend) for p in caught.value.problems]


def only(text, kinds, *overrides, **options):
    found = problems(text, kinds, *overrides, **options)
    assert len(found) == 1, found
    return found[0]


def test_the_smallest_scenario_has_all_defaults(kinds):
    scenario = loads(MINIMAL, kinds=kinds, file="my first.toml")
    assert scenario.run.name == "my-first"
    assert scenario.server.kind == "embedded"
    assert scenario.target_hosts == ("127.0.0.1",)
    assert scenario.firmware.size == 65536
    assert scenario.groups["a"].flash == 2 * 2**20
    assert scenario.groups["a"].coap.max_transmit_wait_s == 93  # RFC 7252 §4.8.2
    assert (scenario.devices, scenario.campaign_groups, scenario.driven) == (3, ("a",), True)


def test_a_group_overrides_the_defaults_key_by_key(kinds):
    text = '[devices]\nflash = "1 MiB"\ncoap.ack_timeout = "1 s"\ncoap.nstart = 2\n'
    text += '[groups.a]\ncount = 1\n[groups.b]\ncount = 1\nflash = "3 MiB"\ncoap.ack_timeout = "500 ms"\n'
    a, b = loads(text, kinds=kinds).groups.values()
    assert (a.flash, a.coap.ack_timeout, a.coap.nstart) == (2**20, 1.0, 2)
    assert (b.flash, b.coap.ack_timeout, b.coap.nstart) == (3 * 2**20, 0.5, 2)


def test_the_parameters_of_coap_say_how_long_a_push_is_waited_for():
    text = 'groups.a = { count = 1, coap = { ack_timeout = "500 ms", max_retransmit = 3, max_latency = "2 s" } }'
    parameters = loads(text).groups["a"].coap.parameters
    assert parameters == TransmissionParameters(0.5, 1.5, 3, 1, 2.0)
    assert (parameters.MAX_TRANSMIT_WAIT, parameters.EXCHANGE_LIFETIME) == (11.25, 9.75)
    push = '[groups.b]\ncount = 1\ndelivery = "push"\n%s\n'
    push += '[[groups.b.faults]]\nkind = "push-block-refused"\ncode = "4.13"\n'
    assert loads(push % 'coap.max_latency = "50 s"').groups["b"].faults
    with pytest.raises(ScenarioError, match="gives up a push after up to 247 s, the operator looks for 180 s only"):
        loads(push % "")


def test_all_problems_are_told_at_once_in_the_order_of_the_file(kinds):
    text = """[run]
nam = "x"
[firmware]
size = 65536
[devices]
flash = "2 MiBB"
[groups.a]
conut = 3
delivery = "pul"
[[groups.a.faults]]
kind = "flash-too-smal"
[[groups.a.faults]]
kind = "flash-too-small"
capacity = 5
[campaign]
groups = ["b"]
[critera]
"""
    assert problems(text, kinds, "campaign.concurrency=0") == [
        (None, "campaign.concurrency", "must be greater than or equal to 1 (found 0)", ""),
        (2, "run.nam", "unknown key `nam`", "did you mean `name`?"),
        (4, "firmware.size", "a size needs a unit, 65536 has none", 'write a unit, as in "64 KiB"'),
        (6, "devices.flash", "'MiBB' is no unit of a size", UNIT_MEND),
        (7, "groups.a.count", "`count` is missing", "add `count`"),
        (8, "groups.a.conut", "unknown key `conut`", "did you mean `count`?"),
        (9, "groups.a.delivery", "'pul' is not possible here", "did you mean `pull`?"),
        (11, "groups.a.faults[0].kind", "'flash-too-smal' is no kind of fault", "did you mean `flash-too-small`?"),
        (14, "groups.a.faults[1].capacity", "a size needs a unit, 5 has none", 'write a unit, as in "64 KiB"'),
        (17, "critera", "unknown section `critera`", "did you mean `criteria`?"),
    ]  # fmt: skip


BAD_VALUES = [
    ("run.name", '"a b"', "should match pattern"),
    ("run.seed", "-1", "must be greater than or equal to 0"),
    ("run.seed", '"x"', "expected an integer (found 'x')"),
    ("run.duration_max", '"0 s"', "a duration of zero"),
    ("server.kind", '"leshn"', "'leshn' is no kind of server"),
    ("server.kind", "5", "5 is no kind of server"),
    ("server.port", "65536", "must be less than or equal to 65535"),
    ("server.url", '"http://x"', '`url` has no meaning with kind = "embedded"'),
    ("firmware.version", '""', "not 1 to 32 bytes of printable text"),
    ("firmware.model", '"äääääääääääääääää"', "not 1 to 32 bytes of printable text"),
    ("firmware.file", '"no/such/file"', "cannot be read: No such file"),
    ("firmware.file", '"."', "cannot be read: Is a directory"),
    ("firmware.file", '"\\u0000"', "cannot be read"),
    ("devices.count", "3", "`count` belongs to a group"),
    ("devices.block_size", "100", "100 is no block size"),
    ("devices.block_size", "true", "not a size: True"),
    ("devices.lifetime", '"1.5 s"', "a lifetime is a whole number of seconds"),
    ("devices.management", '"http"', "'http' is not possible here"),
    ("devices.network", '"5g"', "'5g' is no network profile"),
    ("devices.network.rate", '"300 kbit"', "'kbit' is no unit of a bit rate"),
    ("devices.credentials.wrong", '"lost"', "'lost' is not possible here"),
    ("devices.transport", '"quic"', "'quic' is not possible here"),
    ("devices.endpoint", '"{name}{index}"', "unknown field {name}"),
    ("devices.endpoint", '"{index.real}"', "unknown field {index.real}"),
    ("devices.endpoint", '"{index!r}"', "the field {index} cannot be written like that"),
    ("devices.endpoint", '"{index:99999d}"', "the field {index} cannot be written like that"),
    ("devices.endpoint", '"{group:5}{index}"', "the field {group} cannot be written like that"),
    ("devices.endpoint", '"a {index}"', "has no spaces"),
    ("devices.endpoint", '"{index"', "not a pattern"),
    ("devices.endpoint", '"{{index}}"', "a name has no braces"),
    ("devices.endpoint", '"{}{index}"', "unknown field {}"),
    ("devices.coap.max_retransmit", "21", "must be less than or equal to 20"),
    ("devices.coap.ack_timout", '"1 s"', "unknown key `ack_timout`"),
    ("devices.coap.ack_random_factor", "0.5", "must be greater than or equal to 1"),
    ("devices.boot_time", '{ min = "3 s", max = "1 s" }', "`min` is above `max`"),
    ("groups.a.count", '"3"', "expected an integer (found '3')"),
    ("groups.a.count", "true", "expected an integer (found True)"),
    ("groups.a.count", "1.0", "expected an integer"),
    ("groups.a.expect", "{ state = 1, result = 2 }", "no device can be in State 1 with Update Result 2"),
    ("groups.a.faults", "5", "faults are an array of tables"),
    ("groups.a.faults", "[5]", "a fault is a table"),
    ("groups.a.faults", "[{}]", "`kind` is missing"),
    ("groups.a.faults", '[{ kind = "install-fails", share = "0 %" }]', "a fault that no device carries"),
    ("groups.a.faults", '[{ kind = "install-fails", bits = 1 }]', "unknown key `bits`"),
    ("groups.a.faults", '[{ kind = "image-corrupt", bits = 0 }]', "must be greater than or equal to 1"),
    ("groups.a.faults", '[{ kind = "packet-loss" }]', "`rate` is missing"),
    ("groups.a", "5", "a group is a table"),
    ('groups."a b"', "{ count = 1 }", "'a b' is no name of a group"),
    ("groups", "5", "expected tables"),
    ("groups", "{}", "there are no devices"),
    ("groups.a.count", "0", "no group has a device"),
    ("arrivals.kind", '"ramp"', "`from` is missing"),
    ("arrivals.from", '"1/s"', '`from` has no meaning with kind = "rate"'),
    ("arrivals", "5", "expected a table"),
    ("campaign", "5", "expected a dictionary"),
    ("campaign.start", '"now"', "'now' is not possible here"),
    ("campaign.start", "{ after = 5 }", "a duration needs a unit"),
    ("campaign.execute", '{ after = "5 s" }', "is not possible here"),
    ("campaign.order", '"rnd"', "'rnd' is not possible here"),
    ("criteria.throughput_min", '{ "coap/push" = "1 MB/s" }', "no group transfers by 'coap/push'"),
    ("criteria.throughput_min", '{ "coap/pull" = 5 }', "a throughput needs a unit"),
    ("criteria.as_declared_min", "1", "a share needs a unit"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "message"), BAD_VALUES)
def test_a_bad_value_is_refused_at_its_place(kinds, key, value, message):
    with pytest.raises(ScenarioError) as caught:
        loads(MINIMAL, [f"{key}={value}"], kinds=kinds)
    found = [problem for problem in caught.value.problems if message in problem.message]
    assert found, caught.value
    assert {problem.file for problem in found} == {"--set"}
    assert str(found[0]).startswith(f"--set: {found[0].key}: ")


def test_a_text_that_is_no_toml_has_its_line(kinds):
    line, key, message, _ = only("[run]\nname = x y\n", kinds)
    assert (line, key) == (2, "")
    assert message.startswith("not TOML: ")
    assert only("a = [", kinds)[0] == 1
    assert "cannot" in only("a = 1\na = 2", kinds)[2]


def test_a_problem_of_an_override_does_not_point_into_the_file(kinds):
    with pytest.raises(ScenarioError, match=r"^--set: groups.a.count: "):
        loads(MINIMAL, ["groups.a.count=-1"], kinds=kinds)
    with pytest.raises(ScenarioError, match=r"^x.toml:2: groups.a.count: "):
        loads("[groups.a]\ncount = -1", ["run.seed=5"], kinds=kinds, file="x.toml")


def test_files_that_cannot_be_read_are_problems(tmp_path):
    for path, message in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ScenarioError, match=message):
            load(path)
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        load(tmp_path / "latin.toml")


def test_a_file_that_is_no_package_gets_a_header(tmp_path, kinds):
    (tmp_path / "image.bin").write_bytes(bytes(1000))
    scenario = tmp_path / "x.toml"
    scenario.write_text(MINIMAL + '[firmware]\nfile = "image.bin"\n')
    firmware = load(scenario, kinds=kinds).firmware
    assert (firmware.size, firmware.file) == (1000 + HEADER_SIZE, str(tmp_path / "image.bin"))
    assert (firmware.version, firmware.model) == ("2.0.0", "vd-1")
    with pytest.raises(ScenarioError, match="exclude each other"):
        load(scenario, ["firmware.size=1 MiB"], kinds=kinds)


def test_a_package_file_gives_size_version_and_model(tmp_path, kinds):
    (tmp_path / "image.bin").write_bytes(build("other", "3.0", bytes(1000)))
    scenario = tmp_path / "x.toml"
    scenario.write_text(MINIMAL + '[firmware]\nfile = "image.bin"\n')
    firmware = load(scenario, ["firmware.version='3.0'"], kinds=kinds).firmware
    assert (firmware.size, firmware.version, firmware.model) == (1000 + HEADER_SIZE, "3.0", "other")
    with pytest.raises(ScenarioError, match=r"the package file has '3\.0', not '4\.0'"):
        load(scenario, ["firmware.version='4.0'"], kinds=kinds)


def test_the_number_of_devices_is_set_before_the_checks(kinds):
    text = MINIMAL + '[campaign]\nexecute = "all-downloaded"\nconcurrency = 3\n'
    assert loads(text, kinds=kinds).devices == 3
    assert only(text, kinds, devices=4)[1] == "campaign.concurrency"
    assert loads(text, kinds=kinds, devices=2).devices == 2
    assert only(text, kinds, devices=0)[2] == "a fleet has at least one device, not 0"


def schema_keys(kinds):
    """Some key paths that a scenario may have, from its schema."""
    schema = json_schema(kinds)
    definitions = schema["$defs"]
    sections = {"run": "Run", "firmware": "Firmware", "devices": "DeviceSettings", "groups.a": "Group"}
    sections |= {"campaign": "Campaign", "criteria": "Criteria", "devices.coap": "TransmissionSettings"}
    keys = [f"{at}.{key}" for at, name in sections.items() for key in definitions[name]["properties"]]
    return [*keys, *(f"server.{key}" for key in ("kind", "host", "port", "url")), *schema["properties"]]


JUNK = st.sampled_from(
    ["1", "-1", "0", "1e400", "nan", "true", '""', '"x"', '"1 s"', '"5 %"', '"1/s"', "[]", "[[]]", "[1]", "{}",
     '"pull"', "{ a = 1 }", "07:32:00", "99999999999999999999999", '"{index}"', '"{"', '[{ kind = "install-fails" }]',
     '"none"', '[{ kind = "packet-loss", rate = "5 %" }, {}]', '"{index:d}{group}"', '"1 GiB"', '"external"',
     '{ kind = "x" }']
)  # fmt: skip


@given(data=st.data())
def test_no_value_raises_anything_but_a_scenario_error(kinds, data):
    key = st.sampled_from(schema_keys(kinds))
    changes = data.draw(st.lists(st.tuples(key, JUNK).map("=".join), max_size=4))
    with contextlib.suppress(ScenarioError):
        loads(MINIMAL, changes, kinds=kinds).to_dict()


@given(text=st.one_of(st.text(), st.text(alphabet='[]{}=".,#\n ab1').map(lambda tail: MINIMAL + tail)))
def test_no_text_raises_anything_but_a_scenario_error(kinds, text):
    with contextlib.suppress(ScenarioError):
        loads(text, kinds=kinds)
