"""A store's settings: reading and changing `.store/settings.json`."""

from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError
from payment_cli.model.actor import Actor
from payment_cli.model.codec import decode_foreign
from payment_cli.model.record import Json
from payment_cli.model.stores.settings import StoreSettings
from payment_cli.services.stores.records import load_settings, settings
from payment_cli.services.stores.setting_checks import SettingChecks
from payment_cli.storage.base import Storage

#: Settings whose value is text as it is typed; all others are JSON.
_TEXT = frozenset({"order_callback", "timezone", "w_tp", "webhook_url"})


@dataclass(frozen=True, slots=True)
class StoreSettingsService:
    """The settings of the stores the caller may act for."""

    storage: Storage
    actor: Actor
    clock: Clock
    checks: SettingChecks

    def get(self, domain: str) -> StoreSettings:
        """Return a store's settings; the defaults where nothing was set."""
        self.actor.require_store(domain)
        return load_settings(self.storage, domain)

    def set(self, domain: str, name: str, text: str) -> StoreSettings:
        """Change one setting to what was typed.

        Raises:
            InvalidValueError: no such setting, or not a value it can have.
            NotFoundError: it names a script that the store does not have, or there is no key.
            ConfigError: what it names can't be read.
        """
        self.actor.require_store(domain)
        value = _typed(name, text)
        collection = settings(domain)
        with self.storage.transaction(self.actor.domain) as tx:
            before = load_settings(tx, domain)
            changed = before.with_value(name, value, self.clock())
            self.checks.require(domain, name, changed)
            record = changed.to_record()
            stored = tx.put(collection, record) if before.rev else tx.insert(collection, record)
        return StoreSettings.from_record(stored)


def _typed(name: str, text: str) -> Json:
    if name in _TEXT:
        return text
    try:
        return decode_foreign(text, name)
    except InvalidValueError as error:
        raise InvalidValueError(f"{name}: {text[:40]!a} is not a value it can have") from error
