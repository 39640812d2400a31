import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import units


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (units.number(None), "-"),
        (units.number(12345), "12,345"),
        (units.number(2.0), "2"),
        (units.number(0.12345), "0.123"),
        (units.counted(1, "device"), "1 device"),
        (units.counted(1200, "device"), "1,200 devices"),
        (units.seconds(None), "-"),
        (units.seconds(0), "0 s"),
        (units.seconds(0.0000123), "12.3 µs"),
        (units.seconds(0.0421), "42.1 ms"),
        (units.seconds(75.25), "75.2 s"),
        (units.seconds(4321.5), "4,322 s"),
        (units.microseconds(1234), "1.23 ms"),
        (units.microseconds(None), "-"),
        (units.size(None), "-"),
        (units.size(999), "999 B"),
        (units.size(65536), "65.5 kB"),
        (units.size(3.2e9), "3.2 GB"),
        (units.rate(1.5e6), "1.5 MB/s"),
        (units.rate(None), "-"),
        (units.share(None), "-"),
        (units.share(1), "100 %"),
        (units.share(0.5), "50 %"),
        (units.share(0.9999), "99.9 %"),
        (units.share(0.876), "87.6 %"),
    ],
)
def test_text(shown, expected):
    assert shown == expected


@given(st.floats(0, 1e12))
def test_no_figure_is_shown_with_an_exponent(value):
    for show in (units.number, units.seconds, units.size, units.share):
        assert "e+" not in show(value)


@given(st.floats(0, 1, exclude_max=True))
def test_less_than_all_is_never_shown_as_all(value):
    assert units.share(value) != "100 %"
