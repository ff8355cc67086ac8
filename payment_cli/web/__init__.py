"""The web: callbacks from providers (`shim`), the cashier's page, and the stores' web (`checkout`).

`gunicorn payment_cli.web:application` serves them all, `payment_cli.web.shim:application` callbacks
alone, which imports nothing of the pages.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from payment_cli.web.whole import application

    return application
