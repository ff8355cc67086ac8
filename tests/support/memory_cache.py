"""A provider's cache that lives as long as the object."""


class MemoryCache:
    """Keeps what was saved last; see `gateways/provider.py: Cache`."""

    def __init__(self) -> None:
        self._text = ""

    def load(self) -> str:
        return self._text

    def save(self, text: str) -> None:
        self._text = text
