"""Money as whole fen: yuan in and out, rates, splits. No binary float ever computes money.

Rounding is half-up (a half goes away from zero) and happens only in the functions named here.
The limit is FEE_MAX fen: above it a number is a mistake or an attack.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from payment_cli.errors import InvalidValueError
from payment_cli.model.fee import FEE_MAX, check_currency

#: A rate of 1 (the whole amount) in basis points.
WHOLE_BP = 10_000

_FEN = Decimal("0.01")


def to_fen(value: object, where: str) -> int:
    """Return an amount of yuan in fen, rounded half-up to the fen.

    Raises:
        InvalidValueError: `where` holds no number, a negative or a too large one.
    """
    yuan = _checked_yuan(value, where)
    return int(yuan.quantize(_FEN, rounding=ROUND_HALF_UP) * 100)


def exact_fen(value: object, where: str) -> int:
    """Return an amount of yuan in fen; what somebody typed is never rounded.

    Raises:
        InvalidValueError: as `to_fen`, and when it has more than two decimals.
    """
    fen = to_fen(value, where)
    if to_yuan(fen) != value:
        raise InvalidValueError(f"{where} has more than two decimals: {str(value)[:40]}")
    return fen


def to_yuan(fen: int) -> Decimal:
    """Return fen as yuan with exactly two decimals, the form of every price in a record."""
    return Decimal(fen).scaleb(-2)


def div_half_up(numerator: int, denominator: int) -> int:
    """Return the quotient rounded half-up: 5/2 is 3, -5/2 is -3. The denominator is positive."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def at_rate(fen: int, rate_bp: int) -> int:
    """Return the share of `fen` at a rate in basis points, rounded half-up to the fen."""
    return div_half_up(fen * rate_bp, WHOLE_BP)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split by largest remainder; the parts always add up to `total`.

    A weight may be 0; when all are, the parts are equal. Ties go to the earlier part. With
    0 <= total <= sum(weights) no part is above its weight, so no line goes below zero.

    Raises:
        ValueError: a weight is negative, or there is something to split and no part to take it.
    """
    if any(weight < 0 for weight in weights) or (total and not weights):
        raise ValueError("a split needs parts, with weights of 0 or more")
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    sign = -1 if total < 0 else 1
    shares = [divmod(abs(total) * weight, whole) for weight in weights]
    left = abs(total) - sum(floor for floor, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda index: (-shares[index][1], index))
    lucky = set(by_remainder[:left])
    return [sign * (floor + (index in lucky)) for index, (floor, _) in enumerate(shares)]


def wire_currency(currency: str) -> str:
    """Return the ISO code of a currency; RMB is how the shell writes CNY.

    Raises:
        InvalidValueError: it is unknown, or not counted in hundredths.
    """
    code = check_currency(currency)
    return "CNY" if code == "RMB" else code


def same_currency(one: str, other: str) -> bool:
    """Whether two currencies are one on the wire."""
    return wire_currency(one) == wire_currency(other)


def _checked_yuan(value: object, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InvalidValueError(f"{where} must be a number of yuan, not {str(value)[:40]!a}")
    yuan = Decimal(value)
    if not yuan.is_finite() or not 0 <= yuan <= FEE_MAX // 100:
        raise InvalidValueError(
            f"{where} must be 0 to {FEE_MAX // 100} yuan, not {str(value)[:40]!a}"
        )
    return yuan
