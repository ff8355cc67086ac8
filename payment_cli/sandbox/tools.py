"""The ways to place an order, one row each. What a way's request and answer hold on the wire is in
its provider's own tables (wechat/v3_body, wechat/v3: PLACED; alipay/orders, alipay/page: CONTENTS).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to place an order.

    `pay_tp` is the pay type of the merchant's side; `trade_type` what WeChat calls it in answers
    and notifications. `is_scan`: the merchant scans the payer's code, not the other way round.
    """

    name: str
    pay_tp: str
    trade_type: str = ""
    is_scan: bool = False


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("native", "wx.qrcode", "NATIVE"),
        Tool("jsapi", "wx.jsapi", "JSAPI"),
        Tool("h5", "wx.h5", "MWEB"),
        Tool("codepay", "wx.scan", "MICROPAY", is_scan=True),
        Tool("micropay", "wx.scan", "MICROPAY", is_scan=True),
        Tool("precreate", "zfb.qrcode"),
        Tool("page", "zfb.page"),
        Tool("wap", "zfb.wap"),
        Tool("pay", "zfb.scan", is_scan=True),
    )
}


def tools_of(pay_tp: str) -> frozenset[str]:
    """Return the names of the ways of a pay type; none, which narrows nothing down, for ""."""
    return frozenset(tool.name for tool in TOOLS.values() if tool.pay_tp == pay_tp)
