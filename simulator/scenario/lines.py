"""Where each key of a TOML text stands: an index from key paths to line numbers.

``tomllib`` reads values and forgets places. This scanner reads places and skips values; it expects a text that
``tomllib`` has accepted, so it follows the shapes of TOML 1.0 and checks nothing.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final

from simulator.scenario.problems import Key

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_STRING_FORMS: Final = (
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")',
    r"'''.*?'{3,5}(?!')",
    r'"(?:\\.|[^"\\\n])*"',
    r"'[^'\n]*'",
)
_STRING: Final = re.compile("|".join(_STRING_FORMS), re.DOTALL)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR: Final = re.compile(r"[^,\]}#\r\n]+")


class _Scanner:
    """A walk over the text; ``at`` only goes forward."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0
        self.index: dict[Key, int] = {}
        self.sizes: dict[Key, int] = {}

    def scan(self) -> None:
        table: Key = ()
        while self.skip(_BLANK) < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.pair(table)

    def skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def note(self, key: Key) -> None:
        """Remember the line of ``key`` at the current place; the first mention counts."""
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        for length in range(1, len(key) + 1):
            self.index.setdefault(key[:length], self.line)

    def header(self) -> Key:
        array = self.text.startswith("[[", self.at)
        start = self.at
        self.at += 2 if array else 1
        key = self.key(())
        self.at = self.text.index("]", self.at) + (2 if array else 1)
        if array:
            position = self.sizes.get(key, 0)
            self.sizes[key] = position + 1
            key = (*key, position)
        end, self.at = self.at, start
        self.note(key)
        self.at = end
        return key

    def key(self, table: Key) -> Key:
        """A dotted key; names of arrays of tables lead into their last table."""
        key = table
        while True:
            self.skip(_SPACE)
            if self.text[self.at] in "\"'":
                start = self.at
                word = tomllib.loads(f"v = {self.text[start : self.skip(_STRING)]}")["v"]
            else:
                start = self.at
                word = self.text[start : self.skip(_BARE)]
            key = (*key, word)
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return key
            self.at += 1
            if key in self.sizes:
                key = (*key, self.sizes[key] - 1)

    def pair(self, table: Key) -> None:
        start = self.at
        key = self.key(table)
        end, self.at = self.at, start
        self.note(key)
        self.at = self.text.index("=", end) + 1
        self.skip(_SPACE)
        self.value(key)

    def value(self, key: Key) -> None:
        self.note(key)
        first = self.text[self.at]
        if first == "[":
            self.array(key)
        elif first == "{":
            self.inline_table(key)
        else:
            self.skip(_STRING if first in "\"'" else _SCALAR)

    def array(self, key: Key) -> None:
        self.at += 1
        position = 0
        while self.text[self.skip(_BLANK)] != "]":
            self.value((*key, position))
            position += 1
            if self.text[self.skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1

    def inline_table(self, key: Key) -> None:
        self.at += 1
        while self.text[self.skip(_BLANK)] != "}":
            self.pair(key)
            if self.text[self.skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1


def line_index(text: str) -> dict[Key, int]:
    """The line, counted from 1, of every key, table and array element of a valid TOML text."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.index


def line_of(index: dict[Key, int], key: Key) -> int | None:
    """The line of ``key``, or of the nearest table or array around it that stands in the text."""
    for length in range(len(key), 0, -1):
        if key[:length] in index:
            return index[key[:length]]
    return None
