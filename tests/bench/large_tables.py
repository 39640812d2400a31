"""The tables of a large run directory, as NumPy arrays: what each device of a campaign leaves in the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, get_type_hints

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator import events

arrow: Any = pa  # no types of its own, so Any

ROWS_EACH: Final = 99
UPDATES_EACH: Final = 20
READS_EACH: Final = 15
BLOCKS: Final = 128
BLOCK_BYTES: Final = 1024
ROWS_OF_A_PART: Final = 20_000
STARTS_PER_S: Final = 400.0
FAULTY_EACH: Final = 20
UNKNOWN_EACH: Final = 100

KINDS: Final = (("coap", "pull"), ("coap", "push"), ("coaps", "pull"), ("coap+tcp", "pull"), ("http", "pull"))
NETWORK: Final = {
    "name": "lte-m", "delay_s": 0.05, "jitter_s": 0.02, "loss": 0.01, "duplicate": 0.0, "reorder": 0.0,
    "rate_bps": 1e6, "rate_up_bps": 1e6, "mtu": 1358, "queue_s": 30.0, "burst_bytes": 1358,
}  # fmt: skip
GROUPS: Final = tuple(
    (f"{delivery}-{transport.replace('+', '-')}{'-far' if far else ''}", transport, delivery, far)
    for far in (False, True)
    for transport, delivery in KINDS
)

Column = NDArray[Any] | Sequence[Any] | Any


@dataclass(slots=True)
class Fleet:
    """What every table is made of, by device."""

    k: NDArray[np.int64]
    group: NDArray[np.int64]
    begin: NDArray[np.float64]
    took: NDArray[np.float64]
    faulty: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    dice: np.random.Generator

    @property
    def state(self) -> NDArray[np.int64]:
        return np.zeros(len(self.k), np.int64)

    @property
    def result(self) -> NDArray[np.int64]:
        return np.where(self.faulty, 5, 1)


def fleet_of(devices: int, seed: int) -> Fleet:
    dice = np.random.default_rng(seed)
    k = np.arange(devices, dtype=np.int64)
    took = dice.lognormal(1.0, 0.4, devices)
    begin = k / STARTS_PER_S + 0.1
    # So that every group has its share of what goes wrong.
    place = k // len(GROUPS)
    return Fleet(
        k, k % len(GROUPS), begin, took, place % FAULTY_EACH == 0, place % UNKNOWN_EACH == 1, dice
    )  # fmt: skip


def table_of(kind: Any, columns: dict[str, Column]) -> Any:
    """A table in order of time, of columns that are arrays or one value for all rows."""
    hints = get_type_hints(kind)
    order = np.argsort(columns["t"], kind="stable")
    arrays = []
    for f in fields(kind):
        column = columns[f.name]
        if hints[f.name] == list[int]:
            arrays.append(column.take(order))
        elif np.ndim(column) == 0:
            arrays.append(arrow.array([column]).take(np.zeros(len(order), np.int64)))
        else:
            arrays.append(arrow.array(np.asarray(column)[order], arrow.string() if hints[f.name] is str else None))
    return arrow.table(arrays, [f.name for f in fields(kind)])


def _name(texts: Sequence[str], codes: NDArray[Any]) -> NDArray[Any]:
    return np.array(texts, dtype=object)[codes]


def transport_of(fleet: Fleet) -> NDArray[Any]:
    return _name([transport for _, transport, _, _ in GROUPS], fleet.group)


def _delivery(fleet: Fleet) -> NDArray[Any]:
    return _name([delivery for _, _, delivery, _ in GROUPS], fleet.group)


def _each(fleet: Fleet, texts: Sequence[Any], after: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The same rows for every device: ``t`` (the device's begin and a share of its time), ``device`` and text."""
    t = fleet.begin[:, None] + fleet.took[:, None] * np.asarray(after, np.float64)[None, :]
    return t.ravel(), np.repeat(fleet.k, len(texts)), np.tile(np.array(texts, dtype=object), len(fleet.k))


def _devices(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    return events.DeviceStarted, {
        "t": fleet.begin - 0.095, "device": fleet.k, "endpoint": [f"vd-{k:06d}" for k in fleet.k.tolist()],
        "group": _name([name for name, _, _, _ in GROUPS], fleet.group), "transport": transport_of(fleet),
        "delivery": _delivery(fleet), "due": fleet.begin - 0.1,
        "fault": np.where(fleet.faulty, "image-corrupt", "").astype(object), "expected_state": 0,
        "expected_result": fleet.result, "management": "coap", "stack": "own",
        "network": _name([NETWORK["name"] if far else "" for *_, far in GROUPS], fleet.group), "credentials": "",
    }  # fmt: skip


def _registrations(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    names = ["register", "register", *["update"] * UPDATES_EACH]
    t, device, operation = _each(fleet, names, [-0.01, 0.99, *(1.0 + np.arange(1, UPDATES_EACH + 1) * 20.0)])
    return events.RegistrationEnded, {
        "t": t, "device": device, "operation": operation, "started": t - 0.002, "outcome": "ok",
        "code": np.where(operation == "update", "2.04", "2.01").astype(object),
        "retransmissions": (fleet.dice.random(len(t)) < 0.01).astype(np.int64), "cause": "",
    }  # fmt: skip


def _states(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    causes = ["uri_written", "download_completed", "update_executed", "ended"]
    t, device, cause = _each(fleet, causes, [0.0, 0.8, 0.85, 0.98])
    state, result = np.tile([1, 2, 3, 0], len(fleet.k)), np.tile([0, 0, 0, 1], len(fleet.k))
    faulty = np.repeat(fleet.faulty, 4)
    shown = ~faulty | (state < 2)
    result = np.where(faulty & (state == 0), 5, result)
    return events.StateChanged, {
        "t": t[shown], "device": device[shown], "state": state[shown], "result": result[shown], "cause": cause[shown],
    }  # fmt: skip


def _transfers(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    devices, size = len(fleet.k), BLOCKS * BLOCK_BYTES
    blocks = np.where(transport_of(fleet) == "http", 0, BLOCKS)
    each = 0.8 * fleet.took * 1e6 / BLOCKS
    latencies = np.repeat(each, blocks) * fleet.dice.uniform(0.5, 1.5, int(blocks.sum()))
    offsets = np.concatenate([[0], np.cumsum(blocks)]).astype(np.int32)
    far = _name([far for *_, far in GROUPS], fleet.group).astype(bool)
    return events.TransferEnded, {
        "t": fleet.begin + 0.8 * fleet.took, "device": fleet.k, "transport": transport_of(fleet),
        "delivery": _delivery(fleet), "started": fleet.begin, "size": size, "received": size,
        "refetched": np.where(fleet.k % 50 == 3, BLOCK_BYTES, 0),
        "wire_in": size + fleet.dice.integers(2000, 9000, devices), "wire_out": 4000,
        "blocks": np.maximum(blocks, 1), "retransmissions": fleet.dice.poisson(0.5, devices),
        "duplicates": fleet.dice.poisson(0.1, devices), "outcome": np.where(fleet.faulty, "fail", "ok").astype(object),
        "result": np.where(fleet.faulty, 5, 0), "cause": "",
        "block_us": arrow.ListArray.from_arrays(offsets, latencies.astype(np.int64)),
        "peer_us": np.where(far, blocks * 900 + 400, -1), "peer_turns": np.where(far, blocks + 2, -1),
    }  # fmt: skip


def _faults(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    struck = fleet.faulty
    return events.FaultApplied, {
        "t": fleet.begin[struck], "device": fleet.k[struck], "fault": "image-corrupt", "seam": "flash",
        "detail": "bits flipped from byte 8256 on",
    }  # fmt: skip


def _device_ends(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    return events.DeviceEnded, {
        "t": fleet.begin + fleet.took + 500, "device": fleet.k, "state": fleet.state, "result": fleet.result,
        "version": np.where(fleet.faulty, "1.0.0", "2.0.0").astype(object), "boots": np.where(fleet.faulty, 1, 2),
        "registered": True, "messages_in": 300, "messages_out": 302,
        "retransmissions": fleet.dice.poisson(0.7, len(fleet.k)),
    }  # fmt: skip


def _server_registrations(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    names = ["registered", "registered", *["updated"] * UPDATES_EACH]
    t, device, kind = _each(fleet, names, [-0.01, 0.99, *(1.0 + np.arange(1, UPDATES_EACH + 1) * 20.0)])
    return events.ServerSaw, {"t": t - 0.001, "device": device, "kind": kind, "cause": ""}


def _server_reports(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    state, result, other = "/5/0/3", "/5/0/5", "/3/0/9"
    paths = [state, result, state, state, state, state, result, result, other, *[other] * READS_EACH]
    values = ["0", "0", "1", "2", "3", "0", "0", "1", "100", *["100"] * READS_EACH]
    sources = ["observe", "observe", "notify", "notify", "notify", "observe", "notify", "observe"]
    after = [-0.005, -0.004, 0.001, 0.801, 0.851, 0.992, 0.002, 0.993, 1.5, *(np.arange(READS_EACH) + 2.0)]
    t, device, path = _each(fleet, paths, after)
    value = np.tile(np.array(values, dtype=object), len(fleet.k))
    faulty = np.repeat(fleet.faulty, len(paths))
    value[faulty & (path == result) & (value == "1")] = "5"
    shown = ~(faulty & (path == state) & ((value == "2") | (value == "3")))
    source = np.tile(np.array([*sources, *["read"] * (READS_EACH + 1)], dtype=object), len(fleet.k))
    return events.ServerReported, {
        "t": t[shown], "device": device[shown], "path": path[shown], "value": value[shown], "source": source[shown],
    }  # fmt: skip


def _steps(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    course = ["observe", "observe", "read", "write", "wait_downloaded", "execute", "wait_result", "read"]
    t, device, step = _each(
        fleet,
        [*course, *["read"] * READS_EACH],
        [-0.005, -0.004, -0.003, 0.001, 0.801, 0.83, 0.995, 1.5, *(np.arange(READS_EACH) + 2.0)],
    )
    write = _name(["write_package" if delivery == "push" else "write_uri" for _, _, delivery, _ in GROUPS], fleet.group)
    step = np.where(step == "write", np.repeat(write, len(course) + READS_EACH), step)
    return events.OperatorStepEnded, {
        "t": t, "device": device, "step": step, "started": t - 0.001, "outcome": "ok", "code": "2.05", "detail": "",
    }  # fmt: skip


def _updates(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
    reason = np.where(fleet.unknown, "no answer within 20 s", "").astype(object)
    return events.UpdateEnded, {
        "t": fleet.begin + fleet.took, "device": fleet.k, "delivery": _delivery(fleet), "due": fleet.begin - 0.1,
        "started": fleet.begin, "outcome": np.where(fleet.unknown, "unknown", "ok").astype(object),
        "state": np.where(fleet.unknown, -1, 0), "result": np.where(fleet.unknown, -1, fleet.result),
        "version": np.where(fleet.faulty, "1.0.0", "2.0.0").astype(object), "reason": reason,
    }  # fmt: skip


def _health(*processes: str) -> Make:
    def make(fleet: Fleet) -> tuple[Any, dict[str, Column]]:
        t = np.arange(0.0, float(fleet.begin[-1]) + 10)
        names = np.repeat(np.array(processes, dtype=object), len(t))
        t = np.tile(t, len(processes))
        return events.HealthSampled, {
            "t": t, "process": names, "cpu_s": 0.2 * t, "rss_bytes": 50_000_000, "loop_lag_s": 0.002, "late_starts": 0,
            "missed_starts": 0, "dropped_datagrams": 0, "devices": len(fleet.k),
        }  # fmt: skip

    return make


Make = Callable[[Fleet], tuple[Any, dict[str, Column]]]
TABLES: Final[dict[str, tuple[Make, ...]]] = {
    "fleet-0": (_devices, _registrations, _states, _transfers, _faults, _device_ends, _health("fleet-0")),
    "operator": (_server_registrations, _server_reports, _steps, _updates, _health("operator", "server")),
}
