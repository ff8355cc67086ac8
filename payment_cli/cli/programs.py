"""The two programs and where their commands are. No command is imported here."""

import click

from payment_cli.cli.shell.command import Group, Lazy

_PAY = {
    "create": Lazy("payment_cli.cli.pay.create:create", "Make a payment, and send it if asked."),
    "send": Lazy("payment_cli.cli.pay.send:send", "Send a payment to its gateway."),
    "check": Lazy("payment_cli.cli.pay.check:check", "Ask the gateway what became of payments."),
    "watch": Lazy(
        "payment_cli.cli.pay.watch:watch", "Show the QR code or link and wait for the payer."
    ),
    "close": Lazy("payment_cli.cli.pay.close:close", "Close a payment, at the gateway too."),
    "get": Lazy("payment_cli.cli.pay.get:get", "Print one payment."),
    "query": Lazy("payment_cli.cli.pay.query:query", "List payments that match."),
    "re": Lazy("payment_cli.cli.pay.re:re", "Take a gateway's callback."),
    "apply": Lazy("payment_cli.cli.pay.apply:apply", "Run the scripts of payments that are due."),
    "sandbox": Lazy("payment_cli.cli.pay.sandbox:sandbox", "Play the gateways on this machine."),
}

_PAYMENT = {
    "w": Lazy("payment_cli.cli.payment.goods:w", "Goods: list, add, change, stock, import."),
    "d": Lazy("payment_cli.cli.payment.discounts:d", "Discounts: list, add, change, explain."),
    "o": Lazy("payment_cli.cli.payment.orders:o", "Orders: create, list, ship, cancel."),
    "p": Lazy("payment_cli.cli.payment.order_payments:p", "Payments of orders: pay, check, list."),
    "coupon": Lazy("payment_cli.cli.payment.coupon:coupon", "Coupons: add, list, delete, restore."),
    "basket": Lazy("payment_cli.cli.payment.basket:basket", "Baskets: put in, take out, list."),
    "favourite": Lazy(
        "payment_cli.cli.payment.favourite:favourite", "Favourites: add, remove, list."
    ),
    "address": Lazy(
        "payment_cli.cli.payment.address:address", "Addresses of buyers, and the shop's own."
    ),
    "lbs": Lazy("payment_cli.cli.payment.lbs:lbs", "Countries and their codes."),
    "stats": Lazy(
        "payment_cli.cli.payment.stats:stats", "What was ordered and paid: per day, product, …"
    ),
    "tick": Lazy(
        "payment_cli.cli.payment.tick:tick", "End overdue orders and do what is left over."
    ),
    "owed": Lazy(
        "payment_cli.cli.payment.owed:owed", "Steps that could not be done yet: list, give up."
    ),
    "store": Lazy("payment_cli.cli.payment.store:store", "Make, show and change merchants."),
    "notify": Lazy(
        "payment_cli.cli.payment.notify:notify", "Webhooks: list, retry, deliver, keys."
    ),
    "hook": Lazy(
        "payment_cli.cli.payment.hook:hook", "Scripts for events: run what is due, or again."
    ),
    "doctor": Lazy("payment_cli.cli.payment.doctor:doctor", "Check settings, keys and the tree."),
    "fsck": Lazy("payment_cli.cli.payment.fsck:fsck", "Compare the files with the journal."),
    "backup": Lazy("payment_cli.cli.payment.backup:backup", "Copy the tree while it is in use."),
    "web": Lazy("payment_cli.cli.payment.web:web", "Sessions of buyers and cashiers."),
    "serve": Lazy("payment_cli.cli.payment.serve:serve", "Serve callbacks and the cashier page."),
}

_PAY_HELP = """Take payments: create them, send them to a gateway, and see them paid.

A payment is named by its id, or by the first or last 6 characters or more of it.
"""

_PAYMENT_HELP = (
    """Run the shop: goods, orders, their payments, and the tree of files they live in."""
)

_PAY_EXAMPLES = (
    "pay create -br 'Two coffees' -bu walnut:45g67q -fee 2300",
    "pay send 3fa9c1 wx.qrcode main",
    "pay watch 3fa9c1",
    "pay query -st WAIT -bish -t id,fee,st,ct:time -sort lm:-1",
)

_PAYMENT_EXAMPLES = (
    "payment store init redfox",
    "payment w add -nm cup-01 --title 'Blue cup' --price 34.50 --stock 20",
    "payment o create --buyer xiaobai --item cup-01:2 -pt wx.qrcode",
    "payment p pay 3fa9c1",
    "payment doctor",
    "payment fsck",
)


def program_group(program: str) -> Group:
    """Return the group of `pay` or of `payment`."""
    if program == "pay":
        group = Group("pay", lazy=_PAY, help=_PAY_HELP, examples=_PAY_EXAMPLES)
    else:
        group = Group("payment", lazy=_PAYMENT, help=_PAYMENT_HELP, examples=_PAYMENT_EXAMPLES)
    group.params.insert(
        -1,  # before --help
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
    )
    return group


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version  # slow to import, so only when asked

        click.echo(f"payment-cli {version('payment-cli')}")
        ctx.exit()
