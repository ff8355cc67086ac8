"""`pay create`: recording what is to be paid. Nothing here talks to a provider."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from payment_cli.clock import Clock
from payment_cli.errors import ConflictError, InvalidValueError, NotFoundError
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.codec import encode
from payment_cli.model.fee import check_currency
from payment_cli.model.payments.buyer import Buyer
from payment_cli.model.payments.payment import CORE_FIELDS, Payment
from payment_cli.model.record import Json
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.settlement import Settlement
from payment_cli.storage.base import Collection, Storage, Transaction

IDEMPOTENCY = Collection("idempotency")

#: The most bytes of metadata one payment may carry.
META_MAX = 64 * 1024

#: Core fields that metadata may set: the order a payment speaks of (data, not proof).
_FROM_META = frozenset({"or_id"})

#: Other trades that paid a payment are kept under names that begin so; nobody else may write them.
_OURS = ("double_",)


class NewPayment(NamedTuple):
    """What `pay create` was asked for. `fee` in fen; `seller` "" is the caller's own domain."""

    fee: int
    cur: str = "RMB"
    brief: str = ""
    buyer: Buyer = Buyer()
    seller: str = ""
    meta: Mapping[str, Json] = MappingProxyType({})
    callback: str = ""
    pay_tp: str = ""
    pay_target: str = ""
    idempotency_key: str = ""


class Created(NamedTuple):
    """A created payment; `ignored` are the metadata keys that may not be set."""

    payment: Payment
    ignored: tuple[str, ...] = ()
    is_replay: bool = False


class Creator(NamedTuple):
    """Creates payments in one tree, for one actor."""

    storage: Storage
    actor: Actor
    clock: Clock
    new_id: NewId
    new_token: Callable[[], str]
    find_merchant: Callable[[str], Merchant]
    read_script: Callable[[str, str], bytes]
    settlement: Settlement

    def create(
        self, new: NewPayment, require: Callable[[Payment], None] = lambda _: None
    ) -> Created:
        """Record a payment. A fee of 0 is free: paid at once (reference: `pay create`).

        `require` sees it before it is recorded; what it raises leaves nothing behind.

        Raises:
            InvalidValueError: fee, currency, metadata or a name is not what it must be.
            NotAllowedError: the caller may not sell for this seller.
            NotFoundError: the seller is no merchant, or has no such script.
            ConflictError: the idempotency key was used with other input.
        """
        seller = new.seller or self.actor.domain
        self.actor.require_seller(seller)
        merchant = self.find_merchant(seller)
        _check(new)
        meta, ignored = _split_meta(new.meta)
        script = self.read_script(seller, new.callback) if new.callback else b""
        now = self.clock()
        payment = self._build(new, merchant, meta, script, now, self.new_id(now))
        require(payment)
        with self.storage.transaction(self.actor.domain) as tx:
            if new.idempotency_key:
                earlier = self._earlier(tx, new, seller, payment)
                if earlier is not None:
                    return Created(earlier, ignored, is_replay=True)
            payment = self._insert(tx, payment, script)
        return Created(payment, ignored)

    def create_in(
        self, tx: Transaction, new: NewPayment, *, payment_id: str, pay_by: int
    ) -> Payment:
        """Record a payment of an order inside the order's own transaction (`payment p pay`).

        The order must name the payment by then: a fee of 0 settles it at once. `pay_by` is the
        order's end (AMS, 0 for none).
        """
        merchant = self.find_merchant(new.seller)
        script = self.read_script(new.seller, new.callback) if new.callback else b""
        payment = self._build(new, merchant, dict(new.meta), script, self.clock(), payment_id)
        return self._insert(tx, payment._replace(pay_by=pay_by), script)

    def _insert(self, tx: Transaction, payment: Payment, script: bytes) -> Payment:
        stored = Payment.from_record(tx.insert(PAYMENTS, payment.to_record(), script or None))
        if stored.fee == 0:
            stored = self.settlement.settle_free(tx, stored, now=stored.ct, by=self.actor.domain)
        return stored

    def _build(
        self,
        new: NewPayment,
        merchant: Merchant,
        meta: dict[str, Json],
        script: bytes,
        now: int,
        payment_id: str,
    ) -> Payment:
        payment = Payment(
            id=payment_id,
            ct=now,
            lm=now,
            brief=new.brief or f"{merchant.title} {payment_id[-6:]}",
            fee=new.fee,
            cur=check_currency(new.cur),
            seller_id=merchant.id,
            seller_nm=merchant.domain,
            buyer_tp=new.buyer.tp,
            buyer_id=new.buyer.id,
            buyer_nm=new.buyer.nm,
            or_id=str(meta.pop("or_id", "")),
            len=len(script),
            view_key=payment_id + self.new_token(),
            extra=meta,
        )
        if payment.fee == 0:
            payment = payment._replace(pay_tp="free", re_tp="TEXT", re_obj="free")
        return payment.noted("create", now, self.actor.domain)

    def _earlier(
        self, tx: Transaction, new: NewPayment, seller: str, payment: Payment
    ) -> Payment | None:
        """Return the payment this key made before, or bind the key to the new one."""
        import hashlib  # loads OpenSSL, so only where there is a key

        key_id = hashlib.sha256(f"{seller}\0{new.idempotency_key}".encode()).hexdigest()[:32]
        digest = hashlib.sha256(encode(_canonical(new, seller)).encode()).hexdigest()
        try:
            known = tx.get(IDEMPOTENCY, key_id)
        except NotFoundError:
            tx.insert(
                IDEMPOTENCY,
                {
                    "id": key_id,
                    "nm": key_id,
                    "tp": "idempotency",
                    "ct": payment.ct,
                    "lm": payment.ct,
                    "input": digest,
                    "payment": payment.id,
                },
            )
            return None
        if known["input"] != digest:
            raise ConflictError(
                f"this idempotency key already made payment {known['payment']} from other input"
            )
        return Payment.from_record(tx.get(PAYMENTS, str(known["payment"])))


def _check(new: NewPayment) -> None:
    for name, text, most in (("brief", new.brief, 256), ("key", new.idempotency_key, 255)):
        if len(text) > most:
            raise InvalidValueError(f"{name} has {len(text)} characters, the most is {most}")
    if any(ord(c) < 32 for c in new.brief):
        raise InvalidValueError("brief has a control character")
    if len(encode(dict(new.meta)).encode()) > META_MAX:
        raise InvalidValueError(f"metadata is larger than {META_MAX // 1024} KiB")
    if _has_nul(new.meta):
        raise InvalidValueError("metadata has a NUL character")


def _has_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any("\0" in k or _has_nul(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return any(map(_has_nul, value))
    return False


def _split_meta(meta: Mapping[str, Json]) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Return the metadata that may be set, and the names of the rest: those are not a caller's."""
    if not meta:
        return {}, ()
    from payment_cli.model.payments.pay_type import PAY_TYPES, family_of

    # What a provider said is kept under its family's name.
    own = (*_OURS, *{f"{family_of(name)}_" for name in PAY_TYPES if "." in name})
    ours = CORE_FIELDS - _FROM_META
    ignored = tuple(k for k in meta if k in ours or k.startswith(own))
    return {k: v for k, v in meta.items() if k not in ignored}, ignored


def _canonical(new: NewPayment, seller: str) -> list[Json]:
    """Return what a retry with the same key must repeat."""
    return [
        new.fee, new.cur, new.brief, new.buyer.tp, new.buyer.id, new.buyer.nm, seller,
        dict(sorted(new.meta.items())), new.callback, new.pay_tp, new.pay_target,
    ]  # fmt: skip
