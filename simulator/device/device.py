"""A virtual device: a thin shell that joins the pure machines to the ports.

What survives a reboot is ``persistent``; everything made in ``_boot`` is gone when ``_go_down`` returns. A request is
answered first, then the changes that it led to are notified, then its effects are carried out, because that is the
order in which a server sees a real device act (OMA LwM2M TS, E.6).
"""

from __future__ import annotations

import asyncio
import logging
from math import inf
from typing import TYPE_CHECKING

from simulator.device import effects, record, requests
from simulator.device.deferral import Deferral
from simulator.device.installer import SlotInstaller
from simulator.device.links import Link, open_link
from simulator.device.notifier import Notifier
from simulator.device.objects import make_tree
from simulator.device.persistent import Persistent, after_boot, restore, snapshot
from simulator.device.push import Push
from simulator.device.receiver import PackageReceiver
from simulator.device.refetched import NOTHING_REACHED
from simulator.device.registrar import Registrar
from simulator.device.stacks import NO_CONTEXTS, STACKS
from simulator.faults.plan import NO_FAULTS
from simulator.lwm2m.firmware_object import FirmwareObject, object_definition
from simulator.lwm2m.firmware_table import Effect, Event, State, UpdateResult
from simulator.lwm2m.profiles import habits_of
from simulator.lwm2m.registration import Operation
from simulator.network.shaped import beside, turns_of

if TYPE_CHECKING:
    from simulator.coap.exchange import Response, Upload
    from simulator.coap.message import Message
    from simulator.device.pull import Pull
    from simulator.device.stacks import CoapEndpoint, Stack
    from simulator.device.world import DeviceSettings, World
    from simulator.faults.plan import FaultPlan
    from simulator.lwm2m.tree import ObjectTree
    from simulator.ports import Dice, Installer, InstallOutcome

log = logging.getLogger(__name__)


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
        "_reboot_asked",
        "chance",
        "deferral",
        "download_network",
        "download_turns",
        "faults",
        "firmware",
        "flash",
        "installation",
        "installer",
        "leaving",
        "link",
        "management_network",
        "management_turns",
        "messages_in",
        "messages_out",
        "notifier",
        "on",
        "oscore",
        "persistent",
        "plan",
        "profile",
        "pull",
        "push",
        "reached",
        "receiver",
        "registrar",
        "retransmissions",
        "stack",
        "stage",
        "tree",
        "world",
    )

    def __init__(self, plan: DeviceSettings, world: World, chance: Dice, faults: FaultPlan) -> None:
        self.plan = plan
        self.world = world
        self.chance = chance
        self.stack: Stack = STACKS[plan.stack]
        self.oscore = NO_CONTEXTS
        self.faults = NO_FAULTS
        self.profile = habits_of(plan.profile, plan.switches, plan.object_version)
        self.flash = world.flash(plan)
        self.installer: Installer = SlotInstaller(world.clock, plan.install_time_s)
        network = world.network if world.network_of is None else world.network_of(plan)
        self.management_network, self.download_network = network, beside(network)
        self.management_turns, self.download_turns = turns_of(network), turns_of(self.download_network)
        self.receiver = PackageReceiver(self.flash, plan.model)
        self.inject(faults)
        self.persistent = Persistent(plan.firmware_version)
        self.on = self._act_due = self._reboot_asked = False
        self.link: Link | None = None
        """The way to the management server; None while the device is off or boots."""
        self.firmware: FirmwareObject
        self.tree: ObjectTree
        self.notifier: Notifier
        self.registrar: Registrar
        self.deferral: Deferral
        self.pull: Pull | None = None
        self.push: Push | None = None
        self.installation: asyncio.Task[None] | None = None
        self.leaving = effects.Leaving(self)
        self.stage = ""
        self.messages_in = self.messages_out = self.retransmissions = 0
        self.reached = NOTHING_REACHED
        """How far interrupted pulls of a package have come: for the record, not for the device."""

    def inject(self, faults: FaultPlan) -> None:
        """Add faults: to flash and installer at once, to the network from the next port on that is opened."""
        self.faults = self.faults.joined(faults)
        self.flash = self.receiver.flash = faults.wrap_flash(self.flash)
        self.installer = faults.wrap_installer(self.installer)
        self.management_network = faults.network(self.management_network, "management")
        self.download_network = faults.network(self.download_network, "download")

    # -- power -----------------------------------------------------------------------------------------------------

    async def power_on(self, due: float) -> None:
        """Boot and Register, as the plan meant it for the time ``due``; returns when the Register is on its way."""
        record.started(self, due)
        self.on = True
        await self._boot(None)

    async def power_off(self) -> None:
        """Switch off at the end of a run, after a De-register where the device is registered."""
        if self.link is not None:
            await self.registrar.deregister()
        self.cut_off()

    def cut_off(self) -> None:
        """Switch off at once, without a word to the server; nothing where it is off."""
        if not self.on:
            return
        self.on = False
        registered = self.link is not None and self.registrar.registered
        if self.link is not None:
            self._go_down()
        record.ended(self, registered=registered)

    async def _boot(self, outcome: InstallOutcome | None) -> None:
        """Come up with what was stored; ``outcome`` is that of the installation that this boot completes."""
        plan, world, profile, before = self.plan, self.world, self.profile, self.persistent
        boot = self.faults.wrap_boot(after_boot(before, profile, outcome, now_unix=self.now_unix()))
        self.persistent = stored = boot.persistent
        definition = object_definition(profile, plan.lwm2m)
        self.firmware = restore(stored, self, profile, definition, frozenset(plan.protocols))
        if (stored.state, stored.result) != (before.state, before.result):
            record.transition(self, stored.state, stored.result, boot.cause)
        if Effect.ERASE_PACKAGE in boot.effects:
            # Before the Register: what the server pushes as soon as it sees the device must not be hit.
            self.flash.erase()
        try:
            link = await open_link(self)
        except OSError as error:
            log.error("device %d (%s) found no local port: %s", plan.index, plan.endpoint, error)
            world.on_change("without_port", 1)
            return
        if not self.on:
            link.close(world.now())
            return
        self.link = link
        self.tree = make_tree(self)
        self.notifier = Notifier(self)
        self.registrar = Registrar(self, tuple(effect for effect in boot.effects if effect is not Effect.ERASE_PACKAGE))
        self.deferral = Deferral(self)
        self.deferral.arm()
        self.faults.changed(self, stored.state)  # not before the device is up, for whatever they do to it then
        self.registrar.start(Operation.REGISTER, world.now())

    def _go_down(self) -> None:
        """Lose everything but what is stored."""
        link, now = self.link, self.world.now()
        assert link is not None
        self.persistent = snapshot(self)
        effects.stop_transfers(self, now)
        effects.stop_installation(self)
        self.count_messages()
        self.registrar.forget()
        for watched in (self.registrar, self.notifier, self.deferral):
            self.world.deadlines.disarm(watched)
        self.link = None
        link.close(now)

    def count_messages(self) -> None:
        """Take the figures of an endpoint that is about to go."""
        endpoint = self.endpoint
        self.messages_in += endpoint.messages_in
        self.messages_out += endpoint.messages_out
        self.retransmissions += endpoint.retransmissions

    async def reboot(self, outcome: InstallOutcome | None = None, off_s: float = 0.0) -> None:
        """Go down and come up again, after so many seconds without power; never after infinity."""
        if self.link is None:
            return
        self._go_down()
        boots = 1 if outcome is None else outcome.boots
        if boots and off_s < inf:
            await self.world.clock.sleep(off_s + boots * self.plan.boot_time_s)
            if self.on:
                await self._boot(outcome)

    def lose_power(self, seconds: float) -> None:
        """Go down in the next turn, and come up after this time; never after infinity."""
        self.world.spawn(self.reboot(off_s=seconds))

    # -- the way to the server -------------------------------------------------------------------------------------

    @property
    def endpoint(self) -> CoapEndpoint:
        """The CoAP endpoint towards the management server, while the device is up."""
        assert self.link is not None
        return self.link.endpoint

    def link_lost(self) -> None:
        """The connection to the server has ended, and with it the registration and the observations."""
        if self.link is not None:
            self.registrar.connection_lost(self.world.now())

    def on_request(self, endpoint: CoapEndpoint, request: Message, now: float) -> Response:  # noqa: ARG002
        """Answer a request of the server; what follows from it comes after the answer."""
        return requests.answer(self, request)

    def open_upload(self, endpoint: CoapEndpoint, request: Message, now: float) -> Upload | Response | None:
        """A Package comes in blocks and is not kept in memory; everything else is."""
        return requests.open_upload(self, endpoint, request, now)

    def on_observation_ended(self, endpoint: CoapEndpoint, key: object, now: float) -> None:  # noqa: ARG002
        """The server wants no more notifications."""
        self.notifier.ended(key)

    # -- from the Firmware Update object (its Host) ----------------------------------------------------------------

    def now_unix(self) -> int:
        """The device's wall clock."""
        return self.world.unix_start + int(self.world.now() + self.faults.clock_ahead())

    def defers_update(self, severity: int) -> bool:
        """Nobody sits at a virtual device, unless a fault puts somebody there."""
        return self.faults.defers_update(severity)

    def receive_package(self, data: bytes) -> Event:
        """Store and check a package that came in one message."""
        return effects.receive_package(self, data)

    def on_transition(self, state: State, result: UpdateResult, cause: Event) -> None:
        """Record a new State or Update Result."""
        record.transition(self, state, result, cause)
        self.faults.changed(self, state)

    # -- acting ----------------------------------------------------------------------------------------------------

    def transfer_ended(self, event: Event, now: float) -> int:  # noqa: ARG002
        """A push or pull ended; the response code for a push."""
        return effects.transfer_ended(self, event)

    def push_abandoned(self, push: Push) -> None:
        """No further blocks of a push came, or another push takes its place."""
        effects.push_abandoned(self, push)

    def act_soon(self) -> None:
        """Notify and carry out what has happened, in the next turn: after an answer that is due in this one."""
        if not self._act_due:
            self._act_due = True
            self.world.soon(self._act)

    def _act(self) -> None:
        self._act_due = False
        if self.link is None:
            return
        now = self.world.now()
        self.notifier.take_observations(now)
        for resource_id in self.firmware.take_notices():
            self.notifier.changed((5, 0, resource_id), now)
        effects.carry_out(self, now)
        self.deferral.arm()
        if self._reboot_asked:
            self._reboot_asked = False
            self.world.spawn(self.reboot())

    def ask_reboot(self) -> None:
        """Execute of Reboot (/3/0/4): after the answer is sent."""
        self._reboot_asked = True
