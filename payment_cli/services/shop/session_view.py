"""What a web session may see at its store: its orders and payments, and how they may be paid.

A buyer sees the orders and payments of its own buyer id, a cashier those of the store. What is
somebody else's is answered as what does not exist.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from payment_cli.clock import Clock
from payment_cli.errors import ConfigError, InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.model.i18n import PREFIX
from payment_cli.model.payments.buyer import STORE_USER
from payment_cli.model.payments.pay_type import PAY_TYPES, PayType, ReturnType
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.order import Order
from payment_cli.model.stores.merchant import Merchant
from payment_cli.model.stores.session import Role, Session
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.shop.records import load_order, orders
from payment_cli.storage.base import Storage

#: The length of an id: a UUID in hexadecimal.
_WHOLE_ID = 32

_LANGUAGES = {"zh": "zh-cn", "en": "en"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A payment, and the types it may be sent by in this session; none when it is done."""

    payment: Payment
    pay_types: tuple[PayType, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """An order as its payer sees it: its current payment, None before one was opened.

    `pay_types` is empty when it can't be paid (any more). `texts` are those that `i18n:` names of
    it stand for. `title` is the store's.
    """

    order: Order
    payment: Payment | None
    pay_types: tuple[PayType, ...]
    title: str
    texts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionView:
    """One store as the holder of one session sees it. `read_messages` takes domain and language."""

    session: Session
    storage: Storage
    clock: Clock
    find_merchant: Callable[[str], Merchant]
    read_messages: Callable[[str, str], Record]

    def order(self, order_id: str) -> Order:
        """Return an order by its whole id, for a cashier also by its last 6 characters or more.

        The checkout prints the last 8, for a buyer to say at the till. Nobody else may try numbers.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
            AmbiguousIdError: several orders of the cashier's store end so.
        """
        nothing = NotFoundError("order", "with this id")
        try:
            order_id = self._whole_id(order_id)
            order = load_order(self.storage, self.session.domain, order_id)
        except (NotFoundError, InvalidValueError):
            raise nothing from None
        if not self.session.owns(order.buyer_id):
            raise nothing
        return order

    def _whole_id(self, order_id: str) -> str:
        ending = order_id.strip().lower()
        if self.session.role is not Role.CASHIER or len(ending) >= _WHOLE_ID:
            return order_id
        found = self.storage.find_id(orders(self.session.domain), ending)
        if not found.endswith(ending):
            raise NotFoundError("order", "that ends so")
        return found

    def payment(self, payment_id: str) -> Payment:
        """Return a payment by its whole id.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        nothing = NotFoundError("payment", "with this id")
        try:
            payment = Payment.from_record(self.storage.get(PAYMENTS, payment_id))
        except (NotFoundError, InvalidValueError):
            raise nothing from None
        buyer_id = payment.buyer_id if payment.buyer_tp == STORE_USER else ""
        if payment.seller_nm != self.session.domain or not self.session.owns(buyer_id):
            raise nothing
        return payment

    def current(self, order_id: str, payment_id: str) -> Payment | None:
        """Return the payment of an order, or the one of this id; None: the order has none yet.

        Raises:
            NotFoundError: there is no such order or payment.
        """
        payment_id = self.order(order_id).pay_id if order_id else payment_id
        return self.payment(payment_id) if payment_id else None

    def owner(self, payment: Payment) -> Order | None:
        """Return the order that owns the payment; what the payment says of an order is data."""
        if not payment.or_id:
            return None
        try:
            order = load_order(self.storage, payment.seller_nm, payment.or_id)
        except (NotFoundError, InvalidValueError):
            return None
        return order if payment.id in order.pay_ids else None

    def bill(self, order_id: str, lang: str) -> Bill:
        """Return an order for its payer's eyes; `lang` is zh or en.

        Raises:
            NotFoundError: there is no such order.
        """
        order = self.order(order_id)
        payment = self.payment(order.pay_id) if order.pay_id else None
        merchant = self.merchant()
        kinds = self.pay_types(order.fee)
        if not order.is_pending or order.is_overdue(self.clock()):
            kinds = ()
        return Bill(order, payment, kinds, merchant.title, self._texts(order, merchant, lang))

    def offer(self, payment_id: str) -> Offer:
        """Return a payment with the types it may be sent by.

        Raises:
            NotFoundError: there is no such payment.
        """
        return self.offer_of(self.payment(payment_id))

    def offer_of(self, payment: Payment) -> Offer:
        """Return a payment of the session with the types it may be sent by."""
        is_open = payment.st in (Status.NEW, Status.WAIT)
        return Offer(payment, self.pay_types(payment.fee) if is_open else ())

    def pay_types(self, fee: int) -> tuple[PayType, ...]:
        """Return the types the store takes that may be used in this session for `fee` fen."""
        if fee == 0:
            return (PAY_TYPES["free"],)
        merchant = self.merchant()
        kinds = (kind for kind in PAY_TYPES.values() if self.session.may_use(kind))
        return tuple(kind for kind in kinds if _sells_by(merchant, kind))

    def require_cashier(self) -> None:
        """Refuse unless the session is a cashier's.

        Raises:
            NotAllowedError: it is not.
        """
        if self.session.role is not Role.CASHIER:
            raise NotAllowedError("this is for the store's cashier")

    def merchant(self) -> Merchant:
        """Return the merchant whose store it is."""
        return self.find_merchant(self.session.domain)

    def _texts(self, order: Order, merchant: Merchant, lang: str) -> Mapping[str, Json]:
        rows = (*_names(order.ord_ds, "dis_nm"), *_names(order.coupons, "title"))
        names = (*(line.w_nm for line in order.ord_ws), *rows)
        if not any(name.startswith(PREFIX) for name in names):
            return {}
        own = merchant.lang
        wanted = own if own.lower().startswith(lang) else _LANGUAGES.get(lang, own)
        for language in (wanted, own):
            try:
                return self.read_messages(merchant.domain, language)
            except NotFoundError:
                continue
        return {}


def _names(rows: Iterable[Json], field: str) -> Iterator[str]:
    """Yield what the rows of an order call the discounts or coupons that they are copies of."""
    for row in rows:
        if isinstance(row, Mapping):
            yield str(row.get(field, ""))


def _sells_by(merchant: Merchant, kind: PayType) -> bool:
    """Whether `sellers` names the type, or its family.

    A page of a provider is a product that is signed for by itself (H5支付, 电脑网站支付,
    手机网站支付): a store that names the family has not said that it has it.
    """
    if kind.re_tp is ReturnType.LINK and kind.name not in merchant.sellers:
        return False
    try:
        merchant.target_for(kind.name)
    except ConfigError:
        return False
    return True
