"""A virtual device: a thin shell that joins the pure machines to the ports.

What survives a reboot is ``persistent``; everything made in ``_boot`` is gone when ``_go_down`` returns. A request is
answered first, then the changes that it led to are notified, then its effects are carried out, because that is the
order in which a server sees a real device act (OMA LwM2M TS, E.6).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from simulator.coap.block import szx_for
from simulator.coap.codes import (
    BAD_REQUEST,
    BLOCK1,
    CONTENT_FORMAT,
    FORMAT_OPAQUE,
    METHOD_NOT_ALLOWED,
    PUT,
    SIZE1,
    UNSUPPORTED_CONTENT_FORMAT,
)
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Response
from simulator.coap.message import uint_bytes
from simulator.coap.requests import put_option
from simulator.device.deferral import Deferral
from simulator.device.flash import HashingFlash
from simulator.device.installer import SlotInstaller
from simulator.device.notifier import Notifier, answer_options
from simulator.device.objects import make_tree
from simulator.device.persistent import Persistent, after_boot, restore, save
from simulator.device.pull import Pull
from simulator.device.push import Push, record_whole
from simulator.device.receiver import PackageReceiver
from simulator.device.registrar import Registrar
from simulator.device.thinking import thinking
from simulator.device.unwrap import unwrapper
from simulator.events import DeviceEnded, DeviceStarted, StateChanged
from simulator.lwm2m.firmware_object import FirmwareObject, object_definition
from simulator.lwm2m.firmware_resources import Transfer
from simulator.lwm2m.firmware_table import Effect, Event, State, UpdateResult
from simulator.lwm2m.profiles import PROFILES
from simulator.lwm2m.registration import Operation

if TYPE_CHECKING:
    from simulator.coap.exchange import Upload
    from simulator.coap.message import Message
    from simulator.device.world import DeviceSettings, World
    from simulator.faults.plan import FaultPlan
    from simulator.lwm2m.tree import ObjectTree
    from simulator.ports import Address, DatagramPort, Dice, InstallOutcome

log = logging.getLogger(__name__)

PACKAGE_PATH: Final = ("5", "0", "0")
MORE: Final = 8
"""The flag of a Block option that says that more blocks follow (RFC 7959 §2.2)."""
STAGES: Final = {
    State.IDLE: "",
    State.DOWNLOADING: "downloading",
    State.DOWNLOADED: "downloaded",
    State.UPDATING: "updating",
}


class Device:
    """One virtual device.

    Args:
        plan: what it is.
        world: where it is.
        chance: its own stream for tokens, Message IDs and time-outs.
        faults: what is injected into it.
    """

    __slots__ = (
        "_act_due",
        "_installation",
        "_reboot_asked",
        "_stage",
        "chance",
        "deferral",
        "download_network",
        "endpoint",
        "firmware",
        "flash",
        "installer",
        "management_network",
        "messages_in",
        "messages_out",
        "notifier",
        "on",
        "persistent",
        "plan",
        "port",
        "profile",
        "pull",
        "push",
        "receiver",
        "registrar",
        "retransmissions",
        "tree",
        "world",
    )

    def __init__(self, plan: DeviceSettings, world: World, chance: Dice, faults: FaultPlan) -> None:
        self.plan = plan
        self.world = world
        self.chance = chance
        self.profile = PROFILES[plan.profile]
        self.flash = faults.wrap_flash(HashingFlash(plan.flash_bytes))
        self.installer = faults.wrap_installer(SlotInstaller(world.clock, plan.install_time_s))
        self.management_network = faults.network(world.network, "management")
        self.download_network = faults.network(world.network, "download")
        self.receiver = PackageReceiver(self.flash, plan.model)
        self.persistent = Persistent(plan.firmware_version)
        self.on = False
        self.port: DatagramPort | None = None
        self.endpoint: Endpoint
        self.firmware: FirmwareObject
        self.tree: ObjectTree
        self.notifier: Notifier
        self.registrar: Registrar
        self.deferral: Deferral
        self.pull: Pull | None = None
        self.push: Push | None = None
        self._installation: asyncio.Task[None] | None = None
        self._act_due = self._reboot_asked = False
        self._stage = ""
        self.messages_in = self.messages_out = self.retransmissions = 0

    # -- power -----------------------------------------------------------------------------------------------------

    async def power_on(self, due: float) -> None:
        """Switch on: boot and Register. Returns when the Register is on its way.

        Args:
            due: when the plan meant this to happen, in seconds since the start of the run.
        """
        plan, world = self.plan, self.world
        world.sink.emit(
            DeviceStarted(
                world.now(),
                plan.index,
                plan.endpoint,
                plan.group,
                plan.transport,
                plan.delivery,
                due,
                plan.fault,
                plan.expected_state,
                plan.expected_result,
            )
        )
        world.on_change("started", 1)
        self.on = True
        await self._boot(None)

    async def power_off(self) -> None:
        """Switch off at the end of a run, after a De-register where the device is registered."""
        if self.port is not None:
            await self.registrar.deregister()
        self.cut_off()

    def cut_off(self) -> None:
        """Switch off at once, without a word to the server; nothing where it is off."""
        if not self.on:
            return
        self.on = False
        registered = self.port is not None and self.registrar.registered
        if self.port is not None:
            self._go_down()
        stored = self.persistent
        self.world.sink.emit(
            DeviceEnded(
                self.world.now(),
                self.plan.index,
                int(stored.state),
                int(stored.result),
                stored.firmware_version,
                stored.boots,
                registered,
                self.messages_in,
                self.messages_out,
                self.retransmissions,
            )
        )

    async def _boot(self, outcome: InstallOutcome | None) -> None:
        """Come up with what was stored; ``outcome`` is that of the installation that this boot completes."""
        plan, world, profile = self.plan, self.world, self.profile
        before = self.persistent
        boot = after_boot(before, profile, outcome, now_unix=self.now_unix())
        self.persistent = stored = boot.persistent
        definition = object_definition(profile, plan.lwm2m)
        self.firmware = restore(stored, self, profile, definition, frozenset((plan.transport,)))
        if (stored.state, stored.result) != (before.state, before.result):
            self.on_transition(stored.state, stored.result, boot.cause)
        if Effect.ERASE_PACKAGE in boot.effects:
            # Before the Register: what the server pushes as soon as it sees the device must not be hit.
            self.flash.erase()
        try:
            receiver = thinking(self, plan.think_time_s)
            port = await self.management_network.open_datagram(world.server, receiver)
        except OSError as error:
            log.error("device %d (%s) found no local port: %s", plan.index, plan.endpoint, error)
            return
        if not self.on:
            port.close()
            return
        self.port = port
        self.endpoint = Endpoint(
            port.send,
            self.chance,
            self,
            plan.parameters,
            szx=szx_for(plan.block_size),
            alarm=world.deadlines.arm,
        )
        self.tree = make_tree(self)
        self.notifier = Notifier(self)
        self.registrar = Registrar(self, tuple(effect for effect in boot.effects if effect is not Effect.ERASE_PACKAGE))
        self.deferral = Deferral(self)
        self.deferral.arm()
        self.registrar.start(Operation.REGISTER, world.now())

    def _go_down(self) -> None:
        """Lose everything but what is stored."""
        assert self.port is not None
        now = self.world.now()
        # A pull that an earlier boot had begun, and this one not yet gone on with, still has its ETag.
        etag = self.pull.etag if self.pull is not None else self.persistent.etag
        self._stop_transfers(now)
        self.persistent = save(
            self.persistent,
            self.firmware,
            received=self.flash.written,
            etag=etag if self.firmware.transfer is Transfer.PULL else b"",
        )
        self._stop_installation()
        endpoint = self.endpoint
        self.messages_in += endpoint.messages_in
        self.messages_out += endpoint.messages_out
        self.retransmissions += endpoint.retransmissions
        self.registrar.forget()
        endpoint.close(now)
        for watched in (endpoint, self.registrar, self.notifier, self.deferral):
            self.world.deadlines.disarm(watched)
        self.port.close()
        self.port = None

    async def reboot(self, outcome: InstallOutcome | None = None) -> None:
        """Go down and come up again."""
        if self.port is None:
            return
        self._go_down()
        await self.world.clock.sleep(self.plan.boot_time_s)
        if self.on:
            await self._boot(outcome)

    # -- from the port ---------------------------------------------------------------------------------------------

    def on_datagram(self, data: bytes, peer: Address) -> None:  # noqa: ARG002
        """A datagram of the management server."""
        if self.port is not None:
            self.endpoint.receive(data, self.world.now())

    def on_datagram_error(self, error: OSError) -> None:  # noqa: ARG002
        """Nobody listens at the management server."""
        if self.port is not None:
            self.endpoint.unreachable(self.world.now())

    # -- from the CoAP engine --------------------------------------------------------------------------------------

    def on_request(self, endpoint: Endpoint, request: Message, now: float) -> Response:  # noqa: ARG002
        """Answer a request of the server; what follows from it comes after the answer."""
        if request.path == PACKAGE_PATH and request.content_format < 0:
            # A Package without Content-Format is the image itself, not base64 text.
            request.options = put_option(request.options, CONTENT_FORMAT, uint_bytes(FORMAT_OPAQUE))
        answer = self.tree.handle(request)
        self._act_soon()
        return Response(
            answer.code, answer.payload, answer_options(answer), observe_key=self.notifier.observed(request, answer)
        )

    def open_upload(self, endpoint: Endpoint, request: Message, now: float) -> Upload | Response | None:
        """A Package comes in blocks and is not kept in memory; everything else is."""
        if request.path != PACKAGE_PATH or not request.uint(BLOCK1) & MORE:
            return None
        if request.code != PUT:
            return Response(METHOD_NOT_ALLOWED)
        unwrap = unwrapper(request.content_format)
        if unwrap is None:
            return Response(UNSUPPORTED_CONTENT_FORMAT)
        if not request.payload:
            return Response(BAD_REQUEST)
        code = self.firmware.package_started()
        self._act_soon()
        if code:
            return Response(code)
        # What an unfinished push has stored must be gone before the first byte of this one is.
        self._carry_out(now)
        self.receiver.begin()
        self.push = Push(self, endpoint, unwrap, request.uint(SIZE1), now)
        return self.push

    def on_observation_ended(self, endpoint: Endpoint, key: object, now: float) -> None:  # noqa: ARG002
        """The server wants no more notifications."""
        self.notifier.ended(key)

    # -- from the Firmware Update object (its Host) ----------------------------------------------------------------

    def now_unix(self) -> int:
        """The device's wall clock."""
        return self.world.unix_start + int(self.world.now())

    def defers_update(self, severity: int) -> bool:  # noqa: ARG002
        """Nobody sits at a virtual device; a fault may."""
        return False

    def receive_package(self, data: bytes) -> Event:
        """Store and check a package that came in one message."""
        self.receiver.begin()
        event = self.receiver.write(data) or self.receiver.finish()
        record_whole(self, len(data), event)
        self._take_package_info(event)
        return event

    def on_transition(self, state: State, result: UpdateResult, cause: Event) -> None:
        """Record a new State or Update Result."""
        self.world.sink.emit(StateChanged(self.world.now(), self.plan.index, int(state), int(result), str(cause)))
        stage = STAGES[state]
        if result is not UpdateResult.INITIAL:
            stage = "updated" if result is UpdateResult.UPDATED_SUCCESSFULLY else "failed"
        if stage != self._stage:
            if self._stage:
                self.world.on_change(self._stage, -1)
            if stage:
                self.world.on_change(stage, 1)
            self._stage = stage

    # -- transfers -------------------------------------------------------------------------------------------------

    def transfer_ended(self, event: Event, now: float) -> int:  # noqa: ARG002
        """A push or pull ended; the response code for a push."""
        self._take_package_info(event)
        return self.firmware.finished(event)

    def _take_package_info(self, event: Event) -> None:
        verdict = self.receiver.verdict
        if event is Event.DOWNLOAD_COMPLETED and verdict is not None:
            self.firmware.set_package_info(verdict.model, verdict.version)

    def push_abandoned(self, push: Push) -> None:
        """No further blocks of a push came, or another push takes its place.

        Which of the two it is shows in this very turn: a restart is no failure (RFC 7959 §2.5), so it is waited for.
        """
        self.world.soon(lambda: self._abandon(push))

    def _abandon(self, push: Push) -> None:
        if self.push is push:
            self.push = None
            self.firmware.finished(Event.PACKAGE_ABANDONED)
            self._act_soon()
        push.record(Event.PACKAGE_ABANDONED, self.world.now())

    # -- acting ----------------------------------------------------------------------------------------------------

    def act(self, now: float) -> None:  # noqa: ARG002
        """Something happened outside a request: notify and carry out what follows, in the next turn."""
        self._act_soon()

    def _act_soon(self) -> None:
        if not self._act_due:
            self._act_due = True
            self.world.soon(self._act)

    def _act(self) -> None:
        self._act_due = False
        if self.port is None:
            return
        now = self.world.now()
        self.notifier.take_observations(now)
        for resource_id in self.firmware.take_changes():
            self.notifier.changed((5, 0, resource_id), now)
        self._carry_out(now)
        self.deferral.arm()
        if self._reboot_asked:
            self._reboot_asked = False
            self.world.spawn(self.reboot())

    def on_lifetime(self, seconds: int) -> None:
        """Lifetime (/1/0/1) was written: the server has to hear of it by an Update."""
        self.registrar.machine.change(self.world.now(), lifetime_s=seconds)
        self.registrar.arm()

    def on_update_trigger(self) -> None:
        """Registration Update Trigger (/1/0/8) was executed."""
        self.registrar.machine.trigger(self.world.now())
        self.registrar.arm()

    def on_periods(self, pmin: int, pmax: int) -> None:
        """The default periods of notifications (/1/0/2, /1/0/3) were written."""
        self.notifier.set_default_periods(pmin, pmax)

    @property
    def local_host(self) -> str:
        """The address that the device has now."""
        return self.port.local.host if self.port is not None else ""

    def ask_reboot(self) -> None:
        """Execute of Reboot (/3/0/4): after the answer is sent."""
        self._reboot_asked = True

    def perform(self, effects: tuple[Effect, ...], now: float) -> None:
        """Carry out effects of a boot."""
        for effect in effects:
            # Before its Register was answered the server may have cancelled, and even written another Package URI.
            if effect is not Effect.RESUME_DOWNLOAD or (self.pull is None and self.firmware.transfer is Transfer.PULL):
                self._perform(effect, now)

    def _carry_out(self, now: float) -> None:
        for effect in self.firmware.take_effects():
            self._perform(effect, now)

    def _perform(self, effect: Effect, now: float) -> None:
        if effect is Effect.ERASE_PACKAGE:
            self.flash.erase()
        elif effect is Effect.STOP_TRANSFER:
            self._stop_transfers(now)
        elif effect is Effect.START_INSTALLATION:
            self._installation = self.world.spawn(self._install())
        else:
            self._start_pull(resume=effect is Effect.RESUME_DOWNLOAD)

    def _stop_transfers(self, now: float) -> None:
        if self.pull is not None:
            self.pull.stop(now)
        if self.push is not None:
            self.push.stop(now)
        self.pull = self.push = None

    def _stop_installation(self) -> None:
        """A reboot cuts an installation off, unless it is the installation that reboots."""
        task, self._installation = self._installation, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _start_pull(self, *, resume: bool) -> None:
        stored = self.persistent
        offset, etag = (stored.received, stored.etag) if resume else (0, b"")
        if not etag:
            offset = 0
        try:
            self.pull = Pull(self, self.firmware.package_uri, offset=offset, etag=etag)
        except ValueError:
            self.transfer_ended(Event.URI_INVALID, self.world.now())
            self._act_soon()
            return
        self.world.spawn(self.pull.start())

    async def _install(self) -> None:
        """Install what the flash holds. State 3 was notified before; what the reboot cuts off is lost, as it is."""
        firmware = self.firmware
        await self.world.clock.sleep(0)
        outcome = await self.installer.install(firmware.package_version)
        if outcome.succeeded:
            await self.reboot(outcome)
        else:
            firmware.installation_ended(Event.INSTALL_FAILED if outcome.integrity else Event.INSTALL_CORRUPT)
            self._act_soon()
