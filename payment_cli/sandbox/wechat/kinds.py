"""What WeChat Pay may say beside what is usual: one row each."""

from payment_cli.sandbox.misbehaviour import ANSWER, ANYWHERE, NOTICES, TELLING, Kind, Refusal

_V3, _V2 = frozenset({"v3"}), frozenset({"v2"})
_BOTH = _V3 | _V2
_CODEPAY, _QUERY, _REVERSE = (frozenset({name}) for name in ("codepay", "query", "reverse"))

#: The errors of APIv3, each with the status that its documents give it.
_V3_WORDS = (
    (200, "SYSTEM_ERROR", "系统异常，请稍后重试"),
    (202, "USER_PAYING", "用户支付中，需要输入密码"),
    (400, "PARAM_ERROR", "参数错误"),
    (400, "INVALID_REQUEST", "无效请求"),
    (400, "APPID_MCHID_NOT_MATCH", "AppID和mch_id不匹配"),
    (400, "MCH_NOT_EXISTS", "商户号不存在"),
    (400, "ORDER_CLOSED", "订单已关闭"),
    (401, "SIGN_ERROR", "验证不通过"),
    (403, "ACCOUNT_ERROR", "账号异常"),
    (403, "NO_AUTH", "商户无权限"),
    (403, "NOT_ENOUGH", "余额不足"),
    (403, "OUT_TRADE_NO_USED", "商户订单号重复"),
    (403, "RULE_LIMIT", "业务规则限制"),
    (403, "TRADE_ERROR", "交易错误"),
    (404, "ORDER_NOT_EXIST", "订单不存在"),
    (404, "ORDERNOTEXIST", "订单不存在"),
    (429, "FREQUENCY_LIMITED", "频率超限"),
    (500, "SYSTEM_ERROR", "系统异常，请稍后重试"),
    (500, "OPENID_MISMATCH", "openid和appid不匹配"),
)

#: The errors of APIv2.
_V2_WORDS = (
    ("AUTHCODEEXPIRE", "二维码已过期，请用户在微信上刷新后再试"),
    ("AUTH_CODE_INVALID", "请扫描微信支付被扫条码/二维码"),
    ("NOTENOUGH", "用户帐号余额不足"),
    ("TRADE_ERROR", "用户没有输入支付密码"),
    ("NOAUTH", "商户无权限使用该付款码"),
    ("APPID_MCHID_NOT_MATCH", "商户无权限使用该付款码"),
    ("INVALID_REQUEST", "201 商户订单号重复"),
    ("ORDERPAID", "该订单已支付"),
    ("ORDERCLOSED", "该订单已关闭"),
    ("ORDERNOTEXIST", "此交易订单号不存在"),
    ("USERPAYING", "正在支付中不能发起撤销"),
    ("SYSTEMERROR", "系统超时"),
    ("BANKERROR", "银行系统异常"),
)


def _word(code: str) -> str:
    return code.lower().replace("_", "-")


def _says(status: int, code: str, message: str, number: int = 0) -> Kind:
    numbered = f" with the number {number}" if number else ""
    return Kind(
        f"WeChat v3: HTTP {status} {code} {message}{numbered}, and nothing was done",
        apis=_V3,
        never=frozenset({"certificates"}),
        refusal=Refusal(status, code, message, number),
    )


def _says_v2(code: str, message: str) -> Kind:
    what = f"WeChat v2: {code} {message}, and nothing was done"
    return Kind(what, apis=_V2, refusal=Refusal(200, code, message))


def _differs(
    what: str,
    apis: frozenset[str],
    only: frozenset[str] = TELLING,
    where: frozenset[str] = frozenset({ANSWER}),
) -> Kind:
    return Kind(f"WeChat: {what}", where, apis, only)


KINDS: dict[str, Kind] = {
    **{f"wx-{status}-{_word(code)}": _says(status, code, why) for status, code, why in _V3_WORDS},
    **{f"wx-v2-{_word(code)}": _says_v2(code, why) for code, why in _V2_WORDS},
    # The order exists, said in five ways.
    "wx-exists-paid": _says(400, "INVALID_REQUEST", "该订单已支付", 268449538),
    "wx-exists-paid-too": _says(400, "INVALID_REQUEST", "该订单已支付", 268498689),
    "wx-exists-over": _says(400, "INVALID_REQUEST", "该订单已失效", 268447914),
    "wx-exists-changed": _says(400, "INVALID_REQUEST", "请求重入时，参数不一致", 268498688),
    "wx-exists-201": _says(400, "INVALID_REQUEST", "201 商户订单号重复"),
    # A payer who hesitates (codes that end in 01 and 06), said in five ways.
    "wx-paying-object": _differs("who hesitates is a 202 with the transaction", _V3, _CODEPAY),
    "wx-paying-bare": _differs("who hesitates is a 202 with trade_state alone", _V3, _CODEPAY),
    "wx-paying-code": _differs("who hesitates is a 202 with the code USER_PAYING", _V3, _CODEPAY),
    "wx-paying-200": _differs("who hesitates is a 200 with the transaction", _V3, _CODEPAY),
    "wx-paying-400": _differs("who hesitates is a 400 with the code USERPAYING", _V3, _CODEPAY),
    # Truly signed, and not whole.
    "wx-no-appid": _differs("without appid, which is optional", _V3, TELLING | _REVERSE, ANYWHERE),
    "wx-no-merchant": _differs("without mchid", _V3, TELLING | _REVERSE, ANYWHERE),
    "wx-no-transaction-id": _differs("money without transaction_id", _BOTH, where=ANYWHERE),
    "wx-no-order-number": _differs("money with an empty out_trade_no", _BOTH, where=NOTICES),
    "wx-refunded": _differs("all money is told by REFUND: it went back", _BOTH, _QUERY),
    "wx-v2-no-recall": _differs("it was reversed, but recall is missing", _V2, _REVERSE),
    "wx-v2-recall": _differs("it was reversed, but recall is Y", _V2, _REVERSE),
    "wx-unsigned-errors": Kind("WeChat v3: errors carry no signature, all else does", apis=_V3),
}
