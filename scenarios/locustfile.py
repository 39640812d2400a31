"""Firmware updates under Locust: ``locust -f scenarios/locustfile.py``; one user is one device."""

from simulator.load.locustfile import VirtualDevice

__all__ = ["VirtualDevice"]
