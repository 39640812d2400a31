"""The tables of docs/metrics.md are those of the code. ``python tests/criteria/test_document.py`` writes them anew."""

import re
from pathlib import Path

from simulator.criteria import FUNCTIONS, METRICS, UNITS
from simulator.criteria.units import BASE

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def tables():
    """Each table of the document by its mark."""
    metrics = [
        f"| `{name}` | {one.kind} | {BASE[one.dimension]} | {', '.join(one.labels)} | "
        f"{', '.join(f'`{table}`' for table in one.tables)} | {one.meaning} |"
        for name, one in METRICS.items()
    ]
    functions = [f"| `{name}` | {', '.join(sorted(one.kinds))} | {one.meaning} |" for name, one in FUNCTIONS.items()]
    units = [f"| `{name}` | {factor:g} {BASE[dimension]} |" for name, (factor, dimension) in UNITS.items()]
    return {
        "metrics": ["| metric | kind | unit | labels | rests on | meaning |", "| --- " * 6 + "|", *metrics],
        "functions": ["| function | of | meaning |", "| --- " * 3 + "|", *functions],
        "units": ["| unit | is |", "| --- " * 2 + "|", *units],
    }


def written(text):
    """The document with its tables."""
    for mark, rows in tables().items():
        own = f"<!-- {mark} -->\n\n" + "\n".join(rows) + "\n\n<!-- end -->"
        text = re.sub(rf"<!-- {mark} -->\n.*?<!-- end -->", lambda _, own=own: own, text, flags=re.DOTALL)
    return text


def test_the_document_has_the_tables_of_the_code():
    text = DOCUMENT.read_text()
    assert all(f"<!-- {mark} -->" in text for mark in tables())
    assert written(text) == text


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
