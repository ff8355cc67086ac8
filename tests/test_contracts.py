"""The contracts that list folders by hand list all of them."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = {
    contract["name"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}


def folders(floor: str) -> set[str]:
    place = ROOT / "payment_cli" / floor
    return {f"payment_cli.{floor}.{init.parent.name}" for init in place.glob("*/__init__.py")}


@pytest.mark.parametrize(
    ("name", "key", "floor", "files"),
    [
        ("Providers know nothing of each other in the gateways", "modules", "gateways", {"free"}),
        ("Providers know nothing of each other in the sandbox", "modules", "sandbox", set()),
        (
            "A provider's folder is behind the registry: only that imports it",
            "protected_modules", "gateways", set(),
        ),
    ],
)  # fmt: skip
def test_every_provider_is_in_the_contract(name, key, floor, files) -> None:
    listed = set(CONTRACTS[name][key])
    assert listed == folders(floor) | {f"payment_cli.{floor}.{file}" for file in files}
