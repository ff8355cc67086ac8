"""`payment o`: orders."""

import click

from payment_cli.cli.shell.command import Group, Lazy

_CREATE = "payment_cli.cli.payment.order_create"
_MOVE = "payment_cli.cli.payment.order_move"
_QUERY = "payment_cli.cli.payment.order_list"


@click.group(
    cls=Group,
    short_help="Orders: create, list, ship, cancel.",
    lazy={
        "create": Lazy(f"{_CREATE}:create", "Take an order."),
        "price": Lazy(f"{_CREATE}:price", "Say what an order would cost."),
        "get": Lazy(f"{_QUERY}:get", "Print one order."),
        "list": Lazy(f"{_QUERY}:list_orders", "List orders that match."),
        "history": Lazy(f"{_QUERY}:history", "Say what became of an order."),
        "cancel": Lazy(f"{_MOVE}:cancel", "Cancel an order that is not paid."),
        "ship": Lazy(f"{_MOVE}:ship", "Record a shipment of a paid order."),
        "track": Lazy(f"{_MOVE}:track", "Add to the trail of a shipment."),
        "done": Lazy(f"{_MOVE}:done", "Record that the buyer has it all."),
    },
    examples=(
        "payment o create --buyer xiaobai --item cup-01:2 -pt wx.qrcode",
        "payment o list -st NW,WT -bish -t id,buyer_id,fee,st,expi:time",
        "payment o ship 3fa9c1 SF SF1020304050",
        "payment o history 3fa9c1 -bish -t at:time,what,by,note",
    ),
)
def o() -> None:
    """Orders. One is named by its id, 6 characters or more of its start or end, or its file.

    NW new, WT waiting for its payment, OK paid, FA payment failed, SP shipped, DN done, CA
    cancelled or expired. Type A is shipped; type Q, virtual, is done as soon as it is paid.
    Money is in yuan: fee = total + freight - discount is what is paid.
    """
