"""`make setup`: what it installs starts as fast as what users install."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_make_setup_leads_to_this_folder_by_a_plain_path(tmp_path):
    """setuptools' own finder for editable packages would cost every command 30 ms."""
    done = subprocess.run(
        ["make", "--directory", ROOT, "setup", f"VENV={tmp_path / 'venv'}"],
        env={**os.environ, "PIP_NO_DEPS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [leads] = (tmp_path / "venv").glob("lib/*/site-packages/*payment_cli*.pth")
    assert leads.read_text().splitlines() == [str(ROOT)]
    assert not list((tmp_path / "venv").glob("lib/*/site-packages/*editable*finder*"))
