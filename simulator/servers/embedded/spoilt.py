"""What a server that misbehaves on purpose passes on of a device's answers, or does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.coap.call import Result
from simulator.coap.codes import is_success
from simulator.coap.exchange import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

STATE: Final = "/5/0/3"
RESULT: Final = "/5/0/5"
STALE: Final = "stale"
SILENT: Final = "silent"
INITIAL: Final = b"0"
"""Update Result before an update, which a server that is silent about results still tells."""


class SpoiltAnswers:
    """The answers of one device.

    Args:
        misses: States whose notifications are kept back.
        result: ``stale`` or ``silent``, or empty for Update Results as they are.
        act: told of what was done, with its name and details.
    """

    def __init__(self, misses: tuple[int, ...], result: str, act: Callable[[str, str], None]) -> None:
        self._misses = {str(state).encode() for state in misses}
        self._result = result
        self._act = act
        self._first: bytes | None = None

    def read(self, path: str, done: Callable[[Result], None]) -> Callable[[Result], None]:
        """``done`` for a Read."""
        if path != RESULT or not self._result:
            return done
        return lambda result: done(self._told(result) or _unanswered(result))

    def observation(self, path: str, done: Callable[[Result], None]) -> Callable[[Result], None]:
        """``done`` for an observation: the answer, then the notifications."""
        if path == RESULT and self._result:
            return self._results(done)
        return self._states(done) if path == STATE and self._misses else done

    def _states(self, done: Callable[[Result], None]) -> Callable[[Result], None]:
        answered = False

        def take(result: Result) -> None:
            nonlocal answered
            notified, answered = answered, True
            if notified and result.payload in self._misses and _has_value(result):
                self._act("misses", f"the notification of State {result.payload.decode()} is not passed on")
            else:
                done(result)

        return take

    def _results(self, done: Callable[[Result], None]) -> Callable[[Result], None]:
        answered = False

        def take(result: Result) -> None:
            nonlocal answered
            told = self._told(result)
            if told is not None:
                done(told)
            elif not answered:
                done(_unanswered(result))
            answered = True

        return take

    def _told(self, result: Result) -> Result | None:
        """What is told in place of a result; None for nothing."""
        if not _has_value(result):
            return result
        if self._result == SILENT:
            if result.payload == INITIAL:
                return result
            self._act("result", f"Update Result {result.payload.decode('utf-8', 'replace')} is not told")
            return None
        if self._first is None:
            self._first = result.payload
        if result.payload != self._first:
            self._act("result", f"an earlier Update Result is told for {result.payload.decode('utf-8', 'replace')}")
        return result._replace(payload=self._first)


def _has_value(result: Result) -> bool:
    return result.failure is None and is_success(result.code)


def _unanswered(result: Result) -> Result:
    return Result(0, [], b"", Failure.TIMEOUT, result.more)
