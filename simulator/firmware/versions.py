"""The order of firmware versions: numeric, part by part, so that 1.1.10 comes after 1.1.9.

Versions are free text in LwM2M (/3/0/3, /5/0/7), so every text has a place in the order. The rules for dotted numbers
are those of Semantic Versioning 2.0.0 §10 and §11 as far as they apply: a suffix after ``-`` makes an earlier version
(1.2-rc1 before 1.2), and what follows ``+`` does not count. Missing parts are zero: 1.2 equals 1.2.0.
"""

from __future__ import annotations

import re
from typing import Final

Part = tuple[int, int, str]
"""Kind (0 text, 1 end, 2 number), number of digits, and the text or the digits."""
VersionKey = tuple[tuple[Part, ...], tuple[Part, ...]]

_END: Final[Part] = (1, 0, "")
_RUNS: Final = re.compile(r"[0-9]+|[^0-9.\-_ ]+")
_RELEASE: Final = re.compile(r"[vV]?([0-9]+(?:\.[0-9]+)*)")


def version_key(version: str) -> VersionKey:
    """A sort key. Never raises, whatever the text; digits are compared as text, so length is no limit."""
    text = version.partition("+")[0]
    if not text:
        return (), ()  # a device that tells no version: before all others
    match = _RELEASE.match(text)
    release = [_number(part) for part in match[1].split(".")] if match else []
    while release and release[-1] == _number("0"):
        release.pop()
    rest = _RUNS.findall(text[match.end() :] if match else text)
    suffix = tuple(_number(run) if run[0] in "0123456789" else (0, 0, run) for run in rest)
    return tuple(release), (*suffix, _END)


def is_newer(version: str, than: str) -> bool:
    """Whether ``version`` comes after ``than``."""
    return version_key(version) > version_key(than)


def _number(digits: str) -> Part:
    stripped = digits.lstrip("0") or "0"
    return 2, len(stripped), stripped
