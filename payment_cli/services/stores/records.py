"""Reading a store's settings, in or outside a transaction."""

from payment_cli.errors import CorruptRecordError, NotFoundError
from payment_cli.model.stores.settings import SETTINGS_ID, StoreSettings
from payment_cli.storage.base import Collection, Reader


def settings(domain: str) -> Collection:
    """Return where a store's one settings record is."""
    return Collection("settings", domain)


def load_settings(reader: Reader, domain: str) -> StoreSettings:
    """Return a store's settings; the defaults where nothing was set."""
    try:
        return StoreSettings.from_record(reader.get(settings(domain), SETTINGS_ID))
    except NotFoundError:
        return StoreSettings()


def wants_notices(reader: Reader, domain: str) -> bool:
    """Whether the store has a webhook; one whose settings are damaged is told when they are mended.

    Only the one field is read: settings that can't be read must not keep an event from being told.
    """
    try:
        return bool(reader.get(settings(domain), SETTINGS_ID).get("webhook_url"))
    except NotFoundError:
        return False
    except CorruptRecordError:
        return True
