"""WeChat Pay APIv3: the conversations, signed JSON over HTTP in both directions.

(Provider documents: development guides of native, JSAPI and code payment.)
"""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from payment_cli.clock import Clock
from payment_cli.errors import ConfigError, InvalidValueError, UntrustedError
from payment_cli.gateways.base import Answer, Outcome, SendRequest
from payment_cli.gateways.http import (
    HttpCall,
    HttpReply,
    NoAnswerError,
    NotSentError,
    Transport,
)
from payment_cli.gateways.provider import Cache
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.keys import PlatformKeys, fetched, find_certificate
from payment_cli.gateways.wechat.pay_types import OrderRow, order_row
from payment_cli.gateways.wechat.signature import (
    authorization,
    browser_parameters,
    check_signature,
    is_signed,
)
from payment_cli.gateways.wechat.v3_answers import (
    V3Answer,
    closed_by,
    failure_of,
    is_closed,
    is_reversed,
    placed,
    queried,
    scanned,
)
from payment_cli.gateways.wechat.v3_documents import (
    TRANSACTIONS,
    build_order,
    parse_certificates,
)
from payment_cli.model.codec import decode_foreign_object, encode
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.record import Record
from payment_cli.model.secret import Secret

#: Seconds for a call, and for the fetch of certificates while a callback waits for its answer.
CALL_TIMEOUT_S = 10.0
FETCH_TIMEOUT_S = 3.0

_CERTIFICATES = "/v3/certificates"


class WechatV3:
    """The v3 conversations of one account."""

    def __init__(
        self,
        account: WechatAccount,
        transport: Transport,
        clock: Clock,
        cache: Cache,
        new_nonce: Callable[[], str],
    ) -> None:
        """Speak for `account`; keep fetched platform certificates in `cache`."""
        self._account = account
        self._transport = transport
        self._clock = clock
        self._new_nonce = new_nonce
        self.keys = PlatformKeys(account, cache, clock, self._fetch_certificates)

    def place(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        """Place an order as the row of its pay type says."""
        row = order_row(request.pay_tp)
        document = build_order(self._account, request, auth_code or Secret(""))
        answer = self._call("POST", f"{TRANSACTIONS}/{row.operation}", document)
        if not row.shown:
            return scanned(self._account, answer, request.payment_id)
        shown = placed(answer, row.shown)
        return shown if isinstance(shown, Answer) else self._shown(request.pay_tp, row, shown)

    def query(self, order_no: str) -> Answer:
        """Ask about an order."""
        path = f"{_path(order_no)}?mchid={quote(self._account.pay_mch_id, safe='')}"
        return queried(self._account, self._call("GET", path), order_no)

    def close(self, order_no: str) -> Answer:
        """Close an unpaid order; one that was not closed is asked about."""
        document: Record = {"mchid": self._account.pay_mch_id}
        answer = self._call("POST", f"{_path(order_no)}/close", document)
        if is_closed(answer):
            return Answer(Outcome.CLOSED)
        return closed_by(self.query(order_no), failure_of(answer))

    def reverse(self, order_no: str) -> Answer:
        """Reverse a scan: cancel it, or give the money back; what was not done is asked about."""
        document: Record = {"appid": self._account.appid, "mchid": self._account.pay_mch_id}
        answer = self._call("POST", f"{_path(order_no)}/reverse", document)
        if is_reversed(self._account, answer, order_no):
            return Answer(Outcome.CLOSED)
        return closed_by(self.query(order_no), failure_of(answer))

    def _shown(self, pay_tp: str, row: OrderRow, value: str) -> Answer:
        """Return what the payer's screen needs of an order that was placed."""
        re_tp = pay_type(pay_tp).re_tp
        if not row.in_browser:
            return Answer(Outcome.WAITING, re_tp, value)
        now_s = self._clock() // 1000
        page = browser_parameters(self._account, value, now_s=now_s, nonce=self._new_nonce())
        return Answer(Outcome.WAITING, re_tp, page, extra={f"wx_{row.shown}": value})

    def _call(self, method: str, path: str, document: Record | None = None) -> V3Answer:
        body = b"" if document is None else encode(document).encode()
        reply = self._exchange(method, path, body, CALL_TIMEOUT_S)
        try:
            now_s = self._clock() // 1000
            check_signature(reply.headers, reply.body, self.keys.find, now_s=now_s)
            distrust = ""
        except UntrustedError as error:
            distrust = str(error)
        number = reply.headers.get("request-id", "").rpartition("-")[2]
        return V3Answer(
            reply.status,
            _document(reply),
            distrust,
            is_signed(reply.headers),
            is_empty=not reply.body,
            number=number,
        )

    def _exchange(self, method: str, path: str, body: bytes, timeout_s: float) -> HttpReply:
        url = self._account.api_base + path
        now_s = self._clock() // 1000
        target = urlsplit(self._account.api_base).path + path
        headers = {
            "Accept": "application/json",
            "User-Agent": "payment-cli",
            "Authorization": authorization(
                self._account, method, target, body, now_s=now_s, nonce=self._new_nonce()
            ),
        }
        if body:
            headers["Content-Type"] = "application/json"
        if self._account.public_key_id:
            headers["Wechatpay-Serial"] = self._account.public_key_id
        return self._transport.send(HttpCall(method, url, headers, body, timeout_s))

    def _fetch_certificates(self) -> list[str]:
        """Return the platform's certificates; [] if they can't be had (new merchants have none).

        They come with 200. The list opens only with our APIv3 key, and is signed by one of those
        it brings.
        """
        try:
            reply = self._exchange("GET", _CERTIFICATES, b"", FETCH_TIMEOUT_S)
            if reply.status != 200:
                return []
            pems = parse_certificates(self._account, _document(reply))
            now = self._clock()
            check_signature(
                reply.headers,
                reply.body,
                lambda serial: find_certificate(fetched(pems), serial, now),
                now_s=now // 1000,
            )
        except (NotSentError, NoAnswerError, UntrustedError, ConfigError):
            return []
        return pems


def _path(order_no: str) -> str:
    return f"{TRANSACTIONS}/out-trade-no/{quote(order_no, safe='')}"


def _document(reply: HttpReply) -> Record:
    try:
        return decode_foreign_object(reply.body, "the answer")
    except InvalidValueError:
        return {}
