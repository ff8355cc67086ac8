"""Mounting disks of a test's own. It needs root, and some containers forbid it even then."""

import subprocess
from pathlib import Path


def mounted(*arguments: str) -> bool:
    """Run mount; whether it worked."""
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    return done.returncode == 0


def unmount(place: Path) -> None:
    """Take a disk away, whoever still looks at it."""
    subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=True)
