"""Expressions of criteria against the scenario that they stand in."""

import pytest

from simulator.scenario import ScenarioError
from simulator.scenario.load import loads

TEXT = """[groups.a]
count = 2
transport = "http"
network = "nb-iot"

[criteria]
expressions = [
  '{}',
  'rate(ok{{transport="coap"}}) == 1',
]
"""


def test_every_expression_is_told_of_with_its_line_and_column():
    with pytest.raises(ScenarioError) as error:
        loads(TEXT.format('sum(fail{group="b", network="lan"}) == 0'))
    found = [(one.line, one.key, one.message.split(" of ")[0], one.mend) for one in error.value.problems]
    assert found == [
        (8, "criteria.expressions[0]", "column 10", "known are a"),
        (8, "criteria.expressions[0]", "column 21", "known are nb-iot"),
        (9, "criteria.expressions[1]", "column 9", "known are http"),
    ]


def test_good_expressions_reach_the_record():
    text = TEXT.format('sum(fail{group="a", network="nb-iot", fault="none"}) == 0').replace('"coap"', '"http"')
    assert loads(text).to_dict()["criteria"]["expressions"][1] == 'rate(ok{transport="http"}) == 1'
