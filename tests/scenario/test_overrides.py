"""Overrides: values are TOML or text, and a wrong one is told with the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario.overrides import apply_overrides


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("a.b=5", {"a": {"b": 5}}),
        ("a.b = 5 KiB", {"a": {"b": "5 KiB"}}),
        ('a.b="5 KiB"', {"a": {"b": "5 KiB"}}),
        ("a.b=200/s", {"a": {"b": "200/s"}}),
        ("a=true", {"a": True}),
        ('a.start={after = "5 s"}', {"a": {"start": {"after": "5 s"}}}),
        ("url=http://127.0.0.1:80/?a=b", {"url": "http://127.0.0.1:80/?a=b"}),
        ('t."coap/pull"=1 MB/s', {"t": {"coap/pull": "1 MB/s"}}),
        ("a=", {"a": ""}),
    ],
)
def test_a_value_is_toml_or_else_text(text, document):
    target: dict = {}
    changed, problems = apply_overrides(target, [text])
    assert (target, len(changed), problems) == (document, 1, [])


def test_a_number_in_a_path_is_a_position():
    document = {"groups": {"a": {"faults": [{"share": "1 %"}, {}]}}}
    changed, problems = apply_overrides(document, ["groups.a.faults.1.share=5 %"])
    assert document["groups"]["a"]["faults"][1] == {"share": "5 %"}
    assert (changed, problems) == ([("groups", "a", "faults", 1, "share")], [])


@pytest.mark.parametrize("text", ["a", "=1", "a b=1", "list.5=1", "list.x=1", "one.two=1", "a\n=1", "a=1\nb=2"])
def test_what_cannot_be_set_is_told(text):
    document = {"list": [1], "one": 1}
    changed, problems = apply_overrides(document, [text, "good=1"])
    assert (changed, document["good"]) == ([("good",)], 1)
    assert [problem.file for problem in problems] == ["--set"]
    assert problems[0].mend == "write key.path=value"


@given(
    st.lists(st.one_of(st.text(), st.from_regex(r"[a-c.0-2\"]{1,6}=[ \[\]{}a0\"=]{0,6}", fullmatch=True)), max_size=5)
)
def test_no_text_raises(texts):
    changed, problems = apply_overrides({"a": [{"b": 1}], "b": 2}, texts)
    assert len(changed) + len(problems) == len(texts)
