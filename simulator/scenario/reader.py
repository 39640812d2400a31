"""Reads the sections of a parsed document one after the other, and collects what is wrong in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from simulator.scenario.campaign import Campaign, Criteria
from simulator.scenario.check import Draft
from simulator.scenario.devices import DeviceSettings, Fault, Group
from simulator.scenario.faults import Carrier, Kinds, read_fault
from simulator.scenario.problems import Finding, Key, did_you_mean, key_text, translate
from simulator.scenario.sections import ARRIVALS, Firmware, Run, Section
from simulator.scenario.server import SERVERS
from simulator.scenario.switches import check_switches

SECTIONS: Final = ("run", "server", "firmware", "devices", "groups", "arrivals", "campaign", "criteria")

_S = TypeVar("_S", bound=Section)
TABLES: Final = ("coap", "course", "credentials", "download_credentials", "dtls", "network")
"""Keys of a group that are tables: what a group sets in them goes over what ``[devices]`` sets, key by key."""
_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Reader:
    """Gives the sections of a document; ``findings`` has what is wrong.

    Each section is read alone, so that one bad value hides nothing in the others.
    """

    def __init__(self, kinds: Kinds, file: Path) -> None:
        self.kinds = kinds
        self.file = file
        self.findings: list[Finding] = []
        self.fault_places: dict[str, tuple[int, ...]] = {}

    def find(self, key: Key, message: str, mend: str = "") -> None:
        """Remember one thing that is wrong."""
        self.findings.append(Finding(key, message, mend))

    def read(self, document: Mapping[str, Any]) -> Draft:
        """All sections; those with something wrong in them are None or left out."""
        for name in document:
            if name not in SECTIONS:
                self.find((name,), f"unknown section `{name}`", did_you_mean(name, SECTIONS))
        groups, names = self.groups(document)
        return Draft(
            run=self.run(document),
            server=self.by_kind(document, "server", SERVERS, "embedded"),
            firmware=self.firmware(document),
            groups=groups,
            group_names=names,
            arrivals=self.by_kind(document, "arrivals", ARRIVALS, "rate"),
            campaign=self.section(Campaign, document.get("campaign", {}), ("campaign",)),
            criteria=self.section(Criteria, document.get("criteria", {}), ("criteria",)),
            fault_places=self.fault_places,
        )

    def section(self, model: type[_S], raw: object, at: Key) -> _S | None:
        """A table as ``model``, or None with its problems found."""
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.findings += [translate(each, model, at) for each in error.errors()]
            return None

    def by_kind(self, document: Mapping[str, Any], name: str, models: Mapping[str, type[Section]], default: str) -> Any:
        """A section whose keys depend on its ``kind``."""
        raw = document.get(name, {})
        if not isinstance(raw, dict):
            self.find((name,), "expected a table", f"write it under [{name}]")
            return None
        kind = raw.get("kind", default)
        if not isinstance(kind, str) or kind not in models:
            self.find((name, "kind"), f"{kind!r} is no kind of {name}", did_you_mean(str(kind), list(models)))
            return None
        start = len(self.findings)
        result = self.section(models[kind], {**raw, "kind": kind}, (name,))
        for at in range(start, len(self.findings)):
            self.findings[at] = _other_kind(self.findings[at], kind, models)
        return result

    def run(self, document: Mapping[str, Any]) -> Run | None:
        """``[run]``, named after the file where it has no name."""
        run = self.section(Run, document.get("run", {}), ("run",))
        if run is None or "name" in run.model_fields_set:
            return run
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self.file.stem).strip("-._")[:64]
        return run.model_copy(update={"name": name or "scenario"})

    def firmware(self, document: Mapping[str, Any]) -> Firmware | None:
        """``[firmware]``, with what its file says."""
        firmware = self.section(Firmware, document.get("firmware", {}), ("firmware",))
        if firmware is None:
            return None
        try:
            found = firmware.found_in(self.file.parent)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.find(("firmware", "file"), f"cannot be read: {reason}", "paths are relative to the scenario file")
            return None
        for key in ("version", "model"):
            told, real = getattr(firmware, key), getattr(found, key)
            if key in firmware.model_fields_set and told != real:
                self.find(("firmware", key), f"the package file has {real!r}, not {told!r}", f"drop `{key}`")
        return found

    def groups(self, document: Mapping[str, Any]) -> tuple[dict[str, Group], tuple[str, ...]]:
        """The groups that could be read, and the names of all."""
        defaults = self.defaults(document.get("devices", {}))
        raw = document.get("groups", {})
        if not isinstance(raw, dict):
            self.find(("groups",), "expected tables", "write each group under [groups.NAME]")
            return {}, ("?",)
        found: dict[str, Group] = {}
        for name, each in raw.items():
            group = self.group(name, each, defaults)
            if group is not None:
                found[name] = group
        return found, tuple(raw)

    def defaults(self, raw: object) -> dict[str, Any]:
        """What ``[devices]`` sets, without what is wrong in it."""
        start = len(self.findings)
        self.section(DeviceSettings, raw, ("devices",))
        self.findings += check_switches(raw, ("devices",))
        wrong = {finding.key[1] for finding in self.findings[start:] if len(finding.key) > 1}
        for at in range(start, len(self.findings)):
            finding = self.findings[at]
            if len(finding.key) == 2 and finding.key[1] in ("count", "faults", "expect"):
                mend = "write it under [groups.NAME]"
                self.findings[at] = Finding(finding.key, f"`{finding.key[1]}` belongs to a group", mend)
        return {key: value for key, value in raw.items() if key not in wrong} if isinstance(raw, dict) else {}

    def group(self, name: str, raw: object, defaults: Mapping[str, Any]) -> Group | None:
        """One group, with the defaults of ``[devices]`` filled in."""
        at = ("groups", name)
        if not isinstance(raw, dict):
            self.find(at, "a group is a table", f"write it under [groups.{name}] with a `count`")
            return None
        if not _GROUP_NAME.fullmatch(name):
            self.find(at, f"{name!r} is no name of a group", "letters, digits, `-` and `_`, at most 64")
            return None
        merged = {**defaults, **raw}
        for key in TABLES:
            both = [table.get(key) for table in (defaults, raw)]
            if all(isinstance(table, dict) for table in both):
                merged[key] = {**defaults[key], **raw[key]}
        faults = self.faults(raw.get("faults", []), Carrier.of(merged), (*at, "faults"))
        contradictions = list(check_switches(raw, at))
        self.findings += contradictions
        group = self.section(Group, {**merged, "faults": [fault for _, fault in faults]}, at)
        if group is None or contradictions:
            return None
        # What is wrong with one fault must not hide what is wrong with another.
        self.fault_places[name] = tuple(position for position, _ in faults)
        return group.found_in(self.file.parent)

    def faults(self, raw: object, carrier: Carrier, at: Key) -> list[tuple[int, Fault]]:
        """The faults of a group that could be read, with their places."""
        if not isinstance(raw, list):
            self.find(at, "faults are an array of tables", f"write each under [[{key_text(at)}]]")
            return []
        found = [read_fault(each, self.kinds, carrier, (*at, position)) for position, each in enumerate(raw)]
        for _, findings in found:
            self.findings += findings
        return [(position, fault) for position, (fault, _) in enumerate(found) if fault is not None]


def _other_kind(finding: Finding, kind: str, models: Mapping[str, type[Section]]) -> Finding:
    """A better word for a key that another kind of the section knows."""
    name = str(finding.key[-1])
    if not finding.message.startswith("unknown key"):
        return finding
    owners = [
        other
        for other, model in models.items()
        if any((field.alias or key) == name for key, field in model.model_fields.items())
    ]
    if not owners:
        return finding
    listed = " or ".join(f'"{owner}"' for owner in owners)
    return Finding(finding.key, f'`{name}` has no meaning with kind = "{kind}"', f"it belongs to kind = {listed}")
