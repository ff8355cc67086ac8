"""A payment put straight into the storage, in whatever state a test needs."""

from typing import Any

from payment_cli.app import App
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.services.payments.records import PAYMENTS


def store_payment(app: App, script: bytes = b"", **changes: Any) -> Payment:
    """Store a payment; unless told otherwise it waits for its QR code to be scanned with WeChat.

    What no payer may see is a canary.
    """
    now = app.clock()
    payment_id = app.new_id(now)
    facts: dict[str, Any] = {
        "id": payment_id,
        "ct": now,
        "lm": now,
        "brief": "Birthday cake",
        "fee": 2300,
        "cur": "RMB",
        "seller_id": "seller-canary",
        "seller_nm": "cake",
        "st": Status.WAIT,
        "pay_tp": "wx.qrcode",
        "pay_target": "target-canary",
        "re_tp": "QRCODE",
        "re_obj": "weixin://wxpay/bizpayurl?pr=abc",
        "buyer_nm": "buyer-canary",
        "payer": "payer-canary",
        "trade_no": "trade-canary",
        "fail_re": "reason-canary",
        "len": len(script),
        "view_key": payment_id + "5" * 32,
        "extra": {"note": "meta-canary"},
    }
    payment = Payment(**{**facts, **changes})
    with app.storage.transaction("test") as tx:
        tx.insert(PAYMENTS, payment.to_record(), script or None)
    return payment
