"""Who is acting: a domain, and whether it may see every other."""

from typing import NamedTuple

from payment_cli.errors import NotAllowedError, NotFoundError


class Actor(NamedTuple):
    """The caller. `root` and the tree's `operators` are operators: they see every domain.

    Any other sees its own. What is another's is answered as what does not exist: in the same words,
    and before it is looked for where its name alone says whose it is.
    """

    domain: str
    is_operator: bool = False

    @property
    def sight(self) -> str | None:
        """The one domain whose records are there for the actor; None: those of all."""
        return None if self.is_operator else self.domain

    def sees(self, domain: str) -> bool:
        """Whether what belongs to `domain` is there for the actor."""
        return self.is_operator or domain == self.domain

    def require(self, domain: str, kind: str, name: str) -> None:
        """Let nobody know of a record of another domain.

        Raises:
            NotFoundError: as if there were no `kind` of this `name`, which is what was asked for.
        """
        if not self.sees(domain):
            raise NotFoundError(kind, name)

    def require_store(self, domain: str) -> None:
        """Let nobody know which other stores there are.

        Raises:
            NotFoundError: it is not the actor's to see.
        """
        self.require(domain, "merchant", domain)

    def require_seller(self, domain: str) -> None:
        """Refuse to sell as another; the answer is the same whether that one is there or not.

        Raises:
            NotAllowedError: the actor may not act as `domain`.
        """
        if not self.sees(domain):
            raise NotAllowedError(
                f"{self.domain} sells only as itself, not as {domain or 'nobody'}",
                hint="operators act for others with --as DOMAIN",
            )
