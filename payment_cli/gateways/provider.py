"""What a provider is to the rest of the house: one object with these facts (see registry.py).

Nothing here is slow to import, and no method loads more than it needs: to recognise a message takes
no cryptography, to read a config no gateway.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from payment_cli.clock import Clock
from payment_cli.gateways.account_keys import AccountKeys
from payment_cli.gateways.base import Acknowledgement, Gateway, HttpRequest
from payment_cli.gateways.http import Transport
from payment_cli.model.finding import Finding
from payment_cli.model.record import Json


class Account(Protocol):
    """What all accounts have, whatever the keys of their configs are called."""

    @property
    def notify_base(self) -> str:
        """The notify URL of the config, "" to use the tree's `public_url`."""

    @property
    def api_url(self) -> str:
        """Where the provider is spoken to."""


class Cache(Protocol):
    """Keeps a text for one account from command to command. Best effort: no errors."""

    def load(self) -> str:
        """Return what was saved last, "" if there is nothing."""

    def save(self, text: str) -> None:
        """Keep `text` in place of what was saved before."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a gateway is opened with; the network is made when it is asked for."""

    transport: Callable[[], Transport]
    clock: Clock
    cache: Cache


_Account = TypeVar("_Account")


class Provider(Protocol[_Account]):
    """One provider."""

    #: What pay types and config folders call it; its configs are `<name>.conf`.
    name: str

    def keys(self) -> AccountKeys | None:
        """Return the keys of its configs, None if it needs none: then there is but one account."""

    def account(self, values: Mapping[str, object]) -> _Account:
        """Make an account of the values that `keys` declares."""

    def open(self, account: _Account, surroundings: Surroundings) -> Gateway:
        """Return the gateway that speaks for `account`."""

    def sends(self, request: HttpRequest) -> bool:
        """Whether this message, which came to the bare callback path, is in this provider's form.

        No genuine message has the form of two. It only says whose keys are to be tried.
        """

    def claimed_order_no(self, request: HttpRequest) -> str | None:
        """Return the order number that an unverified message claims; None: it says none openly.

        Only for choosing whose keys to try; the verified message decides.
        """

    def order_no_for(self, account: _Account, request: HttpRequest) -> str | None:
        """Return the order number of an unverified message that may be for `account`.

        "" if it names none; None: it is not for this account, by all that the message says and by
        which of the account's keys open it. Costs no network and no signature: of many accounts it
        leaves the few whose keys are to be tried.
        """

    def refusal(self, request: HttpRequest, status: int) -> Acknowledgement:
        """Return "not accepted" in this provider's form, where no account is known."""

    def signed_message(self, fields: Mapping[str, Json]) -> HttpRequest | None:
        """Return the callback that these fields, already parsed by somebody, were.

        None if its signature can't be verified from the fields alone.
        """

    def examine(self, subject: str, account: _Account, now: int) -> Iterator[Finding]:
        """Yield what there is to say of an account at `now` (AMS), without the network."""
