"""`pay re`: callbacks from providers. Verified, matched to their payment, settled, acknowledged.

A bad signature changes nothing and is counted, not written per forgery. A message that can't be
verified from what was given is at most a hint: the provider is asked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConfigError,
    InvalidValueError,
    NotFoundError,
    PaymentError,
    UnfitError,
    UntrustedError,
)
from payment_cli.gateways.base import (
    Acknowledgement,
    Gateway,
    HttpRequest,
    Notice,
    Outcome,
)
from payment_cli.gateways.registry import find_provider, sender_of
from payment_cli.model.names import check_name
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Payment
from payment_cli.model.payments.result import Result, result_of
from payment_cli.model.record import Json
from payment_cli.services.payments.accounts import Accounts, check_own_account, with_account
from payment_cli.services.payments.answers import Recorder, reason_of
from payment_cli.services.payments.check import Checker
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.records import load, load_committed
from payment_cli.storage.base import Storage

#: After so long no further account is tried with a callback to the bare path. A provider waits 5 s
#: for its answer, and an account's verification may take 3 of them for the provider's newest keys.
TRYING_MS = 2_000

_ROUTE = re.compile(r"/pay/re/([a-z0-9.]{2,20})/([^/]+)/([^/]+)/?")


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a callback: the provider's answer, and the payment or the error.

    `is_genuine` says that an account of ours has verified it: no stranger can cause such an error.
    """

    acknowledgement: Acknowledgement
    payment: Payment | None = None
    error: PaymentError | None = None
    is_genuine: bool = False


@dataclass(frozen=True, slots=True)
class _Account:
    """The account whose keys a callback is to be verified with; `pay_tp` "" means any."""

    domain: str
    target: str
    provider: str
    gateway: Gateway
    pay_tp: str = ""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Receives callbacks for one tree."""

    storage: Storage
    payments: Payments
    accounts: Accounts
    recorder: Recorder
    checker: Checker
    clock: Clock
    count_refusal: Callable[[str], None]

    def receive(self, request: HttpRequest) -> Received:
        """Handle a callback as it came over HTTP; never raises a PaymentError, returns it.

        The same true callback again is acknowledged again and changes nothing.
        """
        gateway: Gateway | None = None
        try:
            account, notice = self._verify(request)
            gateway = account.gateway
            payment = None if _is_about_nothing(notice) else self._settle(account, notice)
        except PaymentError as error:
            if isinstance(error, UntrustedError):
                self.count_refusal(str(error))
            refusal = self._refusal(request, gateway, error)
            is_genuine = gateway is not None or isinstance(error, UnfitError)
            return Received(refusal, error=error, is_genuine=is_genuine)
        return Received(gateway.acknowledge(request), payment, is_genuine=True)

    def receive_json(self, fields: Mapping[str, Json], id_key: str) -> Result:
        """Handle the reference's `pay re JSON -idkey K`: fields of a callback, already parsed.

        Fields that carry their provider's signature with them are verified; anything else is a
        hint, and the provider is asked.

        Raises:
            InvalidValueError: the fields have no id under `id_key`.
            NotFoundError: there is no such payment.
            UntrustedError: the signature is not right, or the fields don't fit the payment.
        """
        payment_id = fields.get(id_key)
        if not isinstance(payment_id, str) or not payment_id:
            raise InvalidValueError(f"the callback has no text under {id_key!a}")
        payment = self.payments.get_committed(payment_id)
        provider = find_provider(pay_type(payment.pay_tp).provider) if payment.pay_tp else None
        message = provider.signed_message(fields) if provider is not None else None
        if message is None:
            return self.checker.check(payment.id)
        account = self._own_account(payment)
        try:
            notice = account.gateway.complete(message)
            settled = self._settle(account, notice, payment.id)
        except UntrustedError as error:
            self.count_refusal(str(error))
            raise
        return result_of(payment, settled)

    def _verify(self, request: HttpRequest) -> tuple[_Account, Notice]:
        """Return the account whose keys verify the message, and what it says."""
        route = _ROUTE.fullmatch(request.path)
        if route is not None:
            pay_tp, domain, target = route.groups()
            account = self._named_account(domain, target, pay_tp)
            return account, account.gateway.complete(request)
        if request.path.rstrip("/") != "/pay/re":
            raise InvalidValueError(f"{request.path[:80]!a} is not a callback path")
        provider = sender_of(request)
        if provider is None:
            raise UntrustedError("the callback has no provider's form")
        claimed = provider.claimed_order_no(request)
        if claimed:
            return self._verify_by_order(provider.name, claimed, request)
        return self._verify_by_address(provider.name, request)

    def _verify_by_order(
        self, provider: str, claimed: str, request: HttpRequest
    ) -> tuple[_Account, Notice]:
        """On the bare path: the claimed order number says whose keys must verify the message."""
        try:
            payment = load_committed(self.storage, claimed)
        except (NotFoundError, InvalidValueError) as error:
            raise UntrustedError("the callback names no payment of ours") from error
        if not payment.pay_tp or pay_type(payment.pay_tp).provider != provider:
            raise UntrustedError(f"payment {payment.id} was not sent to {provider}")
        account = self._own_account(payment)
        return account, account.gateway.complete(request)

    def _verify_by_address(self, provider: str, request: HttpRequest) -> tuple[_Account, Notice]:
        """On the bare path, no order being named openly: the accounts it may be for are tried.

        Where it turns out to speak of a payment, only the payment's own account is.

        Raises:
            ConfigError: no keys verify it, and an account's could not be read: it may be its own.
            UntrustedError: it is for no account of ours, or no keys verify it.
        """
        refusal: PaymentError = UntrustedError(
            "no account is named by this callback, or has the key that opens it"
        )
        broken: ConfigError | None = None
        tried = set()
        until = self.clock() + TRYING_MS
        for domain, target in self.accounts.targets(provider):
            try:
                account = self._addressed(domain, provider, target, request)
                if account is None or (account.domain, account.target) in tried:
                    continue
                tried.add((account.domain, account.target))
                return account, account.gateway.complete(request)
            except ConfigError as error:
                broken = broken or error
            except UntrustedError as error:
                refusal = error
            except InvalidValueError:  # not a message to it at all
                continue
            if self.clock() > until:
                break
        raise broken or refusal

    def _addressed(
        self, domain: str, provider: str, target: str, request: HttpRequest
    ) -> _Account | None:
        """Return who is to verify a message that may be for this account; None: it is not.

        Several targets may share one account, or its keys: the payment's own speaks for it.
        """
        order_no = self.accounts.order_no_for(domain, provider, target, request)
        if order_no is None:
            return None
        payment = self._payment_sent_to(provider, order_no)
        if payment is not None:
            return self._own_account(payment)
        gateway = self.accounts.gateway(domain, provider, target)
        return _Account(domain, target, provider, gateway)

    def _payment_sent_to(self, provider: str, order_no: str) -> Payment | None:
        try:
            payment = load_committed(self.storage, order_no)
        except (NotFoundError, InvalidValueError):
            return None
        is_sent = payment.pay_tp and pay_type(payment.pay_tp).provider == provider
        return payment if is_sent else None

    def _named_account(self, domain: str, target: str, pay_tp: str) -> _Account:
        """Return the account that a path names. One that is not here is a stranger's invention.

        Raises:
            UntrustedError: there is no such account, or its provider has no keys and never calls.
        """
        if find_provider(pay_type(pay_tp).provider).keys() is None:
            raise UntrustedError(f"nobody calls about {pay_tp}")
        try:
            return self._account(domain, target, pay_tp)
        except ConfigError as error:
            if (domain, target) in self.accounts.targets(pay_type(pay_tp).provider):
                raise
            raise UntrustedError(f"there is no account {domain}/{target}") from error

    def _own_account(self, payment: Payment) -> _Account:
        """Return the account that `payment` was sent through.

        Raises:
            ConfigError: its config is missing or wrong, or is another account's by now.
        """
        account = self._account(payment.seller_nm, payment.pay_target, payment.pay_tp)
        check_own_account(payment, account.gateway)
        return account

    def _account(self, domain: str, target: str, pay_tp: str) -> _Account:
        provider = pay_type(pay_tp).provider
        check_name("domain", domain)
        check_name("target", target)
        gateway = self.accounts.gateway(domain, provider, target)
        return _Account(domain, target, provider, gateway, pay_tp)

    def _settle(self, account: _Account, notice: Notice, expected_id: str = "") -> Payment:
        """Record a verified notice on its payment, if this account may speak for it.

        Raises:
            UntrustedError: it speaks of no payment of ours, or of another than `expected_id`; or
                it can't be understood, and must not be acknowledged as if it were.
            ConfigError: the payment was sent through what is another account by now.
        """
        actor = self.payments.actor.domain
        if expected_id and notice.order_no != expected_id:
            raise UntrustedError(f"the callback speaks of another order than {expected_id}")
        with self.storage.transaction(actor, leaves_foreign=True) as tx:
            try:
                payment = load(tx, check_name("id", notice.order_no))
            except (NotFoundError, InvalidValueError) as error:
                money = notice.answer.paid
                trade = f" (its trade is {money.trade_no!a})" if money is not None else ""
                raise UntrustedError(f"the callback names no payment of ours{trade}") from error
            _check_account(payment, account)
            check_own_account(payment, account.gateway)
            payment = with_account(payment, account.gateway, notice.answer)
            if notice.answer.outcome is Outcome.UNKNOWN:
                raise UntrustedError(f"payment {payment.id}: {reason_of(notice.answer)}")
            by = f"callback {account.provider}"
            return self.recorder.record(tx, payment, notice.answer, now=self.clock(), by=by)

    def _refusal(
        self, request: HttpRequest, gateway: Gateway | None, error: PaymentError
    ) -> Acknowledgement:
        """Return the provider's form of "not accepted"; a generic one for an unknown sender.

        The status says whose fault it is: 5xx is ours, and the provider should tell again.
        """
        status = 500 if error.is_ours else 400
        if gateway is None:
            return refusal_unheard(request, status)
        words = "refused" if isinstance(error, UntrustedError) else error.code
        return replace(gateway.acknowledge(request, words), status=status)


def refusal_unheard(request: HttpRequest, status: int) -> Acknowledgement:
    """Return "not accepted" for a callback that no account was found for, or nobody heard.

    It has the form of the provider who seems to have sent it; who can't be told gets plain text.
    """
    provider = sender_of(request)
    if provider is None:
        return Acknowledgement(status, "text/plain", b"refused")
    return provider.refusal(request, status)


def _is_about_nothing(notice: Notice) -> bool:
    """Whether a genuine message is not about a payment, and may be acknowledged as that.

    Money that names no order may not: it has to leave a trace.
    """
    return not notice.order_no and notice.answer.outcome is not Outcome.PAID


def _check_account(payment: Payment, account: _Account) -> None:
    """One merchant's account can't vouch for another's payment.

    Raises:
        UntrustedError: the payment was sent through another account or pay type.
    """
    provider = pay_type(payment.pay_tp).provider if payment.pay_tp else ""
    expected = (payment.seller_nm, payment.pay_target, provider)
    if expected != (account.domain, account.target, account.provider) or (
        account.pay_tp and account.pay_tp != payment.pay_tp
    ):
        raise UntrustedError(
            f"payment {payment.id} was not sent through {account.domain}/{account.target}"
        )
