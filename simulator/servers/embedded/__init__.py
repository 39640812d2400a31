"""The embedded LwM2M server: the default server under test, in a process of its own."""
