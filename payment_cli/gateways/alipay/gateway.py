"""Alipay: one account's gateway, over OpenAPI 2.0 (gateway.do).

Which call a pay type takes is its row in pay_types.py. An order's number at Alipay is the payment's
id.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.alipay.answer import (
    Reply,
    UnreadableAnswerError,
    cancel_answer,
    close_answer,
    parse_reply,
    query_answer,
)
from payment_cli.gateways.alipay.notice import read_notice
from payment_cli.gateways.alipay.pay_types import order_row
from payment_cli.gateways.alipay.sign import AlipayKeys, load_keys, string_to_sign
from payment_cli.gateways.alipay.trade import beijing_time, fen_to_yuan
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
from payment_cli.gateways.brief import cut, one_line
from payment_cli.gateways.http import HttpCall, NoAnswerError, NotSentError, Transport
from payment_cli.model.codec import encode
from payment_cli.model.payments.pay_type import Argument, pay_type
from payment_cli.model.record import Json
from payment_cli.model.secret import Secret

#: Alipay's limits: 100,000,000 yuan, 256 characters of notify URL.
FEE_MAX = 10_000_000_000
NOTIFY_URL_MAX = 256
#: Bytes of a subject. Of the same field Alipay's documents say String(256), "type (length in
#: bytes)", and "at most 128 Chinese characters": it counts two for one, as GBK does.
SUBJECT_MAX = 256

_ORDER_NO = re.compile(r"[0-9A-Za-z_]{1,64}")

#: Characters that the provider document forbids in a subject, and how they can be shown.
_FOR_SUBJECT = str.maketrans("/=&", "／＝＆")

#: A cancel that overtakes its own pay call finds no trade, "succeeds", and undoes nothing; so it
#: waits as long as a pay call may last.
REVERSE_AFTER_MS = 10_000


class AlipayGateway:
    """One account at Alipay."""

    def __init__(self, account: AlipayAccount, transport: Transport, clock: Clock) -> None:
        """Speak for `account` through `transport`; requests carry the time of `clock`."""
        self._account = account
        self._transport = transport
        self._clock = clock
        self._loaded: AlipayKeys | None = None
        self.account_id = AccountId(account.seller_id, account.app_id)
        self.api_base = account.gateway_url
        self.expire_minutes = account.timeout_express
        self.notify_base = account.notify_url
        self.reverse_after_ms = REVERSE_AFTER_MS

    def validate(self, request: SendRequest, auth_code: Secret | None) -> None:
        """Check what Alipay would refuse by rule, and that the account's keys can be used.

        Raises:
            InvalidValueError: pay type, order number, currency, amount, subject, notify URL or
                auth code.
            ConfigError: a key of the account is not one.
        """
        order_row(request.pay_tp)
        kind = pay_type(request.pay_tp)
        _require(request.cur == "CNY", f"Alipay takes CNY only, not {request.cur}")
        _require(1 <= request.fee <= FEE_MAX, "Alipay takes 0.01 to 100000000.00 yuan")
        _require(_ORDER_NO.fullmatch(request.payment_id), "an order number Alipay would refuse")
        _require(_subject(request.brief), "Alipay needs a brief to show to the payer")
        _require(_is_notify_url(request.notify_url), "the notify URL must be absolute http(s)")
        if kind.argument is Argument.AUTH_CODE:
            _require(
                auth_code is not None and kind.takes(auth_code),
                "an Alipay auth code has 16 to 24 digits and begins with 25 to 30",
            )
        self._keys()

    def send(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        """Place the order. WAITING (with re_obj), PAID, FAILED, REFUSED or UNKNOWN.

        A page is WAITING at once: its link is signed here, and nobody is asked.

        Raises:
            InvalidValueError, ConfigError: what `validate` would refuse.
        """
        self.validate(request, auth_code)
        row = order_row(request.pay_tp)
        order = build_order(self._account, request, auth_code or Secret(""))
        if row.read is not None:
            return self._ask(row.method, order, row.read, request.notify_url)
        urls = {"notify_url": request.notify_url, "return_url": self._account.return_url}
        params = build_params(self._account, self._keys(), row.method, order, self._clock(), urls)
        link = build_link(self._account, self._keys(), params)
        return Answer(Outcome.WAITING, pay_type(request.pay_tp).re_tp, link)

    def check(self, order: OrderRef) -> Answer:
        """Ask about the order: WAITING, PAID, FAILED, NOT_FOUND or UNKNOWN."""
        return _not_refused(self._ask("alipay.trade.query", _named(order), query_answer))

    def close(self, order: OrderRef) -> Answer:
        """Close it, or cancel a scan: CLOSED, PAID (too late), NOT_FOUND or UNKNOWN.

        alipay.trade.cancel would give paid money back, so for a scan Alipay is asked first, as its
        documents say, and cancelled only what is not known to be paid. All others are closed with
        alipay.trade.close, which never touches paid money.

        Raises:
            InvalidValueError: Alipay has no such pay type.
        """
        order_row(order.pay_tp)
        if pay_type(order.pay_tp).is_scan:
            known = self.check(order)
            if known.outcome in (Outcome.PAID, Outcome.FAILED):
                return _as_closed(known)
            answer = self._ask("alipay.trade.cancel", _named(order), cancel_answer)
        else:
            answer = self._ask("alipay.trade.close", _named(order), close_answer)
        if answer.outcome is Outcome.REFUSED:
            return _as_closed(self.check(order))
        return answer

    def complete(self, request: HttpRequest) -> Notice:
        """Verify and read a callback.

        Raises:
            UntrustedError: signature, app id or seller id are not right.
            InvalidValueError: not a callback of Alipay at all.
        """
        return read_notice(self._account, self._keys(), request)

    def acknowledge(self, request: HttpRequest, refusal: str = "") -> Acknowledgement:
        """Return the seven bytes `success`, or `fail`, after which Alipay tells again."""
        return Acknowledgement(200, "text/plain", b"fail" if refusal else b"success")

    def _keys(self) -> AlipayKeys:
        if self._loaded is None:
            self._loaded = load_keys(self._account)
        return self._loaded

    def _ask(
        self,
        method: str,
        order: Mapping[str, Json],
        read: Callable[[Reply], Answer],
        notify_url: str = "",
    ) -> Answer:
        keys = self._keys()
        urls = {"notify_url": notify_url}
        params = build_params(self._account, keys, method, order, self._clock(), urls)
        call = build_call(self._account, keys, params)
        try:
            reply = self._transport.send(call)
            number = str(order["out_trade_no"])
            return read(parse_reply(self._account, keys, method, reply, number))
        except NotSentError as error:
            return Answer(Outcome.REFUSED, message=f"Alipay can't be reached: {error}")
        except NoAnswerError as error:
            return Answer(Outcome.UNKNOWN, message=f"no answer from Alipay: {error}")
        except UnreadableAnswerError as error:
            return Answer(Outcome.UNKNOWN, message=str(error))


def build_order(account: AlipayAccount, request: SendRequest, auth_code: Secret) -> dict[str, Json]:
    """Return the order; `auth_code` is empty where there is none."""
    row = order_row(request.pay_tp)
    return {
        "out_trade_no": request.payment_id,
        "total_amount": fen_to_yuan(request.fee),
        "subject": _subject(request.brief),
        "product_code": row.product_code,
        # Absolute: timeout_express would begin with the payer's scan, not now, and the same
        # request sent again must not last longer. A page's link dies then, too.
        "time_expire": beijing_time(request.expires_at),
        **row.fields(account, request, auth_code),
    }


def build_params(
    account: AlipayAccount,
    keys: AlipayKeys,
    method: str,
    order: Mapping[str, Json],
    now: int,
    urls: Mapping[str, str],
) -> dict[str, str]:
    """Return the parameters of a call of `method`, unsigned; `now` is AMS, empty `urls` go."""
    params = {
        "app_id": account.app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": beijing_time(now),
        "version": "1.0",
        "biz_content": encode(order),
    }
    if account.uses_certificates:
        params["app_cert_sn"] = keys.app_cert_sn
        params["alipay_root_cert_sn"] = keys.root_cert_sn
    return params | {name: url for name, url in urls.items() if url}


def build_call(account: AlipayAccount, keys: AlipayKeys, params: Mapping[str, str]) -> HttpCall:
    """Return the call that posts `params` (sign_type included, none empty), signed."""
    return HttpCall(
        "POST",
        account.gateway_url,
        {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded;charset=utf-8",
            "User-Agent": "payment-cli",
        },
        _signed(keys, params).encode("ascii"),
    )


def build_link(account: AlipayAccount, keys: AlipayKeys, params: Mapping[str, str]) -> str:
    """Return the address by which a browser brings `params`, signed, to Alipay."""
    return f"{account.gateway_url}?{_signed(keys, params)}"


def _signed(keys: AlipayKeys, params: Mapping[str, str]) -> str:
    return urlencode({**params, "sign": keys.sign(string_to_sign(params))})


def _named(order: OrderRef) -> dict[str, Json]:
    return {"out_trade_no": order.payment_id}


def _not_refused(answer: Answer) -> Answer:
    """A question that did not get through says nothing about the order."""
    if answer.outcome is Outcome.REFUSED:
        return replace(answer, outcome=Outcome.UNKNOWN)
    return answer


def _as_closed(answer: Answer) -> Answer:
    """Turn what a query says into the outcome of a close."""
    if answer.outcome is Outcome.FAILED:
        return replace(answer, outcome=Outcome.CLOSED)
    if answer.outcome is Outcome.WAITING:
        return replace(answer, outcome=Outcome.UNKNOWN)
    return answer


def _subject(brief: str) -> str:
    """Return `brief` as Alipay takes it: one line, no forbidden characters, cut to its limit."""
    return cut(one_line(brief).translate(_FOR_SUBJECT), SUBJECT_MAX, _bytes_of_subject)


def _bytes_of_subject(text: str) -> int:
    return len(text.encode("gb18030"))


def _is_notify_url(url: str) -> bool:
    if not url:
        return True  # Alipay can do without: the order is asked about
    parts = urlsplit(url)
    is_absolute = parts.scheme in ("http", "https") and bool(parts.netloc)
    return is_absolute and len(url) <= NOTIFY_URL_MAX and url.isascii() and " " not in url


def _require(condition: object, sentence: str) -> None:
    if not condition:
        raise InvalidValueError(sentence)
