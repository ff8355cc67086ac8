"""The tree backend: one SQLite commit, then published files (see store.py and writer.py)."""

from payment_cli.storage.tree.store import open_tree

__all__ = ["open_tree"]
