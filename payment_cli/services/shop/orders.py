"""`payment o`: pricing, creating, reading and moving orders (seeds 000 and 002)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.money import same_currency
from payment_cli.model.query.match import Match, all_of, equal, one_of
from payment_cli.model.record import Record
from payment_cli.model.shop.address import Address, AddressType
from payment_cli.model.shop.coupon import Coupon, CouponEvent
from payment_cli.model.shop.freight import Route, read_sheet
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.shop.order_notice import NoticeType
from payment_cli.model.shop.order_place import Placing, place_order
from payment_cli.model.shop.order_state import PENDING, OrderEvent, OrderKind
from payment_cli.model.shop.pricing import Priced, price_order
from payment_cli.model.shop.pricing_goods import Kinds
from payment_cli.model.shop.product_price import Catalogue
from payment_cli.model.stores.merchant import Merchant
from payment_cli.model.stores.settings import StoreSettings
from payment_cli.services.payments.settlement import Owed
from payment_cli.services.shop.records import (
    load_catalogue,
    load_coupons,
    load_discounts,
    load_order,
    orders,
    save_coupon,
    save_order,
    save_product,
)
from payment_cli.services.stores.records import load_settings
from payment_cli.storage.base import Collection, Query, Reader, Storage, Transaction

#: An order that nobody owns is seen by no buyer, and counts for no buyer's limit: it is asked for.
NOBODY_HINT = "--buyer ID, or --anonymous for an order of nobody's"


@dataclass(frozen=True, slots=True)
class Buying:
    """Who buys at which store, and what the store itself says of it; none of it is a client's.

    `seller` "" is the caller's own domain. `kind` None is what the goods say. `is_anonymous`: there
    may be no buyer. `at_counter`: what has no address is handed over, not sent.
    """

    buyer_id: str
    seller: str = ""
    accounts: str = ""
    kind: OrderKind | None = None
    is_anonymous: bool = False
    at_counter: bool = False


class MoveEffects(Protocol):
    """What a move of an order by its store means for others, as `app` hands it over."""

    def moved(
        self, tx: Transaction, order: Order, told: NoticeType, *, now: int, by: str
    ) -> tuple[Owed, ...]:
        """Do what follows from the move that `told` names; return what is owed from now on.

        Raises:
            StorageError, LockedError: nothing can be read or written now.
        """


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of one tree, seen by one actor."""

    storage: Storage
    actor: Actor
    clock: Clock
    new_id: NewId
    find_merchant: Callable[[str], Merchant]
    effects: Callable[[], MoveEffects]

    def price(self, wanted: OrderInput, buying: Buying) -> Priced:
        """Price a cart and record nothing; the price of `create` at this moment.

        Raises:
            InvalidValueError, NotFoundError, NotAllowedError: as `price_order`.
        """
        merchant = self._merchant(buying)
        settings = load_settings(self.storage, merchant.domain)
        catalogue = load_catalogue(self.storage, merchant.domain, wanted.cart)
        return self._price(self.storage, merchant, settings, wanted, buying, catalogue)[0]

    def create(self, wanted: OrderInput, buying: Buying) -> Order:
        """Record an order: goods, discounts and coupons are copied, stock and coupons are taken.

        All in one transaction: two buyers never get the same last piece.

        Raises:
            InvalidValueError, NotFoundError: as `price_order`; or there is no buyer.
            NotAllowedError: as `price_order`; or the buyer has too many unpaid orders.
            ConfigError: the store has no target for the pay type.
        """
        if not buying.buyer_id and not buying.is_anonymous:
            raise InvalidValueError("order: nobody buys it", hint=NOBODY_HINT)
        merchant = self._merchant(buying)
        target = merchant.target_for(wanted.pay_tp) if wanted.pay_tp not in ("", "free") else ""
        now = self.clock()
        with self.storage.transaction(self.actor.domain) as tx:
            settings = load_settings(tx, merchant.domain)
            self._require_room(tx, merchant.domain, buying.buyer_id, settings)
            catalogue = load_catalogue(tx, merchant.domain, wanted.cart)
            priced, delivery = self._price(tx, merchant, settings, wanted, buying, catalogue)
            placing = Placing(
                buyer_id=buying.buyer_id,
                accounts=buying.accounts,
                title=wanted.title,
                pay_tp=wanted.pay_tp,
                seller=target,
                expi=now + settings.order_minutes * 60_000,
                delivery=delivery,
            )
            order = place_order(
                priced, placing, merchant, id=self.new_id(now), now=now, by=self.actor.domain
            )
            _take(tx, merchant.domain, priced, order, catalogue)
            stored = tx.insert(orders(merchant.domain), order.to_record())
        return replace(order, rev=int(str(stored["rev"])))

    def get(self, fragment: str) -> Order:
        """Return the order with this id, or with the one id that starts or ends so.

        Raises:
            NotFoundError, AmbiguousIdError: no such order among those the caller may see.
        """
        place, order_id = self._find(fragment)
        return Order.from_record(self.storage.get(place, order_id))

    def get_committed(self, fragment: str) -> Order:
        """As `get`, but as it was committed last, whatever a foreign hand did to its file.

        What ends an order goes by this.
        """
        place, order_id = self._find(fragment)
        return Order.from_record(self.storage.committed(place, order_id))

    def _find(self, fragment: str) -> tuple[Collection, str]:
        """Return where the one order is that starts or ends so, and its whole id."""
        if not self.actor.is_operator:
            place = orders(self.actor.domain)
            return place, self.storage.find_id(place, fragment)
        order_id = self.storage.find_id(orders(None), fragment)
        [record] = self.storage.query(orders(None), Query(equal("id", order_id), limit=1))
        return orders(Order.from_record(record).sto_nm), order_id

    def query(self, query: Query) -> Iterator[Record]:
        """Yield the matching orders the caller may see."""
        return self.storage.query(self._visible(), query)

    def count(self, match: Match) -> int:
        """Return how many orders that the caller may see match."""
        return self.storage.count(self._visible(), match)

    def ship(self, fragment: str, carrier: str, number: str, note: str = "") -> Order:
        """Record a shipment of a paid order; there may be several.

        Raises:
            NotAllowedError: its state does not allow it.
        """
        if not carrier.strip() or not number.strip():
            raise InvalidValueError("a shipment needs a carrier and a number")
        now = self.clock()
        shipment: Record = {
            "carrier": carrier.strip()[:64],
            "number": number.strip()[:64],
            "at": now,
            "trail": [{"at": now, "st": "sent", "note": note[:200]}],
        }

        def shipped(order: Order) -> Order:
            rows = _shipments(order)
            if any(row["number"] == shipment["number"] for row in rows):
                raise NotAllowedError(f"order {order.id} has the shipment {number} already")
            extra = {**order.extra, "shipments": [*rows, shipment]}
            return order.on(
                OrderEvent.SHIP, now, self.actor.domain, f"{carrier} {number}", extra=extra
            )

        return self._change(fragment, shipped, NoticeType.SHIPPED)

    def track(self, fragment: str, number: str, status: str, note: str = "") -> Order:
        """Add a line to the status trail of one of the order's shipments.

        Raises:
            InvalidValueError: the order has no such shipment.
        """
        now = self.clock()

        def tracked(order: Order) -> Order:
            rows = _shipments(order)
            for row in rows:
                if row["number"] == number:
                    trail = row.get("trail")
                    line: Record = {"at": now, "st": status[:32], "note": note[:200]}
                    row["trail"] = [*(trail if isinstance(trail, list) else []), line]
                    extra = {**order.extra, "shipments": list(rows)}
                    return order.noted("track", now, self.actor.domain, number, extra=extra)
            raise InvalidValueError(f"order {order.id} has no shipment {number!a}")

        return self._change(fragment, tracked)

    def done(self, fragment: str) -> Order:
        """Record that the buyer has what was ordered.

        Raises:
            NotAllowedError: its state does not allow it.
        """
        by = self.actor.domain
        return self._change(
            fragment, lambda order: order.on(OrderEvent.DONE, self.clock(), by), NoticeType.DONE
        )

    def _change(
        self, fragment: str, change: Callable[[Order], Order], told: NoticeType | None = None
    ) -> Order:
        """Change an order, and do what follows from the event that `told` names."""
        seen = self.get(fragment)
        now, by = self.clock(), self.actor.domain
        with self.storage.transaction(by) as tx:
            order = change(load_order(tx, seen.sto_nm, seen.id))
            if told is not None:
                for step, why in self.effects().moved(tx, order, told, now=now, by=by):
                    order = order.noted("owed", now, by, f"{step}: {why}")
            return save_order(tx, order)

    def _visible(self) -> Collection:
        return orders(None if self.actor.is_operator else self.actor.domain)

    def _merchant(self, buying: Buying) -> Merchant:
        seller = buying.seller or self.actor.domain
        self.actor.require_seller(seller)
        return self.find_merchant(seller)

    def _require_room(
        self, tx: Transaction, domain: str, buyer_id: str, settings: StoreSettings
    ) -> None:
        """Refuse one more unpaid order of a buyer who has many (malicious ordering, seed 003)."""
        if not buyer_id:
            return
        pending = all_of(
            equal("buyer_id", buyer_id), one_of("ord_status", [str(s) for s in PENDING])
        )
        if tx.count(orders(domain), pending) >= settings.pending_max:
            raise NotAllowedError(
                f"buyer {buyer_id} has {settings.pending_max} unpaid orders already",
                hint="pay or cancel one first",
            )

    def _price(
        self,
        reader: Reader,
        merchant: Merchant,
        settings: StoreSettings,
        wanted: OrderInput,
        buying: Buying,
        catalogue: Catalogue,
    ) -> tuple[Priced, dict[str, str]]:
        delivery = _delivery(reader, merchant.domain, wanted, buying.buyer_id)
        priced = price_order(
            wanted.cart,
            catalogue,
            now=self.clock(),
            buyer_id=buying.buyer_id,
            discounts=load_discounts(reader, merchant.domain),
            coupons=_coupons(reader, merchant.domain, wanted, buying.buyer_id),
            kinds=Kinds(OrderKind(settings.w_tp), buying.kind),
            route=_route(reader, merchant.domain, settings, delivery, buying),
            kinds_max=settings.kinds_max,
        )
        if wanted.currency and not same_currency(wanted.currency, priced.currency):
            raise InvalidValueError(
                f"the goods cost {priced.currency}, the order is in {wanted.currency}"
            )
        return priced, delivery


def _take(tx: Transaction, domain: str, priced: Priced, order: Order, catalogue: Catalogue) -> None:
    """Take the stock and reserve the coupons, which were read in `tx`."""
    for product_id, amount in priced.stock:
        save_product(tx, domain, catalogue[product_id].taken(amount, order.ct))
    for coupon, _ in priced.coupons:
        save_coupon(tx, domain, coupon.on(CouponEvent.RESERVE, order.id, order.ct))


def _shipments(order: Order) -> list[Record]:
    rows = order.extra.get("shipments")
    return [dict(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _delivery(reader: Reader, domain: str, wanted: OrderInput, buyer_id: str) -> dict[str, str]:
    """Return where the order goes: as written, the buyer's address of that id, or the default.

    Raises:
        NotFoundError: there is no such address of this buyer.
    """
    if wanted.delivery:
        return dict(wanted.delivery)
    addresses = Collection("address", domain)
    if wanted.address_id:
        address = Address.from_record(reader.get(addresses, wanted.address_id))
        if address.tp is not AddressType.BUYER or address.uid != buyer_id:
            raise NotFoundError("address", wanted.address_id, hint="it must be one of this buyer")
        return address.delivery()
    found = _default_address(reader, domain, AddressType.BUYER, buyer_id) if buyer_id else None
    return found.delivery() if found is not None else {}


def _coupons(reader: Reader, domain: str, wanted: OrderInput, buyer_id: str) -> list[Coupon]:
    """Return the coupons that a buyer lists.

    Raises:
        NotFoundError: there is no such coupon for this buyer; whether another has it is not told.
    """
    found = load_coupons(reader, domain, wanted.coupon_ids)
    for coupon in found:
        if not coupon.is_for(buyer_id):
            raise NotFoundError("coupon", coupon.id, hint="it must be this buyer's, or anybody's")
    return found


def _route(
    reader: Reader,
    domain: str,
    settings: StoreSettings,
    delivery: dict[str, str],
    buying: Buying,
) -> Route | None:
    """Return the route of an order, what nobody says left open; None where nothing is weighed."""
    sheet = read_sheet(settings.freight_sheet)
    if sheet is None or (buying.at_counter and not delivery):
        return None
    ship_from = _default_address(reader, domain, AddressType.SHOP, "")
    return Route(
        sheet,
        delivery.get("addr_user_country", ""),
        None if ship_from is None else ship_from.code,
        delivery.get("addr_user_code", ""),
    )


def _default_address(reader: Reader, domain: str, kind: AddressType, uid: str) -> Address | None:
    """Return the address of a buyer, or of the shop (`uid` ""), that is used by default."""
    wanted = all_of(equal("uid", uid), equal("tp", str(kind)), equal("dftaddr", True))  # noqa: FBT003
    records = reader.query(Collection("address", domain), Query(wanted, limit=1))
    return next((Address.from_record(record) for record in records), None)
