"""A merchant: what `store_info.json` says about a domain that sells (seed 000)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

from payment_cli.errors import ConfigError, InvalidValueError
from payment_cli.model.names import check_name
from payment_cli.model.record import Json, Record

#: The keys that `payment store set` may write, with what each is for.
SETTABLE_KEYS = {
    "title": "the name that customers see",
    "currency": "the currency of the store, CNY or RMB",
    "sellers": "default gateway target by pay type or its prefix, as JSON",
    "lang": "the language of i18n: names, for instance zh-cn",
}


class Merchant(NamedTuple):
    """One merchant. `sellers` maps a pay type or its prefix (`wx`) to a default target."""

    domain: str
    id: str
    title: str
    currency: str = "RMB"
    lang: str = "zh-cn"
    sellers: Mapping[str, str] = MappingProxyType({})
    extra: Mapping[str, Json] = MappingProxyType({})

    def target_for(self, pay_tp: str) -> str:
        """Return the default target for a pay type: its own entry, else its prefix's.

        Raises:
            ConfigError: `sellers` has neither.
        """
        from payment_cli.model.payments.pay_type import family_of  # reading a merchant needs none

        target = self.sellers.get(pay_tp) or self.sellers.get(family_of(pay_tp))
        if not target:
            raise ConfigError(
                f"home/{self.domain}/.store/store_info.json: sellers has no target for {pay_tp}",
                hint=f'payment store set sellers \'{{"{family_of(pay_tp)}":"TARGET"}}\'',
            )
        return target

    def to_record(self) -> Record:
        """Return the content of store_info.json."""
        return {
            **self.extra,
            "id": self.id,
            "nm": self.domain,
            "title": self.title,
            "currency": self.currency,
            "lang": self.lang,
            "sellers": dict(self.sellers),
        }

    @classmethod
    def from_record(cls, domain: str, record: Mapping[str, Json]) -> Self:
        """Read store_info.json.

        Raises:
            ConfigError: a key is missing or not what it must be.
        """
        where = f"home/{domain}/.store/store_info.json"
        if not isinstance(record.get("id"), str) or not record["id"]:
            raise ConfigError(f"{where}: id is missing")
        sellers = record.get("sellers", {})
        if not isinstance(sellers, Mapping):
            raise ConfigError(f"{where}: sellers must be an object of pay type to target")
        texts = {}
        for key, default in (("title", domain), ("currency", "RMB"), ("lang", "zh-cn")):
            value = record.get(key) or default
            if not isinstance(value, str):
                raise ConfigError(f"{where}: {key} must be text")
            texts[key] = value
        try:
            targets = {str(k): check_name("target", str(v)) for k, v in sellers.items()}
        except InvalidValueError as error:
            raise ConfigError(f"{where}: sellers: {error}") from error
        known = {"id", "nm", "title", "currency", "lang", "sellers"}
        return cls(
            domain=domain,
            id=str(record["id"]),
            sellers=targets,
            extra={k: v for k, v in record.items() if k not in known},
            **texts,
        )
