"""A run in virtual time as a run directory, as a real one leaves it."""

from simulator.recorder.manifest import Manifest
from simulator.recorder.recorder import Recorder
from tests.simulation.world import simulate


def recorded(directory, scenario, seed, profile, chance=None):
    """Run it, record it, and give back its events."""
    events = simulate(scenario, seed, profile, chance=chance).log.events
    manifest = Manifest(
        directory, scenario=scenario.to_dict(), seed=seed, t0=0.0, command=["lwm2m-fleet"], server={"kind": "embedded"}
    )
    recorder = Recorder(directory, "fleet-0", lambda: 0.0)
    for event in events:
        recorder.emit(event)
    recorder.close()
    manifest.end("complete", "", [])
    return events
