import subprocess
import sys
from dataclasses import dataclass, fields
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.events import EVENT_TYPES, SCHEMA_VERSION, StateChanged, TransferEnded
from simulator.recorder.columns import layout

INT64 = st.integers(-(2**63), 2**63 - 1)
KINDS = {
    "int": INT64,
    "float": st.floats(allow_nan=False),
    "str": st.text(),
    "bool": st.booleans(),
    "list[int]": st.lists(INT64, max_size=5),
}


def rows_of(event_type):
    return st.lists(
        st.builds(event_type, **{f.name: KINDS[f.type] for f in fields(event_type)}), min_size=1, max_size=6
    )


@pytest.mark.parametrize("event_type", EVENT_TYPES)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(event_type, data):
    rows = data.draw(rows_of(event_type))
    table = layout(event_type).build(rows)
    table.validate(full=True)
    assert table.column_names == [f.name for f in fields(event_type)]
    assert table.to_pylist() == [{f.name: getattr(row, f.name) for f in fields(row)} for row in rows]


def test_schema_carries_its_version():
    assert layout(StateChanged).schema.metadata == {b"lwm2m-fleet.schema": str(SCHEMA_VERSION).encode()}


def test_half_a_surrogate_pair_is_spelled_out():
    table = layout(StateChanged).build([StateChanged(0.0, 0, 0, 0, "a\ud800b"), StateChanged(0.0, 0, 0, 0, "ü")])
    assert table["cause"].to_pylist() == ["a\\ud800b", "ü"]


@pytest.mark.parametrize("value", ["1", 1.0, None, 2**63])
def test_value_of_another_type_is_an_error(value):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        layout(StateChanged).build([StateChanged(0.0, value, 0, 0, "")])


def test_field_of_another_type_is_an_error():
    @dataclass
    class Odd:
        table: ClassVar[str] = "odd"
        t: complex

    with pytest.raises(TypeError, match=r"Odd\.t"):
        layout(Odd)


def test_endpoint_is_stored_without_a_dictionary_and_other_text_with_one():
    assert "cause" in layout(StateChanged).dictionary
    assert layout(TransferEnded).dictionary == ["transport", "delivery", "outcome", "cause"]


def test_recording_does_not_import_pandas(tmp_path):
    program = (
        "import sys, pathlib\n"
        "from simulator.events import StateChanged, TransferEnded\n"
        "from simulator.recorder.recorder import Recorder\n"
        "recorder = Recorder(pathlib.Path(sys.argv[1]), 'fleet-0', lambda: 0.0)\n"
        "recorder.emit(StateChanged(0.0, 1, 0, 0, 'boot'))\n"
        "recorder.emit(TransferEnded(0.0, 1, 'coap', 'pull', 0.0, 1, 1, 0, 1, 1, 1, 0, 0, 'ok', 0, '', [5]))\n"
        "recorder.close()\n"
        "assert recorder.error is None, recorder.error\n"
        "sys.exit('pandas' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 0
