"""WeChat Pay: one account's gateway. Native and JSAPI orders and code scans over v3, scans over v2.

v3 documents come from v3_documents.py, signatures from signature.py, v2 from v2.py; here is which
call a payment type takes, what is refused before anything is sent, and what a callback means.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from payment_cli import ids
from payment_cli.clock import Clock
from payment_cli.errors import ConfigError, InvalidValueError, UnfitError, UntrustedError
from payment_cli.gateways.base import (
    AccountId,
    Acknowledgement,
    Answer,
    HttpRequest,
    Notice,
    OrderRef,
    Outcome,
    SendRequest,
)
from payment_cli.gateways.http import (
    NoAnswerError,
    NotSentError,
    Transport,
    is_this_machine,
)
from payment_cli.gateways.provider import Cache
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.addressee import opened
from payment_cli.gateways.wechat.description import description
from payment_cli.gateways.wechat.keys import check_keys
from payment_cli.gateways.wechat.pay_types import order_row
from payment_cli.gateways.wechat.signature import check_signature, decrypt
from payment_cli.gateways.wechat.v2 import WechatV2, paid_answer
from payment_cli.gateways.wechat.v3 import WechatV3
from payment_cli.gateways.wechat.v3_documents import parse_transaction, text_of
from payment_cli.gateways.wechat.words import one_line
from payment_cli.gateways.wechat.xml import distrust_of, looks_like_xml, read_xml, write_xml
from payment_cli.model.codec import decode_foreign_object, encode
from payment_cli.model.payments.pay_type import Argument, PayType, pay_type
from payment_cli.model.record import Json, Record
from payment_cli.model.secret import Secret

#: The provider asks not to reverse a scan earlier than this.
REVERSE_AFTER_MS = 15_000
#: The most that one order may cost, in fen: ten million yuan, in v3 and v2 ("最大1000000000", says
#: Tencent's support; above it v2 answers "invalid total_fee").
FEE_MAX = 1_000_000_000
#: The longest notify URL and openid the provider takes.
NOTIFY_URL_MAX = 255
OPENID_MAX = 128

_ORDER_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_OPENID = re.compile(rf"[0-9A-Za-z_-]{{1,{OPENID_MAX}}}")
_NOTHING = Notice("", Answer(Outcome.UNKNOWN))


class WechatGateway:
    """One account at WeChat Pay."""

    reverse_after_ms = REVERSE_AFTER_MS

    def __init__(
        self,
        account: WechatAccount,
        *,
        transport: Transport,
        clock: Clock,
        certificates_cache: Cache,
        new_nonce: Callable[[], str] = ids.new_token,
    ) -> None:
        """Speak for `account`; `certificates_cache` keeps its platform certificates."""
        self.account_id = AccountId(account.pay_mch_id, account.appid)
        self.api_base = account.api_base
        self.expire_minutes = account.pay_time_expire
        self.notify_base = account.pay_notify_url
        self._account = account
        self._clock = clock
        self._v3 = WechatV3(account, transport, clock, certificates_cache, new_nonce)
        self._v2 = WechatV2(account, transport, new_nonce)

    def validate(self, request: SendRequest, auth_code: Secret | None) -> None:
        """Check what the provider would refuse by rule, and that the account can do it.

        Raises:
            InvalidValueError: bad pay type, number, currency, amount, brief, auth code, openid,
                address or notify URL.
            ConfigError: a key of the account is not one, or missing for this pay type.
        """
        order_row(request.pay_tp)
        kind = pay_type(request.pay_tp)
        _check_order(request)
        if kind.has_callback:
            _check_notify_url(request.notify_url)
        if kind.argument is Argument.AUTH_CODE:
            _check_auth_code(kind, auth_code)
        if kind.argument is Argument.OPENID and not _OPENID.fullmatch(request.openid):
            raise InvalidValueError("the openid is not one of WeChat's")
        if kind.needs_client_ip:
            _check_client_ip(request, self._account.api_base)
        check_keys(self._account)
        if self._is_v2(request.pay_tp):
            _check_v2_account(self._account)

    def send(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        """Place the order; what never arrived is REFUSED, what may have arrived is UNKNOWN.

        Raises:
            InvalidValueError: WeChat Pay has no such pay type.
        """
        order_row(request.pay_tp)
        try:
            if self._is_v2(request.pay_tp):
                return self._v2.pay(request, auth_code or Secret(""))
            return self._v3.place(request, auth_code)
        except NotSentError as error:
            return Answer(Outcome.REFUSED, message=f"WeChat Pay can't be reached: {error}")
        except NoAnswerError as error:
            return _unknown(error)

    def check(self, order: OrderRef) -> Answer:
        """Ask about the order. REFUND is PAID: the money came, and went back since."""
        try:
            if self._is_v2(order.pay_tp):
                return self._v2.query(order.payment_id)
            return self._v3.query(order.payment_id)
        except (NotSentError, NoAnswerError) as error:
            return _unknown(error)

    def close(self, order: OrderRef) -> Answer:
        """Close it; a scan is reversed, which gives back money that came.

        Raises:
            InvalidValueError: WeChat Pay has no such pay type.
            ConfigError: a v2 scan, and no client certificate to reverse it with.
        """
        order_row(order.pay_tp)
        try:
            if self._is_v2(order.pay_tp):
                _check_v2_account(self._account)
                return self._v2.reverse(order.payment_id)
            if pay_type(order.pay_tp).is_scan:
                return self._v3.reverse(order.payment_id)
            return self._v3.close(order.payment_id)
        except (NotSentError, NoAnswerError) as error:
            return _unknown(error)

    def complete(self, request: HttpRequest) -> Notice:
        """Verify and read a callback, v3 (JSON) or v2 (XML).

        Raises:
            UntrustedError: the signature, its time, or the merchant is not right, or it speaks of a
                payment without its number.
            InvalidValueError: not a message of WeChat Pay at all.
        """
        if looks_like_xml(request.body):
            return self._complete_v2(request)
        now_s = self._clock() // 1000
        # Who can't write what our key opens can't make us fetch certificates either.
        is_ours = opened(self._account, request.body) is not None
        find_key = self._v3.keys.find if is_ours else self._v3.keys.known
        check_signature(request.headers, request.body, find_key, now_s=now_s)
        message = decode_foreign_object(request.body, "the callback")
        content = decrypt(self._account.api_v3_key, message.get("resource"))
        event = text_of(message.get("event_type"))
        if not event.startswith("TRANSACTION."):
            return _NOTHING
        transaction = decode_foreign_object(content, "the callback's content")
        if not self._account.is_named(transaction.get("mchid"), transaction.get("appid")):
            raise UntrustedError("the callback speaks of another merchant or app")
        order_no = _named(transaction)
        return Notice(order_no, parse_transaction(self._account, transaction))

    def acknowledge(self, request: HttpRequest, refusal: str = "") -> Acknowledgement:
        """Return v3's JSON or, for an XML message, v2's XML."""
        words = one_line(refusal, 64)
        if looks_like_xml(request.body):
            fields = {"return_code": "FAIL" if words else "SUCCESS", "return_msg": words or "OK"}
            return Acknowledgement(200, "text/xml; charset=utf-8", write_xml(fields))
        document: Record = {"code": "SUCCESS", "message": "成功"}
        if words:
            document = {"code": "FAIL", "message": words}
        body = encode(document).encode()
        return Acknowledgement(400 if words else 200, "application/json; charset=utf-8", body)

    def _complete_v2(self, request: HttpRequest) -> Notice:
        fields = read_xml(request.body)
        distrust = distrust_of(fields, self._account.pay_key, self._account.sign_type)
        if distrust:
            raise UntrustedError(distrust)
        ours = (self._account.pay_mch_id, self._account.appid)  # v2's documents require both
        if (fields.get("mch_id"), fields.get("appid")) != ours:
            raise UntrustedError("the callback speaks of another merchant or app")
        if fields.get("return_code") != "SUCCESS" or fields.get("result_code") != "SUCCESS":
            return _NOTHING
        return Notice(_named(fields), paid_answer(fields))

    def _is_v2(self, pay_tp: str) -> bool:
        return pay_type(pay_tp).is_scan and self._account.scan_api == "v2"


def _named(told: Mapping[str, Json]) -> str:
    """Return the order number of a notice about money; without one it must leave a trace."""
    order_no = text_of(told.get("out_trade_no"))
    if not order_no:
        trade = text_of(told.get("transaction_id"))
        raise UnfitError(
            "the callback is a true one about a payment, but names no order"
            f" (its trade is {trade!a})"
        )
    return order_no


def _unknown(error: Exception) -> Answer:
    return Answer(Outcome.UNKNOWN, message=f"no answer from WeChat Pay: {error}")


def _check_order(request: SendRequest) -> None:
    if not _ORDER_NO.fullmatch(request.payment_id):
        raise InvalidValueError(
            f"{request.payment_id[:40]!a} can't be an order number at WeChat Pay",
            hint="6 to 32 letters, digits, _ - | *",
        )
    if request.cur not in ("CNY", "RMB"):
        raise InvalidValueError(
            f"WeChat Pay takes CNY (RMB) only, not {request.cur[:8]!a}",
        )
    if request.fee < 1:
        raise InvalidValueError("WeChat Pay takes 1 fen at least", hint="fee 0 is pay type free")
    if request.fee > FEE_MAX:
        raise InvalidValueError(
            f"WeChat Pay takes {FEE_MAX // 100} yuan at most, not {request.fee} fen"
        )
    if not description(request.brief):
        raise InvalidValueError("the brief has no character that can be shown")


def _check_auth_code(kind: PayType, auth_code: Secret | None) -> None:
    if auth_code is None or not kind.takes(auth_code):
        raise InvalidValueError(
            "that is not a WeChat auth code", hint="18 digits that begin with 10 to 15"
        )


def _check_client_ip(request: SendRequest, api_base: str) -> None:
    """Refuse an address that WeChat, which sees the payer's own, would not find to be the same."""
    if not request.client_ip:
        raise InvalidValueError(f"{request.pay_tp} needs the payer's address")
    if is_this_machine(request.client_ip) and not is_this_machine(
        urlsplit(api_base).hostname or ""
    ):
        raise InvalidValueError(
            f"{request.pay_tp}: {request.client_ip} is this machine, not the payer",
            hint="a proxy before the web server must say who asks (X-Forwarded-For)",
        )


def _check_notify_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_url = False
    if not is_url or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidValueError("the notify URL must be an absolute http or https URL")
    if "?" in url or "#" in url:
        raise InvalidValueError("WeChat Pay takes no notify URL with a query string")
    if len(url) > NOTIFY_URL_MAX:
        raise InvalidValueError(f"the notify URL is longer than {NOTIFY_URL_MAX} characters")


def _check_v2_account(account: WechatAccount) -> None:
    """Refuse a v2 scan that could not be reversed."""
    values = {
        "pay_key": bool(account.pay_key),
        "client_cert": bool(account.client_cert),
        "client_key": bool(account.client_key),
    }
    for key, is_set in values.items():
        if not is_set:
            raise ConfigError(f"wxpay.conf: scan_api v2 needs {key}")
    _ = account.client_cert.certificates, account.client_key.private_key
