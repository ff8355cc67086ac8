"""The shop whose commands are killed (tests/support/crash_proof.py)."""

from tests.support.crash_proof import proof, served

__all__ = ["proof", "served"]
