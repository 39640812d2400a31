"""A summary as Markdown of GitHub's kind, for a pull request or the summary of a CI job."""

from __future__ import annotations

import re
import shlex
from typing import Final

from reports import text
from reports.summary import Summary
from reports.table import Table

_TABLES: Final = ("criteria", "outcomes", "transports", "faults", "causes", "misconduct", "not-ok", "health")
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&@!$])")
"""What could be read as markup, as a link, or as the name of a person to be told."""


def markdown(summary: Summary) -> str:
    """The verdict, what must be known first, the main tables, and how to repeat the run."""
    run = summary.run
    lines = [f"## {_plain(run.scenario or run.id)}: {_plain(summary.verdict)}", "", _plain(summary.headline), ""]
    lines += [f"> {_plain(note)}\n>" for note in summary.notes]
    lines += [""] if summary.notes else []
    found = {table.name: table for table in text.tables(summary)}
    for name in _TABLES:
        if name in found:
            lines += _table(found[name])
    lines += [f"Run {_plain(run.id)}, seed {run.seed}, status: {_plain(run.status)}.", ""]
    if run.repeat:
        lines += ["```console", "$ " + " ".join(shlex.join(run.repeat).replace("`", "'").split()), "```", ""]
    return "\n".join(lines)


def _table(table: Table) -> list[str]:
    rules = ["--:" if place in table.figures else "---" for place in range(len(table.headers))]
    rows = [table.headers, *table.rows]
    told = ["| " + " | ".join(map(_plain, row)) + " |" for row in rows]
    return [f"### {_plain(table.title)}", "", told[0], "| " + " | ".join(rules) + " |", *told[1:], ""]


def _plain(words: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(words.split()))
