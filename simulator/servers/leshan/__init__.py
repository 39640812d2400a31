"""Eclipse Leshan as a server under test: its library behind a launcher of our own, and its demo server.

Neither is shipped. Both are had through Maven on first use and kept in the user's cache directory.
"""
