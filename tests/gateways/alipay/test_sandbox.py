"""Alipay's gateway against the sandbox, which was written from the provider's documents alone."""

import shutil
from dataclasses import replace

import pytest

from payment_cli.clock import system_clock
from payment_cli.config.targets import load_account
from payment_cli.errors import UntrustedError
from payment_cli.gateways.alipay.gateway import AlipayGateway
from payment_cli.gateways.alipay.provider import AlipayProvider
from payment_cli.gateways.base import HttpRequest, OrderRef, Outcome
from payment_cli.model.secret import Secret
from payment_cli.sandbox import client
from payment_cli.sandbox.alipay.kinds import KINDS
from payment_cli.sandbox.server import running_sandbox
from tests.gateways.gateway_contract import FEE, ORDER_NO, HastyTransport, a_request
from tests.support.clock import HandClock
from tests.support.receiver import receiving

PAYS, HESITATES = "2800000000000000" + "00", "2800000000000000" + "01"


class Till:
    """A merchant's till: its sandbox, its clock and its gateway."""

    def __init__(self, root, sandbox, clock, receiver):
        account = load_account(root, AlipayProvider(), "demo", "sandbox", {})
        self.transport = HastyTransport()
        self.gateway = AlipayGateway(
            replace(account, gateway_url=f"{sandbox.url}/gateway.do"), self.transport, clock
        )
        self.state = sandbox.state
        self.clock = clock
        self.receiver = receiver

    def send(self, code="", **changes):
        pay_tp = "zfb.scan" if code else "zfb.qrcode"
        url = f"{self.receiver.url}/{pay_tp}/demo/sandbox"
        expires_at = self.clock() + 600_000
        request = a_request(pay_tp, notify_url=url, expires_at=expires_at, **changes)
        return self.gateway.send(request, Secret(code) if code else None)

    def told(self, kind, act, **how):
        """The answer to `act` while Alipay does this."""
        client.misbehave(self.state, kind, where="answer", **how)
        return act()

    def heard(self, position=-1):
        """What a callback means to the gateway."""
        delivery = self.receiver.deliveries[position]
        return self.gateway.complete(
            HttpRequest("POST", delivery.path, "", delivery.headers, delivery.body)
        )

    def check(self):
        return self.gateway.check(self.order())

    def close(self, pay_tp="zfb.qrcode"):
        return self.gateway.close(self.order(pay_tp))

    def order(self, pay_tp="zfb.qrcode"):
        return OrderRef(ORDER_NO, pay_tp, FEE, "CNY", self.clock())

    def scan(self, **how):
        return client.scan(self.state, ORDER_NO, **how)


@pytest.fixture
def till(template, tmp_path):
    root = shutil.copytree(template, tmp_path / "tree")
    clock = HandClock(system_clock())
    with (
        receiving() as receiver,
        running_sandbox(root / "state", clock=clock, speed=100_000) as sandbox,
    ):
        till = Till(root, sandbox, clock, receiver)
        yield till
        till.transport.inner.close()


def test_an_unscanned_code_does_not_exist_before_nor_after_its_time(till):
    assert till.send().outcome is Outcome.WAITING
    for _ in range(2):
        assert till.check().outcome is Outcome.NOT_FOUND
        assert till.close().outcome is Outcome.NOT_FOUND
        till.clock.now += 3_600_000


def test_a_scanned_code_exists_and_ends_with_its_time(till):
    till.send()
    till.scan(userpaying=True)
    assert till.check().outcome is Outcome.WAITING
    till.clock.now += 3_600_000
    assert till.check().outcome is Outcome.FAILED


WORDS = {kind: row for kind, row in KINDS.items() if row.refusal}
UNKNOWN_TO_ALL = {
    "zfb-system-error", "zfb-busy", "zfb-bare-40002", "zfb-bare-40004", "zfb-new-word",
    "zfb-is-paid", "zfb-is-closed", "zfb-other-buyer", "zfb-other-context",
}  # fmt: skip


def test_every_word_of_the_table_is_tried_here():
    assert set(WORDS) == UNKNOWN_TO_ALL | {"zfb-not-let-in", "zfb-not-exist", "zfb-status"}


@pytest.mark.parametrize("kind", sorted(UNKNOWN_TO_ALL))
@pytest.mark.parametrize("code", ["", PAYS])
def test_an_order_hears_words_that_decide_nothing(till, kind, code):
    assert till.told(kind, lambda: till.send(code)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("unsigned", [False, True])
def test_an_order_that_is_not_let_in_is_refused(till, unsigned):
    said = till.told("zfb-not-let-in", till.send, unsigned=unsigned)
    assert said.outcome is Outcome.REFUSED
    scan = till.told("zfb-not-let-in", lambda: till.send(PAYS), unsigned=unsigned)
    assert scan.outcome is (Outcome.UNKNOWN if unsigned else Outcome.REFUSED)


TO_A_CLOSE = {kind for kind, row in WORDS.items() if not row.only or "close" in row.only}


@pytest.mark.parametrize("kind", sorted(TO_A_CLOSE - {"zfb-not-exist"}))
def test_a_close_hears_words_that_close_nothing(till, kind):
    till.send()
    till.scan(userpaying=True)
    assert till.told(kind, till.close, operation="close").outcome is Outcome.UNKNOWN
    assert till.check().outcome is Outcome.WAITING


def test_not_exist_about_a_trade_that_exists_is_believed_and_not_final(till):
    till.send()
    till.scan(userpaying=True)
    assert till.told("zfb-not-exist", till.check).outcome is Outcome.NOT_FOUND
    assert till.check().outcome is Outcome.WAITING


def test_a_close_that_does_not_say_of_what_is_asked_about(till):
    till.send()
    till.scan(userpaying=True)
    assert till.told("zfb-bare-10000", till.close).outcome is Outcome.CLOSED


@pytest.mark.parametrize("kind", ["zfb-cancel-again", "zfb-10000-and-reason"])
def test_a_cancel_that_is_no_success_is_none(till, kind):
    till.send(HESITATES)
    till.clock.now += 20_000
    answer = till.told(kind, lambda: till.close("zfb.scan"), operation="cancel")
    assert answer.outcome is Outcome.UNKNOWN


def test_a_cancel_without_an_action_found_nothing(till):
    till.send(HESITATES)
    assert till.told("zfb-no-action", lambda: till.close("zfb.scan")).outcome is Outcome.NOT_FOUND


def test_a_success_with_a_reason_is_none(till):
    for code in ("", PAYS):
        answer = till.told("zfb-10000-and-reason", lambda code=code: till.send(code))
        assert answer.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("kind", ["zfb-required-only", "zfb-gbk"])
def test_an_answer_is_read_without_its_optional_fields_and_in_gbk(till, kind):
    paid = till.told(kind, lambda: till.send(PAYS))
    assert (paid.outcome, paid.paid.fee) == (Outcome.PAID, FEE)
    assert till.told(kind, till.check).outcome is Outcome.PAID


def test_an_error_in_gbk_is_shown_in_its_words(till):
    answer = till.told("zfb-gbk", till.check)
    assert (answer.outcome, answer.message) == (Outcome.NOT_FOUND, "交易不存在")


def test_an_answer_of_another_merchant_is_not_ours(till):
    till.send(PAYS)
    assert till.told("foreign-merchant", till.check).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("kind", ["zfb-required-only", "zfb-gbk"])
@pytest.mark.parametrize("flavour", ["", "sign-type"])
def test_a_callback_is_read_without_its_optional_fields_and_in_gbk(till, kind, flavour):
    till.send(brief="两杯咖啡 乗 👨‍👩‍👧 😀")
    client.misbehave(till.state, kind, where="notice")
    till.scan(notice=flavour)
    notice = till.heard()
    assert (notice.order_no, notice.answer.outcome) == (ORDER_NO, Outcome.PAID)
    assert notice.answer.paid.fee == FEE
    assert (b"charset=GBK" in till.receiver.deliveries[-1].body) is (kind == "zfb-gbk")


def test_a_callback_of_another_merchant_is_refused(till):
    till.send()
    client.misbehave(till.state, "foreign-merchant", where="notice")
    till.scan()
    with pytest.raises(UntrustedError, match="another app"):
        till.heard(0)


@pytest.mark.parametrize("where", ["notice", "answer"])
def test_money_that_went_back_is_told_alike_by_callback_and_query(till, where):
    till.send()
    client.misbehave(till.state, "zfb-refunded", where=where)
    till.scan()
    asked = till.check()
    told = [asked, till.check(), till.close()]
    if where == "notice":
        told.append(till.heard().answer)
    for answer in told:
        assert answer.outcome is Outcome.PAID
        assert (answer.paid.fee, answer.paid.went_back) == (FEE, True)
        assert answer.paid.trade_no == asked.paid.trade_no


def test_a_cancel_that_gave_money_back_is_remembered_as_paid(till):
    till.send(PAYS)
    answer = till.told("zfb-not-exist", lambda: till.close("zfb.scan"), operation="query")
    assert (answer.outcome, answer.extra["zfb_cancel_action"]) == (Outcome.CLOSED, "refund")
    assert till.check().paid.went_back
