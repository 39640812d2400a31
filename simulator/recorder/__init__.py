"""Writing a run directory: events in crash-safe part files, and a manifest that says what the run was.

Nothing is imported here: most processes of a run need a part of it, and only those that record need pyarrow.
"""
