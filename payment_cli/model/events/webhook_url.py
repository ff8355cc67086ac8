"""The address a store is told of its orders at: which URLs are one, and their parts."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from payment_cli.errors import InvalidValueError

_PORTS = {"http": 80, "https": 443}

#: Names and numbers, also in forms that only a resolver reads (`0x7f.1`): they are judged by the
#: address that comes of them, not here. A zone (`fe80::1%eth0`) has no place in a URL of ours.
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")

_HINT = "for instance https://shop.example/hooks/paid"


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A URL in parts. `target` is path and query, `authority` what the Host header says."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_tls(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The host, in brackets if it is an IPv6 address, with the port unless it is usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_webhook_url(text: str) -> WebhookUrl:
    """Read a store's `webhook_url`.

    The query may hold a token of the receiver, so no error quotes the URL.

    Raises:
        InvalidValueError: it is no absolute http or https URL, or has a user, a password or a
            fragment, which can't be sent along.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidValueError("webhook_url is not a URL", hint=_HINT) from error
    is_text = text.isascii() and text.isprintable() and not set(text) & set(' "<>\\')
    if parts.scheme not in _PORTS or not is_text or _HOST.fullmatch(host) is None or port == 0:
        raise InvalidValueError("webhook_url must be an http or https URL", hint=_HINT)
    if "@" in parts.netloc or "#" in text:
        raise InvalidValueError("webhook_url takes no user, password or fragment", hint=_HINT)
    query = f"?{parts.query}" if parts.query else ""
    return WebhookUrl(parts.scheme, host, port or _PORTS[parts.scheme], (parts.path or "/") + query)
