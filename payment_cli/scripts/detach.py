"""Starts a command that outlives its starter: own session, no descriptors of ours, no zombie."""

import subprocess
from collections.abc import Mapping, Sequence


def start_detached(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Start `argv` with exactly the environment `env`; return at once.

    Its standard streams are /dev/null and its working directory is /, so paths in `argv` and `env`
    must be absolute. Whether the command succeeds, or exists, is not known here.

    Raises:
        OSError: no process could be started.
    """
    # The shell puts the command in the background and ends: the command is nobody's child, and a
    # server with threads need not fork by itself. `argv` is handed over as arguments, not as text.
    shell = subprocess.run(  # noqa: S603 - the caller's own command
        ["/bin/sh", "-c", '"$@" &', "detached", *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=dict(env),
        start_new_session=True,
        check=False,
    )
    if shell.returncode:
        raise OSError(f"could not start {argv[0]}: the shell ended with {shell.returncode}")
