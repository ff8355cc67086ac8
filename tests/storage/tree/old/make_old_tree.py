"""Makes an old tree that test_versions.py upgrades: `python make_old_tree.py FILE`.

It runs once for a version, with the program of the last commit whose trees are of it (`git worktree
add DIR COMMIT`, and DIR as PYTHONPATH), and is kept to say what is in there: a shop in the middle
of its day. Keys are not in there: the test makes its own. Version 1 was made so by commit 6961b89
(with the names that the program had then), version 2 by 5543834; the next one needs a kept tree of
version 3.
"""

import json
import shutil
import sys
import tarfile
import tempfile
from decimal import Decimal
from pathlib import Path

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from tests.support.sandbox_shop import SandboxShop, sandbox_shop

SCRIPT = 'echo "$id $fee" >> "$HOME/runs"\n'


def yesterday() -> int:
    """Return the time then: what may expire has expired when the test looks at it."""
    return system_clock() - 24 * 3600 * 1000


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "tree"
        root.mkdir(mode=0o700)
        with sandbox_shop(root, yesterday) as shop:
            callbacks = root / "home/demo/.payment/callback"
            callbacks.mkdir(mode=0o700)
            (callbacks / "after").write_text(SCRIPT)
            app = App(root, "demo", {}, clock=yesterday)
            app.merchants.set("demo", "sellers", '{"wx": "sandbox"}')
            key = app.shop.webhook_keys.ensure("demo").file
            app.shop.settings.set("demo", "webhook_url", "https://shop.example.com/hook")
            names = {**payments(app, shop), **orders(app, shop)}
            app.close()
        shutil.rmtree(root / ".sandbox")
        shutil.rmtree(root / "home/demo/.payment/wxpay")
        shutil.rmtree(root / "home/demo/.payment/alipay")
        key.unlink()
        (root / "names.json").write_text(json.dumps(names, indent=2))
        with tarfile.open(target, "w:gz") as archive:
            archive.add(root, "tree")


def payments(app: App, shop: SandboxShop) -> dict[str, str]:
    """Payments in every state a process may leave them in."""
    control = shop.sandbox.sandbox.control
    new = NewPayment(fee=2300, brief="两杯咖啡", callback="after", meta={"table": 7})
    waiting = app.creator.create(new).payment
    app.sender.send(waiting.id, "wx.qrcode", "sandbox", SendArguments())
    unsent = app.creator.create(new._replace(idempotency_key="table 7")).payment
    lost = app.creator.create(new).payment
    control.misbehave("timeout-before")
    app.sender.send(lost.id, "wx.qrcode", "sandbox", SendArguments())
    strange = app.creator.create(new).payment
    control.misbehave("timeout-before")
    app.sender.send(strange.id, "wx.qrcode", "sandbox", SendArguments())
    with app.storage.transaction("demo") as tx:
        record = tx.get(PAYMENTS, strange.id)
        tx.put(PAYMENTS, {**record, "intent": {**record["intent"], "kind": "from-the-future"}})
    closed = app.creator.create(new).payment
    app.closer.close(closed.id, "changed my mind")
    due = app.creator.create(NewPayment(fee=0, callback="after")).payment
    return {
        "waiting": waiting.id, "unsent": unsent.id, "lost": lost.id, "strange": strange.id,
        "closed": closed.id, "due": due.id,
    }  # fmt: skip


def orders(app: App, shop: SandboxShop) -> dict[str, str]:
    """An order that is being paid, with stock and a coupon taken; a paid one, and what it owes."""
    cup = app.shop.goods.add({"nm": "cup", "w_nm": "杯子", "w_price": Decimal("10.50"), "sku": 5})
    coupon = app.shop.coupons.add({"title": "three off", "type": 1, "value": Decimal(3)})
    app.shop.baskets("demo").add("u2", cup.id, 3)
    app.shop.favourites.add("u2", [cup.id])
    app.shop.discounts.add({"dis_nm": "sale", "dis_mode": "percent", "off_bp": 1000})
    wanted = {"products": [{"id": cup.id, "amount": 2}], "coupons": [coupon.id]}
    order = app.shop.orders.create(OrderInput.from_document(wanted), Buying("u1"))
    paying = app.shop.order_payments.pay(order.id, Paying("wx.qrcode")).payment
    one = {"products": [{"id": cup.id, "amount": 1}]}
    paid = app.shop.orders.create(OrderInput.from_document(one), Buying("u2"))
    payment = app.shop.order_payments.pay(paid.id, Paying("wx.qrcode")).payment
    shop.sandbox.sandbox.control.scan(payment.id)
    app.shop.order_payments.check(paid.id)
    return {
        "cup": cup.id, "coupon": coupon.id, "order": order.id, "paying": paying.id,
        "paid": paid.id, "payment": payment.id,
    }  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
