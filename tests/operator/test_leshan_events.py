"""Who is registered, made of the events of Leshan's demo server and of what its stream missed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simulator.operator import leshan_events
from simulator.operator.driver import Deregistered, Notified, Registered, ServerEvent, Updated
from simulator.operator.leshan_events import HOLD_S, Registry
from tests.operator.leshan_fake import registration


class Rig:
    """A registry and what it has told."""

    def __init__(self, clients: dict[str, str] | None = None) -> None:
        self.told: list[ServerEvent] = []
        self.registry = Registry(self.told.append)
        self.registry.begin(clients or {})

    def take(self, event: str, data: Any) -> None:
        self.registry.take(event, data)

    def register(self, endpoint: str, number: str) -> None:
        self.take("REGISTRATION", registration(endpoint, number))

    def deregister(self, endpoint: str, number: str) -> None:
        self.take("DEREGISTRATION", registration(endpoint, number))


async def held_back() -> None:
    """Let the time pass for which an end is held back."""
    await asyncio.sleep(HOLD_S * 1.5)


async def test_a_registration_its_update_and_its_end() -> None:
    rig = Rig()
    rig.register("a", "1")
    rig.take("UPDATED", {"registration": registration("a", "1"), "update": {}})
    rig.deregister("a", "1")
    assert rig.told == [Registered("a", "1"), Updated("a", "1")]
    await held_back()
    assert rig.told[2:] == [Deregistered("a", "1", "")]


async def test_a_register_again_is_no_end() -> None:
    rig = Rig()
    rig.register("a", "1")
    rig.deregister("a", "1")
    rig.register("a", "2")
    await held_back()
    assert rig.told == [Registered("a", "1"), Registered("a", "2", "1")]


async def test_what_is_left_from_before_is_no_news_but_is_replaced() -> None:
    rig = Rig({"a": "1", "b": "1"})
    rig.register("a", "1")
    rig.deregister("a", "1")
    rig.register("a", "2")
    rig.deregister("b", "1")
    await held_back()
    assert rig.told == [Registered("a", "2", "1"), Deregistered("b", "1", "")]


async def test_the_end_of_an_older_registration_is_none() -> None:
    rig = Rig({"a": "2"})
    rig.deregister("a", "1")
    rig.deregister("b", "1")
    await held_back()
    assert rig.told == []


async def test_what_a_broken_stream_missed_is_told_when_it_is_open_again() -> None:
    rig = Rig({"same": "1", "new": "1", "gone": "1"})
    rig.registry.resume({"same": "1", "new": "2", "late": "1"})
    await held_back()
    assert rig.told == [Registered("new", "2", "1"), Registered("late", "1"), Deregistered("gone", "1", "")]


async def test_an_update_of_an_unknown_registration_tells_of_it_first() -> None:
    rig = Rig({"a": "1"})
    rig.take("UPDATED", {"registration": registration("a", "2"), "update": {}})
    assert rig.told == [Registered("a", "2", "1"), Updated("a", "2")]


async def test_notifications_pass() -> None:
    rig = Rig()
    rig.take("NOTIFICATION", {"ep": "a", "res": "/5/0/3", "val": {"id": 3, "value": 1}})
    rig.take("NOTIFICATION", {"ep": "a", "kind": "composite", "val": {}, "paths": []})
    for kind in ("AWAKE", "SLEEPING", "COAPLOG", "SEND", "REQUEST_RESPONSE"):
        rig.take(kind, {"ep": "a"})
    assert rig.told == [Notified("a", "/5/0/3", "1")]


async def test_a_closed_registry_tells_nothing_more() -> None:
    rig = Rig({"a": "1"})
    rig.deregister("a", "1")
    rig.registry.close()
    await held_back()
    assert rig.told == []


@pytest.mark.parametrize(
    ("event", "data"),
    [("REGISTRATION", {}), ("UPDATED", {"registration": {}}), ("DEREGISTRATION", {}), ("NOTIFICATION", {"ep": "a"})],
)
async def test_events_without_their_fields_are_key_errors(event: str, data: dict[str, Any]) -> None:
    rig = Rig()
    with pytest.raises(KeyError):
        rig.take(event, data)
    assert rig.told == []


def test_waits_between_attempts_grow() -> None:
    assert list(leshan_events.AGAIN_S) == sorted(leshan_events.AGAIN_S)
