"""How often somebody may ask: a token bucket for each key, in this process, in bounded memory.

Several server processes each count for themselves. When there are more keys than fit, the one that
asked longest ago is forgotten, and so forgiven.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from wsgiref.types import WSGIEnvironment

#: The most keys that are remembered.
KEYS_MAX = 10_000


@dataclass(slots=True)
class Limit:
    """At most `burst` requests at once, and one more each `every_ms`. Times are AMS."""

    burst: int
    every_ms: int
    keys_max: int = KEYS_MAX
    _free_at: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str, now: int) -> int:
        """Count one request of `key`; return 0, or the ms to wait when it is one too many.

        A request that is refused is not counted.
        """
        full_ms = self.burst * self.every_ms
        with self._lock:
            # When the bucket will be as full as it gets. A clock set back must not close it.
            free_at = min(max(self._free_at.get(key, now), now), now + full_ms)
            wait_ms = max(0, free_at + self.every_ms - full_ms - now)
            self._free_at[key] = free_at if wait_ms else free_at + self.every_ms
            self._free_at.move_to_end(key)
            if len(self._free_at) > self.keys_max:
                self._free_at.popitem(last=False)
        return wait_ms


def address_of(environ: WSGIEnvironment) -> str:
    """Return whom to count a request for: the client's address, of IPv6 the first 64 bits."""
    address = _read(client_of(environ))
    if address is None:
        return "?"
    return f"{int(address) >> 64:x}::/64" if isinstance(address, IPv6Address) else str(address)


def client_of(environ: WSGIEnvironment) -> str:
    """Return the address of the client that asks, "" where it can't be known.

    A client that connects from this machine is a proxy: it is believed about who asked it (the
    last entry of X-Forwarded-For, which is the one it added). Nobody else is.
    """
    peer = environ.get("REMOTE_ADDR", "")
    said = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    if said and (not peer or _is_this_machine(peer)):
        peer = said
    address = _read(peer)
    # An address with a zone means something on this machine only.
    return "" if address is None or "%" in str(address) else str(address)


def _is_this_machine(text: str) -> bool:
    address = _read(text)
    return address is not None and address.is_loopback


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, of version 4 also where it is written as one of version 6."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
