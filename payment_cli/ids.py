"""Record ids and secret tokens. Injected like the clock, so that tests can count them."""

import os
from collections.abc import Callable

#: Makes a new record id from a time in AMS.
NewId = Callable[[int], str]


def new_id(now: int) -> str:
    """Return a UUIDv7 (RFC 9562) of `now` (AMS) as 32 lower-case hex digits.

    The form fits every gateway's order-number rule (WeChat: 6 to 32 characters) and sorts by time.
    """
    random_bits = int.from_bytes(os.urandom(10), "big")
    high = (now & 0xFFFF_FFFF_FFFF) << 80
    version = 0x7 << 76
    variant = 0b10 << 62
    low = (random_bits & 0x0FFF_0000_0000_0000_0000) | (random_bits & 0x3FFF_FFFF_FFFF_FFFF)
    return f"{high | version | variant | low:032x}"


def new_token() -> str:
    """Return 128 unguessable bits as 32 lower-case hex digits."""
    return os.urandom(16).hex()
