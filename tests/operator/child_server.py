"""A child process that speaks the driver protocol by a script: what it is to do comes as its arguments.

    python child_server.py MODE

It answers commands with what they say, so that a test sees what the driver sent; the endpoint names choose the answer.
"""

from __future__ import annotations

import json
import signal
import sys
import time


def tell(line: object) -> None:
    print(line if isinstance(line, str) else json.dumps(line), flush=True)


told: list[dict[str, object]] = []


def answer(command: dict[str, object]) -> None:
    number, endpoint = command.pop("id"), command.get("ep")
    if command["do"] == "credentials" and endpoint == "refused":
        tell({"id": number, "error": "failed", "detail": "no use for them"})
    elif command["do"] == "credentials":
        told.append(command)
        tell({"id": number, "code": "2.04"})
    elif endpoint == "told":
        tell({"id": number, "code": "2.05", "value": json.dumps(told)})
    elif command["do"] == "clients":
        tell({"id": number, "clients": ["a", "b"]})
    elif command["do"] == "stats":
        tell({"id": number, "cpu_s": 1.5, "rss_bytes": 1000})
    elif endpoint in ("timeout", "unknown_endpoint", "failed", "novel"):
        tell({"id": number, "error": endpoint, "detail": f"because of {endpoint}"})
    elif endpoint == "no-detail":
        tell({"id": number, "error": "failed"})
    elif endpoint == "no-code":
        tell({"id": number})
    elif endpoint == "dies":
        sys.exit(7)
    elif endpoint == "bare":
        tell({"id": number, "code": "4.05"})
    elif endpoint != "silent":
        tell({"id": number, "code": "2.05", "value": json.dumps(command)})


EVENTS = (
    {"event": "registered", "ep": "a", "id": "1"},
    {"event": "registered", "ep": "a", "id": "2", "replaces": "1"},
    {"event": "updated", "ep": "a", "id": "2"},
    {"event": "notified", "ep": "a", "path": "/5/0/3", "value": "1"},
    {"event": "notify_failed", "ep": "a", "path": "/5/0/3", "detail": "gone"},
    {"event": "misbehaved", "ep": "a", "act": "busy", "detail": "5.03"},
    {"event": "deregistered", "ep": "a", "id": "2", "cause": "expired"},
    {"event": "novelty", "ep": "a"},
)
BROKEN = (
    "no JSON at all",
    "[1, 2]",
    '{"event": "notified", "ep": "a"}',
    '{"id": "x", "code": "2.05"}',
    '{"neither": 1}',
    '{"id": 999, "code": "2.05"}',
)


def main(mode: str) -> int:
    if mode == "exits":
        return 5
    if mode == "never-ready":
        sys.stdin.read()
        return 0
    if mode == "cannot-start":
        tell({"event": "failed", "detail": "the port is taken"})
        return 3
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in BROKEN if mode == "broken" else ():
        tell(line)
    uris = {"coap": "coap://127.0.0.1:5683", "coaps": "coaps://127.0.0.1:5684"}
    tell({"event": "ready", "coap": uris["coap"], "server": "fake 1", "uris": uris})
    for event in EVENTS if mode == "events" else ():
        tell(event)
    for line in sys.stdin:
        answer(json.loads(line))
    while mode == "stubborn":
        time.sleep(1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
