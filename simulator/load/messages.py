"""What master and workers say to each other, beside what Locust does.

From the master: the plan, leases, the word to stop, and which pieces of files it has stored. From a worker: its
process, how many devices it wants, which have left, how it fares, the files that it recorded, and that it has finished.
"""

from __future__ import annotations

from typing import Final

PLAN: Final = "fleet-plan"
LEASED: Final = "fleet-leased"
STORED: Final = "fleet-stored"
STOP: Final = "fleet-stop"

PROCESS: Final = "fleet-process"
READY: Final = "fleet-ready"
LEASE: Final = "fleet-lease"
BACK: Final = "fleet-back"
FAILED: Final = "fleet-failed"
CHUNK: Final = "fleet-chunk"
FINISHED: Final = "fleet-finished"
