"""Reading what stores have set, in or outside a transaction."""

from payment_cli.errors import CorruptRecordError, NotFoundError
from payment_cli.model.stores.settings import SETTINGS_ID
from payment_cli.storage.base import Collection, Reader


def wants_notices(reader: Reader, domain: str) -> bool:
    """Whether the store has a webhook; one whose settings are damaged is told when they are mended.

    Only the one field is read: settings that can't be read must not keep an event from being told.
    """
    try:
        return bool(reader.get(Collection("settings", domain), SETTINGS_ID).get("webhook_url"))
    except NotFoundError:
        return False
    except CorruptRecordError:
        return True
