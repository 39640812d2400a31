"""Orders and the course of an update: what is read, and what is refused with the reason."""

import pytest

from simulator.scenario import ScenarioError, loads

PUSH = '[groups.a]\ncount = 10\ndelivery = "push"\n'
ORDER = '[[groups.a.orders]]\nwhen = "idle"\ndo = "read"\npath = "/5/0/3"\n'
NEVER = '[campaign]\nexecute = "never"\n'
LEFT = "expect = { state = 2, result = 0 }\n"
FAILS = '[[groups.a.faults]]\nkind = "install-fails"\n'


def order(when="idle", do="read", path="/5/0/3", **more):
    rest = "".join(f", {key} = {value}" for key, value in more.items())
    return f'orders = [{{ when = "{when}", do = "{do}", path = "{path}"{rest} }}]\n'


def test_what_is_read():
    text = order("idle", "write", "/5/0/0", value='"\\u0000"') + 'course = { states = [0, 1], write = "2.04" }\n'
    group = loads(PUSH + "expect = { state = 1, result = 0 }\n" + text).groups["a"]
    [first] = group.orders
    assert (first.when, first.do, first.path, first.value, first.answer) == ("idle", "write", "/5/0/0", "\0", "2.04")
    assert (group.course.states, group.course.results, group.course.write) == ((0, 1), (), "2.04")
    assert group.course.declared
    assert not loads(PUSH).groups["a"].course.declared
    assert loads(PUSH).groups["a"].orders == ()


@pytest.mark.parametrize(("do", "code"), [("read", "2.05"), ("write", "2.04"), ("execute", "2.04")])
def test_success_is_what_is_declared_by_default(do, code):
    more = {"value": '"1"'} if do == "write" else {}
    [first] = loads(PUSH + order(do=do, path="/5/0/11", **more)).groups["a"].orders
    assert first.answer == code


def test_what_a_run_directory_has_of_them():
    group = loads(PUSH + order(value='"0"') + "course = { results = [0, 1] }\n").to_dict()["groups"]["a"]
    assert group["orders"] == [{"when": "idle", "do": "read", "path": "/5/0/3", "value": "0", "code": None}]
    assert group["course"] == {"states": [], "results": [0, 1], "write": None, "execute": None}


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (PUSH + order("asleep"), "orders[0].when", "'asleep' is not possible here"),
        (PUSH + order(do="observe"), "orders[0].do", "'observe' is not possible here"),
        (PUSH + order(path="/5/0"), "orders[0].path", "'/5/0' is no path of a resource"),
        (PUSH + order(path="5/0/3"), "orders[0].path", "'5/0/3' is no path of a resource"),
        (PUSH + order(path="/5/0/3/1/2"), "orders[0].path", "'/5/0/3/1/2' is no path of a resource"),
        (PUSH + order(code='"204"'), "orders[0].code", "string should match pattern"),
        (PUSH + order(wen='"x"'), "orders[0].wen", "unknown key `wen`; did you mean `when`?"),
        (PUSH + order(do="write", path="/5/0/1"), "orders[0]", "a write without a value"),
        (PUSH + order(do="write", path="/5/0/0", value='"x"'), "orders[0]", "writes the one that clears only"),
        (PUSH + order(value='"1"', code='"4.05"'), "orders[0]", "what is refused gives no value"),
        (PUSH + order("end", "execute", "/5/0/2"), "orders[0]", "would begin something new"),
        (PUSH + "course = { states = [0, 4] }", "course.states[1]", "less than or equal to 3"),
        (PUSH + "course = { results = [0, 0, 1] }", "course", "a value twice in a row"),
        (PUSH + "course = { states = [0, 1, 2] }", "course.states", "declared to end with 0"),
        (PUSH + "course = { results = [0] }", "course.results", "declared to end with 1"),
        (PUSH + "course = { results = [0, 1] }\n" + FAILS, "course.results", "declared to end with 8"),
        (
            PUSH + "course = { results = [0, 8] }\n" + FAILS + 'share = "50 %"',
            "course.results", "declared to end with 1",
        ),
        ('[server]\nkind = "external"\nhost = "192.0.2.1"\n' + PUSH + order(), "orders", "gives its own orders"),
        (
            '[server]\nkind = "external"\nhost = "192.0.2.1"\n' + PUSH + 'course = { write = "2.04" }',
            "course", "gives its own orders",
        ),
        (
            '[server]\nkind = "external"\nhost = "192.0.2.1"\n' + PUSH + 'push_format = "tlv"',
            "push_format", "gives its own orders",
        ),
        (PUSH + 'push_format = "cbor"\nlwm2m = "1.0"', "push_format", "CBOR needs LwM2M 1.1"),
        (PUSH + 'push_format = "xml"', "push_format", "known are `opaque`, `tlv`, `cbor`"),
        (NEVER + PUSH, "expect", "so no update succeeds"),
        (NEVER + PUSH + LEFT + FAILS, "faults", "a fault of the installation never strikes"),
        (NEVER + PUSH + LEFT + order("updating"), "orders[0].when", "so that State never comes"),
        (NEVER + PUSH + LEFT + 'course = { execute = "2.04" }', "course.execute", "nobody executes Update"),
    ],
)  # fmt: skip
def test_what_is_refused(text, key, message):
    with pytest.raises(ScenarioError) as raised:
        loads(text)
    [problem] = raised.value.problems
    assert problem.key == f"groups.a.{key}"
    assert message in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        PUSH + "course = { states = [0, 1, 2, 3, 2], results = [0, 8] }\n" + FAILS,
        PUSH + "course = { states = [0, 1, 2, 3, 0], results = [0, 1] }\n",
        NEVER + PUSH + LEFT,
        NEVER + PUSH + 'expect = { state = 0, result = 2 }\nflash = "1 KiB"\n',
        PUSH + order(code='"4.05"'),
    ],
)
def test_what_is_taken(text):
    assert loads(text).groups["a"].count == 10


def test_devices_have_defaults_of_them():
    text = "[devices]\n" + order() + 'course = { write = "2.04", results = [0, 1] }\n' + PUSH
    groups = loads(text + "course = { results = [] }\n[groups.b]\ncount = 1\norders = []\n").groups
    assert [len(group.orders) for group in groups.values()] == [1, 0]
    assert [(group.course.write, group.course.results) for group in groups.values()] == [("2.04", ()), ("2.04", (0, 1))]
