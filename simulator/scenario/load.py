"""Reads a scenario: strict, and with every problem told at once, each with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from simulator.faults.registry import FAULTS
from simulator.scenario.check import Draft, check
from simulator.scenario.credentials import credential_findings
from simulator.scenario.faults import Kinds
from simulator.scenario.lines import line_index, line_of
from simulator.scenario.overrides import PLACE, apply_overrides
from simulator.scenario.problems import Finding, Key, Problem, ScenarioError, key_text
from simulator.scenario.reader import Reader
from simulator.scenario.scenario import Scenario, scaled_groups

_TOML_PLACE: Final = re.compile(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")


def load(
    path: Path | str, overrides: Sequence[str] = (), *, devices: int | None = None, kinds: Kinds | None = None
) -> Scenario:
    """The scenario of a TOML file, with ``--set`` overrides applied.

    Args:
        path: the file.
        overrides: texts of the form ``key.path=value``; the value is TOML, or a string where it is not.
        devices: scale the groups to this many devices in all, before the scenario is checked (``Scenario.scaled``).
        kinds: the kinds of fault by name; the registered ones by default.

    Raises:
        ScenarioError: the file cannot be read, or anything in it is wrong; has all problems.
    """
    try:
        text = Path(path).read_bytes().decode()
    except OSError as error:
        raise ScenarioError(
            [Problem(str(path), None, "", error.strerror or str(error), "name a scenario file")]
        ) from None
    except UnicodeDecodeError:
        raise ScenarioError([Problem(str(path), None, "", "not UTF-8 text", "TOML files are UTF-8")]) from None
    return loads(text, overrides, file=str(path), devices=devices, kinds=kinds)


def loads(
    text: str,
    overrides: Sequence[str] = (),
    *,
    file: str = "scenario.toml",
    devices: int | None = None,
    kinds: Kinds | None = None,
) -> Scenario:
    """The scenario of a TOML text; ``file`` is what problems name, and where relative paths start.

    Raises:
        ScenarioError: anything in it is wrong; has all problems.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([_not_toml(error, file, text)]) from None
    except (RecursionError, ValueError) as error:
        raise ScenarioError([Problem(file, None, "", f"not TOML: {error}", "")]) from None
    index = line_index(text)
    changed, problems = apply_overrides(document, overrides)
    reader = Reader(FAULTS if kinds is None else kinds, Path(file))
    draft = reader.read(document)
    if devices is not None:
        problems += _scale(draft, devices)
    findings = [*reader.findings, *check(draft, reader.kinds), *credential_findings(draft.groups)]
    problems += sorted((_placed(each, file, index, changed) for each in findings), key=lambda p: p.line or 0)
    if problems:
        raise ScenarioError(problems)
    return _finished(draft)


def _scale(draft: Draft, devices: int) -> list[Problem]:
    if devices < 1:
        return [
            Problem("--devices", None, "", f"a fleet has at least one device, not {devices}", "write --devices 100")
        ]
    if any(group.count for group in draft.groups.values()):
        draft.groups = scaled_groups(draft.groups, devices)
    return []


def _finished(draft: Draft) -> Scenario:
    parts = (draft.run, draft.server, draft.firmware, draft.arrivals, draft.campaign, draft.criteria)
    run, server, firmware, arrivals, campaign, criteria = parts
    assert run and server and firmware and arrivals and campaign and criteria
    return Scenario(run, server, firmware, dict(draft.groups), arrivals, campaign, criteria)


def _not_toml(error: tomllib.TOMLDecodeError, file: str, text: str) -> Problem:
    message = str(error)
    found = _TOML_PLACE.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    reason = _TOML_PLACE.sub("", message)
    return Problem(file, line, "", f"not TOML: {reason[:1].lower()}{reason[1:]}", "strings need quotes, tables [..]")


def _placed(finding: Finding, file: str, index: dict[Key, int], changed: Sequence[Key]) -> Problem:
    """The problem of a finding: at an override if that brought the value or the table around it, else at its line."""
    key = finding.key
    line = line_of(index, key)
    for path in changed:
        inside = key[: len(path)] == path
        around = key not in index and (path[: len(key)] == key or (line is None and path[0] == key[0]))
        if inside or around:
            return Problem(PLACE, None, key_text(key), finding.message, finding.mend)
    return Problem(file, line, key_text(key), finding.message, finding.mend)
