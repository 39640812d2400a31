"""The two byte ports, over sockets and in memory; one timer for a fleet; real and virtual time."""
