"""An intent: what is being done at a provider right now, recorded before the call is made.

It is kept on the payment as `{kind, owner, deadline, request}`. Who resolves one looks at its kind
first: only an intent to send may ever be sent again, and a kind that this program does not know
(a newer one wrote it) is asked about, never repeated.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from payment_cli.model.record import Json

#: How long a call may be under way before others may resolve it.
INTENT_MS = 60_000


class IntentKind(StrEnum):
    """`kind` of an intent."""

    SEND = "send"


def make_intent(kind: IntentKind, owner: str, now: int, request: Mapping[str, Any]) -> Any:
    """Return the record of what `owner` is about to ask of the provider, without any auth code."""
    return {
        "kind": str(kind),
        "owner": owner,
        "deadline": now + INTENT_MS,
        "request": dict(request),
    }


def is_owned_by(intent: Mapping[str, Json] | None, owner: str) -> bool:
    """Whether `intent` is open and `owner`'s."""
    return intent is not None and intent.get("owner") == owner


def is_send(intent: Mapping[str, Json]) -> bool:
    """Whether it is an intent to place the payment at its provider."""
    return intent.get("kind") == IntentKind.SEND
