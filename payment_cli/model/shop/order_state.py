"""The states of an order, and the one table of how they change.

Which command is allowed when follows from the table: `pay` opens a payment, `cancel`, `ship` and
`done` are the events of those names.
"""

from collections.abc import Mapping
from enum import StrEnum


class OrderKind(StrEnum):
    """`ord_tp` (seed 002)."""

    NORMAL = "A"  # paid, shipped, done
    VIRTUAL = "Q"  # done as soon as it is paid
    PARENT = "S"  # paid as one, shipped as its children


class OrderStatus(StrEnum):
    """`ord_status` (seed 002; in seed 000: unpaid, paid, consumed)."""

    NEW = "NW"
    WAIT = "WT"  # a payment is open
    OK = "OK"  # paid
    FAIL = "FA"  # the payment failed; another may be tried
    SHIPPED = "SP"
    DONE = "DN"
    CANCELLED = "CA"  # by somebody, or expired


class OrderEvent(StrEnum):
    """What can happen to an order."""

    OPEN = "pay"  # a payment of it was opened
    PAID = "paid"  # settlement: verified money arrived
    FAIL = "fail"  # its payment failed or was closed
    SHIP = "ship"  # a shipment left; there may be several
    DONE = "done"
    CANCEL = "cancel"


#: Which state follows. A payment that was thought lost may still pay a failed order: money for an
#: order that waits for it settles it.
TRANSITIONS: Mapping[tuple[OrderStatus, OrderEvent], OrderStatus] = {
    (OrderStatus.NEW, OrderEvent.OPEN): OrderStatus.WAIT,
    (OrderStatus.WAIT, OrderEvent.OPEN): OrderStatus.WAIT,
    (OrderStatus.FAIL, OrderEvent.OPEN): OrderStatus.WAIT,
    (OrderStatus.WAIT, OrderEvent.PAID): OrderStatus.OK,
    (OrderStatus.FAIL, OrderEvent.PAID): OrderStatus.OK,
    (OrderStatus.WAIT, OrderEvent.FAIL): OrderStatus.FAIL,
    (OrderStatus.OK, OrderEvent.SHIP): OrderStatus.SHIPPED,
    (OrderStatus.SHIPPED, OrderEvent.SHIP): OrderStatus.SHIPPED,
    (OrderStatus.SHIPPED, OrderEvent.DONE): OrderStatus.DONE,
    (OrderStatus.NEW, OrderEvent.CANCEL): OrderStatus.CANCELLED,
    (OrderStatus.WAIT, OrderEvent.CANCEL): OrderStatus.CANCELLED,
    (OrderStatus.FAIL, OrderEvent.CANCEL): OrderStatus.CANCELLED,
}

#: States in which nothing was paid yet, and an order expires.
PENDING = frozenset((OrderStatus.NEW, OrderStatus.WAIT, OrderStatus.FAIL))

#: States in which it was paid.
PAID = frozenset((OrderStatus.OK, OrderStatus.SHIPPED, OrderStatus.DONE))

#: The events that are commands of `payment o` and `payment p`.
COMMANDS = (OrderEvent.OPEN, OrderEvent.CANCEL, OrderEvent.SHIP, OrderEvent.DONE)

#: Which timestamp a state sets when it is entered (seed 002).
STAMPS: Mapping[OrderStatus, str] = {
    OrderStatus.WAIT: "wt_at",
    OrderStatus.OK: "ok_at",
    OrderStatus.FAIL: "fa_at",
    OrderStatus.SHIPPED: "sp_at",
    OrderStatus.DONE: "dn_at",
    OrderStatus.CANCELLED: "ca_at",
}
