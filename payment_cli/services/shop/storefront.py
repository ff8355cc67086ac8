"""What a web session may do at its store: order, pay, scan. Nothing else can be reached.

What it sees is in session_view.py. The price is always the store's; only a cashier may name an
amount.
"""

from dataclasses import dataclass, replace

from payment_cli.errors import ConflictError, InvalidValueError
from payment_cli.model.payments.pay_type import Argument, PayType, scan_type_of
from payment_cli.model.payments.result import Result
from payment_cli.model.secret import Secret
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.stores.session import Role
from payment_cli.services.payments.create import Creator, NewPayment
from payment_cli.services.payments.send import SendArguments, Sender
from payment_cli.services.payments.watch import Watcher
from payment_cli.services.shop.order_payments import OrderPayments, Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.services.shop.session_view import Offer, SessionView


@dataclass(frozen=True, slots=True)
class Storefront:
    """One store, for the holder of the session of `view`; the services are the store's own."""

    view: SessionView
    order_payments: OrderPayments
    creator: Creator
    sender: Sender
    watcher: Watcher

    def order(self, wanted: OrderInput) -> Offer:
        """Record an order of the session's buyer, and open its payment.

        Raises:
            InvalidValueError, NotFoundError, NotAllowedError, ConfigError: as `Orders.create`.
        """
        session = self.view.session
        is_till = session.role is Role.CASHIER
        buying = Buying(session.buyer_id, session.domain, is_anonymous=is_till, at_counter=is_till)
        return self.view.offer_of(self.order_payments.place(wanted, buying))

    def open(self, order_id: str) -> Offer:
        """Open the payment of an order, or return the one that is open.

        Raises:
            NotFoundError: there is no such order. NotAllowedError: it is over.
        """
        return self.view.offer_of(self.order_payments.open(self.view.order(order_id).id))

    def charge(self, fee: int, brief: str) -> Offer:
        """Open a payment of `fee` fen without an order, at the till.

        Raises:
            NotAllowedError: the session is not a cashier's.
            InvalidValueError: the amount or the brief is not what it must be.
        """
        self.view.require_cashier()
        if fee < 1:
            raise InvalidValueError("the fee must be 1 fen or more")
        merchant = self.view.merchant()
        new = NewPayment(fee=fee, cur=merchant.currency, brief=brief, seller=merchant.domain)
        return self.view.offer_of(self.creator.create(new).payment)

    def pay(self, order_id: str, pay_tp: str, arguments: SendArguments) -> Result:
        """Send the payment of an order; `pay_tp` "" is that of the auth code.

        Another type closes the payment that was open; see `OrderPayments.pay`.

        Raises:
            NotFoundError: there is no such order.
            InvalidValueError: the type is not on offer, or its argument is missing or wrong.
            NotAllowedError, OutcomeUnknownError, ProviderRefusedError: as `OrderPayments.pay`.
        """
        return self._pay(self.view.order(order_id), pay_tp, arguments)

    def send(self, payment_id: str, pay_tp: str, arguments: SendArguments) -> Result:
        """Send a payment by its id; as `pay`, for a payment of an order.

        Raises:
            NotFoundError: there is no such payment.
            ConflictError: its order has another payment by now, or it was sent by another type.
        """
        payment = self.view.payment(payment_id)
        order = self.view.owner(payment)
        if order is None:
            kind, arguments = self._how(payment.fee, pay_tp, arguments)
            self.watcher.end_expired(payment)
            target = payment.pay_target if payment.pay_tp == kind.name else ""
            target = target or self.view.merchant().target_for(kind.name)
            return self.sender.send(payment.id, kind.name, target, arguments)
        if order.pay_id != payment.id:
            raise ConflictError(f"order {order.id} has another payment by now")
        return self._pay(order, pay_tp, arguments)

    def look(self, payment_id: str) -> Result:
        """Return a payment, asking its provider if it is time to; see `Watcher.look_if_due`.

        Raises:
            NotFoundError: there is no such payment. UntrustedError, ConfigError: as `pay check`.
        """
        return self.watcher.look_if_due(self.view.payment(payment_id))

    def _pay(self, order: Order, pay_tp: str, arguments: SendArguments) -> Result:
        kind, arguments = self._how(order.fee, pay_tp, arguments)
        if order.pay_id:
            self.watcher.end_expired(self.view.payment(order.pay_id))
        return self.order_payments.pay(order.id, Paying(kind.name, arguments=arguments))

    def _how(
        self, fee: int, pay_tp: str, arguments: SendArguments
    ) -> tuple[PayType, SendArguments]:
        """Return the type that is meant, with its arguments completed from the session."""
        offered = self.view.pay_types(fee)
        name = pay_tp or _type_of(arguments.auth_code)
        kind = next((kind for kind in offered if kind.name == name), None)
        if kind is None:
            raise InvalidValueError(
                f"{name[:40]!a} is not a way to pay this here",
                hint=f"one of {', '.join(kind.name for kind in offered)}",
            )
        if kind.argument is Argument.OPENID and not arguments.openid:
            arguments = replace(arguments, openid=self.view.session.openid)
        return kind, arguments


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
