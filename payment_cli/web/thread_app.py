"""The open tree behind the web: one App per thread, made at its first request.

What a tree has open (a database connection) belongs to one thread, and its accounts keep keys
that are dear to load, so it is neither shared nor opened anew for each request.
"""

import threading

from payment_cli.app import App, open_app

_of_thread = threading.local()


def app_of_this_thread() -> App:
    """Return this thread's App, opened at first use.

    It acts as root, said here explicitly: what the web does is allowed by a provider's signature
    or a payer's view key, not by the login the server happens to run as.
    """
    app: App | None = getattr(_of_thread, "app", None)
    if app is None:
        app = _of_thread.app = open_app(domain="root")
    return app
