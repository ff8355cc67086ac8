"""Published examples of the providers' signatures: tests/gateways/vectors/<provider>.json.

Each is a fact that somebody else published, with where: a provider's document, or the tests of an
SDK at a commit. Keys in there are the published ones and open nothing.
"""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "gateways/vectors"


def vectors(provider: str, kind: str) -> list[Any]:
    """The vectors of one kind as test parameters."""
    document = json.loads((FOLDER / f"{provider}.json").read_text(encoding="utf-8"))
    found = [vector for vector in document if vector["kind"] == kind]
    assert found, f"no vectors of kind {kind}"
    return [pytest.param(vector, id=vector["id"]) for vector in found]
