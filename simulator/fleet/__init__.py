"""The fleet: from a scenario, a seed and a slice to devices."""
