"""`payment w`: the goods of a store."""

import click

from payment_cli.cli.shell.command import Group, Lazy

_EDIT = "payment_cli.cli.payment.goods_edit"
_FILES = "payment_cli.cli.payment.goods_files"
_QUERY = "payment_cli.cli.payment.goods_list"


@click.group(
    cls=Group,
    short_help="Goods: list, add, change, stock, import.",
    lazy={
        "list": Lazy(f"{_QUERY}:list_goods", "List goods that match."),
        "get": Lazy(f"{_QUERY}:get", "Print one product."),
        "add": Lazy(f"{_EDIT}:add", "Add a product."),
        "set": Lazy(f"{_EDIT}:set_fields", "Change fields of a product."),
        "stock": Lazy(f"{_EDIT}:stock", "Count pieces in and out of stock."),
        "rm": Lazy(f"{_EDIT}:remove", "Delete a product; it can be restored."),
        "restore": Lazy(f"{_EDIT}:restore", "Bring a deleted product back."),
        "import": Lazy(f"{_FILES}:import_goods", "Add and change goods from a file."),
        "export": Lazy(f"{_FILES}:export_goods", "Write all goods to stdout."),
    },
    examples=(
        "payment w add -nm cup-01 --title 'Blue cup' --price 34.50 --stock 20",
        "payment w list -bish -t nm,title,price,sku",
        "payment w set cup-01 --price 32",
        "payment w stock cup-01 +5",
        "payment w export > goods.jsonl",
    ),
)
def w() -> None:
    """Goods. A product is named by its code (nm), its id, or 6 characters or more of the id.

    Fields have the names of the order's document (w_nm, w_price) or those of the shop's clients
    (title, price): both are accepted everywhere. Prices are yuan.
    """
