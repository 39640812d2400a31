"""A second opinion on how a run ended: both accounts of each device, faults, pattern, health, side by side."""

from collections import Counter, defaultdict
from itertools import pairwise

from tests.reports.recompute import overhead, percentiles, property_of


def pair(row):
    return "?" if row is None or min(row["state"], row["result"]) < 0 else f"{row['state']}/{row['result']}"


def ends(raw):
    """By device of the campaign: what it had, what the server told, what was declared."""
    states = {row["device"]: row for row in raw.tables["states"]}
    off = {row["device"]: row for row in raw.tables["device_ends"]}
    found = {}
    for device, row in raw.campaign.items():
        own = pair(off.get(device))
        own = own if own != "?" else pair(states.get(device))
        declared = pair({"state": row["expected_state"], "result": row["expected_result"]})
        found[device] = own, pair(raw.updates.get(device)), declared
    return found


def is_as_declared(own, server, declared):
    return own == declared and (server == declared or (declared == "3/0" and server == "?"))


def results(raw):
    found = ends(raw)
    cross = Counter((own, server) for own, server, _ in found.values())
    both = [(own, server) for own, server, _ in found.values() if "?" not in (own, server)]
    return {
        "device": Counter(own for own, _, _ in found.values()),
        "server": Counter(server for _, server, _ in found.values()),
        "cross": cross,
        "agree": sum(own == server for own, server in both),
        "disagree": sum(own != server for own, server in both),
        "not_compared": len(found) - len(both),
        "declared": len(found),
        "as_declared": sum(is_as_declared(*three) for three in found.values()),
    }


def device_verdicts(raw):
    counts = Counter()
    for own, _, declared in ends(raw).values():
        counts["unknown" if own == "?" else "as_declared" if own == declared else "differs"] += 1
    return counts


def faults(raw):
    struck = Counter(
        row["device"]
        for row in raw.tables["faults"]
        if row["seam"] != "server" and not row["detail"].startswith("over:")
    )
    grouped = defaultdict(list)
    for device, three in ends(raw).items():
        fault = raw.devices[device]["fault"]
        if fault:
            grouped[fault, three[2]].append((device, three))
    return {
        key: {
            "devices": len(rows),
            "devices_struck": sum(struck[device] > 0 for device, _ in rows),
            "applied": sum(struck[device] for device, _ in rows),
            "as_declared": sum(is_as_declared(*three) for _, three in rows),
            "device_results": Counter(own for _, (own, _, _) in rows),
            "server_results": Counter(server for _, (_, server, _) in rows),
        }
        for key, rows in grouped.items()
    }


def _told(raw):
    """By sound device of the campaign: the values of State and of Update Result that the server told, in order."""
    values = {
        device: ([], [])
        for device, row in raw.campaign.items()
        if not row["fault"] and (row["expected_state"], row["expected_result"]) == (0, 1)
    }
    for row in raw.tables["server_reports"]:
        if row["device"] in values and row["path"] in ("/5/0/3", "/5/0/5"):
            own = values[row["device"]][row["path"] == "/5/0/5"]
            if own[-1:] != [row["value"]]:
                own.append(row["value"])
    return values


def sequences(raw):
    """How many sound devices had which values told."""

    def shown(values):
        return " → ".join(values) if values else "never reported"

    return Counter(f"State {shown(states)}, Result {shown(got)}" for states, got in _told(raw).values())


def pattern(raw):
    """Sound devices of which State and Result were reported whole, in another order, and not whole."""
    counts = Counter()
    for states, got in _told(raw).values():
        counts["devices"] += 1
        whole = got[-1:] == ["1"] and states[-1:] == ["0"] and {"0", "1", "2", "3"} <= set(states)
        places, at = [], 0
        for wanted in "1230":
            later = [k for k in range(at, len(states)) if states[k] == wanted]
            places.append(bool(later))
            at = later[0] + 1 if later else len(states)
        counts["incomplete" if not whole else "complete" if all(places) else "out_of_order"] += 1
    return {name: counts[name] for name in ("devices", "complete", "out_of_order", "incomplete")}


def campaign(raw):
    rows = raw.tables["updates"]
    return min(row["started"] for row in rows if row["started"] >= 0), max(row["t"] for row in rows)


def health(raw):
    """By process: CPU, its share of a core over the campaign, memory, lag, late and missed starts."""
    begin, end = campaign(raw)
    grouped = defaultdict(list)
    for row in raw.tables["health"]:
        grouped[row["process"]].append(row)
    return {
        name: {
            "cpu_s": rows[-1]["cpu_s"],
            "cpu_share": _share(rows, begin, end),
            "rss_max_bytes": max(row["rss_bytes"] for row in rows),
            "loop_lag_max_s": max(row["loop_lag_s"] for row in rows),
            "late_starts": max(rows[-1]["late_starts"], 0),
            "missed_starts": max(rows[-1]["missed_starts"], 0),
        }
        for name, rows in grouped.items()
    }


def _share(rows, begin, end):
    begin, end = max(begin, rows[0]["t"]), min(end, rows[-1]["t"])
    return (_cpu_at(rows, end) - _cpu_at(rows, begin)) / (end - begin) if len(rows) > 1 and end > begin else None


def _cpu_at(rows, t):
    for before, after in pairwise(rows):
        if before["t"] <= t <= after["t"]:
            part = (t - before["t"]) / (after["t"] - before["t"])
            return before["cpu_s"] + part * (after["cpu_s"] - before["cpu_s"])
    raise AssertionError(t)


def messages(raw):
    off, transfers = raw.tables["device_ends"], raw.tables["transfers"]
    return {
        "sent": sum(row["messages_out"] for row in off),
        "received": sum(row["messages_in"] for row in off),
        "retransmissions": sum(row["retransmissions"] for row in off),
        "transfer_retransmissions": sum(row["retransmissions"] for row in transfers),
        "transfer_duplicates": sum(row["duplicates"] for row in transfers),
        "registration_retransmissions": sum(row["retransmissions"] for row in raw.tables["registrations"]),
    }


def usage(raw, ended):
    cpu = Counter()
    for row in raw.manifest["usage"]:
        cpu[row["role"]] += row["cpu_s"]
    server, fleet = cpu["server"], cpu["fleet"]
    return {
        "server_cpu_s": server,
        "fleet_cpu_s": fleet,
        "server_to_fleet": server / fleet,
        "server_cpu_ms_per_update": server * 1000 / ended,
        "fleet_cpu_ms_per_update": fleet * 1000 / ended,
    }


def sides(raw):
    """Transports side by side, without their ceilings: a row for each network, delivery and transport."""
    grouped = defaultdict(list)
    for row in raw.tables["transfers"]:
        grouped[row["transport"], row["delivery"], property_of(raw, row, "network")].append(row)
    ok = {row["device"] for row in raw.tables["updates"] if row["outcome"] == "ok"}
    found = {}
    for key, rows in grouped.items():
        good = [row for row in rows if row["outcome"] == "ok" and row["t"] > row["started"]]
        took = [row["t"] - row["started"] for row in good]
        wire, over = overhead(rows)
        found[key] = {
            "devices": len({row["device"] for row in rows}),
            "ok": len({row["device"] for row in rows} & ok),
            "transfers_ok": sum(row["outcome"] == "ok" for row in rows),
            "device_bytes_per_s": percentiles(row["received"] / s for row, s in zip(good, took, strict=True)),
            "bytes_per_s": sum(row["received"] for row in good) / sum(took) if good else None,
            "payload": sum(row["received"] for row in rows),
            "wire": wire,
            "overhead": over,
            "download_s": percentiles(took),
            "refetched": sum(row["refetched"] for row in rows),
            "retransmissions": sum(row["retransmissions"] for row in rows),
            "duplicates": sum(row["duplicates"] for row in rows),
        }
    return found
