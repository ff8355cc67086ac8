"""Is a setting of a store one that will work? It is checked against what it will be used with.

Asked of each setting when it is written, and of all of them by the doctor: what was right then may
be stale now. A stale setting never keeps another from being set.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from payment_cli.model.events.webhook_url import WebhookUrl, parse_webhook_url
from payment_cli.model.record import Json
from payment_cli.model.stores.settings import StoreSettings


class SettingChecks(NamedTuple):
    """What settings are used with; each raises a PaymentError where that would fail.

    `require_script(domain, name)`: the store has such a script. `check_sheet(document)`: it is a
    freight sheet that orders can be sent by. `require_webhook(domain, url)`: events may go there,
    and there is a key to sign them.
    """

    require_script: Callable[[str, str], object]
    check_sheet: Callable[[Mapping[str, Json]], object]
    require_webhook: Callable[[str, WebhookUrl], None]

    def require(self, domain: str, name: str, settings: StoreSettings) -> None:
        """Refuse a setting that would not work.

        Raises:
            PaymentError: it names what is not there, or what can't be used.
        """
        settings.check(name)
        if name == "order_callback" and settings.order_callback:
            self.require_script(domain, settings.order_callback)
        elif name == "freight_sheet":
            self.check_sheet(settings.freight_sheet)
        elif name == "webhook_url" and settings.webhook_url:
            self.require_webhook(domain, parse_webhook_url(settings.webhook_url))
