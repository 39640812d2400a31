"""Faults of the order: the operator hands out a URI or a package that the device cannot use."""

from __future__ import annotations

from typing import Final

from simulator.faults.kinds import BOTH, PULL, FaultKind, Made, Scene


def _nothing(scene: Scene) -> Made:
    """The device is sound; the order is not."""
    del scene
    return Made()


def _kind(name: str, summary: str, expected: tuple[int, int], order: str, deliveries: frozenset[str]) -> FaultKind:
    return FaultKind(name, "order", summary, _nothing, expected=expected, deliveries=deliveries, order=order)


KINDS: Final = (
    _kind("uri-not-found", "Package URI names what the origin does not have (4.04).", (0, 7), "not-found", PULL),
    _kind("unsupported-scheme", "Package URI has the scheme ftp.", (0, 9), "bad-scheme", PULL),
    _kind("wrong-model", "The package is for another device model.", (0, 6), "wrong-model", BOTH),
    _kind("bad-magic", "What is delivered is no firmware package at all.", (0, 6), "bad-magic", BOTH),
)
