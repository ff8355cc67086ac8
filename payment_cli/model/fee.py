"""A fee as it is typed: whole fen, optionally with its currency (`2300`, `2300USD`)."""

import re

from payment_cli.errors import InvalidValueError

#: The most a payment may ask for, in fen (ten billion yuan). It is above every provider's own
#: limit, and sums over millions of payments stay exact in 64-bit integers and in JSON readers.
FEE_MAX = 10**12

#: Currencies we count in hundredths. RMB is how the shell writes CNY (seed 001).
CURRENCIES = ("RMB", "CNY", "USD", "EUR", "GBP", "HKD", "AUD", "CAD", "SGD", "CHF", "NZD", "THB")

_FEE = r"([0-9]+) ?([A-Za-z]{3})?"
_FEE_HINT = "a fee is whole fen, for instance 2300 for 23.00 yuan, or 2300USD"


def parse_fee(text: str) -> tuple[int, str | None]:
    """Read a fee; return it in fen, and the currency in upper case if one was written.

    Raises:
        InvalidValueError: it is missing, negative, fractional, too large, or no number.
    """
    found = re.fullmatch(_FEE, text.strip())
    if found is None:
        shown = ascii(text if len(text) <= 40 else text[:40] + "…")
        raise InvalidValueError(f"{shown} is not a fee", hint=_FEE_HINT)
    digits, currency = found.groups()
    # The length is checked first: Python refuses to convert thousands of digits.
    digits = digits.lstrip("0") or "0"
    if len(digits) > len(str(FEE_MAX)) or int(digits) > FEE_MAX:
        raise InvalidValueError("the fee is too large", hint=f"the most is {FEE_MAX} fen")
    return int(digits), check_currency(currency) if currency else None


def check_currency(text: str) -> str:
    """Return the currency's code in upper case.

    Raises:
        InvalidValueError: it is no code we know, or one that is not counted in hundredths.
    """
    code = text.strip().upper()
    if code not in CURRENCIES:
        shown = ascii(text if len(text) <= 16 else text[:16] + "…")
        raise InvalidValueError(
            f"{shown} is not a currency we count", hint=f"one of {', '.join(CURRENCIES)}"
        )
    return code
