"""Builders for the shop: goods, discounts and coupons with only what a test is about."""

from decimal import Decimal

from payment_cli.model.record import Json
from payment_cli.model.shop.coupon import Coupon
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_place import Placing, place_order
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.model.shop.pricing import price_order
from payment_cli.model.shop.pricing_goods import CartLine, Kinds
from payment_cli.model.shop.product import Product
from payment_cli.model.stores.merchant import Merchant

#: The time of the shop's tests, AMS.
NOW = 1_700_000_000_000

MERCHANT = Merchant(domain="tea", id="merchant-1", title="Tea house")


def yuan(text: str) -> Decimal:
    return Decimal(text)


def a_product(id: str = "cup-01", price: str | None = "34.50", **fields: Json) -> Product:
    document = {"w_nm": f"name of {id}", **fields}
    if price is not None:
        document["w_price"] = Decimal(price)
    return Product.new(document, id=id, now=NOW, currency="RMB")


def a_discount(mode: str, id: str = "d-1", **fields: Json) -> Discount:
    document = {"dis_nm": f"name of {id}", "dis_mode": mode, **fields}
    return Discount.new(document, id=id, now=NOW, currency="RMB")


def a_coupon(value: str = "20", type: int = 1, id: str = "c-1", **fields: Json) -> Coupon:
    document = {"title": f"name of {id}", "type": type, "value": Decimal(value), **fields}
    return Coupon.new(document, id=id, now=NOW, currency="RMB")


def catalogue(*products: Product) -> dict[str, Product]:
    return {product.id: product for product in products}


def cart(**amounts: int) -> list[CartLine]:
    """`cart(cup=2)` asks for two of product cup; write - in an id as _."""
    return [CartLine(id.replace("_", "-"), amount) for id, amount in amounts.items()]


def an_order(kind: OrderKind = OrderKind.NORMAL, *, id: str = "order-1", expi: int = 0) -> Order:
    """Return a new order of one cup for 34.50."""
    priced = price_order(
        [CartLine("cup-01", 1)], catalogue(a_product()), now=NOW, kinds=Kinds(order=kind)
    )
    placing = Placing(buyer_id="xiaobai", expi=expi)
    return place_order(priced, placing, MERCHANT, id=id, now=NOW, by="tea")
