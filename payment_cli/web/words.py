"""What the cashier says to a payer, in the languages it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Say:
    """A heading and a sentence that says what to do or expect."""

    heading: str
    hint: str


@dataclass(frozen=True, slots=True)
class Words:
    """One language: `lang` is its tag, `says` maps a moment of a payment to what is said."""

    lang: str
    title: str
    open_link: str
    open_app: str
    qr_label: str
    live: str
    says: Mapping[str, Say]


ENGLISH = Words(
    lang="en",
    title="Payment",
    open_link="Continue to pay",
    open_app="Open on this phone",
    qr_label="QR code of this payment",
    live="This page updates by itself",
    says={
        "not sent": Say("One moment", "The payment is being prepared."),
        "scan wxpay": Say("Scan with WeChat", "Open WeChat, tap +, then Scan."),
        "scan alipay": Say("Scan with Alipay", "Open Alipay and tap Scan."),
        "scan": Say("Scan to pay", "Scan the code with your payment app."),
        "link": Say("Ready to pay", "The payment page opens in a new window; keep this one open."),
        "confirm": Say("Confirm on your phone", "Finish the payment in your payment app."),
        "paid": Say("Paid", "Thank you. You can close this page."),
        "failed": Say(
            "Not paid",
            "This payment is closed. Please don't pay it any more; ask the merchant for a new one.",
        ),
        "unknown": Say("No such payment", "Please check the address, or ask the merchant."),
        "broken": Say("Please try again", "The payment can't be shown right now."),
    },
)

CHINESE = Words(
    lang="zh",
    title="收银台",
    open_link="去支付",
    open_app="在本机打开",
    qr_label="付款二维码",
    live="付款后本页会自动更新",
    says={
        "not sent": Say("请稍候", "正在准备付款。"),
        "scan wxpay": Say("请用微信扫码支付", "打开微信，点右上角“+”，选择“扫一扫”。"),
        "scan alipay": Say("请用支付宝扫码支付", "打开支付宝，点“扫一扫”。"),
        "scan": Say("请扫码支付", "请用付款应用扫描二维码。"),
        "link": Say("等待支付", "付款页面会在新窗口打开，请保留本页。"),
        "confirm": Say("请在手机上确认", "请在付款应用中完成支付。"),
        "paid": Say("支付成功", "谢谢，您可以关闭本页。"),
        "failed": Say("支付未完成", "该笔支付已关闭，请勿继续付款，可向商家重新下单。"),
        "unknown": Say("没有这笔支付", "请核对网址，或联系商家。"),
        "broken": Say("请稍后再试", "暂时无法显示这笔支付。"),
    },
)


def choose_words(accept_language: str) -> Words:
    """Return the language a browser's Accept-Language header asks for first; English by default."""
    ranked = sorted(accept_language.split(",")[:32], key=_quality, reverse=True)
    for entry in ranked:
        primary = entry.partition(";")[0].strip().partition("-")[0].lower()
        if primary in ("zh", "en") and _quality(entry) > 0:
            return CHINESE if primary == "zh" else ENGLISH
    return ENGLISH


def _quality(entry: str) -> int:
    """Return an entry's `q` in thousandths; a malformed one comes last."""
    _, _, parameter = entry.partition(";")
    name, _, text = parameter.strip().partition("=")
    if name != "q":
        return 1000 if not parameter else 0
    whole, _, fraction = text.strip().partition(".")
    digits = (whole + fraction.ljust(3, "0"))[:4]
    return min(int(digits), 1000) if digits.isascii() and digits.isdigit() else 0
