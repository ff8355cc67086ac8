"""Who is acting: a domain, and whether it may see every other."""

from typing import NamedTuple

from payment_cli.errors import NotAllowedError


class Actor(NamedTuple):
    """The caller. `root` and the tree's `operators` are operators: they see every domain."""

    domain: str
    is_operator: bool = False

    def require(self, domain: str, what: str) -> None:
        """Refuse unless the actor may act for `domain`.

        Raises:
            NotAllowedError: `what` belongs to another domain.
        """
        if not self.is_operator and domain != self.domain:
            raise NotAllowedError(
                f"{what} belongs to {domain or 'nobody'}, not to {self.domain}",
                hint="operators act for others with --as DOMAIN",
            )
