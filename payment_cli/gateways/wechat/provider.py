"""WeChat Pay as a provider (gateways/provider.py: Provider)."""

from collections.abc import Iterator, Mapping

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.account_keys import AccountKeys
from payment_cli.gateways.base import Acknowledgement, Gateway, HttpRequest
from payment_cli.gateways.provider import Surroundings
from payment_cli.gateways.wechat.account import KEYS, WechatAccount
from payment_cli.gateways.wechat.xml import looks_like_xml, read_xml, write_xml
from payment_cli.model.finding import Finding
from payment_cli.model.record import Json


class WechatProvider:
    """WeChat Pay. Its v3 messages are encrypted: they claim no order; those of v2 are not."""

    name = "wxpay"

    def keys(self) -> AccountKeys:
        """Return the keys of `wxpay.conf`."""
        return KEYS

    def account(self, values: Mapping[str, object]) -> WechatAccount:
        """Make an account of the values of a config."""
        return WechatAccount(**values)  # type: ignore[arg-type]  # each is what KEYS declares

    def open(self, account: WechatAccount, surroundings: Surroundings) -> Gateway:
        """Return the gateway that speaks for `account`."""
        from payment_cli.gateways.wechat.gateway import WechatGateway

        return WechatGateway(
            account,
            transport=surroundings.transport(),
            clock=surroundings.clock,
            certificates_cache=surroundings.cache,
        )

    def sends(self, request: HttpRequest) -> bool:
        """Whether it carries v3's headers, or is v2's XML."""
        is_v3 = any(name.startswith("wechatpay-") for name in request.headers)
        return is_v3 or _is_v2(request)

    def claimed_order_no(self, request: HttpRequest) -> str | None:
        """Return the order number in v2's XML, None for v3: it is within what is encrypted."""
        if not looks_like_xml(request.body):
            return None
        try:
            return read_xml(request.body).get("out_trade_no")
        except InvalidValueError:
            return None

    def order_no_for(self, account: WechatAccount, request: HttpRequest) -> str | None:
        """Return the order number of a message that names `account` or opens with its key."""
        from payment_cli.gateways.wechat.addressee import order_no_for

        return order_no_for(account, request)

    def refusal(self, request: HttpRequest, status: int) -> Acknowledgement:
        """Return v3's JSON or, for an XML message, v2's XML."""
        if _is_v2(request):
            body = write_xml({"return_code": "FAIL", "return_msg": "refused"})
            return Acknowledgement(status, "text/xml; charset=utf-8", body)
        body = b'{"code":"FAIL","message":"refused"}'
        return Acknowledgement(status, "application/json", body)

    def signed_message(self, fields: Mapping[str, Json]) -> None:
        """Return None: v3 signs by headers, which parsed fields have lost."""

    def examine(self, subject: str, account: WechatAccount, now: int) -> Iterator[Finding]:
        """Yield what there is to say of an account at `now` (AMS)."""
        from payment_cli.gateways.wechat.checkup import examine

        return examine(subject, account, now)


def _is_v2(request: HttpRequest) -> bool:
    """Whether it is XML; one whose body nobody read is known by its type."""
    if request.body:
        return looks_like_xml(request.body)
    return "xml" in request.headers.get("content-type", "").lower()
