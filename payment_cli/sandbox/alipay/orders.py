"""Alipay's OpenAPI 2.0, all of it behind gateway.do: precreate, pay, query, cancel, close.

What a browser brings there, which is answered with a page, is in `page`.
"""

import json
import re
import secrets
from collections.abc import Callable

from payment_cli.sandbox import payer
from payment_cli.sandbox.accounts import AlipayAccount
from payment_cli.sandbox.alipay import page
from payment_cli.sandbox.alipay.kinds import KINDS
from payment_cli.sandbox.alipay.signing import (
    MESSAGES,
    authenticate,
    charset_of,
    read_parameters,
    signed_answer,
    wrong,
)
from payment_cli.sandbox.alipay.trade import ORDER, SPAN, after, business, checked_content, place
from payment_cli.sandbox.alipay.words import pay_fields, query_fields
from payment_cli.sandbox.exchange import Json, RefusalError, Reply, Request
from payment_cli.sandbox.fields import Group, Spec, Text
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.misbehaviour import FOREIGN_MCHID, Refusal, distorted
from payment_cli.sandbox.payer import CodeOutcome
from payment_cli.sandbox.world import Call

#: 25 to 30, then digits, 16 to 24 in all.
AUTH_CODE = r"(2[5-9]|30)[0-9]{14,22}"
EITHER_NUMBER: dict[str, Spec] = {
    "out_trade_no": Text(64, "[0-9A-Za-z_]+", required=False),
    "trade_no": Text(64, "[0-9]+", required=False),
}
CONTENTS = {
    "precreate": Group(
        ORDER | {"qr_code_timeout_express": Text(6, SPAN, required=False)}, is_open=True
    ),
    "pay": Group(
        ORDER | {"scene": Text(32, "bar_code"), "auth_code": Text(28, AUTH_CODE)}, is_open=True
    ),
    "query": Group(EITHER_NUMBER, is_open=True),
    "cancel": Group(EITHER_NUMBER, is_open=True),
    "close": Group(EITHER_NUMBER, is_open=True),
}
#: A QR code lives two hours, unless the merchant says less.
CODE_LIFE_S = 2 * 3600
#: What the documents promise in every answer; anything else may be missing.
REQUIRED = frozenset(
    {
        "code", "msg", "sub_code", "sub_msg", "out_trade_no", "trade_no", "total_amount",
        "trade_status", "qr_code", "retry_flag", "action",
    }
)  # fmt: skip


def identify(request: Request) -> tuple[str, str]:
    """Return which operation a request wants and of which order, as far as that can be seen."""
    try:
        parameters = read_parameters(request)
        content = json.loads(parameters.get("biz_content", ""))
        number = str(content.get("out_trade_no", ""))
    except (RefusalError, ValueError, AttributeError):
        return "unknown", ""
    method = parameters.get("method", "")
    return "open" if method in page.METHODS else method.rpartition(".")[2], number


def answer(call: Call) -> Reply:
    """Answer a request as Alipay does: always HTTP 200, codes inside, text/html."""
    account: AlipayAccount | None = None
    method = "error"
    try:
        parameters = read_parameters(call.request)
        method = parameters.get("method", "") or method
        if method in page.METHODS:
            return page.answer(call, parameters)
        account = authenticate(call, parameters)
        node = {"code": "10000", "msg": "Success", **_act(call, account, parameters)}
        node = _spoilt(node, call.flaw)
        outcome = node["code"]
    except RefusalError as refusal:
        account = refusal.extra.get("account", account)
        node = _refused(refusal)
        outcome = node.get("sub_code", node["code"])
    node_name = f"{re.sub('[^a-z_]', '', method.replace('.', '_'))}_response"
    charset, codec = charset_of(call.flaw)
    body = signed_answer(call.world.platform, account, node_name, node, call.signature_flaw, codec)
    return Reply(200, f"text/html; charset={charset}", body, outcome=outcome)


def _act(call: Call, account: AlipayAccount, parameters: dict[str, str]) -> Json:
    kind = KINDS.get(call.flaw)
    if kind and kind.refusal:
        raise _as_asked_for(kind.refusal)
    operation = parameters["method"].removeprefix("alipay.trade.")
    if operation not in HANDLERS or operation == parameters["method"]:
        raise wrong("isv.invalid-method", "不存在的方法名")
    content = checked_content(parameters, account, CONTENTS[operation])
    with call.world.ledger.changed:
        return HANDLERS[operation](call, account, content, parameters.get("notify_url", ""))


def _precreate(call: Call, account: AlipayAccount, content: Json, notify_url: str) -> Json:
    order = place(call, account, "precreate", content, notify_url)
    order.issue_code(f"https://qr.alipay.com/bax{secrets.token_hex(10)}")
    now = call.world.now()
    span = content.get("qr_code_timeout_express", "")
    order.code_expires_at = after(now, span) if span else now + CODE_LIFE_S * 1000
    call.world.ledger.save_order(order)
    return {"out_trade_no": order.out_trade_no, "qr_code": order.code}


def _pay(call: Call, account: AlipayAccount, content: Json, notify_url: str) -> Json:
    outcome = payer.outcome_of(content["auth_code"])
    if outcome is CodeOutcome.INVALID:
        raise business("PAYMENT_AUTH_CODE_INVALID", "支付失败，获取顾客账户信息失败")
    order = place(call, account, "pay", content, notify_url)
    payer.present_code(call.world, order, outcome)
    if outcome is CodeOutcome.DECLINED:
        raise business("BUYER_BALANCE_NOT_ENOUGH", "买家余额不足")
    if outcome is CodeOutcome.ERROR_PAID:
        raise business("SYSTEM_ERROR", "接口返回错误")
    if outcome is CodeOutcome.ERROR_UNPAID:
        raise RefusalError(200, "20000", "服务暂不可用", sub_code="isp.unknow-error")
    shown = pay_fields(distorted(order, call.flaw, call.world.ledger))
    if order.state is OrderState.PAYING:
        return {"code": "10003", "msg": " order success pay inprocess", **shown}
    return shown


def _query(call: Call, account: AlipayAccount, content: Json, _: str) -> Json:
    order = _find(call, account, content)
    if order is None or not order.is_scanned:
        raise business("TRADE_NOT_EXIST", "交易不存在")
    if call.flaw == "zfb-refunded" and order.state is OrderState.PAID:
        payer.take_back(call.world, order)
    return query_fields(distorted(order, call.flaw, call.world.ledger))


def _cancel(call: Call, account: AlipayAccount, content: Json, _: str) -> Json:
    """Close or refund. A trade that does not exist is a success without an action."""
    order = _find(call, account, content)
    answer = {"out_trade_no": content.get("out_trade_no", ""), "retry_flag": "N"}
    if call.flaw == "zfb-cancel-again":
        return {**answer, "retry_flag": "Y"}
    if order is None:
        return answer
    if order.state is OrderState.FINISHED:
        raise business("TRADE_HAS_FINISHED", "交易已完结")
    was_open = order.state is not OrderState.REVOKED
    was_paid = payer.take_back(call.world, order)
    if order.is_scanned and was_open:
        answer |= {"trade_no": order.trade_no, "action": "refund" if was_paid else "close"}
    return answer | {"out_trade_no": order.out_trade_no}


def _close(call: Call, account: AlipayAccount, content: Json, _: str) -> Json:
    order = _find(call, account, content)
    if order is None or not order.is_scanned:
        raise business("TRADE_NOT_EXIST", "交易不存在")
    if order.state not in (OrderState.WAITING, OrderState.PAYING):
        raise business("REASON_TRADE_STATUS_INVALID", "交易状态异常")
    order.state = OrderState.CLOSED
    call.world.ledger.save_order(order)
    return {"trade_no": order.trade_no, "out_trade_no": order.out_trade_no}


HANDLERS: dict[str, Callable[[Call, AlipayAccount, Json, str], Json]] = {
    "precreate": _precreate,
    "pay": _pay,
    "query": _query,
    "cancel": _cancel,
    "close": _close,
}


def _find(call: Call, account: AlipayAccount, content: Json) -> Order | None:
    ledger = call.world.ledger
    if content.get("trade_no"):
        return ledger.order_by_trade_no("alipay", account.app_id, content["trade_no"])
    if not content.get("out_trade_no"):
        raise business("INVALID_PARAMETER", "out_trade_no和trade_no不能同时为空")
    return ledger.order("alipay", account.app_id, content["out_trade_no"], call.world.now())


def _refused(refusal: RefusalError) -> Json:
    node = {"code": refusal.code, "msg": MESSAGES[refusal.code]}
    sub_code = refusal.extra["sub_code"]
    return {**node, "sub_code": sub_code, "sub_msg": refusal.message} if sub_code else node


def _as_asked_for(refusal: Refusal) -> RefusalError:
    """Return the refusal of a misbehaviour; the prefix of its word tells the code beside it."""
    codes = {"ACQ": "40004", "isv": "40006", "isp": "20000"}
    code = codes.get(refusal.code.partition(".")[0])
    if code is None:
        return RefusalError(refusal.status, refusal.code, refusal.message, sub_code="")
    return RefusalError(refusal.status, code, refusal.message, sub_code=refusal.code)


def _spoilt(node: Json, flaw: str) -> Json:
    """Return the answer to what was done as a message with this flaw has it."""
    if flaw == "foreign-merchant":
        return {**node, "seller_id": FOREIGN_MCHID}
    if flaw == "zfb-10000-and-reason":
        return {**node, "sub_code": "ACQ.SYSTEM_ERROR", "sub_msg": "接口返回错误"}
    kept = {
        "zfb-bare-10000": frozenset({"code", "msg"}),
        "zfb-no-action": frozenset(node) - {"action", "trade_no"},
        "zfb-required-only": REQUIRED,
    }.get(flaw, frozenset(node))
    return {name: value for name, value in node.items() if name in kept}
