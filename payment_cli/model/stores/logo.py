"""A store's logo: a picture, known by its content and never by its name."""

from typing import NamedTuple

from payment_cli.errors import ConfigError

#: The pictures that browsers show and that can hold no script, by how they begin. An SVG can.
_BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class Logo(NamedTuple):
    """A picture as it is sent to browsers."""

    media_type: str
    data: bytes

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> "Logo":
        """Return the picture that `data` is.

        Raises:
            ConfigError: it is none that is shown; `where` is the file.
        """
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return cls("image/webp", data)
        for beginning, media_type in _BEGINNINGS:
            if data.startswith(beginning):
                return cls(media_type, data)
        raise ConfigError(f"{where} is no JPEG, PNG, GIF or WebP picture, and is not shown")
