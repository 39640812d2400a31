"""The fleet without the fault machinery: the same files of ``simulator.device`` with every use of it cut out.

    python -m tests.bench.unwrapped ARGUMENTS...

ARGUMENTS are those of ``tests.bench.fleet_process``. What a device without faults costs more than such a device is what
the machinery costs those who do not use it. The source is changed as it is imported, so that both fleets come from the
same files; a use of the machinery that is not known here is an error, and not a part of what is compared against.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Final

PACKAGE: Final = "simulator.device."
MACHINERY: Final = "faults"
"""The attribute of a device that has its faults."""
TELLS: Final = frozenset({"changed"})
"""Calls that only tell the faults something."""
ASKS: Final = {"defers_update": False, "clock_ahead": 0.0}
"""Calls that ask for something, and what is told without faults."""
SAYS: Final = {"leaves_clock": True}
"""Attributes, and what they are without faults."""
ADDS: Final = "inject"
"""The method of a device that puts faults around its ports."""


def _called(node: ast.AST) -> str:
    """The name of the method of ``X.faults`` that is called, or nothing."""
    return _named(node.func) if isinstance(node, ast.Call) else ""


def _named(node: ast.AST) -> str:
    """The name of the attribute of ``X.faults`` that is used, or nothing."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == MACHINERY:
        return node.attr
    return ""


class Unwrap(ast.NodeTransformer):
    """Cuts the calls out.

    Attributes:
        cut: how many.
    """

    def __init__(self) -> None:
        self.cut = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A device's method that adds faults does nothing."""
        if node.name == ADDS:
            self.cut += 1
            node.body = [ast.Pass()]
            return node
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Nobody is told anything."""
        if _called(node.value) in TELLS:
            self.cut += 1
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """What is asked for is what it is without faults."""
        name = _named(node)
        if name not in SAYS:
            return self.generic_visit(node)
        self.cut += 1
        return ast.Constant(value=SAYS[name])

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """What would be wrapped is what it was, and what is asked for is what it is without faults."""
        name = _called(node)
        if not name:
            return self.generic_visit(node)
        self.cut += 1
        if name in ASKS:
            return ast.Constant(value=ASKS[name])
        if name.startswith("wrap_") and node.args and not node.keywords:
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        msg = f"line {node.lineno}: nobody knows what a device without faults does in the place of faults.{name}"
        raise ValueError(msg)


def unwrapped(source: bytes | str) -> tuple[ast.Module, int]:
    """A module without the machinery, and how many uses of it were cut out.

    Raises:
        ValueError: a use is of another kind than those that are known.
    """
    cutter = Unwrap()
    tree = ast.fix_missing_locations(cutter.visit(ast.parse(source)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == MACHINERY and isinstance(node.ctx, ast.Load):
            msg = f"line {node.lineno}: a use of the fault machinery that could not be cut out"
            raise ValueError(msg)
    return tree, cutter.cut


class Loader(SourceFileLoader):
    """Loads a module without the machinery; never from a cache, and into none."""

    cut = 0
    """In all modules so far."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The changed module, compiled."""
        path = self.get_filename(fullname)
        tree, cut = unwrapped(self.get_data(path))
        Loader.cut += cut
        return compile(tree, path, "exec", dont_inherit=True)


class Finder:
    """Finds the modules that are changed."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The usual place, by another loader."""
        if not name.startswith(PACKAGE):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = Loader(name, spec.origin)
        return spec


def main(arguments: list[str]) -> int:
    """Import the fleet without the machinery, and run it; the exit code of its process.

    Raises:
        ImportError: nothing was cut out.
    """
    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    fleet = importlib.import_module("tests.bench.fleet_process")
    if not Loader.cut:
        raise ImportError("no use of the fault machinery was found in the devices")
    code: int = fleet.main(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
