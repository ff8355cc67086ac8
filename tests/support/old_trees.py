"""Trees that programs of the past have made (tests/storage/tree/old)."""

import json
import tarfile
from pathlib import Path

_OLD = Path(__file__).parents[1] / "storage" / "tree" / "old"

#: The versions of which a tree is kept.
VERSIONS = sorted(int(path.name.split("-")[1].split(".")[0]) for path in _OLD.glob("*.tar.gz"))


def old_tree(place: Path, version: int) -> tuple[Path, dict[str, str]]:
    """Unpack the tree of `version` into the folder `place`; return its root, and names of ids."""
    with tarfile.open(_OLD / f"version-{version}.tar.gz") as archive:
        archive.extractall(place, filter="data")
    root = place / "tree"
    for path in (root, *root.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return root, json.loads((root / "names.json").read_text())
