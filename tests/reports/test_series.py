import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.aggregate import update_frame
from reports.devices import device_frame
from reports.figures import Material, flow
from reports.series import OTHERS, STRETCHES_MOST, VALUES_MOST, spread, step_for
from tests.reports.synthetic import SIZE, Device, fleet_of

STEP, COUNT = 0.5, 40
MOMENTS = st.floats(0, STEP * COUNT - 0.001)


def slowly(started, ended, amount):
    """What comes of one transfer in each stretch, stretch by stretch."""
    found = []
    for k in range(COUNT):
        low, high = k * STEP, (k + 1) * STEP
        if ended == started:
            found.append(amount if low <= started < high else 0.0)
        else:
            found.append(amount * max(0.0, min(ended, high) - max(started, low)) / (ended - started))
    return found


@given(st.lists(st.tuples(MOMENTS, MOMENTS, st.integers(0, 10**9)), max_size=20))
def test_amounts_are_spread_evenly(transfers):
    rows = [(min(a, b), max(a, b) if abs(a - b) > 1e-6 else min(a, b), amount) for a, b, amount in transfers]
    started, ended, amounts = (np.array([row[k] for row in rows], float) for k in range(3))
    found = spread(started, ended, amounts, STEP, COUNT)
    expected = np.sum([slowly(*row) for row in rows], axis=0) if rows else np.zeros(COUNT)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-3 * max(1.0, amounts.sum() * 1e-6))
    assert found.sum() == pytest.approx(amounts.sum())


@given(st.floats(0, 1e7))
def test_a_step_is_the_shortest_round_one(last_s):
    step = step_for(last_s)
    assert last_s / step < STRETCHES_MOST
    if step > 3600:
        assert last_s >= (step - 3600) * STRETCHES_MOST


def test_the_series_of_a_run(summary):
    devices = [
        Device(0, download_s=0.8),  # 0.1 to 0.9
        Device(1, "pushed", delivery="push", due=1.0, download_s=0.1, update_s=0.5),
    ]
    found = summary(devices).series
    assert found.step_s == 0.1
    kinds = found.bytes_per_s["delivery"]
    assert kinds["pull"][:10] == pytest.approx([0, *[SIZE / 0.8] * 8, 0], abs=0.01)
    assert sum(kinds["push"]) * found.step_s == pytest.approx(SIZE, rel=1e-6)
    assert found.bytes_per_s["group"]["pushed"] == kinds["push"] == found.bytes_per_s["server"]["server"]
    for rates, at in [
        (found.registered_per_s, (0.01, 1.01)),
        (found.due_per_s, (0.0, 1.0)),
        (found.started_per_s, (0.1, 1.1)),
        (found.ended_per_s, (1.1, 1.6)),
    ]:
        assert sum(rates) * found.step_s == pytest.approx(2)
        for moment in at:
            near = rates[max(0, math.floor(moment / 0.1) - 1) : math.floor(moment / 0.1) + 2]
            assert max(near) == 10.0, "one in a tenth of a second"


def test_many_values_of_a_property_are_joined(summary):
    devices = [Device(k, f"group-{k:03}") for k in range(VALUES_MOST + 7)]
    found = summary(devices).series.bytes_per_s
    assert len(found["group"]) == VALUES_MOST
    assert sum(found["group"][OTHERS]) * 0.1 == pytest.approx(8 * SIZE, rel=1e-6)
    assert sum(map(sum, found["group"].values())) == pytest.approx(sum(found["transport"]["coap"]), rel=1e-6)


def test_a_run_without_transfers_has_no_series_of_bytes(summary):
    found = summary([Device(0, unreached="no answer")]).series
    assert found.bytes_per_s == {name: {} for name in ("transport", "delivery", "network", "group", "server")}
    assert set(found.started_per_s) == {0.0}


def test_series_are_short_whatever_the_run(summary):
    found = summary([*fleet_of(30), Device(30, due=50_000.0)]).series
    assert len(found.ended_per_s) <= STRETCHES_MOST
    assert sum(found.ended_per_s) * found.step_s == pytest.approx(31, rel=0.01)


def test_the_figure_tells_the_highest_stretch_of_each_transport(summary):
    found = summary([Device(0, download_s=0.8), Device(1, transport="http", due=1.0, download_s=0.2)]).series
    assert flow.told(found) == f"In stretches of 100 ms: coap up to {SIZE / 0.8 / 1e3:.3g} kB/s, http up to 328 kB/s"
    (ax,) = flow.draw(found).axes
    tops = [patch.get_data().values for patch in ax.patches if patch.get_fill()]
    kinds = found.bytes_per_s["transport"]
    assert tops[-1].tolist() == [a + b for a, b in zip(kinds["coap"], kinds["http"], strict=True)]


def test_without_transfers_there_is_no_figure(record):
    run = record([Device(0, unreached="no answer")])
    assert flow.take(Material(run, update_frame(run, device_frame(run)))) is None
