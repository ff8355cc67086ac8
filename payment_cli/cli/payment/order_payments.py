"""`payment p`: the payments of orders."""

import click

from payment_cli.cli.shell.command import Group, Lazy

_PAY = "payment_cli.cli.payment.order_pay"


@click.group(
    cls=Group,
    short_help="Payments of orders: pay, check, list.",
    lazy={
        "pay": Lazy(f"{_PAY}:pay", "Open and send the payment of an order."),
        "check": Lazy(f"{_PAY}:check", "Ask the gateway about an order's payment."),
        "re": Lazy(f"{_PAY}:re", "Take a gateway's callback for an order."),
        "list": Lazy(
            "payment_cli.cli.payment.order_payment_list:list_payments", "List payments of orders."
        ),
    },
    examples=(
        "payment p pay 3fa9c1 -pt wx.qrcode",
        "payment p check 3fa9c1 --exit-status",
        "payment p list 3fa9c1 -bish -t id,pay_tp,st,fee,close_at:time",
    ),
)
def p() -> None:
    """Payments of orders. ORDER is an order's id, or 6 characters or more of its start or end."""
