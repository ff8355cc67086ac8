"""The examples run, as they stand, with the installed commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize(
    ("script", "last"), [("demo.sh", "Done: paid, verified, recorded."), ("shop_day.sh", "Done.")]
)
def test_an_example_runs_to_its_end(script: str, last: str, tmp_path: Path) -> None:
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["/bin/sh", EXAMPLES / script],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert last in done.stdout.splitlines()[-1]
    assert list(tmp_path.glob("payment-*")) == [], "it leaves nothing behind"
