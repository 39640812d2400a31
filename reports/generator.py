"""Was the generator itself the bottleneck: CPU of its processes, lag of their event loops, late and missed starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from reports.health import Generator, ProcessHealth, UsageTotals
from reports.read import Run, processes_of, section
from reports.units import counted, share

CPU_SHARE_MAX: Final = 0.9
"""A process of the generator runs on one core; above this share of it, over the campaign, it was full."""
MACHINE_SHARE_MAX: Final = 0.95
"""Of all cores, by all processes of the run together."""
LOOP_LAG_MAX_S: Final = 0.25
LATE_SHARE_MAX: Final = 0.01
"""Of all starts."""

DOWNLOADS_S_MIN: Final = 3.0
"""Shorter than this, downloads say nothing of the origin: health is sampled once a second."""

SERVER: Final = "server"
ORIGIN: Final = "origin"


def generator(run: Run, devices: int) -> Generator:
    """The health of the generator over the campaign (first Write to last end; without one, all that was sampled)."""
    rows = run.tables["health"]
    window = _campaign(run)
    roles = _roles(run)
    processes = [_process(str(name), roles, own, window) for name, own in rows.groupby("process")]
    own = [process for process in processes if process.role != SERVER]
    lags = [process.loop_lag_max_s for process in own if process.loop_lag_max_s is not None]
    measured = bool(own)
    found = Generator(
        bottleneck=False,
        reasons=[],
        campaign_s=None if window is None else window[1] - window[0],
        loop_lag_max_s=max(lags) if lags else None,
        late_starts=sum(process.late_starts for process in own) if measured else None,
        missed_starts=sum(process.missed_starts for process in own) if measured else None,
        dropped_datagrams=int(rows["dropped_datagrams"].max()) if len(rows) else None,
        processes=processes,
    )
    others = [process for process in own if process.role != ORIGIN]
    reasons = _full_reasons(others) + _origin_reasons(run, processes) + _lag_reasons(own)
    reasons += _start_reasons(found, devices) + _machine_reasons(run, processes)
    return replace(found, bottleneck=bool(reasons), reasons=reasons)


def usage(run: Run, found: Generator, updates: int) -> UsageTotals:
    """CPU of the server under test and of the fleet: from the manifest, else from the last health samples."""
    listed = run.manifest.get("usage")
    rows: list[Any] = listed if isinstance(listed, list) else []
    pairs = [
        (str(row.get("role")), float(row["cpu_s"]))
        for row in map(section, rows)
        if isinstance(row.get("cpu_s"), (int, float))
    ]
    if not pairs:
        pairs = [(process.role, process.cpu_s) for process in found.processes if process.cpu_s is not None]
    server = _sum_of(pairs, SERVER)
    fleet = _sum_of(pairs, "fleet")
    return UsageTotals(
        server_cpu_s=server,
        fleet_cpu_s=fleet,
        server_to_fleet=server / fleet if server is not None and fleet else None,
        server_cpu_ms_per_update=server * 1000 / updates if server is not None and updates else None,
        fleet_cpu_ms_per_update=fleet * 1000 / updates if fleet is not None and updates else None,
    )


def _campaign(run: Run) -> tuple[float, float] | None:
    updates, health = run.tables["updates"], run.tables["health"]
    if len(updates):
        # -1: no Write was sent.
        begun = updates["started"][updates["started"] >= 0]
        return float((begun if len(begun) else updates["t"]).min()), float(updates["t"].max())
    if len(health):
        return float(health["t"].min()), float(health["t"].max())
    return None


def _roles(run: Run) -> dict[str, str]:
    return {process["name"]: str(process.get("role", "")) for process in processes_of(run.manifest)}


def _process(name: str, roles: dict[str, str], rows: pd.DataFrame, window: tuple[float, float] | None) -> ProcessHealth:
    last = rows.iloc[-1]
    role = roles.get(name) or name.partition("-")[0]
    return ProcessHealth(
        process=name,
        role=role,
        cpu_s=float(last["cpu_s"]),
        cpu_share=_cpu_share(rows, window),
        rss_max_bytes=int(rows["rss_bytes"].max()),
        # The server under test is watched from outside, where its event loop cannot be seen.
        loop_lag_max_s=None if role == "server" else float(rows["loop_lag_s"].max()),
        late_starts=max(int(last["late_starts"]), 0),
        missed_starts=max(int(last["missed_starts"]), 0),
    )


def _cpu_share(rows: pd.DataFrame, window: tuple[float, float] | None) -> float | None:
    """CPU over the campaign by straight lines between samples; None where the samples do not reach into it."""
    if window is None or len(rows) < 2:
        return None
    t, cpu_s = rows["t"].to_numpy(), rows["cpu_s"].to_numpy()
    first, last = max(window[0], float(t[0])), min(window[1], float(t[-1]))
    if last <= first:
        return None
    ends = np.interp([first, last], t, cpu_s)
    return float((ends[1] - ends[0]) / (last - first))


def _full_reasons(processes: list[ProcessHealth]) -> list[str]:
    return [
        f"{process.process} used {share(process.cpu_share)} of a core over the campaign"
        for process in processes
        if process.cpu_share is not None and process.cpu_share > CPU_SHARE_MAX
    ]


def _downloads(run: Run) -> tuple[float, float] | None:
    """While nine tenths of the downloads ended: the first and the last few of them do not fill an origin."""
    transfers = run.tables["transfers"]
    ends = transfers.loc[transfers["delivery"] == "pull", "t"]
    if not len(ends):
        return None
    first, last = ends.quantile([0.05, 0.95])
    return (float(first), float(last)) if last - first >= DOWNLOADS_S_MIN else None


def _origin_reasons(run: Run, processes: list[ProcessHealth]) -> list[str]:
    """Whether a process of the package origin was full while devices downloaded, and which key has more of them."""
    rows, window = run.tables["health"], _downloads(run)
    origins = [process for process in processes if process.role == ORIGIN]
    full = []
    for process in origins:
        shares = process.cpu_share, _cpu_share(rows[rows["process"] == process.process], window)
        most = max(one or 0.0 for one in shares)
        if most > CPU_SHARE_MAX:
            full.append(f"{process.process} used {share(most)} of a core")
    if not full:
        return []
    mend = f"firmware.processes is {len(origins)}, raise it"
    if _machine_reasons(run, processes):
        mend = "more of its processes, firmware.processes, need a machine with more cores"
    return [f"the package origin was full while devices downloaded: {', '.join(full)} ({mend})"]


def _lag_reasons(processes: list[ProcessHealth]) -> list[str]:
    return [
        f"the event loop of {process.process} was up to {process.loop_lag_max_s * 1000:,.0f} ms late"
        for process in processes
        if process.loop_lag_max_s is not None and process.loop_lag_max_s > LOOP_LAG_MAX_S
    ]


def _start_reasons(found: Generator, devices: int) -> list[str]:
    reasons = []
    late, missed = found.late_starts or 0, found.missed_starts or 0
    if late > LATE_SHARE_MAX * devices:
        reasons.append(f"{late:,} of {devices:,} starts were more than 100 ms late")
    if missed:
        reasons.append(f"{counted(missed, 'due start')} never happened")
    return reasons


def _machine_reasons(run: Run, processes: list[ProcessHealth]) -> list[str]:
    cores = section(run.manifest.get("machine")).get("cores")
    used = sum(process.cpu_share or 0.0 for process in processes)
    if isinstance(cores, int) and cores > 0 and used > MACHINE_SHARE_MAX * cores:
        return [f"the processes of the run together used {used:.1f} of {cores} cores, so they waited for each other"]
    return []


def _sum_of(pairs: list[tuple[str, float]], role: str) -> float | None:
    own = [cpu_s for name, cpu_s in pairs if name == role]
    return sum(own) if own else None
