"""Locust is imported as it is, without gevent's patches: they would change every other test of the process."""

import os

os.environ.setdefault("LOCUST_SKIP_MONKEY_PATCH", "1")
