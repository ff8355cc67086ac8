"""When a payment is to be looked at again: back-off, expiry, clocks that were set back. Pure.

And when it is gone: no provider's "no such order" ends a payment before the order can't be paid any
more. An order may begin later than its send (with the payer's scan), and an answer may
come from a replica that lags or through a gateway that is somebody else's. So it must be said after
the provider's own expiry and a margin, several times, a while apart.
"""

from payment_cli.model.payments.payment import Payment

#: The waits between two looks at a stuck payment: 15 s, 30 s, 1 min … at most an hour.
BACK_OFF_FIRST_MS = 15_000
BACK_OFF_MAX_MS = 3_600_000

#: What seems to begin so long after now was written by a clock that was wrong; a smaller error
#: heals by itself.
ASTRAY_MS = 3_600_000

#: "No such order" counts so long after the provider's expiry: a payer who began in time may still
#: be at it, and clocks differ (docs/decisions/0014).
ABSENT_MARGIN_MS = 5 * 60_000

#: So many answers in a row must count, each so long after the one before.
ABSENT_ANSWERS = 3
ABSENT_GAP_MS = 60_000


def back_off(check_count: int) -> int:
    """Return how long (ms) to wait after the `check_count`-th fruitless check."""
    return min(BACK_OFF_FIRST_MS << min(check_count, 16), BACK_OFF_MAX_MS)


def left(end: int, span: int, now: int) -> int:
    """Return what is left (ms) of a time limit of `span` that ends at `end`.

    Nothing of one that seems to begin long after `now`: the clock was set back, and it is over.
    """
    left = end - now
    return left if 0 < left <= 2 * span else 0


def is_astray(begin: int, end: int, now: int) -> bool:
    """Whether a time limit from `begin` to `end` was set by a clock that was far ahead of `now`."""
    return now + ASTRAY_MS < begin < end


def redated(payment: Payment, now: int) -> Payment:
    """Return the payment with its time limit from `now` on, if a wrong clock set it far ahead."""
    if not is_astray(payment.send_at, payment.expi, now):
        return payment
    return payment._replace(expi=now + payment.expi - payment.send_at)


def bumped(payment: Payment, now: int) -> Payment:
    """Return the payment with its next look, which is not later than its expiry.

    Whoever watches a payment asks often; that must not put off its end (or a scan's reversal). Nor
    does one wait long for the end that is due to hear "no such order" again.
    """
    next_at = now + back_off(payment.check_count)
    if now <= payment.expi:
        next_at = min(next_at, payment.expi + 1)
    elif payment.absent_at:
        next_at = max(payment.expi + ABSENT_MARGIN_MS, now + ABSENT_GAP_MS)
    return payment._replace(next_check_at=next_at, check_count=payment.check_count + 1)


def absent(payment: Payment, now: int) -> Payment:
    """Return the payment after one more answer that its provider knows no such order."""
    if now < payment.expi + ABSENT_MARGIN_MS:
        return payment._replace(absent_count=0, absent_at=now)
    if payment.absent_count and left(payment.absent_at + ABSENT_GAP_MS, ABSENT_GAP_MS, now):
        return payment
    return payment._replace(absent_count=payment.absent_count + 1, absent_at=now)


def is_gone(payment: Payment) -> bool:
    """Whether "no such order" was said often enough, and late enough, to be believed."""
    return payment.absent_count >= ABSENT_ANSWERS


def gone_in(payment: Payment, now: int) -> int:
    """Return how long (ms) it takes at least until `is_gone`, should every answer be the same."""
    more = max(ABSENT_ANSWERS - payment.absent_count, 0)
    if not payment.absent_count:
        return max(payment.expi + ABSENT_MARGIN_MS - now, 0) + (more - 1) * ABSENT_GAP_MS
    return max(payment.absent_at + more * ABSENT_GAP_MS - now, 0)
