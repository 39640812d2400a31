"""Overrides of a scenario from the command line: ``--set groups.pull.count=500``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any, Final

from simulator.scenario.problems import Key, Problem

PLACE: Final = "--set"
"""What stands in the place of the file where a problem lies in an override."""


def apply_overrides(document: dict[str, Any], overrides: Sequence[str]) -> tuple[list[Key], list[Problem]]:
    """Put the values of ``key.path=value`` texts into ``document``.

    A value is read as TOML, and as a plain string where it is none, so that ``firmware.size=1 MiB`` needs no quotes.
    A number in a path is a position in an array: ``groups.pull.faults.0.share=5 %``.

    Returns:
        The paths that were set, and the overrides that could not be read.
    """
    done: list[Key] = []
    problems: list[Problem] = []
    for text in overrides:
        try:
            path, value = _parse(text)
            done.append(_put(document, path, value))
        except ValueError as error:
            problems.append(Problem(PLACE, None, text.partition("=")[0].strip(), str(error), "write key.path=value"))
    return done, problems


def _parse(text: str) -> tuple[list[str], Any]:
    left, equals, right = text.partition("=")
    if not equals or "\n" in text or "\r" in text:
        msg = f"not an override: {text!r}"
        raise ValueError(msg)
    try:
        path = _single_path(tomllib.loads(f"{left.strip()} = 0"))
    except (tomllib.TOMLDecodeError, RecursionError):
        msg = f"not a key path: {left.strip()!r}"
        raise ValueError(msg) from None
    try:
        return path, tomllib.loads(f"value = {right}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return path, right.strip()


def _single_path(nested: dict[str, Any]) -> list[str]:
    path: list[str] = []
    node: Any = nested
    while isinstance(node, dict):
        ((name, node),) = node.items()
        path.append(name)
    return path


def _put(document: dict[str, Any], path: Sequence[str], value: object) -> Key:
    node: Any = document
    key: list[str | int] = []
    for name in path[:-1]:
        part = _step(node, name)
        key.append(part)
        node = node.setdefault(part, {}) if isinstance(node, dict) else node[part]
    last = _step(node, path[-1])
    node[last] = value
    return (*key, last)


def _step(node: object, name: str) -> str | int:
    """The key or position ``name`` in a table or array."""
    if isinstance(node, dict):
        return name
    if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
        return int(name)
    if isinstance(node, list):
        msg = f"`{name}` is no position in an array of {len(node)}"
        raise ValueError(msg)
    msg = f"`{name}` cannot be set: what it would be in is no table"
    raise ValueError(msg)
