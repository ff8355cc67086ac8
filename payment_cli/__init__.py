"""A payment back office for the shell."""
