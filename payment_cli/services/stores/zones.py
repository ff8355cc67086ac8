"""Which time zone a store keeps: wherever a day is meant, it is the store's, not the process's.

The `timezone` of the store's settings; else that of payment.toml; else Asia/Shanghai for a store
in RMB and UTC for any other. Who has no store, an operator for one, is in the zone of the tree,
which is payment.toml's or Asia/Shanghai: payments are in RMB unless they say otherwise.
"""

from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

from payment_cli.errors import ConfigError, InvalidValueError, NotFoundError
from payment_cli.model.query.zones import find_zone
from payment_cli.services.stores.merchants import FindMerchant
from payment_cli.services.stores.records import load_settings
from payment_cli.storage.base import Reader

CHINA = "Asia/Shanghai"
ELSEWHERE = "UTC"

_RMB = ("RMB", "CNY")


class Zones(NamedTuple):
    """The time zones of one tree; `tree_zone` is what payment.toml says, "" if nothing."""

    reader: Callable[[], Reader]
    find_merchant: FindMerchant
    tree_zone: str

    def of(self, domain: str) -> tzinfo:
        """Return the zone of a domain's store, or of the tree where it has none.

        Raises:
            ConfigError: the zone's name is not known, here or any more.
            CorruptRecordError: the store's settings can't be read.
        """
        name = self.name_of(domain)
        try:
            return find_zone(name)
        except InvalidValueError as error:
            raise ConfigError(f"timezone of {domain}: {error}", hint=error.hint) from error

    def name_of(self, domain: str) -> str:
        """Return the name of that zone.

        Raises:
            ConfigError: the domain's store_info.json is damaged.
            CorruptRecordError: the store's settings can't be read.
        """
        set_ = load_settings(self.reader(), domain).timezone or self.tree_zone
        return set_ or (CHINA if self._is_in_rmb(domain) else ELSEWHERE)

    def _is_in_rmb(self, domain: str) -> bool:
        try:
            return self.find_merchant(domain).currency in _RMB
        except NotFoundError:
            return True
