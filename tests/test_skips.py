"""What is skipped where CI is set: only what the machine truly lacks (tests/support/lacks.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lacks import NO_MOUNT

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("ci", "why", "status"),
    [("1", "not today", 1), ("", "not today", 0), ("1", NO_MOUNT, 0)],
)
def test_with_ci_a_test_may_be_skipped_for_what_the_machine_lacks(tmp_path, ci, why, status):
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n\ndef test_now():\n    pytest.skip({why!r})\n"
        f"\n@pytest.mark.skipif(True, reason={why!r})\ndef test_by_mark():\n    assert False\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout
    # A mark skips before the test begins: pytest calls that an error.
    assert ("1 failed, 1 error" if status else "2 skipped") in done.stdout
