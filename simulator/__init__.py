"""Virtual LwM2M devices that update their firmware, and fail at it on purpose."""

__version__ = "0.1.0"
