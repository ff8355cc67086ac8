"""A text that must not be printed."""


class Secret:
    """Holds a secret; `repr` and `str` hide it, `reveal` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold `text`."""
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself, for the one call that needs it."""
        return self._text

    def matches(self, text: str) -> bool:
        """Compare with `text` in constant time."""
        import hmac  # loads OpenSSL, which most commands never need

        return hmac.compare_digest(self._text.encode(), text.encode())

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__
