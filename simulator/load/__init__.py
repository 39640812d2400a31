"""Locust as the engine of a run: users that are devices, a fleet process under each worker, one record in the end.

Nothing else of the program knows Locust or gevent. ``scenarios/locustfile.py`` imports ``simulator.load.locustfile``.
"""
