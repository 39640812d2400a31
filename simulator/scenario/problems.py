"""Problems of a scenario: what is wrong, where, and how to mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Key = tuple[str | int, ...]
"""The path of a value: names of keys, and positions in arrays counted from 0."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_MENDS: Final = {
    "int_type": "write a whole number without quotes and without a unit",
    "int_from_float": "write a whole number",
    "float_type": "write a number without quotes",
    "string_type": "write text in quotes",
    "bool_type": "write true or false without quotes",
    "model_type": "write a table",
    "model_attributes_type": "write a table",
    "dict_type": "write a table",
    "tuple_type": "write an array",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, before its place in the file is known."""

    key: Key
    message: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with its place."""

    file: str
    """The path as it was given, or ``--set``."""
    line: int | None
    """Counted from 1; None where there is no line to point to."""
    key: str
    """Path of the key such as ``groups.pull.faults[0].share``; empty for the file as a whole."""
    message: str
    mend: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f" {self.key}:" if self.key else ""
        return f"{place}:{key} {self.message}" + (f"; {self.mend}" if self.mend else "")


class ScenarioError(ValueError):
    """A scenario cannot be used; ``problems`` has everything that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def key_text(key: Key) -> str:
    """A key path as one would write it in TOML, with array positions in brackets."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else f'"{part}"')
    return text


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A mend that names the nearest known word, or else all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else f"known are {', '.join(f'`{name}`' for name in known)}"


def translate(error: ErrorDetails, model: type[BaseModel], at: Key) -> Finding:
    """The finding of one pydantic error in a table ``at`` that was read as ``model``."""
    kind, inner, context = error["type"], error["loc"], error.get("ctx", {})
    key = (*at, *inner)
    name = str(inner[-1]) if inner else key_text(at)
    if kind == "scenario":
        return Finding(key, str(context["message"]), str(context["mend"]))
    if kind == "missing":
        return Finding(key, f"`{name}` is missing", f"add `{name}`")
    if kind == "extra_forbidden":
        return Finding(key, f"unknown key `{name}`", did_you_mean(name, _names_beside(model, inner)))
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(context["expected"]))
        return Finding(key, f"{error['input']!r} is not possible here", did_you_mean(str(error["input"]), known))
    message = (
        error["msg"]
        .replace("Input should be a valid", "expected a")
        .replace("a integer", "an integer")
        .replace("Input should be", "must be")
    )
    shown = f" (found {error['input']!r:.60})" if isinstance(error["input"], str | int | float | bool) else ""
    return Finding(key, message[:1].lower() + message[1:] + shown, _MENDS.get(kind, ""))


def _names_beside(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that the table of an unknown key may have."""
    for part in loc[:-1]:
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == part), None)
        inside = _model_in(field.annotation) if field is not None else None
        if inside is not None:
            model = inside
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg)) is not None), None)
