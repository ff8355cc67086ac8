"""The web: callbacks from providers (`shim`) and the cashier's pages, mounted together.

`gunicorn payment_cli.web:application` serves both; `payment_cli.web.shim:application` callbacks
alone.
"""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from payment_cli.app import App
from payment_cli.web.apps import app_of_this_thread
from payment_cli.web.cashier import make_cashier
from payment_cli.web.shim import make_shim


def make_application(open_app: Callable[[], App]) -> WSGIApplication:
    """Return shim and cashier over the tree that `open_app` returns in the calling thread."""
    shim, cashier = make_shim(open_app), make_cashier(open_app)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        is_callback = path == "/pay/re" or path.startswith("/pay/re/")
        return (shim if is_callback else cashier)(environ, start_response)

    return application


application = make_application(app_of_this_thread)
