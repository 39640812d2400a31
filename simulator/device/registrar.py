"""Joins the pure registration machine to a device's endpoint and to the timer of the fleet."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.coap.codes import LOCATION_PATH, code_text, is_success
from simulator.coap.requests import request_options
from simulator.device.effects import perform
from simulator.device.objects import binding_of, links_of
from simulator.events import RegistrationEnded
from simulator.lwm2m.registration import Operation, Outcome, Registration
from simulator.lwm2m.registration_states import STARTS, RetryPolicy

if TYPE_CHECKING:
    from simulator.coap.call import Result
    from simulator.device.device import Device
    from simulator.lwm2m.firmware_table import Effect

RETRY: Final = RetryPolicy(retry_count=8, retry_timer_s=2.0, sequence_delay_s=600.0, sequence_count=0)
"""A device in a load test tries again soon, and never gives up: the TS's defaults (60 s, then a day) outlast a run."""


class Registrar:
    """The registration of one device from one boot to the next.

    ``effects`` of the boot are handed to the device once it is registered: a download or an installation that a reboot
    had interrupted goes on when the server can see it.
    """

    __slots__ = ("_call", "_device", "_effects", "_every", "_left", "_not_before", "_renewed", "_resent", "_started",
                 "_wakes_at", "armed", "machine")  # fmt: skip

    def __init__(self, device: Device, effects: tuple[Effect, ...]) -> None:
        plan = device.plan
        self._device = device
        self._effects = effects
        self._call: object = None
        self._left: asyncio.Future[None] | None = None
        self._started = 0.0
        self._resent = 0
        self._every = (plan.queue.update_every_s or inf) if plan.queue is not None else inf
        self._renewed = 0.0
        """When the server answered last."""
        self._wakes_at = inf
        """When an Update is sent although the registration lasts longer: a device in queue mode wakes up for it."""
        self._not_before = -inf
        """Until when a device sleeps over what is due."""
        self.armed = inf
        self.machine = Registration(
            plan.endpoint,
            int(plan.lifetime_s),
            links_of(device),
            version=plan.lwm2m,
            binding=binding_of(plan.management),
            queue=plan.queue is not None,
            retry=RETRY,
        )

    @property
    def registered(self) -> bool:
        """Whether the device holds a registration."""
        return self.machine.is_registered

    @property
    def waits(self) -> bool:
        """Whether the answer to a request of the registration is due."""
        return self._call is not None

    def start(self, operation: Operation, now: float) -> None:
        """Send the request of an operation."""
        self._wakes_at, self._not_before = inf, -inf
        parts = self.machine.start(operation, now)
        options = request_options(parts.path, parts.query, content_format=parts.content_format)
        assert self._device.link is not None
        self._device.link.renew()
        endpoint = self._device.endpoint
        # A timer may ring a little early (``Deadlines``), and an answer come before its time.
        self._started, self._resent = min(now, self._device.world.now()), endpoint.retransmissions
        self._call = self._device.stack.call(
            endpoint, parts.code, options, parts.payload, lambda result: self._ended(operation, result), now
        )

    def ask(self, operation: Operation, now: float) -> bool:
        """Start an operation out of turn; whether it can start: nothing is under way, and it makes sense now."""
        if self._call is not None or (self.machine.state, operation) not in STARTS:
            return False
        self.start(operation, now)
        return True

    def _ended(self, operation: Operation, result: Result) -> None:
        self._call = None
        device, now = self._device, self._device.world.now()
        self._record(operation, result, now)
        before = self.registered
        if result.code:
            assert device.link is not None
            device.link.reached()
            location = [value.decode("utf-8", "replace") for number, value in result.options if number == LOCATION_PATH]
            outcome = self.machine.answered(result.code, location, now)
        else:
            outcome = self.machine.unanswered(now)
        if self.registered:
            self._renewed, self._wakes_at = now, now + self._every
        if self.registered != before:
            device.world.on_change("registered", 1 if self.registered else -1)
        if operation is Operation.REGISTER and outcome is Outcome.ACCEPTED:
            effects, self._effects = self._effects, ()
            perform(device, effects, now)
        if operation is Operation.DEREGISTER:
            self._leave()
        self.arm()

    def _record(self, operation: Operation, result: Result, now: float) -> None:
        device = self._device
        outcome = "unknown" if not result.code else "ok" if is_success(result.code) else "fail"
        device.world.sink.emit(
            RegistrationEnded(
                now,
                device.plan.index,
                operation.value,
                self._started,
                outcome,
                code_text(result.code) if result.code else "",
                device.endpoint.retransmissions - self._resent,
                "" if result.code or device.link is None else device.link.cause,
            )
        )

    def connection_lost(self, now: float) -> None:
        """The connection that the registration was made over is gone; a new one is tried after a wait."""
        if self.registered and self.machine.connection_lost(now):
            self._device.world.on_change("registered", -1)
        self.arm()

    async def deregister(self) -> None:
        """Leave the server, as far as it answers."""
        machine, now = self.machine, self._device.world.now()
        if self._call is not None or not machine.is_registered:
            return
        self._left = asyncio.get_running_loop().create_future()
        self.start(Operation.DEREGISTER, now)
        await self._left

    def leave_for(self, seconds: float) -> None:
        """De-register, and Register anew after this time; a download or an installation goes on meanwhile."""
        self._device.world.spawn(self._leave_for(seconds))

    @property
    def _is_current(self) -> bool:
        """Whether the device is up, and has not booted anew."""
        return self._device.link is not None and self._device.registrar is self

    async def _leave_for(self, seconds: float) -> None:
        if self._is_current:
            await self.deregister()
        await self._device.world.clock.sleep(seconds)
        if self._is_current and not self.registered:
            # Where another Register is under way already, or is to be tried again, that one is as good.
            self.ask(Operation.REGISTER, self._device.world.now())

    def update_soon(self) -> None:
        """Have an Update sent, where the device is registered."""
        if self._is_current:
            self.machine.trigger(self._device.world.now())
            self.arm()

    def oversleep(self, seconds: float) -> None:
        """Send the next Update this long after the registration has ended at the server; nothing without one."""
        if self._is_current and self.registered:
            # The server counts from the last request, and has had it when its answer was here.
            self._not_before = self._renewed + self.machine.lifetime_s + seconds

    def forget(self) -> None:
        """The device goes down; the server is not told."""
        if self.registered:
            self._device.world.on_change("registered", -1)
        call, self._call = self._call, None
        if call is not None:
            self._device.stack.finish(self._device.endpoint, call)
        self._leave()

    def _leave(self) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(None)

    # -- for the timer of the fleet --------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When an operation is due."""
        return max(min(self.machine.deadline, self._wakes_at), self._not_before)

    def expire(self, now: float) -> None:
        """Start the operation that is due."""
        if self._wakes_at <= now:
            self._wakes_at = inf
            self.machine.trigger(now)
        operation = self.machine.due(now) if self._not_before <= now else None
        if operation is not None and self._call is None:
            self.start(operation, now)
        self.armed = self.deadline

    def arm(self) -> None:
        """Have the timer look at a deadline that has come nearer."""
        if self.deadline < self.armed:
            self.armed = self.deadline
            self._device.world.deadlines.arm(self, self.deadline)
