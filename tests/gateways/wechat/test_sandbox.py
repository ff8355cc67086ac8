"""WeChat's gateway against the sandbox, which was written from the provider's documents alone."""

import shutil
from dataclasses import replace

import pytest

from payment_cli.clock import system_clock
from payment_cli.config.targets import load_account
from payment_cli.errors import UnfitError, UntrustedError
from payment_cli.gateways.base import HttpRequest, OrderRef, Outcome
from payment_cli.gateways.wechat.gateway import WechatGateway
from payment_cli.gateways.wechat.provider import WechatProvider
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret
from payment_cli.sandbox import client
from payment_cli.sandbox.kinds import GENERAL
from payment_cli.sandbox.server import running_sandbox
from payment_cli.sandbox.wechat.kinds import KINDS
from tests.gateways.gateway_contract import FEE, ORDER_NO, HastyTransport, a_request
from tests.support import wechat as platform
from tests.support.clock import HandClock
from tests.support.memory_cache import MemoryCache
from tests.support.receiver import receiving

PAYS, HESITATES, DECLINED, INVALID, HESITATES_BY_ERROR = (
    f"1300000000000000{ending}" for ending in ("00", "01", "02", "03", "06")
)


class Till:
    """A merchant's till: its sandbox, its clock and its gateways."""

    def __init__(self, root, sandbox, clock, receiver):
        self.state = sandbox.state
        self.clock = clock
        self.receiver = receiver
        self._root = root
        self._url = sandbox.url
        self._transport = HastyTransport()

    def gateway(self, target="sandbox"):
        account = load_account(self._root, WechatProvider(), "demo", target, {})
        return WechatGateway(
            replace(account, api_base=self._url),
            transport=self._transport,
            clock=self.clock,
            certificates_cache=MemoryCache(),
        )

    def send(self, gateway, pay_tp="wx.qrcode", code="", **changes):
        url = f"{self.receiver.url}/{pay_tp}/demo/sandbox"
        expires_at = self.clock() + 600_000
        request = a_request(pay_tp, notify_url=url, expires_at=expires_at, **changes)
        auth_code = Secret(code) if code else None
        gateway.validate(request, auth_code)
        return gateway.send(request, auth_code)

    def close(self):
        self._transport.inner.close()


@pytest.fixture
def till(template, tmp_path):
    root = shutil.copytree(template, tmp_path / "tree")
    clock = HandClock(system_clock())  # its certificates begin today
    with (
        receiving() as receiver,
        running_sandbox(root / "state", clock=clock) as sandbox,
    ):
        till = Till(root, sandbox, clock, receiver)
        yield till
        till.close()


def an_order(pay_tp="wx.qrcode"):
    return OrderRef(ORDER_NO, pay_tp, FEE, "CNY", send_at=0)


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
def test_a_code_is_shown_paid_notified_and_asked_about(till, target):
    gateway = till.gateway(target)
    sent = till.send(gateway)
    assert sent.outcome is Outcome.WAITING
    assert gateway.check(an_order()).outcome is Outcome.WAITING

    client.scan(till.state, sent.re_obj)

    delivery = till.receiver.deliveries[0]
    request = HttpRequest("POST", delivery.path, "", delivery.headers, delivery.body)
    notice = gateway.complete(request)
    asked = gateway.check(an_order())
    assert (notice.order_no, notice.answer.outcome) == (ORDER_NO, Outcome.PAID)
    assert notice.answer.paid == asked.paid
    assert asked.paid.fee == FEE
    assert gateway.close(an_order()).outcome is Outcome.PAID


def test_a_v2_notification_is_read_too(till):
    gateway = till.gateway("sandbox-v2")
    sent = till.send(gateway)
    client.scan(till.state, sent.re_obj, notice="v2")
    delivery = till.receiver.deliveries[0]
    notice = gateway.complete(HttpRequest("POST", delivery.path, "", {}, delivery.body))
    assert (notice.order_no, notice.answer.paid.fee) == (ORDER_NO, FEE)


def test_a_page_pays_with_the_browser_parameters(till):
    gateway = till.gateway()
    sent = till.send(gateway, "wx.jsapi", openid=platform.OPENID)
    client.scan(till.state, str(sent.re_obj["package"]).removeprefix("prepay_id="))
    assert gateway.check(an_order("wx.jsapi")).outcome is Outcome.PAID


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
def test_a_link_is_opened_by_its_payer_paid_and_notified(till, target):
    gateway = till.gateway(target)
    sent = till.send(gateway, "wx.h5", client_ip="127.0.0.1")
    assert (sent.outcome, sent.re_tp) == (Outcome.WAITING, ReturnType.LINK)
    assert gateway.check(an_order("wx.h5")).outcome is Outcome.WAITING
    client.scan(till.state, sent.re_obj)
    delivery = till.receiver.deliveries[0]
    path = "/pay/re/wx.h5/demo/sandbox"
    notice = gateway.complete(HttpRequest("POST", path, "", delivery.headers, delivery.body))
    assert (notice.order_no, notice.answer.outcome) == (ORDER_NO, Outcome.PAID)
    assert notice.answer.extra["wx_trade_type"] == "MWEB"


def test_a_link_nobody_opened_is_closed(till):
    gateway = till.gateway()
    till.send(gateway, "wx.h5", client_ip="127.0.0.1")
    assert gateway.close(an_order("wx.h5")).outcome is Outcome.CLOSED
    assert gateway.check(an_order("wx.h5")).outcome is Outcome.FAILED


def test_the_same_order_again_gets_a_code_and_a_changed_one_decides_nothing(till):
    gateway = till.gateway()
    assert till.send(gateway).outcome is Outcome.WAITING
    assert till.send(gateway).outcome is Outcome.WAITING
    assert till.send(gateway, fee=FEE + 1).outcome is Outcome.UNKNOWN


def test_a_closed_order_is_closed(till):
    gateway = till.gateway()
    assert gateway.check(an_order()).outcome is Outcome.NOT_FOUND
    till.send(gateway)
    assert gateway.close(an_order()).outcome is Outcome.CLOSED
    assert gateway.check(an_order()).outcome is Outcome.FAILED
    assert gateway.close(an_order()).outcome is Outcome.CLOSED


@pytest.mark.parametrize("target", ["sandbox", "sandbox-v2"])
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (PAYS, Outcome.PAID),
        (HESITATES, Outcome.WAITING),
        (HESITATES_BY_ERROR, Outcome.WAITING),
        (DECLINED, Outcome.FAILED),
        (INVALID, Outcome.FAILED),
    ],
)
def test_a_scan_says_what_the_payer_did_and_can_be_reversed(till, target, code, outcome):
    gateway = till.gateway(target)
    assert till.send(gateway, "wx.scan", code).outcome is outcome
    till.clock.advance(ms=gateway.reverse_after_ms)
    reversed_ = gateway.close(an_order("wx.scan"))
    assert reversed_.outcome in (Outcome.CLOSED, Outcome.NOT_FOUND)
    after = gateway.check(an_order("wx.scan"))
    assert after.outcome is not Outcome.WAITING


@pytest.mark.parametrize("target", ["sandbox", "sandbox-v2"])
def test_a_payer_who_hesitated_pays_in_the_end(till, target):
    gateway = till.gateway(target)
    till.send(gateway, "wx.scan", HESITATES)
    assert gateway.check(an_order("wx.scan")).outcome is Outcome.WAITING
    client.scan(till.state, ORDER_NO)
    assert gateway.check(an_order("wx.scan")).paid.fee == FEE


ANSWER_KINDS = sorted(kind for kind, row in GENERAL.items() if "answer" in row.where)
# v2 messages have no time, and their key belongs to one merchant.
V3_ONLY = {"signtest", "stale", "foreign-merchant"}


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        *(("sandbox", kind) for kind in ANSWER_KINDS),
        *(("sandbox-v2", kind) for kind in ANSWER_KINDS if kind not in V3_ONLY),
    ],
)
def test_no_misbehaviour_makes_money_or_failure(till, kind, target):
    gateway = till.gateway(target)
    client.misbehave(till.state, kind, where="answer", hold_s=3.0)
    answer = till.send(gateway, "wx.scan", PAYS)
    if answer.outcome is Outcome.PAID:  # a true signature over a false order: the caller compares
        assert (answer.paid.order_no, answer.paid.fee, answer.paid.cur) != (ORDER_NO, FEE, "CNY")
    else:
        assert answer.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "kind", ["bad-signature", "unsigned", "signtest", "stale", "foreign-merchant"]
)
def test_a_notification_of_a_liar_is_refused(till, kind):
    gateway = till.gateway()
    sent = till.send(gateway)
    client.misbehave(till.state, kind, where="notice")
    client.scan(till.state, sent.re_obj)
    delivery = till.receiver.deliveries[0]
    with pytest.raises(UntrustedError):
        gateway.complete(HttpRequest("POST", delivery.path, "", delivery.headers, delivery.body))


# ---- what WeChat Pay may say: each row, and what comes of it

WAITING, PAID, CLOSED = Outcome.WAITING, Outcome.PAID, Outcome.CLOSED
REFUSED, FAILED = Outcome.REFUSED, Outcome.FAILED
UNKNOWN, NOT_FOUND = Outcome.UNKNOWN, Outcome.NOT_FOUND

#: Kind -> what comes of an order, of a scan, of a query of a paid order, and of a close.
V3_ROWS = {
    "wx-200-system-error": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "wx-202-user-paying": (UNKNOWN, WAITING, UNKNOWN, UNKNOWN),
    "wx-400-param-error": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-400-invalid-request": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-400-appid-mchid-not-match": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-400-mch-not-exists": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-400-order-closed": (UNKNOWN, FAILED, UNKNOWN, UNKNOWN),
    "wx-401-sign-error": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-403-account-error": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-403-no-auth": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-403-not-enough": (UNKNOWN, FAILED, UNKNOWN, UNKNOWN),
    "wx-403-out-trade-no-used": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "wx-403-rule-limit": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-403-trade-error": (UNKNOWN, FAILED, UNKNOWN, UNKNOWN),
    "wx-404-order-not-exist": (UNKNOWN, UNKNOWN, NOT_FOUND, UNKNOWN),
    "wx-404-ordernotexist": (UNKNOWN, UNKNOWN, NOT_FOUND, UNKNOWN),
    "wx-429-frequency-limited": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-500-system-error": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "wx-500-openid-mismatch": (REFUSED, REFUSED, UNKNOWN, UNKNOWN),
    "wx-exists-paid": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "wx-exists-paid-too": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "wx-exists-over": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "wx-exists-changed": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "wx-exists-201": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}
V2_ROWS = {
    "wx-v2-authcodeexpire": FAILED,
    "wx-v2-auth-code-invalid": FAILED,
    "wx-v2-notenough": FAILED,
    "wx-v2-trade-error": FAILED,
    "wx-v2-noauth": REFUSED,
    "wx-v2-appid-mchid-not-match": REFUSED,
    "wx-v2-invalid-request": UNKNOWN,
    "wx-v2-orderpaid": UNKNOWN,
    "wx-v2-orderclosed": FAILED,
    "wx-v2-ordernotexist": UNKNOWN,
    "wx-v2-userpaying": WAITING,
    "wx-v2-systemerror": UNKNOWN,
    "wx-v2-bankerror": UNKNOWN,
}


def test_every_error_the_sandbox_can_say_is_in_these_tables():
    assert {*V3_ROWS, *V2_ROWS} == {name for name, row in KINDS.items() if row.refusal}


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("kind", V3_ROWS)
def test_each_error_means_one_thing_in_each_conversation(till, kind, unsigned):
    of_order, of_scan, of_query, of_close = V3_ROWS[kind]
    gateway = till.gateway()

    def told(ask):
        client.misbehave(till.state, kind, unsigned=unsigned)
        answer = ask()
        assert not client.behave(till.state)["dropped"]
        return answer.outcome

    assert told(lambda: till.send(gateway)) is of_order
    scanned = told(lambda: till.send(gateway, "wx.scan", PAYS))
    assert scanned is (of_scan if not unsigned or of_scan is WAITING else UNKNOWN)
    till.send(gateway)
    assert told(lambda: gateway.check(an_order())) is of_query
    # What was not closed is asked about, and the order still waits.
    assert told(lambda: gateway.close(an_order())) is of_close
    assert gateway.check(an_order()).outcome is WAITING


@pytest.mark.parametrize("kind", V2_ROWS)
def test_each_error_of_v2_means_one_thing(till, kind):
    gateway = till.gateway("sandbox-v2")
    client.misbehave(till.state, kind)
    assert till.send(gateway, "wx.scan", PAYS).outcome is V2_ROWS[kind]
    till.send(gateway, "wx.scan", PAYS)
    client.misbehave(till.state, kind, operation="query")
    answer = gateway.check(an_order("wx.scan"))
    assert answer.outcome is (NOT_FOUND if kind == "wx-v2-ordernotexist" else UNKNOWN)
    client.misbehave(till.state, kind, operation="reverse")
    assert gateway.close(an_order("wx.scan")).outcome is PAID  # not reversed, and asked about


@pytest.mark.parametrize("code", [HESITATES, HESITATES_BY_ERROR])
@pytest.mark.parametrize("kind", [name for name in KINDS if name.startswith("wx-paying")])
@pytest.mark.parametrize("unsigned", [False, True])
def test_a_payer_who_hesitates_is_waited_for_in_any_form(till, kind, code, unsigned):
    gateway = till.gateway()
    client.misbehave(till.state, kind, unsigned=unsigned)
    answer = till.send(gateway, "wx.scan", code)
    is_code = kind in ("wx-paying-code", "wx-paying-400")
    assert answer.outcome is (WAITING if is_code or not unsigned else UNKNOWN)
    client.scan(till.state, ORDER_NO)
    assert gateway.check(an_order("wx.scan")).outcome is PAID


@pytest.mark.parametrize(
    ("target", "kind", "outcome"),
    [
        ("sandbox", "wx-no-appid", PAID),
        ("sandbox", "wx-no-merchant", UNKNOWN),
        ("sandbox", "wx-no-transaction-id", UNKNOWN),
        ("sandbox", "foreign-merchant", UNKNOWN),
        ("sandbox-v2", "wx-no-transaction-id", UNKNOWN),
        ("sandbox-v2", "foreign-merchant", UNKNOWN),
    ],
)
def test_what_is_missing_matters_where_the_documents_demand_it(till, target, kind, outcome):
    gateway = till.gateway(target)
    client.misbehave(till.state, kind)
    assert till.send(gateway, "wx.scan", PAYS).outcome is outcome
    client.misbehave(till.state, kind)
    assert gateway.check(an_order("wx.scan")).outcome is outcome


@pytest.mark.parametrize("target", ["sandbox", "sandbox-v2"])
def test_money_that_went_back_first_is_paid_and_said_so(till, target):
    gateway = till.gateway(target)
    till.send(gateway, "wx.scan", PAYS)
    client.misbehave(till.state, "wx-refunded")
    answer = gateway.check(an_order("wx.scan"))
    assert (answer.outcome, answer.paid.went_back, answer.paid.fee) == (PAID, True, FEE)
    assert gateway.check(an_order("wx.scan")).paid.went_back is False


@pytest.mark.parametrize(
    ("target", "kind", "outcome"),
    [
        ("sandbox", "wx-no-appid", CLOSED),
        # The reversal itself is not believed; the query then says that it was done.
        ("sandbox", "wx-no-merchant", CLOSED),
        ("sandbox", "foreign-merchant", CLOSED),
        ("sandbox-v2", "wx-v2-no-recall", CLOSED),
        ("sandbox-v2", "foreign-merchant", CLOSED),
    ],
)
def test_a_reversal_that_is_not_plainly_ours_is_asked_about(till, target, kind, outcome):
    gateway = till.gateway(target)
    till.send(gateway, "wx.scan", HESITATES)
    till.clock.advance(ms=gateway.reverse_after_ms)
    client.misbehave(till.state, kind, operation="reverse")
    assert gateway.close(an_order("wx.scan")).outcome is outcome
    asked = [row["operation"] for row in client.ledger(till.state)["requests"]]
    assert ("query" in asked) is (kind != "wx-no-appid")


@pytest.mark.parametrize(("target", "notice"), [("sandbox", ""), ("sandbox-v2", "v2")])
def test_a_true_notice_that_names_no_order_is_refused(till, target, notice):
    gateway = till.gateway(target)
    sent = till.send(gateway)
    client.misbehave(till.state, "wx-no-order-number")
    client.scan(till.state, sent.re_obj, notice=notice)
    delivery = till.receiver.deliveries[0]
    headers = {} if notice else delivery.headers
    with pytest.raises(UnfitError, match="names no order"):
        gateway.complete(HttpRequest("POST", delivery.path, "", headers, delivery.body))


@pytest.mark.parametrize(
    ("target", "pay_tp", "code", "outcome"),
    [("sandbox", "wx.qrcode", "", WAITING), ("sandbox-v2", "wx.scan", PAYS, PAID)],
)
def test_a_long_description_is_no_longer_than_the_sandbox_takes(
    till, target, pay_tp, code, outcome
):
    brief = "一杯咖啡" * 40
    assert till.send(till.gateway(target), pay_tp, code, brief=brief).outcome is outcome
