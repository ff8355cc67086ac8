"""Which addresses a webhook may go to: public ones, whatever name or number they came as.

A name is looked up once, every address that comes of it is judged, and the call goes to one of
these very addresses: a name that means something else a moment later (DNS rebinding) changes
nothing. Numbers in disguise (`0x7f.1`, `2130706433`) are read by the same lookup and judged alike.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import TypeAlias

from payment_cli.errors import InvalidValueError

#: Returns the addresses of a host, as text. Raises OSError or ValueError where there are none.
Lookup: TypeAlias = Callable[[str, int], list[str]]

#: The only block of IPv6 from which public addresses are given out (RFC 4291, 2.4).
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Teredo and 6to4 carry an IPv4 address of their own; nobody serves webhooks there.
_TUNNELS = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16"))
#: IPv6 networks reach IPv4 through these (RFC 6052): the address is in the last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class RefusedAddressError(Exception):
    """A host has an address that webhooks may not go to."""


def system_lookup(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def checked_addresses(host: str, port: int, lookup: Lookup, *, allow_private: bool) -> list[str]:
    """Return the addresses of a host, all of them allowed.

    Raises:
        RefusedAddressError: one of them is not public, and private ones are not allowed.
        OSError, ValueError: the host is not known.
    """
    addresses = lookup(host, port)
    for address in addresses:
        if not allow_private and not is_public(address):
            raise RefusedAddressError(
                f"{host} has the address {address}, which is not public"
                " (allow_private_webhooks in etc/payment.toml)"
            )
    return addresses


def require_public_number(host: str, *, allow_private: bool) -> None:
    """Refuse a host that is an address webhooks may not go to, in whatever form it is written.

    Nobody is asked: of a name the addresses of the moment count, when an event is sent. Only
    `localhost` means the same everywhere (RFC 6761).

    Raises:
        InvalidValueError: it is such an address.
    """

    def numbers(host: str, port: int) -> list[str]:
        if f".{host.lower().rstrip('.')}".endswith(".localhost"):
            return ["127.0.0.1"]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [str(sockaddr[0]) for *_, sockaddr in found]

    try:
        checked_addresses(host, 443, numbers, allow_private=allow_private)
    except RefusedAddressError as error:
        raise InvalidValueError(f"webhook_url: {error}") from error
    except (OSError, ValueError):
        return


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet.

    Loopback, private, link-local, shared (RFC 6598), multicast, reserved and documentation
    addresses are not, and no IPv6 address is that carries such an IPv4 address.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner_address(address)
        if inner is None and (address not in _GLOBAL_UNICAST or _is_tunnel(address)):
            return False
        address = inner or address
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner_address(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that is reached through an IPv6 one, None if it is none of these."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_tunnel(address: ipaddress.IPv6Address) -> bool:
    return any(address in tunnel for tunnel in _TUNNELS)
