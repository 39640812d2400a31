"""The locustfile that ``lwm2m-fleet run --locust`` starts Locust with."""

from simulator.load.locustfile import VirtualDevice

__all__ = ["VirtualDevice"]
