"""`payment d`: the discounts of a store."""

import click

from payment_cli.cli.shell.command import Group, Lazy

_EDIT = "payment_cli.cli.payment.discount_edit"
_QUERY = "payment_cli.cli.payment.discount_list"


@click.group(
    cls=Group,
    short_help="Discounts: list, add, change, explain.",
    lazy={
        "list": Lazy(f"{_QUERY}:list_discounts", "List discounts that match."),
        "get": Lazy(f"{_QUERY}:get", "Print one discount."),
        "add": Lazy(f"{_EDIT}:add", "Add a discount."),
        "set": Lazy(f"{_EDIT}:set_fields", "Change fields of a discount."),
        "rm": Lazy(f"{_EDIT}:remove", "Delete a discount; it can be restored."),
        "restore": Lazy(f"{_EDIT}:restore", "Bring a deleted discount back."),
        "explain": Lazy(f"{_QUERY}:explain", "Say what a cart costs, and why."),
    },
    examples=(
        "payment d add --title 'Spring sale' --off 10%",
        "payment d add --title '5 off 50' --off 5 --thres 50 --stack",
        "payment d list -bish -t dis_id,dis_nm,dis_mode,priority",
        "payment d explain --item cup-01:3 --table",
    ),
)
def d() -> None:
    """Discounts: rules of the whole store. Orders made before keep what they copied."""
