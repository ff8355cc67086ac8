"""What a machine may lack, and what is skipped there; nothing else may be skipped where CI is set.

The hook is in tests/conftest.py: with CI, a test that skips itself for another reason has failed.
"""

import os
import shutil
import sys
from typing import Final

import pytest

BROWSER: Final = os.environ.get("PAYMENT_TEST_BROWSER") or shutil.which("chromium")
DRIVER: Final = shutil.which("chromedriver")

NO_BROWSER: Final = "no chromium with chromedriver here: the pages were not seen by a browser"
NO_MOUNT: Final = "nothing can be mounted here: not tried on a disk of its own"
NO_ROOT: Final = "not root here: nothing can be given to another user"
NO_STRACE: Final = "no strace here: system calls were not made to fail"
NO_NGINX: Final = "no nginx here: its lines of the README were not tried"
NO_PRCTL: Final = "not Linux here: detached processes can't be waited for"
NO_PROC: Final = "not Linux here: which files a process writes was not seen"
NO_CHATTR: Final = "no file can be made immutable here: not tried with one"

#: The only reasons to skip.
REASONS: Final = (NO_BROWSER, NO_MOUNT, NO_ROOT, NO_STRACE, NO_NGINX, NO_PRCTL, NO_PROC, NO_CHATTR)

#: The marks of a module whose tests need a browser.
NEEDS_BROWSER: Final = [
    pytest.mark.browser,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason=NO_BROWSER),
]

needs_root: Final = pytest.mark.skipif(os.geteuid() != 0, reason=NO_ROOT)
needs_strace: Final = pytest.mark.skipif(shutil.which("strace") is None, reason=NO_STRACE)
needs_nginx: Final = pytest.mark.skipif(shutil.which("nginx") is None, reason=NO_NGINX)
needs_prctl: Final = pytest.mark.skipif(sys.platform != "linux", reason=NO_PRCTL)
needs_proc: Final = pytest.mark.skipif(sys.platform != "linux", reason=NO_PROC)


def no_chattr() -> None:
    """Skip the test that is running: it could not make a file immutable."""
    pytest.skip(NO_CHATTR)


def no_mount() -> None:
    """Skip the test that is running: it could not mount what it needs."""
    pytest.skip(NO_MOUNT)
