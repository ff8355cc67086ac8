"""Alipay as a provider (gateways/provider.py: Provider)."""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlencode

from payment_cli.gateways.account_keys import AccountKeys
from payment_cli.gateways.alipay.account import KEYS, AlipayAccount
from payment_cli.gateways.alipay.charset import codecs_for
from payment_cli.gateways.base import Acknowledgement, Gateway, HttpRequest
from payment_cli.gateways.provider import Surroundings
from payment_cli.model.finding import Finding
from payment_cli.model.record import Json

_FORM = "application/x-www-form-urlencoded"

#: More than this no form of Alipay's has; of a stranger's no more is read.
_CLAIM_BYTES_MAX = 64 * 1024
_FIELDS_MAX = 200


class AlipayProvider:
    """Alipay. Its messages are forms that carry their own signature."""

    name = "alipay"

    def keys(self) -> AccountKeys:
        """Return the keys of `alipay.conf`."""
        return KEYS

    def account(self, values: Mapping[str, object]) -> AlipayAccount:
        """Make an account of the values of a config."""
        return AlipayAccount(**values)  # type: ignore[arg-type]  # each is what KEYS declares

    def open(self, account: AlipayAccount, surroundings: Surroundings) -> Gateway:
        """Return the gateway that speaks for `account`."""
        from payment_cli.gateways.alipay.gateway import AlipayGateway

        return AlipayGateway(account, surroundings.transport(), surroundings.clock)

    def sends(self, request: HttpRequest) -> bool:
        """Whether it is a form, or says as one who it is for."""
        is_form = _FORM in request.headers.get("content-type", "").lower()
        return is_form or "app_id" in _claims(request)

    def claimed_order_no(self, request: HttpRequest) -> str | None:
        """Return the order number in the form, None if there is none."""
        claimed = _claims(request).get("out_trade_no")
        return claimed[0] if claimed else None

    def order_no_for(self, account: AlipayAccount, request: HttpRequest) -> str | None:
        """Return the order number of a form whose app is the account's."""
        claims = _claims(request)
        if claims.get("app_id") != [account.app_id]:
            return None
        return claims.get("out_trade_no", [""])[0]

    def refusal(self, request: HttpRequest, status: int) -> Acknowledgement:
        """Return anything but the seven bytes `success`."""
        return Acknowledgement(status, "text/plain", b"fail")

    def signed_message(self, fields: Mapping[str, Json]) -> HttpRequest | None:
        """Return the form that these fields were, None without its signature."""
        if "sign" not in fields:
            return None
        texts = {name: value for name, value in fields.items() if isinstance(value, str)}
        # Its signature is over the bytes that it came in.
        codec = next(codecs_for(texts.get("charset", "")))
        body = urlencode(texts, encoding=codec).encode()
        headers = {"content-type": f"{_FORM}; charset={codec}"}
        return HttpRequest("POST", "/pay/re", "", headers, body)

    def examine(self, subject: str, account: AlipayAccount, now: int) -> Iterator[Finding]:
        """Yield what there is to say of an account at `now` (AMS)."""
        from payment_cli.gateways.alipay.checkup import examine

        return examine(subject, account, now)


def _claims(request: HttpRequest) -> dict[str, list[str]]:
    """Return what an unverified form says, nothing of one larger than Alipay's."""
    if len(request.body) > _CLAIM_BYTES_MAX:
        return {}
    try:
        return parse_qs(request.body.decode("utf-8", "replace"), max_num_fields=_FIELDS_MAX)
    except ValueError:
        return {}
