"""The whole web as one application: callbacks, the cashier, the web of the stores."""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from payment_cli.app import App
from payment_cli.web.cashier import make_cashier
from payment_cli.web.shim import make_shim
from payment_cli.web.store import is_of_store, make_checkout
from payment_cli.web.thread_app import app_of_this_thread


def make_application(open_app: Callable[[], App]) -> WSGIApplication:
    """Return the whole web over the tree that `open_app` returns in the calling thread."""
    shim, cashier, checkout = make_shim(open_app), make_cashier(open_app), make_checkout(open_app)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/pay/re" or path.startswith("/pay/re/"):
            return shim(environ, start_response)
        return (checkout if is_of_store(environ) else cashier)(environ, start_response)

    return application


application = make_application(app_of_this_thread)
