"""Reads Alipay's answers: cuts and verifies the signed part, and says what it means. Pure.

An answer is `{"alipay_trade_xxx_response": {…}, "sign": "…"}` (or `error_response`). The signature
is over the very characters of the node, so the node is cut out of the text, verified, and only
then parsed. Answers carry no time and no nonce: one about another order is not taken for ours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from payment_cli.errors import InvalidValueError
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

#: Codes of a request that was not let in: nothing was done.
_NOT_LET_IN = frozenset({"20001", "40001", "40002", "40003", "40005", "40006"})

#: The number is in use at Alipay: only a query can say what became of that order.
_ORDER_EXISTS = frozenset(
    {
        "ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE", "ACQ.TRADE_HAS_FINISHED",
        "ACQ.TRADE_STATUS_ERROR", "ACQ.CONTEXT_INCONSISTENT",
    }
)  # fmt: skip

_NO_SUCH_TRADE = "ACQ.TRADE_NOT_EXIST"

#: Answers to alipay.trade.pay by which the payer, or his bank, or his phone, says no.
_DECLINED = frozenset(
    {
        "ACQ.PAYMENT_AUTH_CODE_INVALID", "ACQ.BUYER_BALANCE_NOT_ENOUGH",
        "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", "ACQ.ERROR_BALANCE_PAYMENT_DISABLE",
        "ACQ.BUYER_SELLER_EQUAL", "ACQ.TRADE_BUYER_NOT_MATCH", "ACQ.BUYER_ENABLE_STATUS_FORBID",
        "ACQ.PULL_MOBILE_CASHIER_FAIL", "ACQ.MOBILE_PAYMENT_SWITCH_OFF", "ACQ.PAYMENT_FAIL",
        "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", "ACQ.BEYOND_PAY_RESTRICTION",
        "ACQ.BEYOND_PER_RECEIPT_RESTRICTION", "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR",
        "ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT", "ACQ.PAYMENT_REQUEST_HAS_RISK",
        "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "ACQ.USER_FACE_PAYMENT_SWITCH_OFF",
        "ACQ.PRODUCT_AMOUNT_LIMIT_ERROR", "ACQ.AGREEMENT_NOT_EXIST",
    }
)  # fmt: skip

#: Answers to alipay.trade.pay by which Alipay refuses the request itself.
_REFUSED = frozenset(
    {
        "ACQ.INVALID_PARAMETER", "ACQ.ACCESS_FORBIDDEN", "ACQ.EXIST_FORBIDDEN_WORD",
        "ACQ.PARTNER_ERROR", "ACQ.TOTAL_FEE_EXCEED", "ACQ.SELLER_BEEN_BLOCKED",
        "ACQ.INVALID_STORE_ID", "ACQ.SUB_MERCHANT_CREATE_FAIL", "ACQ.SUB_MERCHANT_TYPE_INVALID",
    }
)  # fmt: skip


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
    def is_success(self) -> bool:
        """Whether it is a signed success."""
        return self.verified and self.code == _SUCCESS

    @property
    def is_failure(self) -> bool:
        """Whether it is a signed, definite business failure (`sub_code` says which)."""
        return self.verified and self.code == _BUSINESS_FAILURE and not self.is_unknown

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


def parse_reply(method: str, reply: HttpReply, keys: AlipayKeys, order_no: str) -> Reply:
    """Read the answer to a call of `method` about `order_no`.

    Raises:
        UnreadableAnswerError: not a 200, not Alipay's form, a wrong signature, another order.
    """
    if reply.status != 200:
        raise UnreadableAnswerError(f"Alipay answered HTTP {reply.status}")
    try:
        parts = cut(reply.body.decode("utf-8"))
        name = f"{method.replace('.', '_')}_response"
        raw = parts.get(name) or parts.get("error_response") or ""
        node = decode_foreign_object(raw, "Alipay's answer")
        sign, serial = (json.loads(parts.get(key, '""')) for key in ("sign", "alipay_cert_sn"))
    except (ValueError, RecursionError, InvalidValueError) as error:
        raise UnreadableAnswerError("Alipay's answer is not in its usual form") from error
    found = Reply(node, _is_signed(keys, raw, sign, serial))
    named = text_of(node, "out_trade_no")
    if named != order_no and (named or found.is_success):
        raise UnreadableAnswerError("Alipay's answer is about another order")
    return found


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


def _is_signed(keys: AlipayKeys, raw: str, sign: object, serial: object) -> bool:
    """Whether the node is signed; a signature that is there must be right."""
    if not sign:
        return False
    if keys.alipay_cert_sn and serial and serial != keys.alipay_cert_sn:
        raise UnreadableAnswerError(
            "Alipay signs with another certificate than alipay_cert: download the new one"
        )
    if not isinstance(sign, str) or not keys.verify(raw.encode(), sign):
        raise UnreadableAnswerError("the signature of Alipay's answer is wrong")
    return True


def precreate_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.precreate: WAITING with the QR code, REFUSED or UNKNOWN."""
    code_url = text_of(reply.node, "qr_code")
    if reply.is_success and code_url:
        return Answer(Outcome.WAITING, ReturnType.QRCODE, code_url)
    if reply.is_unknown or reply.sub_code in _ORDER_EXISTS:
        return reply.answer(Outcome.UNKNOWN)
    if reply.code in _NOT_LET_IN or reply.code == _BUSINESS_FAILURE:
        return reply.answer(Outcome.REFUSED)
    return reply.answer(Outcome.UNKNOWN)


def scan_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.pay: PAID, WAITING, FAILED, REFUSED or UNKNOWN."""
    if not reply.verified or reply.is_unknown:
        return reply.answer(Outcome.UNKNOWN)
    if reply.code == _SUCCESS:
        return _for_screen(paid_answer(reply.node), reply)
    if reply.code == _PAYER_BUSY:
        return _for_screen(reply.answer(Outcome.WAITING), reply)
    if reply.sub_code in _DECLINED:
        return reply.answer(Outcome.FAILED)
    if reply.code in _NOT_LET_IN or reply.sub_code in _REFUSED:
        return reply.answer(Outcome.REFUSED)
    return reply.answer(Outcome.UNKNOWN)


def query_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.query: WAITING, PAID, FAILED, NOT_FOUND or UNKNOWN.

    NOT_FOUND is normal for a QR code nobody has scanned yet: the trade begins with the scan.
    """
    if reply.is_success:
        return trade_answer(reply.node)
    return reply.answer(Outcome.NOT_FOUND if reply.is_not_found else Outcome.UNKNOWN)


def close_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.close: CLOSED, NOT_FOUND, UNKNOWN, or REFUSED.

    REFUSED: Alipay will not close it, which may be because it is paid; a query tells.
    """
    if reply.is_success:
        return Answer(Outcome.CLOSED)
    if reply.is_not_found:
        return reply.answer(Outcome.NOT_FOUND)
    return reply.answer(Outcome.REFUSED if reply.is_failure else Outcome.UNKNOWN)


def cancel_answer(reply: Reply) -> Answer:
    """Read the answer to alipay.trade.cancel: as `close_answer`, and UNKNOWN while it says "again".

    `zfb_cancel_action` on a CLOSED answer is close or refund (it was paid, the money went back);
    without it there was no such trade, which Alipay calls a success too.
    """
    if not reply.is_success:
        return close_answer(reply)
    if text_of(reply.node, "retry_flag") != "N":
        return Answer(Outcome.UNKNOWN, message="Alipay wants the cancel to be repeated")
    action = text_of(reply.node, "action")
    return Answer(Outcome.CLOSED, extra={"zfb_cancel_action": action} if action else {})


def _for_screen(answer: Answer, reply: Reply) -> Answer:
    shown: dict[str, Json] = {
        "code": reply.code,
        "trade_no": text_of(reply.node, "trade_no"),
        "total_amount": text_of(reply.node, "total_amount"),
    }
    return replace(answer, re_tp=ReturnType.JSON, re_obj=shown)
