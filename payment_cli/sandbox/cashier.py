"""What a payer does on the page of an order: look, pay, or leave without paying."""

from urllib.parse import parse_qs

from payment_cli.sandbox import pages, payer
from payment_cli.sandbox.alipay.page import address_after_paying
from payment_cli.sandbox.exchange import Reply, Request, SandboxError, last_segment
from payment_cli.sandbox.ledger import Order
from payment_cli.sandbox.payer import Gesture
from payment_cli.sandbox.world import Call, World


def identify(world: World, request: Request) -> tuple[str, str]:
    """Return what the browser does and with which order."""
    with world.ledger.changed:
        order = world.ledger.order_of_page(last_segment(request.path))
        operation = "press" if request.method == "POST" else "look"
        return operation, order.out_trade_no if order else ""


def answer(call: Call) -> Reply:
    """Show the page of an order, or do what was pressed there."""
    world = call.world
    with world.ledger.changed:
        order = world.ledger.order_of_page(last_segment(call.request.path))
        if order is None:
            return Reply(404, "text/plain", b"no such page\n", outcome="NOT_FOUND")
        world.ledger.expire(order, world.now())
        if call.request.method != "POST":
            return pages.show_order(order)
        return _press(world, order, call.request)


def _press(world: World, order: Order, request: Request) -> Reply:
    form = parse_qs(request.body.decode("utf-8", "replace"))
    is_paying = form.get("act") == ["pay"]
    try:
        payer.act(world, order, Gesture(fail=not is_paying))
    except SandboxError:  # paid or closed meanwhile: the page says so
        return pages.go_to(order)
    if not is_paying:
        return pages.go(order.quit_url) if order.quit_url else pages.show_left(order)
    if not order.return_url:
        return pages.go_to(order)
    is_alipay = order.provider == "alipay"
    return pages.go(address_after_paying(world, order) if is_alipay else order.return_url)
