"""What a shop is, in plain dictionaries: the model that random walks hold the real one against.

It knows nothing of files, gateways or time. Each method is one thing that happened.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PENDING, PAID = ("NW", "WT", "FA"), ("OK", "SP", "DN")

#: What sending costs by weight, in fen: the first kilogram, and each one begun after it.
FIRST_KG, NEXT_KG = 800, 250


@dataclass
class Product:
    """Prices in fen; one with a freight of its own pays that for each piece, others by weight."""

    price: int
    freight: int = 0
    kg: int = 0


@dataclass
class Discount:
    """From `thres` fen on, `bp` basis points or `off` fen less."""

    thres: int
    off: int = 0
    bp: int = 0


@dataclass
class Coupon:
    """Worth `value` fen, or what is left of each 10,000."""

    value: int = 0
    left_bp: int | None = None

    def left_of(self, fee: int) -> int:
        if self.left_bp is None:
            return max(0, fee - self.value)
        return half_up(fee * self.left_bp, 10_000)


def half_up(amount: int, whole: int) -> int:
    return (2 * amount + whole) // (2 * whole)


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
    script: str = ""


@dataclass
class ShopModel:
    goods: dict[str, Product] = field(default_factory=dict)
    discounts: dict[str, Discount] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    worth: dict[str, Coupon] = field(default_factory=dict)
    coupons: dict[str, tuple[str, str]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    pays: dict[str, Pay] = field(default_factory=dict)
    baskets: dict[str, Counter[str]] = field(default_factory=dict)
    owed: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    def price(self, lines: dict[str, int], coupons: list[str], is_virtual: bool) -> int | None:
        """What an order would cost now; None where it must be refused."""
        fee = sum(self.goods[product].price * count for product, count in lines.items())
        for _, discount in sorted(self.discounts.items()):
            if fee >= discount.thres:
                fee -= min(fee, discount.off + half_up(fee * discount.bp, 10_000))
        for coupon in coupons:
            after = self.worth[coupon].left_of(fee)
            if self.coupons[coupon][0] != "free" or after == fee or coupons.count(coupon) > 1:
                return None
            fee = after
        if any(self.left[product] < count for product, count in lines.items()):
            return None
        return fee if is_virtual else fee + self.freight(lines)

    def freight(self, lines: dict[str, int]) -> int:
        """What sending costs, to the whole yuan."""
        goods = [(self.goods[product], count) for product, count in lines.items()]
        fixed = sum(product.freight * count for product, count in goods)
        kg = sum(product.kg * count for product, count in goods if not product.freight)
        by_weight = FIRST_KG + NEXT_KG * (kg - 1) if kg else 0
        return half_up(fixed + by_weight, 100) * 100

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
            pay.st, order.paid_by, pay.script = "OK", pay_id, "due"
            self.events.append(("order.paid", pay.order))
            order.st = "DN" if order.is_virtual else "OK"
            self.coupons.update(dict.fromkeys(order.coupons, ("used", pay.order)))
            self.owed.append((order.buyer, order.lines))
            for other in map(self.pays.__getitem__, order.pays):
                if other.st == "NEW":
                    other.st = "FAIL"

    def cancel(self, order_id: str, told: str) -> None:
        order = self.orders[order_id]
        order.st = "CA"
        self.events.append((told, order_id))
        for product, count in order.lines.items():
            self.left[product] += count
        self.coupons.update(dict.fromkeys(order.coupons, ("free", "")))

    def take(self, buyer: str, lines: dict[str, int]) -> None:
        self.owed.remove((buyer, lines))
        self.baskets[buyer] = self.baskets.get(buyer, Counter()) - Counter(lines)

    def script(self, pay_id: str, state: str) -> None:
        self.pays[pay_id].script = state

    def view(self) -> dict[tuple[str, str], Any]:
        """Everything that can be seen of the shop."""
        seen: dict[tuple[str, str], Any] = {("left", k): v for k, v in self.left.items()}
        seen |= {("coupon", k): v for k, v in self.coupons.items()}
        seen |= {("discount", k): True for k in self.discounts}
        seen |= {("basket", k): dict(v) for k, v in self.baskets.items() if v}
        seen |= {
            ("pay", k): (p.st, p.flag, p.fee, {*p.trades} - {""}, p.script)
            for k, p in self.pays.items()
        }
        seen["events", ""] = sorted(self.events)
        seen["owed", ""] = sorted((buyer, sorted(lines.items())) for buyer, lines in self.owed)
        orders = {k: (o.st, o.fee, o.pays, o.paid_by) for k, o in self.orders.items()}
        return seen | {("order", k): shown for k, shown in orders.items()}
