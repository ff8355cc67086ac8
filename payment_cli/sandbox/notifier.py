"""Delivers notifications on the providers' own retry schedules, to this machine only."""

import http.client
import ipaddress
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import SplitResult, urlsplit

from payment_cli.sandbox.alipay import notices as alipay
from payment_cli.sandbox.exchange import Json, Reply
from payment_cli.sandbox.ledger import Ledger, Notice
from payment_cli.sandbox.misbehaviour import NOTICE, Rule, distorted
from payment_cli.sandbox.notices import Letter
from payment_cli.sandbox.wechat import notices as wechat
from payment_cli.sandbox.world import World

#: A merchant has to answer within this time.
ANSWER_S = 5.0
#: Of a merchant's answer this much is read, and this much is kept to look at.
ANSWER_BYTES_MAX = 64 * 1024
ANSWER_CHARS_KEPT = 200
#: So many notifications are under way at once.
WORKERS = 4

#: The forms of notification, by the `form` of a notice.
FORMS = {"v3": wechat.V3, "v2": wechat.V2, "alipay": alipay.FORM}


class Notifier:
    """Sends what is due. `start` does so in the background, `deliver_due` once and at once."""

    def __init__(self, world: World) -> None:
        """Deliver the notifications of `world`."""
        self._world = world
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver in the background."""
        self._thread = threading.Thread(target=self._run, name="sandbox-notifier")
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering; what is on its way is finished, what is due is kept."""
        self._world.stop()
        if self._thread:
            self._thread.join()
            self._thread = None

    def deliver_due(self) -> int:
        """Deliver everything that is due now, in this thread; return how many that were."""
        notices = self._claim_due()
        for notice in notices:
            self._deliver(notice)
        return len(notices)

    def wait_for_delivery(self, notice_id: str, timeout_s: float) -> bool:
        """Wait until a notification was tried once or held back; tell whether it was.

        Where nothing delivers in the background, it is delivered here.
        """
        ledger = self._world.ledger
        notice = ledger.notices[notice_id]
        if self._thread is None:
            self.deliver_due()
        with ledger.changed:
            ledger.changed.wait_for(
                lambda: (
                    notice.deliveries or notice.state == "held" or self._world.stopping.is_set()
                ),
                timeout_s if self._thread else 0,
            )
            return bool(notice.deliveries)

    def drain(self, timeout_s: float) -> bool:
        """Wait until no notification is due any more; tell whether that came to be."""
        ledger = self._world.ledger
        with ledger.changed:
            ledger.changed.wait_for(
                lambda: not _pending(ledger) or self._world.stopping.is_set(), timeout_s
            )
            return not _pending(ledger)

    def _run(self) -> None:
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="sandbox-delivery") as pool:
            while not self._world.stopping.is_set():
                for notice in self._claim_due():
                    # Asking for the result makes a bug in a delivery heard.
                    pool.submit(self._deliver, notice).add_done_callback(Future.result)
                self._sleep()

    def _sleep(self) -> None:
        ledger = self._world.ledger
        with ledger.changed:
            waiting = [
                n.next_at
                for n in ledger.notices.values()
                if n.state == "due" and not n.is_in_flight
            ]
            if not self._world.stopping.is_set():
                pause_ms = min(waiting) - self._world.now() if waiting else None
                ledger.changed.wait(None if pause_ms is None else max(pause_ms, 1) / 1000)

    def _claim_due(self) -> list[Notice]:
        ledger = self._world.ledger
        with ledger.changed:
            notices = ledger.due_notices(self._world.now())
            for notice in notices:
                notice.is_in_flight = True
        return notices

    def _deliver(self, notice: Notice) -> None:
        rule = self._world.rules.take(NOTICE, notice.order.out_trade_no, "notify", notice.form)
        kind = rule.kind if rule else ""
        if kind == "reordered":
            self._hold(notice)
            return
        for _ in range(2 if kind == "duplicate" else 1):
            self._record(notice, self._post(notice, rule))
        self._finish(notice)

    def _hold(self, notice: Notice) -> None:
        with self._world.ledger.changed:
            notice.state = "held"
            notice.is_in_flight = False
            self._world.ledger.save_notice(notice)

    def _finish(self, notice: Notice) -> None:
        """Let the notification wait for its next time, and go those that were held back."""
        ledger = self._world.ledger
        with ledger.changed:
            notice.is_in_flight = False
            ledger.changed.notify_all()
            for held in [n for n in ledger.notices.values() if n.state == "held"]:
                held.state = "due"
                held.next_at = self._world.now()
                ledger.save_notice(held)

    def _post(self, notice: Notice, rule: Rule | None) -> Json:
        flaw = rule.kind if rule else ""
        form = FORMS[notice.form]
        delivery: Json = {"at": self._world.now(), "flaw": flaw, "acknowledged": False}
        target = urlsplit(notice.url)
        if not is_loopback(target.hostname or ""):
            return delivery | {"error": f"{target.hostname} is not on this machine: not sent"}
        if flaw == "lost":
            return delivery | {"error": "lost on the way, as asked for"}
        with self._world.ledger.changed:
            order = distorted(notice.order, flaw, self._world.ledger)
            letter = form.write(self._world, notice, order, flaw)
        try:
            reply = _send(target, letter, in_chunks=flaw == "chunked")
        except (OSError, http.client.HTTPException) as error:
            return delivery | {"error": f"{type(error).__name__}: {error}"}
        return delivery | {
            "status": reply.status,
            "answer": reply.body.decode("utf-8", "replace")[:ANSWER_CHARS_KEPT],
            "acknowledged": form.is_acknowledged(reply),
        }

    def _record(self, notice: Notice, delivery: Json) -> None:
        with self._world.ledger.changed:
            notice.deliveries.append(delivery)
            if delivery["acknowledged"]:
                notice.state = "acknowledged"
            elif notice.state != "acknowledged":
                self._schedule(notice, delivery)
            self._world.ledger.save_notice(notice)

    def _schedule(self, notice: Notice, delivery: Json) -> None:
        retries = FORMS[notice.form].retries_s
        tried = len(notice.deliveries)
        if "not sent" in delivery.get("error", ""):
            notice.state = "refused"
        elif tried > len(retries):
            notice.state = "given up"
        else:
            notice.next_at = self._world.now() + self._world.scaled_ms(retries[tried - 1])


def _pending(ledger: Ledger) -> bool:
    return any(n.state == "due" or n.is_in_flight for n in ledger.notices.values())


def is_loopback(host: str) -> bool:
    """Tell whether `host` is certainly this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _send(target: SplitResult, letter: Letter, *, in_chunks: bool) -> Reply:
    """Post the letter; follow no redirect, as the providers follow none."""
    make = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = make(str(target.hostname), target.port, timeout=ANSWER_S)
    headers = {"Content-Type": letter.content_type, "User-Agent": "Mozilla/4.0", "Accept": "*/*"}
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        # Of an iterable http.client can't tell the length, so it sends chunks.
        half = len(letter.body) // 2
        body = iter([letter.body[:half], letter.body[half:]]) if in_chunks else letter.body
        connection.request("POST", path, body, headers | letter.headers)
        response = connection.getresponse()
        body = response.read(ANSWER_BYTES_MAX)
        return Reply(response.status, response.getheader("Content-Type", ""), body)
    finally:
        connection.close()
