"""What a shop is, in plain dictionaries: the model that random walks hold the real one against.

It knows nothing of files, gateways or time. Each method is one thing that happened.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PENDING, PAID = ("NW", "WT", "FA"), ("OK", "SP", "DN")


@dataclass
class Order:
    buyer: str
    lines: dict[str, int]
    coupons: list[str]
    fee: int
    is_virtual: bool = False
    st: str = "NW"
    pays: list[str] = field(default_factory=list)
    paid_by: str = ""


@dataclass
class Pay:
    order: str
    fee: int
    st: str = "NEW"
    flag: str = ""
    trades: list[str] = field(default_factory=list)


@dataclass
class ShopModel:
    prices: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    worth: dict[str, int] = field(default_factory=dict)
    coupons: dict[str, tuple[str, str]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    pays: dict[str, Pay] = field(default_factory=dict)
    baskets: dict[str, Counter[str]] = field(default_factory=dict)
    owed: list[tuple[str, dict[str, int]]] = field(default_factory=list)

    def price(self, lines: dict[str, int], coupons: list[str]) -> int | None:
        """What an order would cost now; None where it must be refused."""
        fee = sum(self.prices[product] * count for product, count in lines.items())
        for coupon in coupons:
            if self.coupons[coupon][0] != "free" or fee == 0 or coupons.count(coupon) > 1:
                return None
            fee = max(0, fee - self.worth[coupon])
        return fee if all(self.left[product] >= lines[product] for product in lines) else None

    def create(self, order_id: str, order: Order) -> None:
        self.orders[order_id] = order
        for product, count in order.lines.items():
            self.left[product] -= count
        for coupon in order.coupons:
            self.coupons[coupon] = ("reserved", order_id)

    def open(self, order_id: str, pay_id: str) -> None:
        order = self.orders[order_id]
        self.pays[pay_id] = Pay(order_id, order.fee)
        order.pays.append(pay_id)
        order.st = "WT"
        if order.fee == 0:
            self.money(pay_id, "")

    def send(self, pay_id: str) -> None:
        self.pays[pay_id].st = "WAIT"

    def refuse(self, pay_id: str) -> None:
        self.pays[pay_id].st = "NEW"

    def fail(self, pay_id: str) -> None:
        pay, order = self.pays[pay_id], self.orders[self.pays[pay_id].order]
        if pay.st in ("NEW", "WAIT"):
            pay.st = "FAIL"
            if order.st == "WT" and order.pays[-1] == pay_id:
                order.st = "FA"

    def money(self, pay_id: str, trade: str) -> None:
        pay = self.pays[pay_id]
        waits_for_a_person = (pay.st, pay.flag) == ("WAIT", "amount")
        if trade in pay.trades and not waits_for_a_person:
            return
        pay.trades = [*dict.fromkeys((*pay.trades, trade))]
        if waits_for_a_person:
            pay.flag = ""
            self.settle(pay_id)
            pay.flag = "double" if len(pay.trades) > 1 else pay.flag
        else:
            self.settle(pay_id)

    def other_amount(self, pay_id: str, trade: str) -> None:
        pay = self.pays[pay_id]
        if trade in pay.trades:
            return
        pay.trades.append(trade)
        if pay.st in ("OK", "FAIL"):
            pay.flag = pay.flag or ("late" if pay.st == "FAIL" else "double")
        else:
            pay.st, pay.flag = "WAIT", "amount"

    def settle(self, pay_id: str) -> None:
        pay, order = self.pays[pay_id], self.orders[self.pays[pay_id].order]
        if pay.st == "FAIL":
            pay.flag = pay.flag or "late"
        elif pay.st == "OK" or order.st in PAID:
            pay.st, pay.flag = "OK", pay.flag or "double"
        else:
            assert order.st in ("WT", "FA"), "a pending order whose payment is open"
            pay.st, order.paid_by = "OK", pay_id
            order.st = "DN" if order.is_virtual else "OK"
            self.coupons.update(dict.fromkeys(order.coupons, ("used", pay.order)))
            self.owed.append((order.buyer, order.lines))
            for other in map(self.pays.__getitem__, order.pays):
                if other.st == "NEW":
                    other.st = "FAIL"

    def cancel(self, order_id: str) -> None:
        order = self.orders[order_id]
        order.st = "CA"
        for product, count in order.lines.items():
            self.left[product] += count
        self.coupons.update(dict.fromkeys(order.coupons, ("free", "")))

    def take(self, buyer: str, lines: dict[str, int]) -> None:
        self.owed.remove((buyer, lines))
        self.baskets[buyer] = self.baskets.get(buyer, Counter()) - Counter(lines)

    def view(self) -> dict[tuple[str, str], Any]:
        """Everything that can be seen of the shop."""
        seen: dict[tuple[str, str], Any] = {("left", k): v for k, v in self.left.items()}
        seen |= {("coupon", k): v for k, v in self.coupons.items()}
        seen |= {("basket", k): dict(v) for k, v in self.baskets.items() if v}
        seen |= {
            ("pay", k): (p.st, p.flag, p.fee, {*p.trades} - {""}) for k, p in self.pays.items()
        }
        seen["owed", ""] = sorted((buyer, sorted(lines.items())) for buyer, lines in self.owed)
        orders = {k: (o.st, o.fee, o.pays, o.paid_by) for k, o in self.orders.items()}
        return seen | {("order", k): shown for k, shown in orders.items()}
