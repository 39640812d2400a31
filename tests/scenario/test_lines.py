"""The line index: each key of a valid TOML text is found at its line."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario.lines import line_index, line_of

TEXT = '''# a comment with [brackets] and a = b
top = 1
dotted.key . "quoted one" = "x # not a comment"

[table]
text = """
several = lines ] } ""
"""
literal = \'\'\'
[not.a.table]
\'\'\'
after = 2
list = [ 1, # one ]
  { a = 1, b = "}" },
  [ "x",
    'y' ],
]
inline = { x = 1, y.z = [ 2 ] }
[[fruit]]
name = "apple"
[fruit.skin]
colour = "red"
[[fruit]]
[[fruit.kinds]]
name = 'a'
[[fruit.kinds]]
name = "b\\"]"
["odd \\u0041"."table"]
when = 1979-05-27 07:32:00  # a date
'''

LINES = {
    ("top",): 2,
    ("dotted", "key", "quoted one"): 3,
    ("table",): 5,
    ("table", "text"): 6,
    ("table", "literal"): 9,
    ("table", "after"): 12,
    ("table", "list"): 13,
    ("table", "list", 0): 13,
    ("table", "list", 1, "b"): 14,
    ("table", "list", 2): 15,
    ("table", "list", 2, 1): 16,
    ("table", "inline", "y", "z", 0): 18,
    ("fruit",): 19,
    ("fruit", 0, "name"): 20,
    ("fruit", 0, "skin", "colour"): 22,
    ("fruit", 1): 23,
    ("fruit", 1, "kinds", 0): 24,
    ("fruit", 1, "kinds", 1, "name"): 27,
    ("odd A", "table", "when"): 29,
}


def paths(value, at=()):
    """All paths of a parsed document, the root left out."""
    if at:
        yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from paths(each, (*at, key))


def test_all_shapes_of_toml_are_found():
    index = line_index(TEXT)
    assert {key: index.get(key) for key in LINES} == LINES
    assert set(paths(tomllib.loads(TEXT))) == set(index)


def test_windows_line_ends_count_as_one():
    assert line_index("a = 1\r\n[b]\r\nc = 'x'\r\n") == {("a",): 1, ("b",): 2, ("b", "c"): 3}


def test_a_missing_key_points_to_the_table_around_it():
    index = line_index("\n[groups.a]\ncount = 1\n")
    assert line_of(index, ("groups", "a", "flash", "x")) == 2
    assert line_of(index, ("other",)) is None


KEYS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True), st.text(max_size=6).filter(str.isprintable))
SCALARS = st.one_of(
    st.integers(-(2**60), 2**60).map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.text(max_size=20)
    .filter(lambda text: "\x7f" not in text and text.isprintable())
    .map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(["'a ] # } ='", '"""a\n"" b]\n"""', "'''x\n[t]\n'''", "07:32:00", "1e5", "inf"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[ # [\n" + ",\n".join(items) + "\n]"),
        st.dictionaries(KEYS, inner.filter(lambda v: "\n" not in v), max_size=3).map(
            lambda table: (
                "{ " + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {v}" for k, v in table.items()) + " }"
            )
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4))
def test_every_path_has_the_line_on_which_it_was_written(document):
    text, expected = "", {}
    for name, table in document.items():
        expected[name,] = text.count("\n") + 1
        text += f"[{json.dumps(name, ensure_ascii=False)}] # ] = [\n"
        for key, value in table.items():
            text += "\n# x = 1\n"
            expected[name, key] = text.count("\n") + 1
            text += f"  {json.dumps(key, ensure_ascii=False)} = {value}  # ]\n"
    index = line_index(text)
    assert set(index) == set(paths(tomllib.loads(text)))
    assert {key: index[key] for key in expected} == expected
