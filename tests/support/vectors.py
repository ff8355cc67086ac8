"""Published test vectors, read from the folder that PAYMENT_VECTORS names."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def vectors(provider: str, kind: str) -> list[Any]:
    """The vectors of one kind as test parameters; without the folder one that skips aloud."""
    folder = os.environ.get("PAYMENT_VECTORS", "")
    if not folder:
        reason = "PAYMENT_VECTORS names no folder with published vectors"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="no vectors")]
    document = json.loads((Path(folder) / f"public-{provider}.json").read_text(encoding="utf-8"))
    found = [v for v in document["vectors"] if v["kind"] == kind]
    assert found, f"no vectors of kind {kind}"
    return [pytest.param(vector, id=vector["id"]) for vector in found]
