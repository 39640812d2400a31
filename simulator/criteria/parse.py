"""Text to expression: a parser by precedence, with the place of what it cannot read."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from simulator.criteria.metrics import FUNCTIONS
from simulator.criteria.tree import (
    COMPARISONS,
    NOT,
    SIGN,
    STRENGTH,
    Binary,
    Expression,
    Label,
    Negated,
    Number,
    Selection,
)
from simulator.criteria.units import UNITS

LENGTH_MOST: Final = 1000
DEPTH_MOST: Final = 40
"""Parentheses, signs and ``not`` inside one another."""

_UNITS: Final = "|".join(re.escape(name) for name in sorted(UNITS, key=len, reverse=True))
_TOKEN: Final = re.compile(
    rf"""(?P<number>[0-9]+(?:\.[0-9]+)?(?![\w.])|[0-9]+(?:\.[0-9]+)?(?=(?:{_UNITS})(?!\w)))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<text>"[^"\n]*")
    |(?P<sign><=|>=|==|!=|[<>=+\-*/(){{}},])""",
    re.VERBOSE | re.ASCII,
)
_UNIT: Final = re.compile(rf"\s*(?P<unit>{_UNITS})(?![\w])", re.ASCII)
_SCHEME: Final = re.compile(r"\s*\(\s*(?P<name>[a-z]+(?:\+[a-z]+)?)\s*\)")


class ExpressionError(ValueError):
    """Text that is no expression: what is wrong, at which character (from 0), and a mend."""

    def __init__(self, message: str, at: int, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.mend = mend


class _Token(NamedTuple):
    kind: str
    """``number``, ``name``, ``text``, ``sign`` or ``end``."""
    text: str
    at: int


def parse(text: str) -> Expression:
    """The expression of a text. Names are not looked up; ``check`` does that.

    Raises:
        ExpressionError: it does not follow the grammar.
    """
    if len(text) > LENGTH_MOST:
        msg = f"longer than {LENGTH_MOST} characters"
        raise ExpressionError(msg, LENGTH_MOST, "split it into several")
    parser = _Parser(text)
    found = parser.expression(0)
    if parser.token.kind != "end":
        raise parser.unexpected("an operator or the end")
    return found


class _Parser:
    """A walk over the tokens; ``token`` is the next one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0
        self.end = 0
        self.token = self.read()

    def read(self) -> _Token:
        at = len(self.text) - len(self.text[self.end :].lstrip())
        if at >= len(self.text):
            return _Token("end", "", len(self.text))
        match = _TOKEN.match(self.text, at)
        if match is None:
            raise self.unreadable(at)
        self.end = match.end()
        return _Token(str(match.lastgroup), match[0], at)

    def unreadable(self, at: int) -> ExpressionError:
        if self.text[at] == '"':
            return ExpressionError("a value without its closing quote", at, 'write "..."')
        if match := re.compile(r"[0-9.]+\s*[A-Za-z/%]*").match(self.text, at):
            return ExpressionError(f"{match[0]!r} is no number with a unit", at, f"units are {', '.join(UNITS)}")
        mend = 'values of labels stand in double quotes: "coap"' if self.text[at] == "'" else ""
        return ExpressionError(f"{self.text[at]!r} has no meaning here", at, mend)

    def unexpected(self, wanted: str) -> ExpressionError:
        found = f"{self.token.text!r}" if self.token.text else "the end"
        mend = "write == to compare" if self.token.text == "=" else ""
        return ExpressionError(f"expected {wanted}, found {found}", self.token.at, mend)

    def take(self) -> _Token:
        token, self.token = self.token, self.read()
        return token

    def expect(self, sign: str) -> _Token:
        if self.token.kind not in ("sign", "name") or self.token.text != sign:
            msg = f"'{sign}'"
            raise self.unexpected(msg)
        return self.take()

    def expression(self, least: int) -> Expression:
        """An expression of operators that bind at least so strongly."""
        found = self.operand(least)
        while (strength := STRENGTH.get(self.token.text, -1)) >= least and self.token.kind in ("sign", "name"):
            operator = self.take()
            found = Binary(operator.text, found, self.expression(strength + 1), operator.at)
            if operator.text in COMPARISONS and self.token.text in COMPARISONS:
                raise ExpressionError("comparisons do not follow one another", self.token.at, "join two with `and`")
        return found

    def operand(self, least: int) -> Expression:
        token = self.token
        if token.kind == "number":
            return self.number()
        if token.kind == "name" and token.text not in ("and", "or", "not"):
            return self.selection()
        if token.text not in ("not", "-", "(") or (token.text == "not" and least > NOT):
            raise self.unexpected("a number, a metric or '('")
        self.depth += 1
        if self.depth > DEPTH_MOST:
            msg = f"nested more than {DEPTH_MOST} times"
            raise ExpressionError(msg, token.at, "split it into several")
        self.take()
        if token.text == "(":
            found = self.expression(0)
            self.expect(")")
        else:
            inner = self.expression(NOT if token.text == "not" else SIGN)
            found = Negated(token.text, inner, token.at)
        self.depth -= 1
        return found

    def number(self) -> Number:
        """A number; its unit is read before the next token, in which a ``/`` would be a division."""
        token = self.token
        unit = _UNIT.match(self.text, self.end)
        if unit is not None:
            self.end = unit.end()
        self.take()
        return Number(token.text, unit["unit"] if unit else "", token.at)

    def selection(self) -> Selection:
        """A metric, or a function of one; ``throughput(http)`` is short for ``throughput{transport="http"}``."""
        name = self.token
        scheme = _SCHEME.match(self.text, self.end) if name.text == "throughput" else None
        if scheme is not None:
            self.end = scheme.end()
            self.take()
            label = Label("transport", scheme["name"], at=scheme.start("name"))
            return Selection(name.text, (label,), at=name.at, metric_at=name.at)
        self.take()
        if self.token.text != "(":
            if name.text in FUNCTIONS:
                msg = f"'(' after the function {name.text}"
                raise self.unexpected(msg)
            return Selection(name.text, self.labels(), at=name.at, metric_at=name.at)
        self.take()
        if self.token.kind != "name":
            raise self.unexpected("the name of a metric")
        metric = self.take()
        labels = self.labels()
        self.expect(")")
        return Selection(metric.text, labels, name.text, name.at, metric.at)

    def labels(self) -> tuple[Label, ...]:
        found: list[Label] = []
        if self.token.text != "{":
            return ()
        self.take()
        while self.token.text != "}":
            if found:
                self.expect(",")
            found.append(self.label())
        self.take()
        return tuple(found)

    def label(self) -> Label:
        if self.token.kind != "name":
            raise self.unexpected("the name of a label")
        name = self.take()
        if self.token.text not in ("=", "!="):
            raise self.unexpected("= or !=")
        unequal = self.take().text == "!="
        if self.token.kind != "text":
            raise self.unexpected('a value in quotes, such as "coap"')
        return Label(name.text, self.take().text[1:-1], unequal, name.at)
