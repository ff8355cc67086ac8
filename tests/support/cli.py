"""Runs `pay` and `payment` through their one door, inside this process, with captured streams."""

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from payment_cli.cli.main import run


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    exit_code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class _Stream(io.TextIOWrapper):
    """A stream that says whether it is a terminal, as it was told."""

    def __init__(self, data: bytes = b"", *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def written(self) -> bytes:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


@dataclass(frozen=True)
class Runner:
    """One of the two programs. It asserts the exit code: 0 unless told otherwise."""

    program: str
    monkeypatch: pytest.MonkeyPatch

    def __call__(
        self,
        *words: object,
        stdin: str | bytes = b"",
        exit_code: int | None = 0,
        terminal: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = _Stream(is_terminal=terminal), _Stream(is_terminal=terminal)
        with self.monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", _Stream(data))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            code = run(self.program, [str(word) for word in words])
        ran = Ran(code, out.written(), err.written().decode())
        assert exit_code in (code, None), f"exit {code}\n{ran.text}\n{ran.err}"
        return ran
