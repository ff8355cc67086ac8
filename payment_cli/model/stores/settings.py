"""A store's settings: `.store/settings.json`, written by `payment store set` only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Self

from payment_cli.errors import InvalidValueError
from payment_cli.model.events.webhook_url import parse_webhook_url
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.names import check_name
from payment_cli.model.query.zones import find_zone
from payment_cli.model.record import Json, Record

#: The id of the one settings record of a store.
SETTINGS_ID = "settings"

RECORD_TYPE = "settings"

#: The most kinds of goods in one order or basket (seed 003), unless the store sets another.
KINDS_MAX = 20

_WHOLE = {
    "kinds_max": (1, 100),
    "pending_max": (1, 1000),
    "order_minutes": (1, 60 * 24 * 30),
    "edit_every": (0, 60 * 24 * 30),
}

#: What each setting is for; `payment store set` lists them.
SETTINGS = {
    "kinds_max": "the most kinds of goods in one order or basket (20)",
    "pending_max": "the most unpaid orders one buyer may have (10)",
    "order_minutes": "minutes until an unpaid order expires (15)",
    "edit_every": "the least minutes between two edits of one product (0)",
    "order_callback": 'the script that payments of orders run, "" for none',
    "freight_sheet": "the freight sheet, as JSON",
    "timezone": 'whose days and clocks hold, for instance Asia/Shanghai; "": those of the tree',
    "w_tp": "what goods without a w_tp are: A is sent, Q is virtual (A)",
    "webhook_url": 'where the store is told of paid orders, "" for nowhere',
}


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One store's settings, each with the default that holds until it is set.

    `freight_sheet` is a document that the shop understands: `model/shop/freight.py`.
    """

    kinds_max: int = KINDS_MAX
    pending_max: int = 10
    order_minutes: int = 15
    edit_every: int = 0
    order_callback: str = ""
    timezone: str = ""
    webhook_url: str = ""
    w_tp: str = "A"
    freight_sheet: Mapping[str, Json] = field(default_factory=dict)
    ct: int = 0
    lm: int = 0
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    def with_value(self, name: str, value: Json, now: int) -> Self:
        """Return the settings with one changed.

        Raises:
            InvalidValueError: no such setting, or not a value it can have.
        """
        if name not in SETTINGS:
            raise InvalidValueError(
                f"{name!a} is not a setting of a store", hint=f"one of {', '.join(SETTINGS)}"
            )
        record = {**self.to_record(), name: value, "lm": now, "ct": self.ct or now}
        changed = self._read(Fields(record, "settings"))
        changed.check(name)
        return replace(changed, extra=self.extra)

    def check(self, name: str) -> None:
        """Refuse a setting whose value is of the right kind and yet means nothing.

        Raises:
            InvalidValueError: no URL that events can go to, no time zone.
        """
        if name == "webhook_url" and self.webhook_url:
            parse_webhook_url(self.webhook_url)
        elif name == "timezone" and self.timezone:
            find_zone(self.timezone)

    def to_record(self) -> Record:
        """Return the record as it is stored."""
        record: Record = {**self.extra, "id": SETTINGS_ID, "nm": SETTINGS_ID, "tp": RECORD_TYPE}
        for name in _NAMES:
            record[name] = getattr(self, name)
        record["freight_sheet"] = dict(self.freight_sheet)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record.

        Raises:
            CorruptRecordError: it is no settings record.
        """
        with reading_stored("settings"):
            return cls._read(Fields(record, "settings", exact=False))

    @classmethod
    def _read(cls, given: Fields) -> Self:
        callback = given.text("order_callback")
        return cls(
            **{
                name: given.whole(name, getattr(_DEFAULTS, name), low=low, high=high)
                for name, (low, high) in _WHOLE.items()
            },
            order_callback=check_name("script", callback) if callback else "",
            timezone=given.text("timezone", max_len=64),
            webhook_url=given.text("webhook_url", max_len=2000),
            freight_sheet=given.mapping("freight_sheet"),
            w_tp=_kind(given),
            ct=given.whole("ct"),
            lm=given.whole("lm"),
            rev=given.whole("rev"),
            extra=given.rest("id", "nm", "tp"),
        )


def _kind(given: Fields) -> str:
    """Read what goods are that do not say; the words are those of an order's kind (seed 002)."""
    kind = given.text("w_tp") or "A"
    if kind not in ("A", "Q"):
        raise given.error("w_tp", "must be A or Q", kind)
    return kind


_NAMES = tuple(f.name for f in fields(StoreSettings) if f.name != "extra")
_DEFAULTS = StoreSettings()
