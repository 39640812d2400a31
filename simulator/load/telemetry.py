"""Finished updates for OpenTelemetry: a span and a measurement each, with what Locust's own leave out.

Locust's ``--otel`` sets the exporters up, and itself exports how long an update took by its name and no more. This adds
what the context of the ``request`` event has. Operations that are merged in bulk reach no listener and are not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from simulator.load.merging import UPDATE

if TYPE_CHECKING:
    from locust.env import Environment

SCOPE: Final = "lwm2m_fleet"
DURATION: Final = "lwm2m_fleet.update.duration"
OF_ONE_DEVICE: Final = frozenset({f"{SCOPE}.endpoint"})
"""In spans alone: as an attribute of a metric it would make a series for each device."""
NS: Final = 1_000_000_000


def export_updates(environment: Environment) -> None:
    """Have each update that ends exported; nothing where OpenTelemetry is not installed, of which Locust tells."""
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 - an optional extra
    except ImportError:
        return
    tracer = trace.get_tracer(SCOPE)
    durations = metrics.get_meter(SCOPE).create_histogram(
        DURATION, unit="s", description="From when an update was due to its end as the operator saw it"
    )

    def on_request(request_type: str, exception: Exception | None, context: dict[str, Any], **fired: Any) -> None:
        if request_type != UPDATE:
            return
        attributes = {f"{SCOPE}.{key}": value for key, value in context.items()}
        seconds, begun = fired["response_time"] / 1000, int(fired["start_time"] * NS)
        span = tracer.start_span(fired["name"], start_time=begun, attributes=attributes)
        if exception is not None:
            span.set_status(trace.Status(trace.StatusCode.ERROR, str(exception)))
        span.end(begun + int(seconds * NS))
        durations.record(seconds, {key: value for key, value in attributes.items() if key not in OF_ONE_DEVICE})

    environment.events.request.add_listener(on_request)
