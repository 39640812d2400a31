"""What a run has side by side, as tables of text. A table has no rows where there is nothing to compare."""

from __future__ import annotations

from reports.sides import Sides, TransportRow
from reports.table import Table
from reports.units import NONE, microseconds, number, percent, rate, seconds, size

IDEAL = "ideal"
"""Name of the network that does nothing."""


def causes(sides: Sides) -> Table:
    """Why devices could not reach their servers."""
    rows = [
        [
            f"{one.what} over {one.transport}" if one.transport else one.what,
            one.group,
            one.credentials or NONE,
            one.fault or NONE,
            one.cause,
            number(one.devices),
            number(one.attempts),
        ]
        for one in sides.causes
    ]
    headers = ["what", "group", "credentials", "fault", "cause", "devices", "attempts"]
    return Table("causes", "Why devices could not reach their servers", headers, rows, range(5, 7))


def management(sides: Sides) -> Table:
    """A grid of management transports and kinds of delivery: ok of all."""
    kinds = sorted({cell.kind for cell in sides.management}, key=lambda kind: (kind.endswith("/push"), kind))
    pushes = [kind for kind in kinds if kind.endswith("/push")]
    pulls = [kind for kind in kinds if kind not in pushes]
    rows = []
    for scheme in dict.fromkeys(cell.management for cell in sides.management):
        own = {cell.kind: cell.counts for cell in sides.management if cell.management == scheme}
        columns = [[kind] for kind in pulls] + ([pushes] if pushes else []) + [kinds]
        cells = []
        for column in columns:
            counts = [own[kind] for kind in column if kind in own]
            ok, every = sum(one.ok for one in counts), sum(one.total for one in counts)
            cells.append(f"{number(ok)}/{number(every)}" if counts else NONE)
        rows.append([scheme or "?", *cells])
    headers = ["management", *(kind for kind in pulls), *(["push"] if pushes else []), "all"]
    return Table("management", "Management transport by delivery: ok/all", headers, rows, range(1, len(headers)))


def speeds(sides: Sides) -> Table:
    """How fast a device downloads, beside what its network and transport allow, where that is known of any."""
    limited = any(row.limit for row in sides.transports)
    rows = [
        [
            f"{row.transport}/{row.delivery}",
            row.network or IDEAL,
            number(row.devices),
            number(row.ok),
            rate(row.device_bytes_per_s.p50),
            rate(row.device_bytes_per_s.p95),
            rate(row.bytes_per_s),
            *(_ceiling(row) if limited else ()),
        ]
        for row in sides.transports
    ]
    headers = ["transport", "network", "devices", "ok", "median", "p95", "mean"]
    headers += ["ceiling", "of ceiling", "limited by"] if limited else []
    title = "Transports side by side: throughput of a device"
    return Table("transports", title, headers, rows, range(2, min(len(headers), 9)))


def _ceiling(row: TransportRow) -> tuple[str, str, str]:
    return rate(row.ceiling_bytes_per_s) if row.limit else "none", percent(row.of_ceiling), row.limit or NONE


def bytes_and_times(sides: Sides) -> Table:
    """What the same downloads cost on the wire and in time."""
    rows = [
        [
            f"{row.transport}/{row.delivery}",
            row.network or IDEAL,
            size(row.payload),
            size(row.wire) if row.wire else NONE,
            percent(row.overhead),
            seconds(row.download_s.p50),
            seconds(row.download_s.p95),
            size(row.refetched),
            number(row.retransmissions),
            number(row.duplicates),
        ]
        for row in sides.transports
    ]
    headers = [
        "transport",
        "network",
        "payload",
        "on the wire",
        "overhead",
        "download p50",
        "p95",
        "refetched",
        "sent again",
        "duplicates",
    ]
    return Table("transports-bytes", "Transports side by side: bytes and times", headers, rows, range(2, 10))


def stacks(sides: Sides) -> Table:
    """Figures of each CoAP stack."""
    rows = [
        [
            one.stack,
            number(one.devices),
            number(one.counts.ok),
            number(one.counts.fail),
            number(one.counts.unknown),
            rate(one.bytes_per_s),
            seconds(one.download_s.p50),
            seconds(one.download_s.p95),
            microseconds(one.block_us.p50),
        ]
        for one in sides.stacks.rows
    ]
    headers = ["stack", "devices", "ok", "fail", "unknown", "mean rate", "download p50", "p95", "block p50"]
    return Table("stacks", "CoAP stacks side by side", headers, rows, range(1, 9))


def sequences(sides: Sides) -> Table:
    """The sequences of State/Update Result that devices of each stack went through, and how many did."""
    found = sides.stacks
    names = [row.stack for row in found.rows]
    rows = [
        [one.kind, one.fault or NONE, one.sequence or "none", *(number(one.devices.get(name, 0)) for name in names)]
        for one in found.sequences
    ]
    title = f"States that the stacks went through: the same for {found.same} of {found.compared} kinds of devices"
    headers = ["kind", "fault", "State/Result of the device", *names]
    return Table("sequences", title, headers, rows, range(3, len(headers)))
