"""How gunicorn serves us: `gunicorn -c python:payment_cli.web.gunicorn_conf APPLICATION`.

It is gunicorn's worker with threads, and its heads have an end: gunicorn alone waits for each
next byte of a request line or header for ever, in one of its few threads. Options of the command
line win over these.
"""

from typing import Any

from gunicorn.workers import gthread

from payment_cli.web.patience import HEAD_S, Wait

#: A connection on which nothing comes leaves its thread to others after so many seconds.
IDLE_S = 0.1

gthread.DEFAULT_WORKER_DATA_TIMEOUT = IDLE_S


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """Serves requests in threads, and waits for no head longer than HEAD_S."""

    def handle(self, conn: Any) -> Any:
        """Read a request of a connection and answer it."""
        conn.head_wait = Wait(conn.sock, HEAD_S)
        try:
            return super().handle(conn)
        finally:
            conn.head_wait.end()

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has come; its body has a time of its own."""
        conn.head_wait.end()
        return super().handle_request(req, conn)


worker_class = f"{__name__}.Worker"
threads = 4
