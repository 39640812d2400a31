"""Writes a scenario's document as TOML: tables, arrays of tables and short values, which is all that one has."""

from __future__ import annotations

import json


def written(document: dict) -> str:
    """The text of a document, in the order of its keys."""
    return "\n".join(_table((), document)).strip() + "\n"


def _table(path, table):
    short = {key: value for key, value in table.items() if not _has_heading(value, path)}
    if path and (short or not table):
        yield f"\n[{'.'.join(path)}]"
    yield from (f"{key} = {_value(value)}" for key, value in short.items())
    for key, value in table.items():
        if key in short:
            continue
        if isinstance(value, dict):
            yield from _table((*path, key), value)
        else:
            for each in value:
                yield f"\n[[{'.'.join((*path, key))}]]"
                yield from (f"{name} = {_value(inner)}" for name, inner in each.items())


def _has_heading(value, path):
    """Whether it is an array of tables, a section of the file, a group, or a table too long for a line."""
    if isinstance(value, dict):
        return path in ((), ("groups",)) or any(isinstance(each, dict) for each in value.values()) or len(value) > 3
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return json.dumps(value)
