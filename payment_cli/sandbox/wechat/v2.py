"""WeChat Pay v2: payment codes by XML and a shared key.

`/secapi` asks for the merchant's certificate by mutual TLS; over plain HTTP on this machine that
can't be seen, everything else is checked.
"""

from collections.abc import Callable

from payment_cli.sandbox import payer
from payment_cli.sandbox.accounts import WechatAccount
from payment_cli.sandbox.exchange import RefusalError, Reply, Request, last_segment
from payment_cli.sandbox.fields import FieldError, Group, Spec, Text
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.misbehaviour import FOREIGN_APP_ID, FOREIGN_MCHID, distorted
from payment_cli.sandbox.payer import CodeOutcome
from payment_cli.sandbox.wechat.kinds import KINDS
from payment_cli.sandbox.wechat.v3 import ORDER_LIFE_S, check_reversible
from payment_cli.sandbox.wechat.v3_body import AUTH_CODE, DESCRIPTION
from payment_cli.sandbox.wechat.words import spoilt, v2_fields
from payment_cli.sandbox.wechat.xml import (
    SIGN_TYPES,
    XmlError,
    parse_xml,
    signature_of,
    signed_xml,
    write_xml,
)
from payment_cli.sandbox.world import Call

Fields = dict[str, str]

ALWAYS: dict[str, Spec] = {
    "appid": Text(32),
    "mch_id": Text(32),
    "nonce_str": Text(32),
    "sign": Text(64),
    "sign_type": Text(32, "|".join(SIGN_TYPES), required=False),
}
EITHER_NUMBER: dict[str, Spec] = {
    "out_trade_no": Text(32, required=False),
    "transaction_id": Text(32, required=False),
}
FORMS = {
    "micropay": Group(
        ALWAYS
        | {
            "body": DESCRIPTION,
            "out_trade_no": Text(32, r"[0-9A-Za-z_\-|*@]{1,32}"),
            "total_fee": Text(10, "[1-9][0-9]{0,8}|1000000000"),
            "fee_type": Text(16, "CNY", required=False),
            "spbill_create_ip": Text(64, r"[0-9a-fA-F.:]{3,64}"),
            "auth_code": Text(128, AUTH_CODE),
            "attach": Text(127, required=False),
        },
        is_open=True,
    ),
    "orderquery": Group(ALWAYS | EITHER_NUMBER, is_open=True),
    "reverse": Group(ALWAYS | EITHER_NUMBER, is_open=True),
    "closeorder": Group(ALWAYS | {"out_trade_no": Text(32)}, is_open=True),
}
#: Path -> the name of its form and of the operation.
PATHS = {
    "/pay/micropay": "micropay",
    "/pay/orderquery": "orderquery",
    "/pay/closeorder": "closeorder",
    "/secapi/pay/reverse": "reverse",
}
OPERATIONS = {"micropay": "micropay", "orderquery": "query", "closeorder": "close"}
CONTENT_TYPE = "text/xml; charset=utf-8"


def identify(request: Request) -> tuple[str, str]:
    """Return which operation a request wants and of which order, as far as that can be seen."""
    name = last_segment(request.path)
    try:
        number = parse_xml(request.body).get("out_trade_no", "")
    except XmlError:
        number = ""
    return OPERATIONS.get(name, name), number


def answer(call: Call) -> Reply:
    """Answer a request as WeChat Pay v2 does: always HTTP 200, codes inside."""
    try:
        fields, account = _authenticate(call)
    except RefusalError as refusal:
        document = {"return_code": "FAIL", "return_msg": refusal.message}
        return Reply(200, CONTENT_TYPE, write_xml(document), outcome=refusal.code)
    try:
        _refuse_if_asked(call)
        document = HANDLERS[PATHS[call.request.path]](call, account, fields)
        outcome = "OK"
    except RefusalError as refusal:
        outcome = refusal.code
        document = {
            "result_code": "FAIL",
            "err_code": refusal.code,
            "err_code_des": refusal.message,
            **refusal.extra.get("fields", {}),
        }
    head = {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "appid": account.appid,
        "mch_id": account.mchid,
        "result_code": "SUCCESS",
    }
    if call.flaw == "foreign-merchant":
        head |= {"appid": FOREIGN_APP_ID, "mch_id": FOREIGN_MCHID}
    body = signed_xml(
        head | document, account.pay_key, fields.get("sign_type", "MD5"), call.signature_flaw
    )
    return Reply(200, CONTENT_TYPE, body, outcome=outcome)


def _refuse_if_asked(call: Call) -> None:
    kind = KINDS.get(call.flaw)
    if kind and kind.refusal:
        raise RefusalError(200, kind.refusal.code, kind.refusal.message)


def _authenticate(call: Call) -> tuple[Fields, WechatAccount]:
    if call.request.method != "POST":
        raise RefusalError(200, "REQUIRE_POST_METHOD", "请使用post方法")
    try:
        fields = parse_xml(call.request.body)
        # An empty value counts as absent, as it does in the signature.
        FORMS[PATHS[call.request.path]].check({k: v for k, v in fields.items() if v})
        account = call.world.accounts.wechat(fields["mch_id"])
    except XmlError as error:
        raise RefusalError(200, "XML_FORMAT_ERROR", f"XML格式错误: {error}") from None
    except FieldError as error:
        raise RefusalError(200, "PARAM_ERROR", f"{error.path[1:]} {error.message}") from None
    except KeyError:
        raise RefusalError(200, "MCHID_NOT_EXIST", "mch_id不存在") from None
    expected = signature_of(fields, account.pay_key, fields.get("sign_type", "MD5"))
    if fields["sign"] != expected:
        raise RefusalError(200, "SIGNERROR", "签名错误")
    if fields["appid"] != account.appid:
        raise RefusalError(200, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    return fields, account


def _micropay(call: Call, account: WechatAccount, fields: Fields) -> Fields:
    outcome = payer.outcome_of(fields["auth_code"])
    world = call.world
    with world.ledger.changed:
        known = world.ledger.order("wechat", account.mchid, fields["out_trade_no"], world.now())
        if known:
            is_paid = known.state is OrderState.PAID
            raise RefusalError(200, "ORDERPAID" if is_paid else "OUT_TRADE_NO_USED", "订单号重复")
        if outcome is CodeOutcome.INVALID:
            raise RefusalError(200, "AUTH_CODE_INVALID", "请扫描微信支付被扫条码/二维码")
        order = _new_order(world.now(), account, fields)
        payer.present_code(world, order, outcome)
    if outcome is not CodeOutcome.PAYS:
        raise RefusalError(200, *UNPAID[outcome])
    shown = v2_fields(distorted(order, call.flaw, world.ledger), call.flaw)
    return {k: v for k, v in shown.items() if not k.startswith("trade_state")}


UNPAID = {
    CodeOutcome.HESITATES: ("USERPAYING", "需要用户输入支付密码"),
    CodeOutcome.HESITATES_BY_ERROR: ("USERPAYING", "需要用户输入支付密码"),
    CodeOutcome.DECLINED: ("NOTENOUGH", "用户账号余额不足"),
    CodeOutcome.ERROR_PAID: ("SYSTEMERROR", "系统超时"),
    CodeOutcome.ERROR_UNPAID: ("BANKERROR", "银行系统异常"),
}


def _orderquery(call: Call, account: WechatAccount, fields: Fields) -> Fields:
    with call.world.ledger.changed:
        order = _find(call, account, fields)
        return v2_fields(distorted(order, call.flaw, call.world.ledger), call.flaw)


def _reverse(call: Call, account: WechatAccount, fields: Fields) -> Fields:
    with call.world.ledger.changed:
        order = _find(call, account, fields)
        try:
            check_reversible(call.world, order)
        except RefusalError as refusal:
            recall = "Y" if refusal.extra.get("is_early") else "N"
            raise RefusalError(
                200, refusal.code, refusal.message, fields={"recall": recall}
            ) from None
        payer.take_back(call.world, order)
    return spoilt({"recall": "Y" if call.flaw == "wx-v2-recall" else "N"}, call.flaw)


def _closeorder(call: Call, account: WechatAccount, fields: Fields) -> Fields:
    with call.world.ledger.changed:
        order = _find(call, account, fields)
        if order.is_scan:
            raise RefusalError(200, "INVALID_REQUEST", "当前交易不允许进行普通关单（只能撤销）")
        if order.state is OrderState.PAID:
            raise RefusalError(200, "ORDERPAID", "订单已支付")
        if order.state is not OrderState.WAITING:
            raise RefusalError(200, "ORDERCLOSED", "订单已关闭")
        order.state = OrderState.CLOSED
        call.world.ledger.save_order(order)
    return {"result_msg": "OK"}


HANDLERS: dict[str, Callable[[Call, WechatAccount, Fields], Fields]] = {
    "micropay": _micropay,
    "orderquery": _orderquery,
    "reverse": _reverse,
    "closeorder": _closeorder,
}


def _find(call: Call, account: WechatAccount, fields: Fields) -> Order:
    ledger = call.world.ledger
    trade_no, number = fields.get("transaction_id", ""), fields.get("out_trade_no", "")
    if trade_no:
        order = ledger.order_by_trade_no("wechat", account.mchid, trade_no)
    elif number:
        order = ledger.order("wechat", account.mchid, number, call.world.now())
    else:
        raise RefusalError(200, "LACK_PARAMS", "缺少out_trade_no")
    if order is None:
        raise RefusalError(200, "ORDERNOTEXIST", "此交易订单号不存在")
    return order


def _new_order(now: int, account: WechatAccount, fields: Fields) -> Order:
    return Order(
        provider="wechat",
        merchant=account.mchid,
        out_trade_no=fields["out_trade_no"],
        tool="micropay",
        amount=int(fields["total_fee"]),
        created_at=now,
        expires_at=now + ORDER_LIFE_S * 1000,
        appid=account.appid,
        mch_shown=account.mchid,
        subject=fields["body"],
        attach=fields.get("attach", ""),
    )
