"""docs/network-profiles.md has the figures of the code, their sources, and what comes out of them.

``python tests/network/test_profile_document.py`` writes the tables of the document anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.network.link import IP_HEADER, TCP_HEADERS, UDP_HEADER
from simulator.network.profiles import PROFILES, NetworkProfile
from simulator.network.sources import FIGURES, SOURCES

DOCUMENT = Path(__file__).parents[2] / "docs" / "network-profiles.md"
NAMED = {name: profile for name, profile in PROFILES.items() if name == profile.name and not profile.transparent}
REQUEST, BLOCK, ANSWER = 24, 1024, 1044
"""UDP payload of a question after a block, bytes of the block, UDP payload of its answer."""


def number(value):
    return f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"


SHOWN = {
    "delay_s": ("delay", lambda value: f"{number(1e3 * value)} ms"),
    "jitter_s": ("jitter", lambda value: f"{number(1e3 * value)} ms"),
    "loss": ("loss", lambda value: f"{number(100 * value)} %"),
    "rate_bps": ("rate down", lambda value: f"{number(value / 1e3)} kbit/s"),
    "rate_up_bps": ("rate up", lambda value: f"{number(value / 1e3)} kbit/s"),
    "mtu": ("MTU", lambda value: f"{value} B"),
    "burst_bytes": ("burst", lambda value: f"{value} B"),
    "queue_s": ("queue", lambda value: f"{number(value)} s"),
}


def table(*rows):
    head, *body = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures():
    head = ["profile", *(f"{title}<br>`{name}`" for name, (title, _) in SHOWN.items())]
    rows = [
        [f"`{name}`", *(show(getattr(profile, figure)) for figure, (_, show) in SHOWN.items())]
        for name, profile in NAMED.items()
    ]
    return table(head, *rows)


def sources():
    parts = []
    for name, profile in NAMED.items():
        lines = [f"| {title} | {show(getattr(profile, figure))} | {SOURCES[name][figure]} |" for figure, (title, show)
                 in SHOWN.items()]  # fmt: skip
        parts.append(f"### `{name}`\n\n| figure | value | source |\n| --- | ---: | --- |\n" + "\n".join(lines))
    return "\n\n".join(parts)


def exchange_s(profile, question, answer):
    """Mean time of a question and its answer, in UDP payload, that nothing else is in the way of."""

    def sending(size, rate):
        # What the bucket has above one packet leaves at once.
        at_once = profile.bucket_bytes - profile.mtu
        return max(0, size + UDP_HEADER + IP_HEADER - at_once) * 8 / rate

    there_and_back = 2 * profile.delay_s + profile.jitter_s
    return there_and_back + sending(question, profile.up_bps) + sending(answer, profile.rate_bps)


def stop_and_wait_bps(profile):
    return BLOCK * 8 / exchange_s(profile, REQUEST, ANSWER)


def stream_bps(profile):
    return profile.rate_bps * (profile.mtu - TCP_HEADERS) / profile.mtu


def outcome():
    rows = [
        [
            f"`{name}`",
            f"{number(1e3 * exchange_s(profile, REQUEST, REQUEST))} ms",
            f"{number(1e3 * exchange_s(profile, REQUEST, ANSWER))} ms",
            f"{number(stop_and_wait_bps(profile) / 1e3)} kbit/s",
            f"{number(stream_bps(profile) / 1e3)} kbit/s",
        ]
        for name, profile in NAMED.items()
    ]
    return table(["profile", "short round trip", "round trip of a block", "block by block", "over TCP"], *rows)


TABLES = {"figures": figures, "sources": sources, "outcome": outcome}


def written(text):
    """The document with the tables of the code."""
    for name, make in TABLES.items():
        text, found = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m, make=make: f"{m[1]}{make()}\n{m[2]}", text,
            flags=re.DOTALL,
        )  # fmt: skip
        assert found == 1, name
    return text


def test_the_document_has_the_tables_of_the_code():
    text = DOCUMENT.read_text("utf-8")
    assert text == written(text), "python tests/network/test_profile_document.py writes them anew"


@pytest.mark.parametrize("name", NAMED)
def test_every_figure_has_a_source(name):
    assert tuple(SOURCES[name]) == FIGURES
    assert all(len(text) > 7 for text in SOURCES[name].values())


@pytest.mark.parametrize("name", NAMED)
def test_a_figure_without_a_source_is_the_default(name):
    profile, default = PROFILES[name], NetworkProfile("x")
    others = set(NetworkProfile.__dataclass_fields__) - {"name", *FIGURES}
    assert others == {"duplicate", "reorder"}
    assert all(getattr(profile, figure) == getattr(default, figure) for figure in others)
    assert all(getattr(profile, figure) is not None for figure in FIGURES), "nothing of a named profile is left open"


def test_sources_are_of_profiles_that_there_are():
    assert set(SOURCES) == set(NAMED)


@pytest.mark.parametrize(
    ("name", "figure", "least", "most"),
    [
        ("gprs", "rate_bps", 10e3, 40e3),
        ("gprs", "rate_up_bps", 10e3, 20e3),
        ("nb-iot", "rate_bps", 0, 680 / 0.026),
        ("nb-iot", "rate_up_bps", 0, 16.9e3),
        ("lte-m", "rate_bps", 0, 3 * 1000 / 0.010),
        ("lte-m", "rate_up_bps", 0, 3 * 1000 / 0.008),
        ("satellite", "delay_s", 0.2396, 0.279),
        ("lte-m", "loss", 1e-6, 1e-2),
        ("nb-iot", "loss", 1e-6, 1e-2),
        ("lte-m", "mtu", 68, 1358),
        ("nb-iot", "mtu", 68, 1358),
        ("gprs", "mtu", 68, 1358),
    ],
)
def test_a_figure_is_inside_the_range_of_its_source(name, figure, least, most):
    assert least <= getattr(PROFILES[name], figure) <= most


@pytest.mark.parametrize(("name", "least", "most"), [("wifi", 0.003, 0.02), ("nb-iot", 0.84, 10.0), ("gprs", 0.3, 1.0)])
def test_a_mean_round_trip_is_inside_the_range_of_its_source(name, least, most):
    profile = PROFILES[name]
    assert least <= 2 * profile.delay_s + profile.jitter_s <= most


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8")), "utf-8")
