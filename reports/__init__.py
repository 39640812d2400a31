"""Reading a run directory, and what is made of it."""
