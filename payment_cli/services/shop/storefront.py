"""What a web session may do at its store: order, see, pay, scan. Nothing else can be reached.

A buyer sees the orders and payments of its own buyer id, a cashier those of the store. What is
somebody else's is answered as what does not exist. The price is always the store's; only a cashier
may name an amount.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConfigError,
    ConflictError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
)
from payment_cli.model.i18n import PREFIX
from payment_cli.model.payments.pay_type import (
    PAY_TYPES,
    Argument,
    PayType,
    ReturnType,
    pay_type,
    scan_type_of,
)
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result
from payment_cli.model.record import Json, Record
from payment_cli.model.secret import Secret
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.stores.merchant import Merchant
from payment_cli.model.stores.session import Role, Session
from payment_cli.services.payments.check import Checker
from payment_cli.services.payments.create import Creator, NewPayment
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.send import SendArguments, Sender
from payment_cli.services.payments.watch import Watcher
from payment_cli.services.shop.order_payments import OrderPayments, Paying
from payment_cli.services.shop.orders import Buying, Orders
from payment_cli.services.shop.records import load_order
from payment_cli.storage.base import Storage

#: `buyer_tp` of a user of the store, as sessions and orders name them.
_STORE_USER = 2

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
class Storefront:
    """One store, for the holder of one session."""

    session: Session
    storage: Storage
    orders: Orders
    order_payments: OrderPayments
    creator: Creator
    sender: Sender
    checker: Checker
    watcher: Watcher
    clock: Clock
    find_merchant: Callable[[str], Merchant]
    read_messages: Callable[[str, str], Record]

    def order(self, wanted: OrderInput) -> Offer:
        """Record an order of the session's buyer, and open its payment.

        Raises:
            InvalidValueError, NotFoundError, NotAllowedError, ConfigError: as `Orders.create`.
        """
        session = self.session
        order = self.orders.create(wanted, Buying(session.buyer_id, session.domain))
        return self._offer(self.order_payments.open(order.id))

    def open(self, order_id: str) -> Offer:
        """Open the payment of an order, or return the one that is open.

        Raises:
            NotFoundError: there is no such order. NotAllowedError: it is over.
        """
        return self._offer(self.order_payments.open(self._order(order_id).id))

    def charge(self, fee: int, brief: str) -> Offer:
        """Open a payment of `fee` fen without an order, at the till.

        Raises:
            NotAllowedError: the session is not a cashier's.
            InvalidValueError: the amount or the brief is not what it must be.
        """
        self.require_cashier()
        if fee < 1:
            raise InvalidValueError("the fee must be 1 fen or more")
        merchant = self._merchant()
        new = NewPayment(fee=fee, cur=merchant.currency, brief=brief, seller=merchant.domain)
        return self._offer(self.creator.create(new).payment)

    def pay(self, order_id: str, pay_tp: str, arguments: SendArguments) -> Result:
        """Send the payment of an order; `pay_tp` "" is that of the auth code.

        Another type closes the payment that was open; see `OrderPayments.pay`.

        Raises:
            NotFoundError: there is no such order.
            InvalidValueError: the type is not on offer, or its argument is missing or wrong.
            NotAllowedError, OutcomeUnknownError, ProviderRefusedError: as `OrderPayments.pay`.
        """
        return self._pay(self._order(order_id), pay_tp, arguments)

    def send(self, payment_id: str, pay_tp: str, arguments: SendArguments) -> Result:
        """Send a payment by its id; as `pay`, for a payment of an order.

        Raises:
            NotFoundError: there is no such payment.
            ConflictError: its order has another payment by now, or it was sent by another type.
        """
        payment = self.payment(payment_id)
        order = self._owner(payment)
        if order is None:
            kind, arguments = self._how(payment.fee, pay_tp, arguments)
            self._end_expired(payment)
            target = payment.pay_target if payment.pay_tp == kind.name else ""
            target = target or self._merchant().target_for(kind.name)
            return self.sender.send(payment.id, kind.name, target, arguments)
        if order.pay_id != payment.id:
            raise ConflictError(f"order {order.id} has another payment by now")
        return self._pay(order, pay_tp, arguments)

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
        buyer_id = payment.buyer_id if payment.buyer_tp == _STORE_USER else ""
        if payment.seller_nm != self.session.domain or not self.session.owns(buyer_id):
            raise nothing
        return payment

    def current(self, order_id: str, payment_id: str) -> Payment | None:
        """Return the payment of an order, or the one of this id; None: the order has none yet.

        Raises:
            NotFoundError: there is no such order or payment.
        """
        payment_id = self._order(order_id).pay_id if order_id else payment_id
        return self.payment(payment_id) if payment_id else None

    def look(self, payment_id: str) -> Result:
        """Return a payment, asking its provider if it is time to.

        A scan has no callback: it is asked about each time, and reversed after 30 s. For the
        others it is time when `pay check --pending` would ask, too.

        Raises:
            NotFoundError: there is no such payment. UntrustedError, ConfigError: as `pay check`.
        """
        payment = self.payment(payment_id)
        if payment.st is not Status.WAIT:
            return Result(payment)
        if not pay_type(payment.pay_tp).is_scan and self.clock() < payment.next_check_at:
            return Result(payment)
        return self.watcher.look(payment)

    def bill(self, order_id: str, lang: str) -> Bill:
        """Return an order for its payer's eyes; `lang` is zh or en.

        Raises:
            NotFoundError: there is no such order.
        """
        order = self._order(order_id)
        payment = self.payment(order.pay_id) if order.pay_id else None
        merchant = self._merchant()
        kinds = self.pay_types(order.fee)
        if not order.is_pending or order.is_overdue(self.clock()):
            kinds = ()
        return Bill(order, payment, kinds, merchant.title, self._texts(order, merchant, lang))

    def offer(self, payment_id: str) -> Offer:
        """Return a payment with the types it may be sent by.

        Raises:
            NotFoundError: there is no such payment.
        """
        return self._offer(self.payment(payment_id))

    def pay_types(self, fee: int) -> tuple[PayType, ...]:
        """Return the types the store takes that may be used in this session for `fee` fen."""
        if fee == 0:
            return (PAY_TYPES["free"],)
        merchant = self._merchant()
        kinds = (kind for kind in PAY_TYPES.values() if self.session.may_use(kind))
        return tuple(kind for kind in kinds if _sells_by(merchant, kind))

    def require_cashier(self) -> None:
        """Refuse unless the session is a cashier's.

        Raises:
            NotAllowedError: it is not.
        """
        if self.session.role is not Role.CASHIER:
            raise NotAllowedError("this is for the store's cashier")

    def _offer(self, payment: Payment) -> Offer:
        is_open = payment.st in (Status.NEW, Status.WAIT)
        return Offer(payment, self.pay_types(payment.fee) if is_open else ())

    def _pay(self, order: Order, pay_tp: str, arguments: SendArguments) -> Result:
        kind, arguments = self._how(order.fee, pay_tp, arguments)
        if order.pay_id:
            self._end_expired(self.payment(order.pay_id))
        return self.order_payments.pay(order.id, Paying(kind.name, arguments=arguments))

    def _how(
        self, fee: int, pay_tp: str, arguments: SendArguments
    ) -> tuple[PayType, SendArguments]:
        """Return the type that is meant, with its arguments completed from the session."""
        offered = self.pay_types(fee)
        name = pay_tp or _type_of(arguments.auth_code)
        kind = next((kind for kind in offered if kind.name == name), None)
        if kind is None:
            raise InvalidValueError(
                f"{name[:40]!a} is not a way to pay this here",
                hint=f"one of {', '.join(kind.name for kind in offered)}",
            )
        if kind.argument is Argument.OPENID and not arguments.openid:
            arguments = replace(arguments, openid=self.session.openid)
        return kind, arguments

    def _end_expired(self, payment: Payment) -> None:
        """Let a payment that outlived its time at the provider end, so that another may begin."""
        if payment.st is Status.WAIT and self.clock() > payment.expi:
            self.checker.check(payment.id)

    def _order(self, order_id: str) -> Order:
        nothing = NotFoundError("order", "with this id")
        try:
            order = load_order(self.storage, self.session.domain, order_id)
        except (NotFoundError, InvalidValueError):
            raise nothing from None
        if not self.session.owns(order.buyer_id):
            raise nothing
        return order

    def _owner(self, payment: Payment) -> Order | None:
        """Return the order that owns the payment; what the payment says of an order is data."""
        if not payment.or_id:
            return None
        try:
            order = load_order(self.storage, payment.seller_nm, payment.or_id)
        except (NotFoundError, InvalidValueError):
            return None
        return order if payment.id in order.pay_ids else None

    def _merchant(self) -> Merchant:
        return self.find_merchant(self.session.domain)

    def _texts(self, order: Order, merchant: Merchant, lang: str) -> Mapping[str, Json]:
        names = (order.title, *(line.w_nm for line in order.ord_ws))
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


def _type_of(auth_code: Secret | None) -> str:
    """Return the pay type of a payer's code.

    Raises:
        InvalidValueError: it is no code of a provider we know; it is not quoted.
    """
    if auth_code is None:
        raise InvalidValueError("pay_tp is missing")
    kind = scan_type_of(auth_code)
    if kind is None:
        raise InvalidValueError("that is not a payment code of a provider we know")
    return kind.name
