"""Puts what a fleet process has counted into Locust's statistics, in bulk: one merge for any number of samples.

Response times are milliseconds in Locust. Its own buckets make 0.4 ms a 0 and are wrong by 5 %; those of a tally are
wrong by 1 % at most, and single samples are put into the same ones.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import locust.stats
from locust.stats import RequestStats, StatsEntry

from simulator.fleet.tally import bucket_of, middle_of

if TYPE_CHECKING:
    from collections.abc import Iterable

METHODS: Final = {
    "register": "LwM2M",
    "registration update": "LwM2M",
    "de-register": "LwM2M",
    "block": "CoAP",
    "download": "FOTA",
    "push": "FOTA",
}
"""In Locust's column Type: the layer that an operation belongs to."""
UPDATE: Final = "FOTA"
"""The same of whole updates, which are fired one by one."""
HTTP: Final = frozenset({"http", "https"})


def milliseconds(bucket: int) -> float:
    """What stands for a bucket in Locust's statistics."""
    return float(f"{middle_of(bucket) / 1000:.4g}")


def bucket_response_time(response_time: float) -> float:
    """In place of Locust's own function of this name: milliseconds to milliseconds."""
    return milliseconds(bucket_of(response_time * 1000))


def use_finer_buckets() -> None:
    """Have single samples put into the buckets of a tally; Locust documents this as the way to do so."""
    replace: Any = locust.stats
    replace.bucket_response_time = bucket_response_time


def merge(stats: RequestStats, rows: Iterable[dict[str, Any]]) -> None:
    """Add the rows of a tally to Locust's statistics."""
    for row in rows:
        entry = _entry(stats, row)
        stats.entries[entry.name, entry.method].extend(entry)
        stats.total.extend(entry)


def _entry(stats: RequestStats, row: dict[str, Any]) -> StatsEntry:
    operation, transport = row["operation"], row["transport"]
    method = "HTTP" if operation == "block" and transport in HTTP else METHODS[operation]
    entry = StatsEntry(stats, f"{operation} {transport}", method)
    now = int(time.time())
    entry.num_requests = row["count"]
    entry.num_failures = row["failures"]
    entry.total_response_time = row["total_us"] / 1000
    entry.min_response_time = row["shortest_us"] / 1000
    entry.max_response_time = row["longest_us"] / 1000
    entry.total_content_length = row["length"]
    entry.last_request_timestamp = time.time()
    entry.num_reqs_per_sec[now] = row["count"]
    if row["failures"]:
        entry.num_fail_per_sec[now] = row["failures"]
    # Locust says int, and takes any number.
    times: dict[Any, int] = entry.response_times
    for bucket, count in row["buckets"]:
        key = milliseconds(bucket)
        times[key] = times.get(key, 0) + count
    return entry
