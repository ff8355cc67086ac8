"""What the pages say to payers and cashiers, in the languages they speak."""

from collections.abc import Mapping
from dataclasses import dataclass
from wsgiref.types import WSGIEnvironment


@dataclass(frozen=True, slots=True)
class Say:
    """A heading and a sentence that says what to do or expect."""

    heading: str
    hint: str


@dataclass(frozen=True, slots=True)
class Words:
    """One language: `lang` is its tag, `says` maps a moment of a payment to what is said.

    `labels` are the other texts of the pages of a store. Those that begin with `e.pay.` say what
    an error of that code means to who stands before the page.
    """

    lang: str
    title: str
    open_link: str
    open_app: str
    qr_label: str
    live: str
    says: Mapping[str, Say]
    labels: Mapping[str, str]


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
        "amount": Say(
            "Another amount arrived",
            "It is not what was asked for. Please don't pay again; ask the merchant.",
        ),
        "refunded": Say("The money went back", "It was paid and returned. Nothing is paid now."),
        "unknown": Say("No such payment", "Please check the address, or ask the merchant."),
        "broken": Say("Please try again", "The payment can't be shown right now."),
        "no order": Say("Nothing here", "Please check the address, or ask the shop."),
        "no session": Say("Please open your link again", "This page was open for its time."),
        "two sessions": Say(
            "Two sessions at once",
            "Something else on this computer set one, too. Delete this site's cookies, then open"
            " your link again.",
        ),
        "asks": Say("Do you want to enter?", "Go on only if you opened this link yourself."),
        "moved": Say(
            "This page can't act any more",
            "This browser entered another store, or as somebody else, after the page was opened."
            " Nothing was done. The page is of:",
        ),
        "arrived": Say(
            "This is another store than before",
            "The store, or who you are to it, has changed. This page is of:",
        ),
        "not yours": Say("Not for you", "This page is for the cashier of the shop."),
        "busy": Say("One at a time", "That was too often. Please wait a moment, then try again."),
        "entering": Say("One moment", "You are being let in."),
        "choose": Say("How would you like to pay?", "Nothing is charged before you confirm."),
        "no way": Say("Nothing to pay with", "The shop has not set up a way to pay here."),
        "cancelled": Say("Order cancelled", "This order can't be paid any more."),
        "expired": Say("Time is up", "This order was not paid in time. Please order again."),
        "till": Say("Take a payment", "Type what is due, then scan the customer's code."),
        "code": Say("Scan the customer's code", "With the scanner, or type its digits and Enter."),
        "hesitates": Say("The customer has to confirm", "On the phone, with a password or a tap."),
        "taken": Say("Paid", "The money has arrived."),
        "declined": Say("Not paid", "The payment was not completed. You can try again."),
    },
    labels={
        "wx.qrcode": "WeChat Pay",
        "wx.jsapi": "WeChat Pay",
        "wx.h5": "WeChat Pay",
        "zfb.qrcode": "Alipay",
        "zfb.page": "Alipay in the browser",
        "zfb.wap": "Alipay",
        "paypal": "PayPal",
        "free": "Confirm the order",
        "goods": "Goods",
        "freight": "Delivery",
        "discount": "Discount",
        "total": "To pay",
        "order": "Order",
        "time left": "Time left",
        "other ways": "Pay another way",
        "again": "The last try was not completed. Please choose again.",
        "amount": "Amount",
        "brief": "For",
        "or an order": "or an order",
        "order number": "Order number",
        "next": "Next",
        "pay code": "Payment code",
        "charge": "Charge",
        "camera": "Use the camera",
        "try again": "Try again",
        "next customer": "Next customer",
        "reversed in": "Taken back, if not confirmed, in",
        "at": "Now:",
        "to": "Link:",
        "buyer": "as a buyer",
        "cashier": "at the till",
        "go on": "Go on",
        "look again": "Look again",
        "log out": "Log out",
        "script": "This page needs JavaScript.",
        "no link": "Please open the whole link you were given.",
        "bad amount": "An amount is, for instance, 23 or 23.50.",
        "no camera": "The camera can't be used.",
        "offline": "No connection. Please try again.",
        "e.pay.invalid": "That can't be used here. Please check it.",
        "e.pay.noexists": "There is nothing of this number.",
        "e.pay.ambiguous": "Several numbers end so. Please type more of it.",
        "e.pay.nopvg": "That is not possible any more.",
        "e.pay.session": "This browser is in another session now. Nothing was done.",
        "e.pay.conflict": "Something changed meanwhile. Please look again.",
        "e.pay.unknown": "It is not certain yet. Please wait a moment, then try again.",
        "e.pay.untrusted": "Please open your link again.",
        "e.pay.refused": "The payment service refused. Please try another way.",
        "e.pay.error": "That did not work. Please try again.",
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
        "amount": Say("到账金额不符", "实付金额与应付金额不同，请勿重复付款，请联系商家。"),
        "refunded": Say("款项已退回", "该笔支付已退款，目前未付款。"),
        "unknown": Say("没有这笔支付", "请核对网址，或联系商家。"),
        "broken": Say("请稍后再试", "暂时无法显示这笔支付。"),
        "no order": Say("没有找到", "请核对网址，或联系商家。"),
        "no session": Say("请重新打开链接", "本页已超过有效时间。"),
        "two sessions": Say(
            "同时有两个会话", "本机的另一个程序也设置了会话。请删除本站的 Cookie，再重新打开链接。"
        ),
        "asks": Say("要进入吗？", "只有链接是您自己打开的，才请继续。"),
        "moved": Say(
            "本页已不能操作",
            "打开本页之后，浏览器进入了另一家商店或换了身份。没有执行任何操作。本页属于：",
        ),
        "arrived": Say("商店与之前不同", "商店或您的身份已改变，本页属于："),
        "not yours": Say("无权访问", "本页仅供商家收银员使用。"),
        "busy": Say("操作太频繁", "请稍等片刻再试。"),
        "entering": Say("请稍候", "正在进入。"),
        "choose": Say("请选择支付方式", "确认之前不会扣款。"),
        "no way": Say("暂无支付方式", "商家尚未开通可用的支付方式。"),
        "cancelled": Say("订单已取消", "该订单不能再支付。"),
        "expired": Say("订单已超时", "未在规定时间内支付，请重新下单。"),
        "till": Say("收款", "输入金额，再扫顾客的付款码。"),
        "code": Say("请扫顾客的付款码", "用扫码枪扫描，或输入数字后按回车。"),
        "hesitates": Say("等待顾客确认", "请顾客在手机上输入密码或确认。"),
        "taken": Say("收款成功", "款项已到账。"),
        "declined": Say("收款未完成", "这笔支付没有完成，可以重试。"),
    },
    labels={
        "wx.qrcode": "微信支付",
        "wx.jsapi": "微信支付",
        "wx.h5": "微信支付",
        "zfb.qrcode": "支付宝",
        "zfb.page": "支付宝网页支付",
        "zfb.wap": "支付宝",
        "paypal": "PayPal",
        "free": "确认订单",
        "goods": "商品金额",
        "freight": "运费",
        "discount": "优惠",
        "total": "应付",
        "order": "订单",
        "time left": "剩余时间",
        "other ways": "换一种方式支付",
        "again": "上一次支付未完成，请重新选择。",
        "amount": "金额",
        "brief": "说明",
        "or an order": "或输入订单",
        "order number": "订单号",
        "next": "下一步",
        "pay code": "付款码",
        "charge": "收款",
        "camera": "使用摄像头",
        "try again": "重试",
        "next customer": "下一位顾客",
        "reversed in": "若未确认，将撤销，剩余",
        "at": "当前：",
        "to": "链接：",
        "buyer": "买家",
        "cashier": "收银台",
        "go on": "继续",
        "look again": "重新查看",
        "log out": "退出",
        "script": "本页需要启用 JavaScript。",
        "no link": "请打开完整的链接。",
        "bad amount": "金额格式例如 23 或 23.50。",
        "no camera": "无法使用摄像头。",
        "offline": "网络不通，请重试。",
        "e.pay.invalid": "输入无效，请检查。",
        "e.pay.noexists": "没有这个编号。",
        "e.pay.ambiguous": "有多个编号以此结尾，请多输入几位。",
        "e.pay.nopvg": "现在已不能这样操作。",
        "e.pay.session": "浏览器已进入另一个会话，没有执行任何操作。",
        "e.pay.conflict": "情况已变化，请重新查看。",
        "e.pay.unknown": "结果尚不确定，请稍候再试。",
        "e.pay.untrusted": "请重新打开链接。",
        "e.pay.refused": "支付服务拒绝了请求，请换一种方式。",
        "e.pay.error": "操作未成功，请重试。",
    },
)


def words_of(environ: WSGIEnvironment) -> Words:
    """Return the language that a request asks for."""
    return choose_words(environ.get("HTTP_ACCEPT_LANGUAGE", ""))


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
