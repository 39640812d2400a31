"""The house rules that no other tool keeps. Each rule is a function from text to complaints, and is itself tested."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import simulator

ROOT = Path(__file__).parent.parent
PACKAGES = ("simulator", "reports")
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".c",
    ".java",
    ".xml",
    ".html",
    ".css",
    ".js",
    ".yaml",
    ".yml",
    ".properties",
    "",
}
TREES = (*PACKAGES, "tests", "docs", "scenarios", ".ci")

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70

UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|home|root)\b(?!-)")
REGISTRY_HOST = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|repo1?\.maven\.(?:apache\.)?org|registry\.npmjs\.org|deb\.debian\.org|artifactory|nexus)\b"
)
LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^()\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)


@cache
def texts() -> dict[Path, str]:
    """All text files of the project, by their path in it."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for tree in TREES:
        found += [path for path in (ROOT / tree).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {
        path.relative_to(ROOT): path.read_text("utf-8", "replace")
        for path in sorted(found)
        if path.suffix in TEXT_SUFFIXES and path != Path(__file__)
    }


def modules() -> dict[Path, str]:
    return {path: text for path, text in texts().items() if path.suffix == ".py" and path.parts[0] in PACKAGES}


def too_long(path: Path, text: str) -> Iterator[str]:
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{path}: {lines} lines; {FILE_LINES_MAX} are enough"


def long_functions(path: Path, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines; {FUNCTION_LINES_MAX} are enough"


def prints(path: Path, text: str) -> Iterator[str]:
    if path.parts[1].removesuffix(".py") == "cli":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{path}:{node.lineno}: print is for the command line only"


def no_docstring(path: Path, text: str) -> Iterator[str]:
    if not ast.get_docstring(ast.parse(text)):
        yield f"{path}: the module says nothing of itself"


def forbidden(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in ((UNFINISHED, "unfinished"), (MACHINE_PATH, "machine path"), (REGISTRY_HOST, "registry")):
            if pattern.search(line):
                yield f"{path}:{number}: {what}: {line.strip()[:80]}"


def dead_links(path: Path, text: str) -> Iterator[str]:
    for target in LINK.findall(CODE_BLOCK.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / path).parent / name if name else ROOT / path
        if not file.exists():
            yield f"{path}: link to {target}, which is not there"
        elif anchor and anchor not in anchors(file.read_text("utf-8")):
            yield f"{path}: link to {target}, which has no such heading"


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    titles = HEADING.findall(CODE_BLOCK.sub("", text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("rule", [too_long, long_functions, prints, no_docstring])
def test_modules(rule: Callable[[Path, str], Iterator[str]]) -> None:
    assert len(modules()) > 10
    complaints = [complaint for path, text in modules().items() for complaint in rule(path, text)]
    assert not complaints, "\n".join(complaints)


def test_texts() -> None:
    complaints = [complaint for path, text in texts().items() for complaint in forbidden(path, text)]
    assert not complaints, "\n".join(complaints)


def test_links() -> None:
    pages = {path: text for path, text in texts().items() if path.suffix == ".md"}
    complaints = [complaint for path, text in pages.items() for complaint in dead_links(path, text)]
    assert pages
    assert not complaints, "\n".join(complaints)


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == simulator.__version__
    assert re.search(rf"^## \[{re.escape(simulator.__version__)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_lock_file_pins_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    pinned = {normal(name): version for name, _, version in (line.partition("==") for line in lines)}
    for text in project["dependencies"] + project["optional-dependencies"]["dev"]:
        wanted = Requirement(text)
        assert normal(wanted.name) in pinned, f"{wanted.name} is not in requirements.lock: run make lock"
        assert wanted.specifier.contains(pinned[normal(wanted.name)]), f"requirements.lock breaks {text}: run make lock"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"),
    [
        (too_long, "simulator/x.py", "x = 1\n" * 301, "x = 1\n" * 300),
        (long_functions, "simulator/x.py", "def f():\n" + " x = 1\n" * 70, "def f():\n" + " x = 1\n" * 69),
        (prints, "simulator/x.py", "print(1)", "'print(1)'"),
        (prints, "simulator/x/cli.py", "print(1)", "x.print(1)"),
        (no_docstring, "simulator/x.py", "x = 1", '"""Words."""'),
        (forbidden, "docs/x.md", "# TO" + "DO: more", "a todo list"),
        (forbidden, "docs/x.md", "see /wo" + "rk/main", "see https://example.org/work/main"),
        (forbidden, "docs/x.md", "in '/ro" + "ot/x'", "the path /rootless"),
        (forbidden, "docs/x.md", "from pypi" + ".org", "from a package index"),
        (dead_links, "README.md", "[a](docs/none.md)", "[a](docs/driver-protocol.md)"),
        (
            dead_links,
            "README.md",
            "[a](docs/driver-protocol.md#none)",
            "[a](docs/driver-protocol.md#commands-operator--server)",
        ),
        (dead_links, "docs/x.md", "[a](README-none.md)", "[a](https://example.org)\n```\n[a](b)\n```"),
    ],
)
def test_a_rule_tells_bad_from_good(rule: Callable[..., Iterator[str]], path: str, bad: str, good: str) -> None:
    assert len(list(rule(Path(path), bad))) == 1
    assert not list(rule(Path(path), good))


def test_the_command_line_may_print() -> None:
    assert not list(prints(Path("simulator/cli/run.py"), "print(1)"))
    assert not list(prints(Path("simulator/cli.py"), "print(1)"))
