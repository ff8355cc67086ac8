"""Where each kind of record lives in the tree."""

from payment_cli.model.names import check_name

#: kind -> path under the root. `{domain}` appears for kinds that a merchant owns.
PLACES = {
    "payment": "var/payment/{id}.json",
    "idempotency": "var/idempotency/{id}.json",
    "outbox": "var/outbox/{id}.json",
    "notice": "var/notice/{id}.json",
    "order": "sys/order/ord_{domain}_{id}.json",
    "thing": "home/{domain}/.store/thing/{id}.json",
    "discount": "home/{domain}/.store/discount/{id}.json",
    "coupon": "home/{domain}/.store/coupon/{id}.json",
    "address": "home/{domain}/.store/address/{id}.json",
    "basket": "home/{domain}/.store/basket/{id}.json",
    "favourite": "home/{domain}/.store/favourite/{id}.json",
    "settings": "home/{domain}/.store/{id}.json",
}


def place(kind: str, domain: str, record_id: str) -> str:
    """Return the record's path relative to the root, every part checked against its allow-list.

    Raises:
        InvalidValueError: the id or the domain is not well formed.
    """
    check_name("id", record_id)
    if domain:
        check_name("domain", domain)
    return PLACES[kind].format(domain=domain, id=record_id)


def content_place(kind: str, domain: str, record_id: str) -> str:
    """Return the path of a record's content: its own path without `.json` (seed 001)."""
    return place(kind, domain, record_id).removesuffix(".json")
