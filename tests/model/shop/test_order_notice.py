from payment_cli.model.payments.payment import Payment
from payment_cli.model.shop.order_notice import NoticeType, order_notice
from tests.support.shop import NOW, an_order


def a_payment(**facts) -> Payment:
    plain = {"id": "pay1", "ct": NOW, "lm": NOW, "brief": "secret-brief", "fee": 3450, "cur": "RMB"}
    return Payment(
        **plain, seller_id="m", seller_nm="tea", pay_tp="wx.qrcode", trade_no="T1",
        payer="o-payer", **facts,
    )  # fmt: skip


def test_it_tells_ids_state_and_fen_and_nothing_about_people() -> None:
    notice = order_notice(NoticeType.PAID, an_order(), "e1", NOW, payment=a_payment())
    assert (notice.id, notice.what, notice.or_id) == ("e1", "order.paid", "order-1")
    assert notice.is_due(NOW)
    assert notice.data == {
        "store": "tea",
        "order_id": "order-1",
        "status": "NW",
        "fee": 3450,
        "currency": "CNY",
        "buyer_id": "xiaobai",
        "payment_id": "pay1",
        "pay_tp": "wx.qrcode",
        "trade_no": "T1",
    }


def test_flagged_money_says_how_much_and_why_and_a_cancelled_order_names_no_payment() -> None:
    payment = a_payment(flag="late", paid_fee=3450)
    flagged = order_notice(NoticeType.FLAGGED, an_order(), "e2", NOW, payment=payment)
    assert (flagged.data["flag"], flagged.data["paid_fee"]) == ("late", 3450)
    cancelled = order_notice(NoticeType.CANCELLED, an_order(), "e3", NOW)
    assert "payment_id" not in cancelled.data
