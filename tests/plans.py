"""What a device of a test is, where the test does not say otherwise (``simulator.device.world.DeviceSettings``)."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.coap.params import DEFAULT_PARAMETERS, TransmissionParameters
from simulator.lwm2m.queue_mode import QueueMode
from simulator.network.profiles import IDEAL, NetworkProfile
from simulator.security.spec import NO_CREDENTIALS, CredentialSpec
from simulator.transport.dtls_handshake import DEFAULT_TIMERS, HandshakeTimers


@dataclass
class PlanDefaults:
    index: int = 0
    endpoint: str = "dev"
    group: str = "g"
    delivery: str = "pull"
    management: str = "coap"
    transport: str = "coap"
    protocols: tuple[str, ...] | None = None
    """None: the transport."""
    stack: str = "own"
    network: NetworkProfile = IDEAL
    credentials: CredentialSpec = NO_CREDENTIALS
    download_credentials: CredentialSpec = NO_CREDENTIALS
    pull_retries: int = 0
    profile: str = "oma"
    switches: tuple[str, ...] = ()
    object_version: str | None = None
    lwm2m: str = "1.1"
    firmware_version: str = "1.0.0"
    model: str = "vd-1"
    lifetime_s: float = 86_400.0
    queue: QueueMode | None = None
    flash_bytes: int = 1 << 20
    flash_file: bool = False
    boot_time_s: float = 0.5
    install_time_s: float = 2.0
    block_size: int = 1024
    think_time_s: float = 0.0
    confirmable_notifications: bool = True
    parameters: TransmissionParameters = DEFAULT_PARAMETERS
    handshake: HandshakeTimers = DEFAULT_TIMERS
    fault: str = ""
    due_s: float = 0.0
    expected_state: int = 0
    expected_result: int = 1

    def __post_init__(self):
        if self.protocols is None:
            self.protocols = (self.transport,)
