"""The command ``lwm2m-fleet``."""

from __future__ import annotations

from simulator.cli.app import main

__all__ = ["main"]
