"""`pay send`: record the intent, call the provider, record what came back.

No transaction is open during the call. A crash in between leaves an intent, which `pay check`
resolves: by asking, or by sending the identical request again under the same number.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConflictError,
    InvalidValueError,
    NotAllowedError,
    OutcomeUnknownError,
    ProviderRefusedError,
    UntrustedError,
)
from payment_cli.gateways.base import Answer, Gateway, Outcome, SendRequest
from payment_cli.model.money import wire_currency
from payment_cli.model.names import check_name
from payment_cli.model.payments.intent import IntentKind, is_owned_by, make_intent
from payment_cli.model.payments.pay_type import Argument, PayType, pay_type
from payment_cli.model.payments.payment import Event, Payment, Status
from payment_cli.model.payments.result import Result, result_of
from payment_cli.model.secret import Secret
from payment_cli.services.payments.accounts import Accounts, sent_through
from payment_cli.services.payments.answers import Recorder, reason_of
from payment_cli.services.payments.ask import order_ref
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.records import load, save
from payment_cli.storage.base import Storage

#: A scan that the payer has not confirmed by then is reversed (providers: poll 30 s, then cancel).
SCAN_EXPIRE_MS = 60_000

#: When a waiting payment is first looked at again.
FIRST_CHECK_MS = 15_000


@dataclass(frozen=True, slots=True)
class SendArguments:
    """What a send needs beside type and target. The auth code is never recorded nor logged.

    `client_ip` is the address that the payer's browser or till has, "" where nobody knows it.
    """

    auth_code: Secret | None = None
    openid: str = ""
    client_ip: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends payments to their gateways."""

    storage: Storage
    payments: Payments
    accounts: Accounts
    recorder: Recorder
    clock: Clock
    new_token: Callable[[], str]

    def send(self, fragment: str, pay_tp: str, target: str, arguments: SendArguments) -> Result:
        """Place the payment at the provider; sending it twice returns the stored result.

        The result's status is WAIT (show `data` to the payer), OK or FAIL (a declined scan).
        `unknown` is set when the provider may or may not have taken it.

        Raises:
            InvalidValueError: bad type, target or argument; nothing was recorded.
            ConflictError: it was sent before with another type or target.
            OutcomeUnknownError: another send of it is under way.
            ProviderRefusedError: the provider created nothing; the payment is NEW again.
            ConfigError: the target's config is missing or wrong.
        """
        payment = self.payments.get(fragment)
        kind = pay_type(pay_tp)
        check_name("target", target)
        stored = self._already_sent(payment, pay_tp, target)
        if stored is not None:
            return stored
        gateway, request = self._prepared(payment, kind, target, arguments)
        recorded = self._record_intent(payment, request, target, gateway)
        if isinstance(recorded, Result):
            return recorded
        waiting, owner = recorded
        answer = gateway.send(request, arguments.auth_code)
        return self.finish(gateway, payment, waiting, answer, owner)

    def require_sendable(
        self, payment: Payment, pay_tp: str, target: str, arguments: SendArguments
    ) -> None:
        """See that a payment which is not recorded yet could be sent: then it may be made.

        Raises:
            InvalidValueError, ConfigError, NotAllowedError: as `send`, before it records anything.
        """
        self._prepared(payment, pay_type(pay_tp), check_name("target", target), arguments)

    def _prepared(
        self, payment: Payment, kind: PayType, target: str, arguments: SendArguments
    ) -> tuple[Gateway, SendRequest]:
        """Return what a send takes, as far as can be told without the provider."""
        check_arguments(kind, arguments)
        _check_free(payment, kind)
        gateway = self.accounts.gateway(payment.seller_nm, kind.provider, target)
        request = self._request(gateway, payment, kind, target, arguments)
        gateway.validate(request, arguments.auth_code)
        return gateway, request

    def _already_sent(self, payment: Payment, pay_tp: str, target: str) -> Result | None:
        """Return the stored result of an earlier send, None if it may be sent now."""
        if payment.st is Status.NEW:
            return None
        if payment.fee == 0 and pay_tp == "free":
            return Result(payment)
        if (payment.pay_tp, payment.pay_target) != (pay_tp, target):
            another = "another try is a new payment"
            raise ConflictError(
                f"payment {payment.id} is {payment.st}"
                + (f", sent as {payment.pay_tp} to {payment.pay_target}" if payment.pay_tp else ""),
                hint=another if payment.is_final else f"pay close ends it; {another}",
            )
        if payment.intent is not None:
            raise OutcomeUnknownError(
                f"payment {payment.id}: a send has no outcome yet", hint="pay check resolves it"
            )
        return Result(payment)

    def _request(
        self,
        gateway: Gateway,
        payment: Payment,
        kind: PayType,
        target: str,
        arguments: SendArguments,
    ) -> SendRequest:
        now = self.clock()
        life_ms = SCAN_EXPIRE_MS if kind.is_scan else gateway.expire_minutes * 60_000
        url = ""
        if kind.has_callback:
            url = self.accounts.notify_url(gateway, kind.name, payment.seller_nm, target)
        expires_at = min(now + life_ms, payment.pay_by or now + life_ms)
        if expires_at <= now:
            raise NotAllowedError(f"payment {payment.id}: its order is over, it can't be paid")
        return SendRequest(
            payment_id=payment.id,
            pay_tp=kind.name,
            brief=payment.brief,
            fee=payment.fee,
            cur=wire_currency(payment.cur),
            notify_url=url,
            expires_at=expires_at,
            openid=arguments.openid,
            client_ip=check_client_ip(arguments.client_ip),
        )

    def _record_intent(
        self, payment: Payment, request: SendRequest, target: str, gateway: Gateway
    ) -> tuple[Payment, str] | Result:
        """Make the payment WAIT with the parameters that will be sent, durably, before the call.

        Return it and the intent's owner; or the stored result, if another process was faster.
        """
        now = self.clock()
        actor = self.payments.actor.domain
        owner = self.new_token()
        with self.storage.transaction(actor) as tx:
            current = load(tx, payment.id)
            stored = self._already_sent(current, request.pay_tp, target)
            if stored is not None:
                return stored
            waiting = current.on(
                Event.SEND, now, actor, f"{request.pay_tp} {target}",
                pay_tp=request.pay_tp,
                pay_target=target,
                **sent_through(gateway),
                send_at=now,
                expi=request.expires_at,
                next_check_at=now + FIRST_CHECK_MS,
                check_count=0,
                absent_count=0,
                absent_at=0,
                intent=make_intent(IntentKind.SEND, owner, now, asdict(request)),
            )  # fmt: skip
            return save(tx, waiting), owner

    def finish(
        self, gateway: Gateway, before: Payment, waiting: Payment, answer: Answer, owner: str
    ) -> Result:
        """Record what a send came back with; a declined scan is reversed at the provider.

        Raises:
            ProviderRefusedError: nothing was created at the provider.
            UntrustedError: the answer says PAID, but not for this payment.
        """
        if answer.outcome is Outcome.UNKNOWN:
            return self._unknown(before, waiting, reason_of(answer), owner)
        try:
            after = self._record(gateway, waiting, answer, owner)
        except UntrustedError as error:
            self._unknown(before, waiting, str(error), owner)
            raise
        if answer.outcome is Outcome.REFUSED and after.st is Status.NEW:
            raise ProviderRefusedError(
                f"payment {after.id}: {after.pay_tp} {after.pay_target}: {reason_of(answer)}",
                hint="it is NEW again; correct the cause and send it again",
            )
        return result_of(before, after)

    def _record(self, gateway: Gateway, waiting: Payment, answer: Answer, owner: str) -> Payment:
        actor = self.payments.actor.domain
        owes_reverse_at = 0
        if answer.outcome is Outcome.FAILED and pay_type(waiting.pay_tp).is_scan:
            owes_reverse_at = self._reverse(gateway, waiting)
        with self.storage.transaction(actor, leaves_foreign=True) as tx:
            after = self.recorder.record(
                tx, load(tx, waiting.id), answer, now=self.clock(), by=actor, owner=owner
            )
            if owes_reverse_at and after.st is Status.FAIL:
                after = save(
                    tx,
                    after.noted("reverse owed", self.clock(), actor, next_check_at=owes_reverse_at),
                )
        return after

    def _reverse(self, gateway: Gateway, payment: Payment) -> int:
        """Reverse a declined scan; return 0 when done, else when (AMS) it may be tried."""
        earliest = payment.send_at + gateway.reverse_after_ms
        if self.clock() < earliest:
            return earliest
        outcome = gateway.close(order_ref(payment)).outcome
        return 0 if outcome is Outcome.CLOSED else self.clock() + FIRST_CHECK_MS

    def _unknown(self, before: Payment, waiting: Payment, reason: str, owner: str) -> Result:
        """End the waiting time of the intent, so that a check may resolve it at once."""
        actor = self.payments.actor.domain
        with self.storage.transaction(actor, leaves_foreign=True) as tx:
            after = load(tx, waiting.id)
            if after.intent is not None and is_owned_by(after.intent, owner):
                intent = {**after.intent, "deadline": self.clock()}
                after = save(tx, after.noted("unknown", self.clock(), actor, reason, intent=intent))
        if after.st is not Status.WAIT:  # a callback was faster, and knows
            return result_of(before, after)
        return result_of(before, after, reason, unknown=True)


def intended_request(payment: Payment) -> SendRequest:
    """Return what the payment's intent says was sent; another program may have written it.

    An older one's lacks fields, which then had the meaning of their defaults.

    Raises:
        InvalidValueError: it holds what this program can't repeat faithfully.
    """
    found = (payment.intent or {}).get("request")
    try:
        request = SendRequest(**found) if isinstance(found, Mapping) else None  # type: ignore[arg-type]
    except TypeError:
        request = None
    if request is None:
        raise InvalidValueError(
            f"payment {payment.id}: its send can't be repeated by this program",
            hint="the program that sent it can: is it newer?",
        )
    pay_type(request.pay_tp)
    return request


def check_client_ip(text: str) -> str:
    """Return the payer's address in its usual form, "" for "" (nobody knows it).

    Raises:
        InvalidValueError: it is no IPv4 or IPv6 address.
    """
    if not text:
        return ""
    from ipaddress import IPv6Address, ip_address

    try:
        address = ip_address(text)
    except ValueError:
        raise InvalidValueError(f"{text[:45]!a} is not an IP address") from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise InvalidValueError(f"{text[:45]!a} is an address on this machine's own link")
        return str(address.ipv4_mapped or address)
    return str(address)


def check_arguments(kind: PayType, arguments: SendArguments) -> None:
    """See that a send of this type has what it needs, and nothing else.

    Raises:
        InvalidValueError: something is missing, or too much.
    """
    if kind.argument is Argument.AUTH_CODE and not arguments.auth_code:
        raise InvalidValueError(
            f"{kind.name} needs the payer's auth code", hint="as last argument, or - for stdin"
        )
    if kind.argument is Argument.OPENID and not arguments.openid:
        raise InvalidValueError(f"{kind.name} needs the payer's openid", hint="as last argument")
    if kind.argument is Argument.NONE and (arguments.auth_code or arguments.openid):
        raise InvalidValueError(f"{kind.name} takes no further argument")
    if not check_client_ip(arguments.client_ip) and kind.needs_client_ip:
        raise InvalidValueError(
            f"{kind.name} needs the payer's address", hint="--client-ip ADDRESS, of their browser"
        )


def _check_free(payment: Payment, kind: PayType) -> None:
    if kind.name == "free" and payment.fee != 0:
        raise InvalidValueError(f"payment {payment.id} is not free: its fee is {payment.fee} fen")
