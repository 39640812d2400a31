"""When each device is due to start: pure functions of its index.

The model is open: a due time depends on the plan only, never on how fast the server answers. A start that comes late is
measured against its due time, so a slow server cannot hide behind a slow generator.
"""

from __future__ import annotations

import math

from simulator.scenario import Arrivals, AtOnce, ConstantRate


def due(k: int, n: int, arrivals: Arrivals) -> float:
    """Seconds from the start of the run at which device ``k`` of ``n`` is due; never less than for ``k - 1``.

    The integral of the rate up to this time is ``k``, so the first device is due at 0. For a ramp from ``a`` to ``b``
    over ``T`` it is the root of ``a t + (b - a) t² / 2T = k``, written so that it neither divides by zero for equal
    rates nor cancels; after the ramp the rate stays ``b``.

    Raises:
        IndexError: there is no device ``k``.
    """
    if not 0 <= k < n:
        msg = f"device {k} is not in 0 to {n - 1}"
        raise IndexError(msg)
    if k == 0 or isinstance(arrivals, AtOnce):
        return 0.0
    if isinstance(arrivals, ConstantRate):
        return k / arrivals.rate
    a, b, span = arrivals.from_, arrivals.to, arrivals.over
    during = (a + b) / 2 * span
    if k >= during:
        return span + (k - during) / b
    root = math.sqrt(max(0.0, a * a + 2 * k * (b - a) / span))
    return min(span, 2 * k / (a + root))
