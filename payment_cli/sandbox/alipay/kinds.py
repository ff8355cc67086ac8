"""What Alipay may say beside what is usual: one row each."""

from payment_cli.sandbox.misbehaviour import ANSWER, ANYWHERE, Kind, Refusal

_APIS = frozenset({"alipay"})
_ORDERING = frozenset({"precreate", "pay"})
_ENDING = frozenset({"close", "cancel"})


def _says(sub_code: str, message: str, only: frozenset[str] = frozenset()) -> Kind:
    """Return the row of a refusal; a number without a word is a code without its reason."""
    return Kind(
        f"Alipay: {sub_code}, and nothing was done",
        apis=_APIS,
        only=only,
        never=frozenset({"open"}),
        refusal=Refusal(200, sub_code, message),
    )


def _differs(
    what: str, only: frozenset[str] = frozenset(), where: frozenset[str] = frozenset({ANSWER})
) -> Kind:
    return Kind(f"Alipay: {what}", where, _APIS, only, never=frozenset({"open"}))


KINDS: dict[str, Kind] = {
    "zfb-system-error": _says("ACQ.SYSTEM_ERROR", "接口返回错误"),
    "zfb-busy": _says("isp.unknow-error", "服务暂不可用"),
    "zfb-bare-40002": _says("40002", ""),
    "zfb-bare-40004": _says("40004", ""),
    "zfb-new-word": _says("ACQ.SOMETHING_NEW", "新的错误"),
    "zfb-not-let-in": _says("isv.insufficient-isv-permissions", "ISV权限不足"),
    "zfb-not-exist": _says("ACQ.TRADE_NOT_EXIST", "交易不存在", frozenset({"query", "close"})),
    "zfb-is-paid": _says("ACQ.TRADE_HAS_SUCCESS", "交易已被支付", _ORDERING),
    "zfb-is-closed": _says("ACQ.TRADE_HAS_CLOSE", "交易已经关闭", _ORDERING),
    "zfb-other-buyer": _says("ACQ.TRADE_BUYER_NOT_MATCH", "交易买家不匹配", _ORDERING),
    "zfb-other-context": _says("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改", _ORDERING),
    "zfb-status": _says("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常", frozenset({"close"})),
    "zfb-cancel-again": _differs("retry_flag Y, and nothing was cancelled", frozenset({"cancel"})),
    "zfb-no-action": _differs("a cancel that names no action", frozenset({"cancel"})),
    "zfb-bare-10000": _differs("it was done, but the answer is 10000 and nothing else", _ENDING),
    "zfb-10000-and-reason": _differs("it was done, but 10000 stands with a sub_code"),
    "zfb-required-only": _differs("without what its documents call optional", where=ANYWHERE),
    "zfb-gbk": _differs("in GBK", where=ANYWHERE),
    "zfb-refunded": _differs(
        "all money went back before the merchant heard of it",
        frozenset({"query", "notify"}),
        ANYWHERE,
    ),
}
