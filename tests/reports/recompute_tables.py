"""What the tables of a page have to show, from the raw events: figures in base units by the words of their row."""

import re
from collections import Counter, defaultdict

from tests.reports import recompute, recompute_ends

PERCENTILES = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")
MEASURES = {
    "update, from first Write": ("update_s", 1.0),
    "update, from due time": ("update_from_due_s", 1.0),
    "download": ("download_s", 1.0),
    "throughput of a device": ("device_bytes_per_s", 1.0),
    "block": ("block_us", 1e-6),
}


def read_tables(page):
    """Of each table with figures, the figures by the words of each row; a figure that is not known is None."""
    found = {}
    for name, body in re.findall(r'<table[^>]* id="t-([^"]+)"[^>]*>(.*?)</table>', page, re.DOTALL):
        rows = {}
        for row in re.findall(r"<tr>(.*?)</tr>", body.partition("<tbody>")[2], re.DOTALL):
            cells = re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", row, re.DOTALL)
            texts = [(attrs, re.sub("<[^>]*>", "", text).strip()) for attrs, text in cells]
            counted = [bool("data-v" in attrs or ("figure" in attrs and text == "-")) for attrs, text in texts]
            figures = [
                re.search(r'data-v="([^"]*)"', attrs) for (attrs, _), one in zip(texts, counted, strict=True) if one
            ]
            words = tuple(text for (_, text), one in zip(texts, counted, strict=True) if not one and text != "-")
            assert words not in rows, f"{name}: two rows begin with {words}"
            rows[words] = [float(figure[1]) if figure else None for figure in figures]
        if any(rows.values()) or name == "management":
            found[name] = rows
    return found


def tables_of(raw):
    """The same for all tables whose figures follow from the events alone; ceilings and criteria do not."""
    return {
        "outcomes": _outcomes(raw),
        "reasons": _reasons(raw),
        "management": _management(raw),
        "throughput": _throughput(raw),
        "percentiles": _percentiles(raw),
        "slices": _slices(raw),
        "peers": _peers(raw),
        "faults": _faults(raw),
        "results": _results(raw),
        "seen": _seen(raw),
        "health": _health(raw),
        "causes": _causes(raw),
        **_transports(raw),
    }


def _outcomes(raw):
    counts, _ = recompute.outcomes(raw)
    groups = {f"group {name}": one for name, one in counts["by_group"].items()}
    every = {"all": counts["overall"], **counts["by_kind"], **groups}
    figures = {name: [one[word] for word in ("ok", "fail", "unknown")] for name, one in every.items()}
    return {(name,): [sum(values), *values] for name, values in figures.items()}


def _reasons(raw):
    return {(reason, outcome): [count] for (outcome, reason), count in recompute.outcomes(raw)[1].items()}


def _management(raw):
    """A grid of management transports and kinds: ok of all, and nothing where no device has both."""
    every, ok = Counter(), Counter()
    for device, row in raw.campaign.items():
        column = "push" if row["delivery"] == "push" else row["transport"]
        good = device in raw.updates and raw.updates[device]["outcome"] == "ok"
        for key in ((row["management"], column), (row["management"], "~all")):
            every[key] += 1
            ok[key] += good
    schemes, columns = ({key[place] for key in every} for place in (0, 1))
    if len(schemes) < 2:
        return {}
    order = sorted(columns, key=lambda name: (name == "~all", name == "push", f"{name}/pull"))
    found = {}
    for scheme in schemes:
        cells = [(scheme, column) for column in order]
        shown = tuple(f"{ok[key]}/{every[key]}" for key in cells if every[key])
        found[scheme, *shown] = [None for key in cells if not every[key]]
    return found


def _kinds(raw):
    kinds = recompute.by_kind(raw)
    whole = recompute.throughput(raw.tables["transfers"], raw.tables["updates"])
    return {**kinds, "all": whole} if len(kinds) > 1 else kinds


def _throughput(raw):
    names = ("devices", "transfers", "transfers_ok", "bytes", "span_s", "bytes_per_s", "retransmissions", "duplicates")
    return {(kind,): [one[name] for name in names] for kind, one in _kinds(raw).items()}


def _percentiles(raw):
    return {
        (label, kind): [one[name]["n"], *(one[name][figure] * unit for figure in PERCENTILES)]
        for label, (name, unit) in MEASURES.items()
        for kind, one in _kinds(raw).items()
        if one[name]["n"]
    }


def _slices(raw):
    return {
        (f"{name} {one['value'] or 'ideal'}",): [
            *(one[figure] for figure in ("devices", "transfers_ok", "bytes", "bytes_per_s")),
            one["device_bytes_per_s"]["p50"],
            one["download_s"]["p50"],
            one["download_s"]["p95"],
            one["overhead"],
            one["refetched"],
        ]
        for name, rows in recompute.slices(raw).items()
        if name in ("network", "group", "server") and len(rows) > 1
        for one in rows
    }


def _peers(raw):
    found = {}
    for (transport, delivery, network), one in recompute.peers(raw).items():
        timed = "blocks" if one["rest_mean_us"] is None else "turns"
        spread = (one["peer_us"][name] for name in ("p50", "p95", "p99", "max"))
        us = [one["peer_mean_us"], *spread, one["rest_mean_us"]]
        figures = [one["turns"], *(None if value is None else value / 1e6 for value in us)]
        found[f"{transport}/{delivery}", network or "ideal", timed] = figures
    return found


def _faults(raw):
    found = {}
    for (fault, declared), one in recompute_ends.faults(raw).items():
        good = "as declared" if one["as_declared"] == one["devices"] else "otherwise"
        verdict = good if one["devices_struck"] else "did not strike"
        ends = [_ends(one[name]) for name in ("device_results", "server_results")]
        found[fault, verdict, declared, *ends] = [one["devices"], one["devices_struck"], one["as_declared"]]
    return found


def _ends(counts):
    return ", ".join(f"{end} ({count})" for end, count in counts.most_common())


def _results(raw):
    words = {True: "agree", False: "disagree"}
    cross = recompute_ends.results(raw)["cross"]
    return {
        (own, server, "not compared" if "?" in (own, server) else words[own == server]): [count]
        for (own, server), count in cross.items()
    }


def _seen(raw):
    return {(text,): [count] for text, count in recompute_ends.sequences(raw).most_common(20)}


def _health(raw):
    roles = {"server": "server"} | {process["name"]: process["role"] for process in raw.manifest["processes"]}
    found = {}
    for name, one in recompute_ends.health(raw).items():
        lag = None if roles[name] == "server" else one["loop_lag_max_s"]
        figures = [one["cpu_s"], one["cpu_share"], one["rss_max_bytes"], lag, one["late_starts"], one["missed_starts"]]
        found[name, roles[name]] = figures
    return found


def _causes(raw):
    """Registrations that came to nothing; no run here has a download that did for a cause that its device knows."""
    attempts, devices = Counter(), defaultdict(set)
    for row in raw.tables["registrations"]:
        if row["outcome"] != "ok":
            known = raw.devices[row["device"]]
            cause = row["cause"] or (f"refused with {row['code']}" if row["code"] else "no answer")
            key = f"{row['operation']} over {known['management']}", known["group"], cause
            attempts[key] += 1
            devices[key].add(row["device"])
    return {key: [len(devices[key]), count] for key, count in attempts.items()}


def _transports(raw):
    speeds, sizes = {}, {}
    for (transport, delivery, network), one in recompute_ends.sides(raw).items():
        key = f"{transport}/{delivery}", network or "ideal"
        rate = one["device_bytes_per_s"]
        speeds[key] = [one["devices"], one["ok"], rate["p50"], rate["p95"], one["bytes_per_s"]]
        took = one["download_s"]
        sizes[key] = [
            *(one[name] for name in ("payload", "wire", "overhead")),
            took["p50"],
            took["p95"],
            *(one[name] for name in ("refetched", "retransmissions", "duplicates")),
        ]
    return {"transports": speeds, "transports-bytes": sizes}
