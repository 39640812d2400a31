"""Programs that others wrote, started by tests on free loopback ports."""
