"""When a payment is to be looked at again: back-off, expiry, clocks that were set back. Pure."""

from payment_cli.model.payments.payment import Payment

#: The waits between two looks at a stuck payment: 15 s, 30 s, 1 min … at most an hour.
BACK_OFF_FIRST_MS = 15_000
BACK_OFF_MAX_MS = 3_600_000

#: So many fruitless questions in a row and an account is left alone for the rest of a sweep; its
#: other payments are looked at again after that time.
SILENCE_MAX = 3
SILENCE_MS = 60_000


def back_off(check_count: int) -> int:
    """Return how long (ms) to wait after the `check_count`-th fruitless check."""
    return min(BACK_OFF_FIRST_MS << min(check_count, 16), BACK_OFF_MAX_MS)


def left(end: int, span: int, now: int) -> int:
    """Return what is left (ms) of a time limit of `span` that ends at `end`.

    Nothing of one that seems to begin long after `now`: the clock was set back, and it is over.
    """
    left = end - now
    return left if 0 < left <= 2 * span else 0


def bumped(payment: Payment, now: int) -> Payment:
    """Return the payment with its next look, which is not later than its expiry.

    Whoever watches a payment asks often; that must not put off its end (or a scan's reversal).
    """
    next_at = now + back_off(payment.check_count)
    if now <= payment.expi:
        next_at = min(next_at, payment.expi + 1)
    return payment._replace(next_check_at=next_at, check_count=payment.check_count + 1)
