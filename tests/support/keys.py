"""Keys of accounts as a config brings them, made of what a test has: PEM texts."""

from payment_cli.gateways.key_material import KeyMaterial
from payment_cli.model.secret import Secret


def material(place: str, value: object) -> object:
    """Return `value` (PEM, a Secret of it, or several) as what a config has at `place`."""
    if isinstance(value, tuple):
        return tuple(material(place, item) for item in value)
    if isinstance(value, Secret):
        value = value.reveal()
    return KeyMaterial(value.encode(), place) if isinstance(value, str) else value
