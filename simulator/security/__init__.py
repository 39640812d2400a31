"""Credentials: pre-shared keys, certificates and trust stores. No key is ever printed, logged or recorded."""
