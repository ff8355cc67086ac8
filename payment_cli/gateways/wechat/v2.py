"""WeChat Pay v2: scans of the payer's code (micropay), for merchants whose v3 has none; XML.

An answer is believed only if it came with HTTP 200 and its sign is right; one with return_code FAIL
carries none and decides nothing. What a conversation's list does not name is UNKNOWN, and is asked
about. (Provider documents: micropay, orderquery, reverse.)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.base import Answer, Outcome, Paid, SendRequest
from payment_cli.gateways.http import ClientCert, HttpCall, HttpReply, Transport
from payment_cli.gateways.scrub import scrub_text
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.description import description
from payment_cli.gateways.wechat.pay_types import LOCAL_ADDRESS
from payment_cli.gateways.wechat.v3_answers import closed_by
from payment_cli.gateways.wechat.v3_documents import with_order_shown
from payment_cli.gateways.wechat.words import of_error, of_trade_state, one_line, time_of, went_back
from payment_cli.gateways.wechat.xml import distrust_of, read_xml, sign_fields, write_xml
from payment_cli.model.record import Record
from payment_cli.model.secret import Secret

#: How often a reverse is repeated while the provider asks for it (`recall` Y).
REVERSES_MAX = 3
#: Seconds for a call; a payment may take its time.
CALL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class V2Answer:
    """What came back. `distrust` says why it can't be believed, "" if its sign is right."""

    fields: Mapping[str, str]
    distrust: str

    @property
    def is_success(self) -> bool:
        """Whether it says, believably, that the call did what it asked."""
        words = (self.fields.get("return_code"), self.fields.get("result_code"))
        return not self.distrust and words == ("SUCCESS", "SUCCESS")

    def failure(self) -> Answer:
        """Read an answer that is no success."""
        fields = self.fields
        if self.distrust:
            is_refused = fields.get("return_code") == "FAIL"
            words = (is_refused and fields.get("return_msg")) or self.distrust
            return Answer(Outcome.UNKNOWN, message=scrub_text(one_line(words, 200)))
        code, said = fields.get("err_code", ""), fields.get("err_code_des", "")
        words = scrub_text(one_line(said, 200))
        return Answer(of_error(code, message=said), code=one_line(code, 64), message=words)


class WechatV2:
    """The v2 conversations of one account."""

    def __init__(
        self, account: WechatAccount, transport: Transport, new_nonce: Callable[[], str]
    ) -> None:
        """Speak for `account`."""
        self._account = account
        self._transport = transport
        self._new_nonce = new_nonce
        self._cert: ClientCert | None = None

    def pay(self, request: SendRequest, auth_code: Secret) -> Answer:
        """Charge the payer's code."""
        answer = self._call("/pay/micropay", micropay_fields(request, auth_code))
        return parse_micropay(answer)

    def query(self, order_no: str) -> Answer:
        """Ask about an order."""
        return parse_order(self._call("/pay/orderquery", {"out_trade_no": order_no}), order_no)

    def reverse(self, order_no: str) -> Answer:
        """Cancel the order, or give the money back; repeated while the provider asks for it.

        Done is result_code SUCCESS with recall N, nothing else.
        """
        for _ in range(REVERSES_MAX):
            answer = self._call("/secapi/pay/reverse", {"out_trade_no": order_no}, shows_cert=True)
            if answer.distrust or answer.fields.get("recall") != "Y":
                break
        if answer.is_success and answer.fields.get("recall") == "N":
            return Answer(Outcome.CLOSED)
        return closed_by(self.query(order_no), answer.failure())

    def _call(self, path: str, fields: Mapping[str, str], *, shows_cert: bool = False) -> V2Answer:
        account = self._account
        signed = {
            "appid": account.appid,
            "mch_id": account.pay_mch_id,
            "nonce_str": self._new_nonce(),
            "sign_type": account.sign_type,
            **fields,
        }
        signed["sign"] = sign_fields(signed, account.pay_key, account.sign_type)
        headers = {"Content-Type": "text/xml; charset=utf-8", "User-Agent": "payment-cli"}
        reply = self._transport.send(
            HttpCall(
                "POST",
                account.api_base + path,
                headers,
                write_xml(signed),
                CALL_TIMEOUT_S,
                self._client_cert() if shows_cert else None,
            )
        )
        return read_answer(account, reply)

    def _client_cert(self) -> ClientCert:
        """Return the merchant certificate, one object: connections are kept by it."""
        if self._cert is None:
            account = self._account
            self._cert = ClientCert(
                account.client_cert.certificates_pem(), account.client_key.private_pem()
            )
        return self._cert


def read_answer(account: WechatAccount, reply: HttpReply) -> V2Answer:
    """Parse and verify what came back; a page that is no XML is an answer to distrust."""
    if reply.status != 200:
        return V2Answer({}, f"HTTP {reply.status}")
    try:
        fields = read_xml(reply.body)
    except InvalidValueError as error:
        return V2Answer({}, str(error))
    distrust = distrust_of(fields, account.pay_key, account.sign_type)
    ours = (account.appid, account.pay_mch_id)  # v2's documents require both
    if not distrust and (fields.get("appid"), fields.get("mch_id")) != ours:
        distrust = "the answer speaks of another merchant or app"
    return V2Answer(fields, distrust)


def micropay_fields(request: SendRequest, auth_code: Secret) -> dict[str, str]:
    """Return what micropay wants beside the fields of every call."""
    fields = {
        "body": description(request.brief),
        "out_trade_no": request.payment_id,
        "total_fee": str(request.fee),
        "fee_type": "CNY",
        "spbill_create_ip": request.client_ip or LOCAL_ADDRESS,
        "auth_code": auth_code.reveal(),
    }
    if request.profit_sharing:
        fields["profit_sharing"] = "Y"
    return fields


def parse_micropay(answer: V2Answer) -> Answer:
    """Read the answer to a scan.

    - result_code SUCCESS: paid, if it names the amount and the provider's number.
    - FAIL with an err_code that means WAITING, FAILED or REFUSED: that.
    """
    if answer.is_success:
        return with_order_shown(paid_answer(answer.fields))
    failure = answer.failure()
    if failure.outcome is Outcome.NOT_FOUND:
        return replace(failure, outcome=Outcome.UNKNOWN)
    return with_order_shown(failure)


def parse_order(answer: V2Answer, order_no: str) -> Answer:
    """Read the answer to a query.

    - result_code SUCCESS: as the trade_state says.
    - FAIL with ORDERNOTEXIST: NOT_FOUND.
    """
    if not answer.is_success:
        failure = answer.failure()
        is_not_found = failure.outcome is Outcome.NOT_FOUND
        return failure if is_not_found else replace(failure, outcome=Outcome.UNKNOWN)
    fields = answer.fields
    outcome = of_trade_state(fields.get("trade_state", ""))
    if outcome is Outcome.PAID:
        return paid_answer(fields)
    if fields.get("out_trade_no") != order_no:
        return Answer(Outcome.UNKNOWN, message="the answer speaks of another order")
    words = one_line(fields.get("trade_state_desc", ""), 200)
    code = one_line(fields.get("trade_state", ""), 64)
    return Answer(outcome, code=code, message=words, extra=_extra(fields))


def paid_answer(fields: Mapping[str, str]) -> Answer:
    """Read verified fields that say money came.

    UNKNOWN if they name no amount, or not the provider's number.
    """
    fee = fields.get("total_fee", "")
    if not (fee.isascii() and fee.isdigit() and len(fee) <= 15):
        return Answer(Outcome.UNKNOWN, message="the answer names no amount")
    if not fields.get("transaction_id"):
        return Answer(Outcome.UNKNOWN, message="the answer names no transaction_id")
    paid = Paid(
        order_no=fields.get("out_trade_no", ""),
        trade_no=fields["transaction_id"],
        fee=int(fee),
        cur=fields.get("fee_type") or "CNY",
        payer=fields.get("openid", ""),
        paid_at=time_of(fields.get("time_end", "")),
        paid_by=fields.get("bank_type", ""),
        went_back=went_back(fields.get("trade_state", "")),
    )
    return Answer(Outcome.PAID, paid=paid, extra=_extra(fields))


def _extra(fields: Mapping[str, str]) -> Record:
    kept = ("trade_state", "trade_type")
    return {f"wx_{name}": fields[name] for name in kept if fields.get(name)}
