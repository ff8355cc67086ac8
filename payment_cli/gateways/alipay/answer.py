"""Reads Alipay's answers: cuts and verifies the signed part, and says what it means. Pure.

An answer is `{"alipay_trade_xxx_response": {…}, "sign": "…"}` (or `error_response`). The signature
is over the very characters of the node, so the node is cut out of the text, verified, and only
then parsed. Answers carry no time and no nonce: one about another order is not taken for ours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.alipay.charset import charset_of, codec_of
from payment_cli.gateways.alipay.sign import AlipayKeys
from payment_cli.gateways.alipay.trade import paid_answer, text_of, trade_answer
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.gateways.http import HttpReply
from payment_cli.gateways.scrub import scrub_text
from payment_cli.model.codec import decode_foreign_object
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.record import Json

_SUCCESS = "10000"
_PAYER_BUSY = "10003"
_BUSINESS_FAILURE = "40004"

#: Codes of a request that was not let in, and how the reason begins that always stands with them:
#: nothing was done. Either without the other is no answer. (isp.… is Alipay's own trouble.)
_NOT_LET_IN = frozenset({"20001", "40001", "40002", "40003", "40005", "40006"})
_REASONS = ("isv.", "aop.")

_NO_SUCH_TRADE = "ACQ.TRADE_NOT_EXIST"

#: Answers to alipay.trade.pay by which the payer, or his bank, or his phone, says no.
_DECLINED = frozenset(
    {
        "ACQ.PAYMENT_AUTH_CODE_INVALID", "ACQ.BUYER_BALANCE_NOT_ENOUGH",
        "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", "ACQ.ERROR_BALANCE_PAYMENT_DISABLE",
        "ACQ.BUYER_SELLER_EQUAL", "ACQ.BUYER_ENABLE_STATUS_FORBID",
        "ACQ.PULL_MOBILE_CASHIER_FAIL", "ACQ.MOBILE_PAYMENT_SWITCH_OFF", "ACQ.PAYMENT_FAIL",
        "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", "ACQ.BEYOND_PAY_RESTRICTION",
        "ACQ.BEYOND_PER_RECEIPT_RESTRICTION", "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR",
        "ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT", "ACQ.PAYMENT_REQUEST_HAS_RISK",
        "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "ACQ.USER_FACE_PAYMENT_SWITCH_OFF",
        "ACQ.PRODUCT_AMOUNT_LIMIT_ERROR", "ACQ.AGREEMENT_NOT_EXIST",
    }
)  # fmt: skip

#: Answers to an order by which Alipay refuses the request itself.
_REFUSED = frozenset(
    {
        "ACQ.INVALID_PARAMETER", "ACQ.ACCESS_FORBIDDEN", "ACQ.EXIST_FORBIDDEN_WORD",
        "ACQ.PARTNER_ERROR", "ACQ.TOTAL_FEE_EXCEED", "ACQ.SELLER_BEEN_BLOCKED",
        "ACQ.INVALID_STORE_ID", "ACQ.SUB_MERCHANT_CREATE_FAIL", "ACQ.SUB_MERCHANT_TYPE_INVALID",
        "ACQ.MERCHANT_AGREEMENT_NOT_EXIST", "ACQ.MERCHANT_AGREEMENT_INVALID",
        "ACQ.MERCHANT_STATUS_NOT_NORMAL", "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR",
        "ACQ.AMOUNT_OR_CURRENCY_ERROR", "ACQ.CURRENCY_NOT_SUPPORT",
    }
)  # fmt: skip

# No list has the words that speak of a trade under our number (TRADE_HAS_SUCCESS, TRADE_HAS_CLOSE,
# TRADE_HAS_FINISHED, TRADE_STATUS_ERROR, TRADE_BUYER_NOT_MATCH, CONTEXT_INCONSISTENT): it exists,
# and only a query can say what became of it. What is in no list is UNKNOWN.


class UnreadableAnswerError(Exception):
    """The reply is not a trustworthy answer of Alipay; what it is about remains unknown."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The node of an answer. `verified` False: it carried no signature at all."""

    node: Mapping[str, Json]
    verified: bool

    @property
    def code(self) -> str:
        """Alipay's `code`."""
        return text_of(self.node, "code")

    @property
    def sub_code(self) -> str:
        """Alipay's `sub_code`, "" if there is none."""
        return text_of(self.node, "sub_code")

    @property
    def names_order(self) -> bool:
        """Whether it says which order it is about; `parse_reply` saw that it is the right one."""
        return bool(text_of(self.node, "out_trade_no"))

    @property
    def is_success(self) -> bool:
        """Whether it is a signed success, with no reason why it should be none."""
        return self.verified and self.code == _SUCCESS and not self.sub_code

    @property
    def is_failure(self) -> bool:
        """Whether it is a signed, definite business failure (`sub_code` says which)."""
        return self.verified and self.code == _BUSINESS_FAILURE and not self.is_unknown

    @property
    def is_not_let_in(self) -> bool:
        """Whether the request was turned away before anything was done; signed or not."""
        is_reason = self.sub_code.startswith(_REASONS) and not self.is_unknown
        return self.code in _NOT_LET_IN and is_reason

    @property
    def is_not_found(self) -> bool:
        """Whether Alipay says, signed, that it knows no such trade."""
        return self.is_failure and self.sub_code == _NO_SUCH_TRADE

    @property
    def is_unknown(self) -> bool:
        """Whether Alipay itself does not know (20000, SYSTEM_ERROR, isp.unknow-error)."""
        words = self.sub_code
        return self.code == "20000" or "SYSTEM_ERROR" in words or "unknow" in words

    def answer(self, outcome: Outcome) -> Answer:
        """Return `outcome` with Alipay's own words about it."""
        # An error may quote the auth code it complains about.
        message = scrub_text(text_of(self.node, "sub_msg", "msg"))[:200]
        if not self.verified:
            message += " (unsigned)"
        return Answer(outcome, code=(self.sub_code or self.code)[:64], message=message)


def parse_reply(
    account: AlipayAccount, keys: AlipayKeys, method: str, reply: HttpReply, order_no: str
) -> Reply:
    """Read the answer to a call of `method` about `order_no`.

    Raises:
        UnreadableAnswerError: not a 200, not Alipay's form, a wrong signature, about another order
            or merchant.
    """
    if reply.status != 200:
        raise UnreadableAnswerError(f"Alipay answered HTTP {reply.status}")
    try:
        parts, codec = _cut_bytes(reply)
        name = f"{method.replace('.', '_')}_response"
        raw = parts.get(name) or parts.get("error_response") or ""
        node = decode_foreign_object(raw, "Alipay's answer")
        sign, serial = (json.loads(parts.get(key, '""')) for key in ("sign", "alipay_cert_sn"))
    except (ValueError, RecursionError, InvalidValueError) as error:
        raise UnreadableAnswerError("Alipay's answer is not in its usual form") from error
    found = Reply(node, _is_signed(keys, raw.encode(codec), sign, serial))
    _check_subject(account, found, order_no)
    return found


def _check_subject(account: AlipayAccount, found: Reply, order_no: str) -> None:
    """Refuse what speaks of another order or another merchant, where it names one.

    What names no order the readers judge, each by what its document says must be there.

    Raises:
        UnreadableAnswerError: it does.
    """
    if text_of(found.node, "out_trade_no") not in ("", order_no):
        raise UnreadableAnswerError("Alipay's answer is about another order")
    for field, ours in (("app_id", account.app_id), ("seller_id", account.seller_id)):
        if text_of(found.node, field) not in ("", ours):
            raise UnreadableAnswerError("Alipay's answer is about another merchant")


def _cut_bytes(reply: HttpReply) -> tuple[dict[str, str], str]:
    """Return the members of the answer, and the codec that turns them into its very bytes again.

    Raises:
        ValueError: it is in no charset that we know, or no JSON object.
    """
    codec = codec_of(reply.body, charset_of(reply.headers.get("content-type", "")))
    return cut(reply.body.decode(codec)), codec


def cut(text: str) -> dict[str, str]:
    """Return the members of a JSON object, each value as the very characters it is written with.

    Raises:
        ValueError: it is no JSON object, or a member occurs twice.
    """
    decoder = json.JSONDecoder()
    parts: dict[str, str] = {}
    position = _after(text, 0, "{")
    while True:
        key, position = decoder.raw_decode(text, _skip_blanks(text, position))
        start = _skip_blanks(text, _after(text, position, ":"))
        _, position = decoder.raw_decode(text, start)
        if not isinstance(key, str) or key in parts:
            raise ValueError("a member without name, or one that occurs twice")
        parts[key] = text[start:position]
        position = _skip_blanks(text, position)
        if text[position : position + 1] != ",":
            break
        position += 1
    if text[_after(text, position, "}") :].strip():
        raise ValueError("something follows the object")
    return parts


def _skip_blanks(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\r", "\n"):
        position += 1
    return position


def _after(text: str, position: int, mark: str) -> int:
    position = _skip_blanks(text, position)
    if text[position : position + 1] != mark:
        raise ValueError(f"{mark} expected")
    return position + 1


def _is_signed(keys: AlipayKeys, raw: bytes, sign: object, serial: object) -> bool:
    """Whether the node is signed; a signature that is there must be right."""
    if not sign:
        return False
    if keys.alipay_cert_sn and serial and serial != keys.alipay_cert_sn:
        raise UnreadableAnswerError(
            "Alipay signs with another certificate than alipay_cert: download the new one"
        )
    if not isinstance(sign, str) or not keys.verify(raw, sign):
        raise UnreadableAnswerError("the signature of Alipay's answer is wrong")
    return True


def precreate_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.precreate: WAITING with the QR code, REFUSED or UNKNOWN."""
    code_url = text_of(reply.node, "qr_code")
    if reply.is_success and reply.names_order and code_url:
        return Answer(Outcome.WAITING, ReturnType.QRCODE, code_url)
    if reply.is_not_let_in or (reply.is_failure and reply.sub_code in _REFUSED | _DECLINED):
        return reply.answer(Outcome.REFUSED)
    return reply.answer(Outcome.UNKNOWN)


def scan_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.pay: PAID, WAITING, FAILED, REFUSED or UNKNOWN."""
    if not reply.verified:
        return reply.answer(Outcome.UNKNOWN)
    if reply.is_success:
        return _for_screen(paid_answer(reply.node), reply)
    if reply.code == _PAYER_BUSY:
        return _for_screen(reply.answer(Outcome.WAITING), reply)
    if reply.is_failure and reply.sub_code in _DECLINED:
        return reply.answer(Outcome.FAILED)
    if reply.is_not_let_in or (reply.is_failure and reply.sub_code in _REFUSED):
        return reply.answer(Outcome.REFUSED)
    return reply.answer(Outcome.UNKNOWN)


def query_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.query: WAITING, PAID, FAILED, NOT_FOUND or UNKNOWN.

    NOT_FOUND is normal for a QR code nobody has scanned yet: the trade begins with the scan. It
    stays NOT_FOUND when the code's time is over.
    """
    if reply.is_success and reply.names_order:
        return trade_answer(reply.node)
    return reply.answer(Outcome.NOT_FOUND if reply.is_not_found else Outcome.UNKNOWN)


def close_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.close: CLOSED, NOT_FOUND, UNKNOWN, or REFUSED.

    REFUSED: Alipay will not close it, which may be because it is paid; or it says "done" and not
    of what, which its document allows. A query tells.
    """
    if reply.is_success:
        return Answer(Outcome.CLOSED) if reply.names_order else reply.answer(Outcome.REFUSED)
    if reply.is_not_found:
        return reply.answer(Outcome.NOT_FOUND)
    return reply.answer(Outcome.REFUSED if reply.is_failure else Outcome.UNKNOWN)


def cancel_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.cancel: as `close_answer`, but the action is the answer.

    "close" and "refund" (it was paid, the money went back) are CLOSED, and kept as
    `zfb_cancel_action`. A success without an action means that there is no such trade: NOT_FOUND.
    A cancel that is to be repeated, or did something else, is UNKNOWN.
    """
    if not (reply.is_success and reply.names_order):
        return close_answer(reply)
    if text_of(reply.node, "retry_flag") != "N":
        return Answer(Outcome.UNKNOWN, message="Alipay wants the cancel to be repeated")
    action = text_of(reply.node, "action")
    if not action:
        return Answer(Outcome.NOT_FOUND, message="Alipay had nothing to cancel")
    if action not in ("close", "refund"):
        return Answer(Outcome.UNKNOWN, message="Alipay's cancel did something we don't know")
    return Answer(Outcome.CLOSED, extra={"zfb_cancel_action": action})


def _for_screen(answer: Answer, reply: Reply) -> Answer:
    shown: dict[str, Json] = {
        "code": reply.code,
        "trade_no": text_of(reply.node, "trade_no"),
        "total_amount": text_of(reply.node, "total_amount"),
    }
    return replace(answer, re_tp=ReturnType.JSON, re_obj=shown)
