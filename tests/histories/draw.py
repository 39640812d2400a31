"""Draws a scenario from a seed: a few devices, each with faults of its own, and surroundings that are not well either.

What is drawn is a scenario's document, as a TOML file has it. It goes the way of every scenario, so that one that fails
is a file that anybody can run.
"""

from __future__ import annotations

import random
import re

from simulator.lwm2m.firmware_switches import SWITCHES
from simulator.network.profiles import PROFILES as NETWORKS
from simulator.scenario import ScenarioError, loads
from simulator.scenario.devices import MANAGEMENT, TRANSPORTS
from tests.histories.draw_faults import causes, draw_fault
from tests.histories.toml import written

VERSION, OLD_VERSION = "2.0.0", "1.0.0"
NEEDED = {("firmware", "size"), ("run", "seed")}
READ = ("/5/0/3", "/5/0/5", "/5/0/1", "/5/0/7", "/3/0/3", "/1/0/1", "/3/0/99", "/9/0/0")
EXECUTED = ("/5/0/2", "/5/0/10", "/1/0/8", "/3/0/4", "/5/0/3")
"""Update, Cancel, Registration Update Trigger, Reboot, and what is not executable."""
WRITTEN = (
    ("/5/0/0", "\0"),
    ("/5/0/1", ""),
    ("/5/0/1", "coap://127.0.0.1:1/nothing"),
    ("/5/0/1", "none of the kind"),
    ("/5/0/11", "0"),
    ("/5/0/13", "30"),
    ("/5/0/13", "0"),
    ("/1/0/1", "60"),
    ("/3/0/3", "9.9"),
)
SLOW = frozenset({"nb-iot", "2g", "satellite"})
"""Networks over which a package of some KiB takes minutes."""


def duration(dice, least, most):
    """A text such as ``1.25 s``."""
    return f"{dice.uniform(least, most):.3g} s"


def share(dice, most):
    return f"{dice.uniform(0.1, most):.2g} %"


def draw(seed: int) -> dict:
    """The document of a seed: one that the scenario's own checks let pass."""
    dice = random.Random(seed)
    document = {
        "run": {"name": f"history-{seed}", "seed": seed, "duration_max": "10 h"},
        "firmware": _firmware(dice),
        "devices": {"boot_time": {"min": "100 ms", "max": "5 s"}, "install_time": {"min": "0 s", "max": "5 s"}},
        "groups": {name: _group(dice) for name in "abcd"[: dice.choice((1, 2, 2, 3, 3, 4))]},
        "arrivals": _arrivals(dice),
        "campaign": _campaign(dice),
        # What such devices come to is nobody's business but the invariants'.
        "criteria": {"failed_max": 1000, "unknown_max": 1000},
    }
    if document["campaign"].get("execute") == "never":
        for group in document["groups"].values():
            group["expect"] = {"state": 2, "result": 0}
    if dice.random() < 0.3:
        document["server"] = {"chaos": _chaos(dice)}
    if dice.random() < 0.2:
        document["firmware"]["chaos"] = _origin_chaos(dice)
    return valid(document)


def valid(document: dict) -> dict:
    """The document without those faults and habits of which the scenario's checks say that they cannot be.

    Raises:
        ScenarioError: something else is wrong with it.
    """
    while True:
        try:
            loads(written(document))
        except ScenarioError as error:
            places = {_place(document, problem.key) for problem in error.problems}
            if not all(places):
                raise
            # The last of an array first, as the others move up.
            for place in sorted(places, key=lambda place: [str(part).zfill(3) for part in place], reverse=True):
                _drop(document, place)
        else:
            return document


def _place(document, key: str) -> tuple:
    """What a problem is about, as far as it is there and can be left out; nothing where it cannot."""
    parts = [int(part) if part.isdecimal() else part for part in re.findall(r"[^.\[\]]+", key)]
    if "faults" in parts:
        parts = parts[:4]
    place, holder = [], document
    for part in parts:
        if isinstance(holder, dict) and part not in holder:
            break
        if not isinstance(holder, dict | list):
            break
        place.append(part)
        holder = holder[part]
    least = 3 if place[:1] == ["groups"] else 2
    return tuple(place) if len(place) >= least and tuple(place) not in NEEDED else ()


def _drop(document, place):
    *path, last = place
    holder = document
    for part in path:
        if isinstance(holder, dict) and part not in holder:
            return  # gone with what was around it
        holder = holder[part]
    if last == "faults":
        del holder["faults"][-1:]  # they are too many for one device
    elif isinstance(holder, list):
        del holder[last : last + 1]
    else:
        holder.pop(last, None)


def _firmware(dice):
    size = dice.choice((dice.randint(128, 1024), dice.randint(1024, 8192), dice.randint(4096, 16384)))
    return {"size": f"{size} B", "version": VERSION, "from_version": OLD_VERSION}


def _group(dice):
    group = {"count": 1, "delivery": dice.choice(("pull", "pull", "pull", "push", "push"))}
    group |= _client(dice, group["delivery"]) | _habits(dice)
    if dice.random() < 0.25:
        group["orders"] = [_order(dice) for _ in range(dice.choice((1, 1, 2, 3)))]
    drawn = [draw_fault(dice, group) for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 4)))]
    group["faults"] = list({fault["kind"]: fault for fault in (*causes(drawn), *drawn)}.values())
    return group


def _client(dice, delivery):
    """What kind of client it is, and how it gets its package."""
    group = {"management": dice.choice((*MANAGEMENT, "coap"))}
    group["profile"] = dice.choice(("oma", "anjay", "zephyr"))
    if delivery == "pull":
        group["transport"] = dice.choice(TRANSPORTS)
        group["pull_retries"] = dice.choice((0, 0, 1, 3))
    if not group["management"].endswith("tcp") and dice.random() < 0.3:
        group["lwm2m"] = "1.0"
    elif dice.random() < 0.3:
        group["object_version"] = dice.choice(("1.0", "1.1", "1.2", "1.2"))
        group |= {"automatic_upgrade": True} if group["object_version"] == "1.2" and dice.random() < 0.5 else {}
    if delivery == "push" and dice.random() < 0.2:
        group["push_format"] = dice.choice(("tlv", "cbor"))
    group["network"] = _network(dice)
    if dice.random() < 0.25:
        group["switches"] = dice.sample(sorted(SWITCHES), dice.randint(1, 3))
    if dice.random() < 0.1:
        group["protocols"] = [*dict.fromkeys([group.get("transport", "coap"), *dice.sample(TRANSPORTS, 2)])]
    if dice.random() < 0.08:
        group["credentials"] = {"wrong": dice.choice(("missing", "wrong-key", "unknown-identity", "unknown-ca",
                                                      "wrong-host", "expired", "untrusted"))}  # fmt: skip
    return group


def _habits(dice):
    """What else there is to a device: most of it is as it always is."""
    group = {}
    group["block_size"] = dice.choice((128, 256, 512, 1024, 1024))
    if dice.random() < 0.2:
        group["notifications"] = "non"
    if dice.random() < 0.2:
        group["lifetime"] = f"{dice.randint(30, 600)} s"
    if dice.random() < 0.1:
        group["think_time"] = duration(dice, 0.01, 1.0)
    if dice.random() < 0.1:
        group["flash"] = f"{dice.randint(128, 4096)} B"
        group["expect"] = {"state": 0, "result": 2}
    if dice.random() < 0.1:
        group["coap"] = {"ack_timeout": duration(dice, 0.5, 4), "max_retransmit": dice.randint(1, 4)}
    if dice.random() < 0.08:
        group["queue_mode"] = {"awake": duration(dice, 1, 60), "update_every": duration(dice, 10, 300)}
    return group


def _order(dice):
    """Something that the operator asks in the middle of an update."""
    when = dice.choice(("idle", "downloading", "downloaded", "updating", "end"))
    do = "read" if when == "end" else dice.choice(("read", "write", "write", "execute", "execute"))
    order = {"when": when, "do": do}
    if do == "write":
        order["path"], order["value"] = dice.choice(WRITTEN)
    else:
        order["path"] = dice.choice(READ if do == "read" else EXECUTED)
    return order


def _network(dice):
    if dice.random() < 0.3:
        return "ideal"
    if dice.random() < 0.4:
        return dice.choice([name for name in NETWORKS if name not in SLOW])
    network = {"delay": duration(dice, 0, 0.5)}
    if dice.random() < 0.5:
        network["jitter"] = duration(dice, 0, 1)
    for name, most in (("loss", 15), ("duplicate", 10), ("reorder", 20)):
        if dice.random() < 0.5:
            network[name] = share(dice, most)
    if dice.random() < 0.3:
        network["rate"] = f"{dice.randint(10, 500)} kbit/s"
    if dice.random() < 0.2:
        network["mtu"] = dice.randint(200, 1500)
    return network


def _arrivals(dice):
    if dice.random() < 0.5:
        return {"kind": "at-once"}
    return {"kind": "rate", "rate": f"{dice.uniform(0.05, 5):.2g}/s"}


def _campaign(dice):
    timeout = dice.choice((60, 180, 600))
    campaign = {"timeout": f"{timeout} s", "request_timeout": f"{dice.randint(20, timeout)} s"}
    if dice.random() < 0.2:
        campaign["execute"] = dice.choice(("all-downloaded", "never", {"delay": duration(dice, 0, 20)}))
    if dice.random() < 0.2:
        campaign["retries"] = dice.randint(1, 3)
    if dice.random() < 0.2:
        campaign["start"] = dice.choice(("all-registered", {"after": duration(dice, 0, 30)}))
    return campaign


def _chaos(dice):
    acts = {
        "silent": lambda: share(dice, 60),
        "busy": lambda: share(dice, 60),
        "late": lambda: share(dice, 60),
        "forgets_after": lambda: duration(dice, 1, 60),
        "misses": lambda: sorted(dice.sample(range(4), dice.randint(1, 3))),
        "result": lambda: dice.choice(("stale", "silent")),
        "observes_once": lambda: True,
        "gives_up_after": lambda: duration(dice, 0.1, 20),
        "retries_every": lambda: duration(dice, 1, 60),
        "drops": lambda: share(dice, 20),
        "slow_by": lambda: duration(dice, 0.1, 20),
        "restarts_after": lambda: duration(dice, 0.1, 60),
        "skips_block": lambda: True,
        "ignores_413": lambda: True,
        "ignores_408": lambda: True,
        "alters_push": lambda: True,
    }
    chosen = dice.sample(sorted(acts), dice.randint(1, 2))
    return {name: acts[name]() for name in chosen} | ({"busy_for": duration(dice, 1, 60)} if "busy" in chosen else {})


def _origin_chaos(dice):
    acts = dice.sample(("silent", "busy", "alters"), dice.randint(1, 2))
    return {name: share(dice, 10) for name in acts} | {"busy_for": duration(dice, 1, 60)}
