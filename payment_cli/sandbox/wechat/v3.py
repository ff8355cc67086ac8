"""WeChat Pay APIv3: orders, scans, queries, closing, reversing, platform certificates."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from payment_cli.sandbox import keys, payer
from payment_cli.sandbox.accounts import CERTIFICATE_MODE, WechatAccount
from payment_cli.sandbox.exchange import Json, RefusalError, Reply, Request, json_reply
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.misbehaviour import distorted
from payment_cli.sandbox.payer import CodeOutcome
from payment_cli.sandbox.wechat import h5
from payment_cli.sandbox.wechat.kinds import KINDS
from payment_cli.sandbox.wechat.signing import (
    authenticate,
    request_id,
    signed_headers,
)
from payment_cli.sandbox.wechat.v3_body import (
    checked_body,
    read_time_expire,
    same_parameters,
    wrong,
)
from payment_cli.sandbox.wechat.words import spoilt, transaction
from payment_cli.sandbox.world import Call, World, beijing

#: A code_url and a prepay_id live two hours, whatever time_expire says.
CODE_LIFE_S = 2 * 3600
#: An unpaid order closes by itself after seven days.
ORDER_LIFE_S = 7 * 24 * 3600
REVERSE_AFTER_S = 15


def identify(request: Request) -> tuple[str, str]:
    """Return which operation a request wants and of which order, as far as that can be seen."""
    for _, pattern, operation, _ in ROUTES:
        match = re.fullmatch(pattern, request.path)
        if match:
            number = unquote(match[1]) if match.groups() and "/id/" not in pattern else ""
            return operation, number or str(request.json_or_empty().get("out_trade_no", ""))
    return "unknown", ""


def answer(call: Call) -> Reply:
    """Answer a request as WeChat Pay does; refusals of known merchants are signed too."""
    account = None
    try:
        handler, argument = _route(call.request)
        account = authenticate(call)
        _refuse_if_asked(call)
        status, document = handler(call, account, argument)
        outcome, number = "OK", 0
    except RefusalError as refusal:
        status, outcome = refusal.status, refusal.code
        number = int(refusal.extra.get("number", 0))
        document = {"code": refusal.code, "message": refusal.message}
        if refusal.extra.get("detail"):
            document["detail"] = refusal.extra["detail"]
    reply = json_reply(status, document)
    if document is None:
        reply = Reply(status, "application/json; charset=utf-8", b"")
    reply.outcome = outcome
    reply.headers["Request-ID"] = request_id(number)
    if account and _is_signed(call, status):
        asked = call.request.headers.get("wechatpay-serial", "")
        world = call.world
        reply.headers |= signed_headers(
            world.platform, account, reply.body, world.now(), call.signature_flaw, asked
        )
    return reply


def _refuse_if_asked(call: Call) -> None:
    kind = KINDS.get(call.flaw)
    if kind and kind.refusal:
        said = kind.refusal
        raise RefusalError(said.status, said.code, said.message, number=said.number)


def _is_signed(call: Call, status: int) -> bool:
    """Tell whether an answer to a known merchant is signed; trouble of the server is not."""
    if call.flaw == "wx-unsigned-errors":
        return status < 400
    return status < 500 or call.flaw in KINDS


def check_reversible(world: World, order: Order) -> None:
    """Raise unless this order may be reversed now (v3 and v2 alike)."""
    if not order.is_scan:
        raise RefusalError(400, "INVALID_REQUEST", "只有付款码支付的订单可以撤销")
    if world.now() - order.created_at < world.scaled_ms(REVERSE_AFTER_S):
        raise RefusalError(
            400, "INVALID_REQUEST", f"支付后至少{REVERSE_AFTER_S}秒才可以撤销", is_early=True
        )


def _place(call: Call, account: WechatAccount, tool: str) -> tuple[int, Json]:
    body = checked_body(call, account, tool)
    world = call.world
    with world.ledger.changed:
        number = body["out_trade_no"]
        order = world.ledger.order("wechat", account.mchid, number, world.now())
        if order is None:
            order = _new_order(world, account, tool, body)
        else:
            _check_reentry(order, tool, same_parameters(body))
        placed = PLACED[tool]
        order.issue_code(placed.make(call))
        order.code_expires_at = world.now() + placed.life_s * 1000
        world.ledger.save_order(order)
    return 200, {placed.field: order.code}


def _codepay(call: Call, account: WechatAccount, tool: str) -> tuple[int, Json]:
    body = checked_body(call, account, tool)
    if not set(body["scene_info"]["store_info"]) & {"id", "out_id"}:
        raise wrong("/scene_info/store_info", "needs id or out_id")
    outcome = payer.outcome_of(body["payer"]["auth_code"])
    world = call.world
    with world.ledger.changed:
        if world.ledger.order("wechat", account.mchid, body["out_trade_no"], world.now()):
            raise RefusalError(403, "OUT_TRADE_NO_USED", "商户订单号重复")
        if outcome is CodeOutcome.INVALID:
            raise RefusalError(400, "AUTH_CODE_INVALID", "付款码无效，请扫描微信支付的付款码")
        order = _new_order(world, account, tool, body)
        payer.present_code(world, order, outcome)
    if outcome is CodeOutcome.DECLINED:
        raise RefusalError(403, "NOT_ENOUGH", "用户账号余额不足")
    if outcome in (CodeOutcome.ERROR_PAID, CodeOutcome.ERROR_UNPAID):
        raise RefusalError(500, "SYSTEM_ERROR", "系统异常，请用相同参数查询")
    told = transaction(distorted(order, call.flaw, world.ledger), call.flaw)
    if outcome in PAYING:
        return _paying(told, call.flaw or PAYING[outcome])
    return 200, told


#: How somebody who hesitates is told, unless another form is asked for (kinds.py).
PAYING = {
    CodeOutcome.HESITATES: "wx-paying-object",
    CodeOutcome.HESITATES_BY_ERROR: "wx-paying-code",
}


def _paying(told: Json, form: str) -> tuple[int, Json]:
    """Return the answer about a payer who types the password: by the documents a 202."""
    words = "需要用户输入支付密码"
    if form == "wx-paying-400":
        raise RefusalError(400, "USERPAYING", words)
    if form == "wx-paying-code":
        return 202, {"code": "USER_PAYING", "message": words}
    if form == "wx-paying-bare":
        return 202, {"trade_state": told["trade_state"]}
    return 200 if form == "wx-paying-200" else 202, told


def _query(call: Call, account: WechatAccount, number: str) -> tuple[int, Json]:
    _check_query_mchid(call, account)
    world = call.world
    with world.ledger.changed:
        order = _known(world.ledger.order("wechat", account.mchid, number, world.now()))
        return 200, transaction(distorted(order, call.flaw, world.ledger), call.flaw)


def _query_by_id(call: Call, account: WechatAccount, transaction_id: str) -> tuple[int, Json]:
    _check_query_mchid(call, account)
    world = call.world
    with world.ledger.changed:
        order = world.ledger.order_by_trade_no("wechat", account.mchid, transaction_id)
        return 200, transaction(distorted(_known(order), call.flaw, world.ledger), call.flaw)


def _close(call: Call, account: WechatAccount, number: str) -> tuple[int, None]:
    checked_body(call, account, "close")
    world = call.world
    with world.ledger.changed:
        order = _known(world.ledger.order("wechat", account.mchid, number, world.now()))
        if order.is_scan:
            raise RefusalError(
                400, "INVALID_REQUEST", "当前交易不允许进行普通关单（只能撤销）", number=268449641
            )
        _check_open(order)
        order.state = OrderState.CLOSED
        world.ledger.save_order(order)
    return 204, None


def _reverse(call: Call, account: WechatAccount, number: str) -> tuple[int, Json]:
    checked_body(call, account, "reverse")
    world = call.world
    with world.ledger.changed:
        order = _known(world.ledger.order("wechat", account.mchid, number, world.now()))
        check_reversible(world, order)
        payer.take_back(world, order)
        told = distorted(order, call.flaw, world.ledger)
    said = {"appid": told.appid, "mchid": told.mch_shown, "out_trade_no": number}
    return 200, spoilt(said, call.flaw)


def _certificates(call: Call, account: WechatAccount, _: str) -> tuple[int, Json]:
    if account.mode != CERTIFICATE_MODE:
        raise RefusalError(
            404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"
        )
    data = []
    for certificate in call.world.platform.wechat_certificates:
        start, end = keys.validity_of(certificate.pem)
        data.append(
            {
                "serial_no": certificate.serial,
                "effective_time": start.isoformat(),
                "expire_time": end.isoformat(),
                "encrypt_certificate": keys.seal(
                    account.api_v3_key, certificate.pem.encode(), "certificate"
                ),
            }
        )
    return 200, {"data": data}


@dataclass(frozen=True, slots=True)
class Placed:
    """What placing an order answers: the field, how long its code can be used, how it is made."""

    field: str
    life_s: int
    make: Callable[[Call], str]


def _code_url(_: Call) -> str:
    return f"weixin://wxpay/bizpayurl?pr={secrets.token_urlsafe(8)}"


def _prepay_id(call: Call) -> str:
    return f"wx{beijing(call.world.now()):%d%H%M%S}{secrets.token_urlsafe(8)}"


PLACED = {
    "native": Placed("code_url", CODE_LIFE_S, _code_url),
    "jsapi": Placed("prepay_id", CODE_LIFE_S, _prepay_id),
    "h5": Placed("h5_url", h5.LINK_LIFE_S, lambda call: h5.link(call, _prepay_id(call))),
}

Handler = Callable[[Call, WechatAccount, str], tuple[int, Json | None]]
ORDERS = "/v3/pay/transactions"
ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    *(("POST", f"{ORDERS}/{tool}", tool, _place) for tool in PLACED),
    ("POST", f"{ORDERS}/codepay", "codepay", _codepay),
    ("GET", f"{ORDERS}/out-trade-no/([^/]+)", "query", _query),
    ("GET", f"{ORDERS}/id/([^/]+)", "query", _query_by_id),
    ("POST", f"{ORDERS}/out-trade-no/([^/]+)/close", "close", _close),
    ("POST", f"{ORDERS}/out-trade-no/([^/]+)/reverse", "reverse", _reverse),
    ("GET", "/v3/certificates", "certificates", _certificates),
)


def _route(request: Request) -> tuple[Handler, str]:
    for method, pattern, operation, handler in ROUTES:
        match = re.fullmatch(pattern, request.path)
        if match and method == request.method:
            return handler, unquote(match[1]) if match.groups() else operation
    raise RefusalError(404, "RESOURCE_NOT_EXISTS", "无法将您输入的网络地址映射为有效的资源")


def _new_order(world: World, account: WechatAccount, tool: str, body: Json) -> Order:
    now = world.now()
    expires_at = now + ORDER_LIFE_S * 1000
    if "time_expire" in body:
        expires_at = read_time_expire(body["time_expire"], now)
    return Order(
        provider="wechat",
        merchant=account.mchid,
        out_trade_no=body["out_trade_no"],
        tool=tool,
        amount=body["amount"]["total"],
        created_at=now,
        expires_at=expires_at,
        appid=account.appid,
        mch_shown=account.mchid,
        subject=body["description"],
        attach=body.get("attach", ""),
        parameters=same_parameters(body),
        notify_url=body.get("notify_url", ""),
        payer=body.get("payer", {}).get("openid", ""),
    )


def _check_reentry(order: Order, tool: str, parameters: str) -> None:
    _check_open(order)
    if order.tool != tool or order.parameters != parameters:
        raise RefusalError(
            400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致", number=268498688
        )


def _check_open(order: Order) -> None:
    if order.state in (OrderState.PAID, OrderState.FINISHED):
        raise RefusalError(400, "ORDERPAID", "该订单已支付", number=268449538)
    if order.state is not OrderState.WAITING:
        raise _closed_error()


def _check_query_mchid(call: Call, account: WechatAccount) -> None:
    mchid = call.request.query.get("mchid")
    if mchid is None:
        raise wrong("/query/mchid", "is required")
    if mchid != account.mchid:
        raise RefusalError(400, "INVALID_REQUEST", "商户号和订单不匹配", number=268447843)


def _known(order: Order | None) -> Order:
    if order is None:
        raise RefusalError(404, "ORDER_NOT_EXIST", "订单不存在", number=268512771)
    return order


def _closed_error() -> RefusalError:
    return RefusalError(400, "ORDER_CLOSED", "订单已关闭", number=268447914)
