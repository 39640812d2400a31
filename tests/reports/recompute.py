"""A second opinion on a run: the figures of a summary from the raw events, in plain Python, without pandas and NumPy.

It follows docs/summary-schema.md, not the program: rows are dictionaries, and everything is a loop.
"""

import json
import math
from collections import Counter, defaultdict
from datetime import datetime

import pyarrow.parquet as pq

AT = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p99_9": 99.9}


class Raw:
    """The rows of a run directory by table, in order of time."""

    def __init__(self, directory):
        self.directory = directory
        self.manifest = json.loads((directory / "manifest.json").read_text())
        self.tables = defaultdict(list)
        self.parts = 0
        for folder in (directory / "parts").iterdir():
            for part in sorted(folder.glob("*.parquet")) if folder.is_dir() else ():
                self.parts += 1
                self.tables[folder.name] += pq.ParquetFile(part).read().to_pylist()
        for rows in self.tables.values():
            rows.sort(key=lambda row: row["t"])
        self.devices = {row["device"]: row for row in self.tables["devices"]}
        self.campaign = {k: row for k, row in self.devices.items() if row["delivery"]}
        self.updates = {row["device"]: row for row in self.tables["updates"]}

    def group(self, name):
        return self.manifest["scenario"]["groups"][name]


def percentiles(values):
    ordered = sorted(map(float, values))
    if not ordered:
        return dict.fromkeys(("p50", "p90", "p95", "p99", "p99_9", "mean", "max")) | {"n": 0}
    found = {"n": len(ordered), "mean": math.fsum(ordered) / len(ordered), "max": ordered[-1]}
    for name, percent in AT.items():
        place = (len(ordered) - 1) * percent / 100
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        found[name] = ordered[low] + (ordered[high] - ordered[low]) * (place - low)
    return found


def outcomes(raw):
    counted = {"overall": Counter(), "by_group": defaultdict(Counter), "by_kind": defaultdict(Counter)}
    reasons = Counter()
    ends = [(row["device"], row["outcome"], row["reason"], False) for row in raw.tables["updates"]]
    missing = "no end of the update was recorded"
    ends += [(k, "unknown", missing, True) for k in raw.campaign if k not in raw.updates]
    for device, outcome, reason, unended in ends:
        known = raw.devices[device]
        kind = f"{known['transport']}/{known['delivery']}"
        for counter in (counted["overall"], counted["by_group"][known["group"]], counted["by_kind"][kind]):
            counter[outcome if outcome in ("ok", "fail") else "unknown"] += 1
            counter["unended"] += unended
        if outcome != "ok":
            reasons[outcome, reason] += 1

    def shown(counter):
        return {name: counter[name] for name in ("ok", "fail", "unknown", "unended")}

    return {
        "overall": shown(counted["overall"]),
        "by_group": {name: shown(one) for name, one in counted["by_group"].items()},
        "by_kind": {name: shown(one) for name, one in counted["by_kind"].items()},
    }, reasons


def known_sum(rows, name):
    return sum(row[name] for row in rows if row[name] >= 0)


def span(rows):
    return max(row["t"] for row in rows) - min(row["started"] for row in rows) if rows else None


def throughput(transfers, updates):
    good = [row for row in transfers if row["outcome"] == "ok"]
    seconds = [row["t"] - row["started"] for row in good]
    installed = [row for row in updates if row["outcome"] == "ok" and row["result"] == 1]
    total, span_s = sum(row["received"] for row in transfers), span(transfers)
    return {
        "devices": len({row["device"] for row in transfers}),
        "transfers": len(transfers),
        "transfers_ok": len(good),
        "bytes": total,
        "span_s": span_s,
        "bytes_per_s": total / span_s if span_s else None,
        **{name: known_sum(transfers, name) for name in ("wire_in", "wire_out", "retransmissions", "duplicates")},
        "device_bytes_per_s": percentiles(
            row["received"] / took for row, took in zip(good, seconds, strict=True) if took > 0
        ),
        "download_s": percentiles(seconds),
        "update_s": percentiles(row["t"] - row["started"] for row in installed),
        "update_from_due_s": percentiles(row["t"] - row["due"] for row in installed),
        "block_us": percentiles(us for row in transfers for us in row["block_us"]),
    }


def by_kind(raw):
    kinds = defaultdict(lambda: ([], []))
    for row in raw.tables["transfers"]:
        kinds[f"{row['transport']}/{row['delivery']}"][0].append(row)
    for row in raw.tables["updates"]:
        known = raw.devices[row["device"]]
        kinds[f"{known['transport']}/{known['delivery']}"][1].append(row)
    return {kind: throughput(*rows) for kind, rows in kinds.items()}


def overhead(rows):
    wired = [row for row in rows if row["wire_in"] >= 0 and row["wire_out"] >= 0]
    wire, payload = sum(row["wire_in"] + row["wire_out"] for row in wired), sum(row["received"] for row in wired)
    return wire, wire / payload - 1 if payload else None


def property_of(raw, row, name):
    if name in ("transport", "delivery"):
        return row[name]
    if name == "server":
        return raw.manifest["server"].get("name", "server") if row["delivery"] == "push" else "package origin"
    return raw.devices[row["device"]][name]


PROPERTIES = ("transport", "delivery", "network", "group", "server")


def slices(raw):
    found = {}
    for name in PROPERTIES:
        values = defaultdict(list)
        for row in raw.tables["transfers"]:
            values[property_of(raw, row, name)].append(row)
        found[name] = sorted(
            ({"value": value, **_slice(rows)} for value, rows in values.items()),
            key=lambda one: (-one["bytes"], one["value"]),
        )
    return found


def _slice(rows):
    whole = throughput(rows, [])
    wire, over = overhead(rows)
    wanted = ("devices", "transfers", "transfers_ok", "bytes", "span_s", "bytes_per_s", "device_bytes_per_s")
    kept = {name: whole[name] for name in (*wanted, "download_s", "retransmissions", "duplicates")}
    return {**kept, "wire": wire, "overhead": over, "refetched": known_sum(rows, "refetched")}


def series(raw, step):
    """Payload by transport and rates, second by second of the step that the program has chosen."""
    registered = {}
    for row in raw.tables["registrations"]:
        if row["operation"] == "register" and row["outcome"] == "ok":
            registered.setdefault(row["device"], row["t"])
    moments = {"registered_per_s": list(registered.values())}
    for name, column in (("due_per_s", "due"), ("started_per_s", "started"), ("ended_per_s", "t")):
        moments[name] = [row[column] for row in raw.tables["updates"] if row[column] >= 0]
    ends = [row["t"] for row in raw.tables["transfers"]]
    count = math.floor(max([*ends, *(t for times in moments.values() for t in times)], default=0.0) / step) + 1
    rates = {name: [0.0] * count for name in moments}
    for name, times in moments.items():
        for t in times:
            rates[name][math.floor(t / step)] += 1 / step
    payload = defaultdict(lambda: [0.0] * count)
    for row in raw.tables["transfers"]:
        own, took = payload[row["transport"]], row["t"] - row["started"]
        for k in range(count):
            if took > 0:
                own[k] += (
                    row["received"] * max(0.0, min(row["t"], (k + 1) * step) - max(row["started"], k * step)) / took
                )
        if took <= 0:
            own[math.floor(row["t"] / step)] += row["received"]
    return rates, {name: [amount / step for amount in amounts] for name, amounts in payload.items()}


def peers(raw):
    found = {}
    grouped = defaultdict(list)
    for row in raw.tables["transfers"]:
        grouped[row["transport"], row["delivery"], raw.devices[row["device"]]["network"]].append(row)
    for (transport, delivery, network), rows in grouped.items():
        timed = [row for row in rows if row["peer_turns"] > 0]
        blocks = [us for row in rows for us in row["block_us"]]
        if timed:
            turns, us = sum(row["peer_turns"] for row in timed), sum(row["peer_us"] for row in timed)
            took = sum(row["t"] - row["started"] for row in timed)
            found[transport, delivery, network] = {
                "transfers": len(timed),
                "turns": turns,
                "peer_us": percentiles(row["peer_us"] / row["peer_turns"] for row in timed),
                "peer_mean_us": us / turns,
                "rest_mean_us": max(0.0, took * 1e6 - us) / turns,
            }
        elif blocks and not network:
            found[transport, delivery, network] = {
                "transfers": sum(bool(row["block_us"]) for row in rows),
                "turns": len(blocks),
                "peer_us": percentiles(blocks),
                "peer_mean_us": sum(blocks) / len(blocks),
                "rest_mean_us": None,
            }
    return found


def duration_s(raw):
    started, ended = (datetime.fromisoformat(raw.manifest[name]) for name in ("started", "ended"))
    return (ended - started).total_seconds()
