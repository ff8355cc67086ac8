"""Callbacks to the bare path among many accounts: real configs and keys, the wire counted."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from payment_cli.app import App
from payment_cli.errors import UntrustedError
from payment_cli.gateways.base import HttpRequest
from payment_cli.gateways.http import HttpCall, HttpReply, NoAnswerError
from payment_cli.gateways.http_transport import HttpTransport
from payment_cli.gateways.wechat.gateway import WechatGateway
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.services.payments.records import PAYMENTS
from tests.support import alipay, wechat
from tests.support.clock import CountedIds, CountedTokens, HandClock

MANY = 40
#: What a call that gets no answer takes.
SILENCE_MS = 3_000
#: What the providers wait for their answer.
PATIENCE_MS = 5_000
HOW_WECHAT = {"signer": "certificate", "serial": wechat.CERT_SERIAL_HEX}


def key_of(number):
    return f"{number:032d}"


def mch(number):
    return {"mchid": f"{1900000000 + number}", "appid": f"wx{number:016d}"}


class Market:
    """A tree with accounts; `lists` are the platform's certificates by merchant, if it answers."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, mocker) -> None:
        self.root = root
        self.clock = HandClock(wechat.NOW)
        environ = {"PAYMENT_STORAGE": "tinydb:"}
        self.app = App(root, "root", environ, self.clock, CountedIds(), CountedTokens())
        self.answers_with = {}
        self.fetched = []
        monkeypatch.setattr(HttpTransport, "send", lambda _self, call: self._send(call))
        self.completed = mocker.spy(WechatGateway, "complete")

    def _send(self, call: HttpCall) -> HttpReply:
        self.fetched.append(re.search(r'mchid="(\d+)"', call.headers["Authorization"])[1])
        number = int(self.fetched[-1]) - 1900000000
        if number not in self.answers_with:
            self.clock.advance(ms=SILENCE_MS)
            raise NoAnswerError("silence")
        listed = {
            "data": [
                {"encrypt_certificate": wechat.sealed(pem.encode(), key=key_of(number))}
                for pem in self.answers_with[number]
            ]
        }
        said = wechat.said(listed, at_s=self.clock() // 1000, **HOW_WECHAT)
        return HttpReply(said.status, said.headers, said.body)

    def account(self, domain, target, number, provider="wxpay", **changes):
        conf = {
            "appid": mch(number)["appid"], "pay_mch_id": mch(number)["mchid"],
            "api_v3_key": key_of(number), "serial_no": wechat.SERIAL,
            "private_key": wechat.private_pem("merchant"), **changes,
        } if provider == "wxpay" else {
            "app_id": f"{2021000000000000 + number}", "seller_id": alipay.SELLER_ID,
            "private_key": alipay.private_pem("app"),
            "alipay_public_key": alipay.public_pem("alipay"), **changes,
        }  # fmt: skip
        folder = self.root / "home" / domain / ".payment" / provider / target
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{provider}.conf"
        file.write_text(json.dumps(conf))
        file.chmod(0o600)

    def payment(self, domain, target, pay_tp="wx.qrcode") -> Payment:
        now = self.clock()
        payment = Payment(
            id=self.app.new_id(now), ct=now, lm=now, brief="Tea", fee=2300, cur="RMB",
            seller_id=domain, seller_nm=domain, st=Status.WAIT, pay_tp=pay_tp, pay_target=target,
            re_tp="QRCODE", re_obj="weixin://x", send_at=now, expi=now + 600_000,
            next_check_at=now + 15_000, view_key="0" * 64,
        )  # fmt: skip
        with self.app.storage.transaction(domain) as tx:
            tx.insert(PAYMENTS, payment.to_record())
        return payment

    def callback(self, order_no, number, *, key=None, **how) -> HttpRequest:
        content = wechat.transaction(order_no, **mch(number))
        body = wechat.callback_body(content, key=key or key_of(number))
        headers = wechat.v3_headers(body, at_s=self.clock() // 1000, **how)
        return HttpRequest("POST", "/pay/re", "", headers, body)

    def receive(self, request):
        before = self.clock()
        received = self.app.receiver.receive(request)
        assert self.clock() - before <= PATIENCE_MS
        return received

    def is_paid(self, payment) -> bool:
        return self.app.storage.get(PAYMENTS, payment.id)["st"] == "OK"

    @property
    def verifications(self) -> int:
        return self.completed.call_count


@pytest.fixture
def market(root, monkeypatch, mocker):
    made = Market(root, monkeypatch, mocker)
    yield made
    made.app.close()


def public_key(number):
    return {
        "public_key_id": f"PUB_KEY_ID_{number}",
        "public_key": wechat.public_pem("platform"),
    }


def test_each_of_forty_accounts_gets_its_true_callbacks_and_each_costs_one_verification(market):
    for number in range(MANY):
        market.account(f"d{number}", "main", number, **public_key(number))
    for count, number in enumerate((MANY - 1, 17, 0), 1):
        payment = market.payment(f"d{number}", "main")
        request = market.callback(payment.id, number, serial=f"PUB_KEY_ID_{number}")
        assert market.receive(request).error is None
        assert market.is_paid(payment)
        assert market.verifications == count
    assert market.fetched == []


def test_of_forty_accounts_whose_certificates_nobody_has_yet_only_the_own_one_asks(market):
    for number in range(MANY):
        market.account(f"d{number}", "main", number)
    market.answers_with = {number: [wechat.platform_cert()] for number in range(MANY)}
    payment = market.payment("d39", "main")
    assert market.receive(market.callback(payment.id, 39, **HOW_WECHAT)).error is None
    assert market.is_paid(payment)
    assert (market.fetched, market.verifications) == ([mch(39)["mchid"]], 1)


def test_accounts_with_the_same_api_v3_key_are_told_apart_by_what_it_opens(market):
    for number in range(MANY):
        market.account(f"d{number}", "main", number, api_v3_key="k" * 32, **public_key(0))
    payment = market.payment("d39", "main")
    request = market.callback(payment.id, 39, key="k" * 32, serial="PUB_KEY_ID_0")
    assert market.receive(request).error is None
    assert (market.is_paid(payment), market.verifications) == (True, 1)


@pytest.mark.parametrize("place", [("demo", "a"), ("demo", "b"), ("other", "c")])
@pytest.mark.parametrize("mode", ["public key", "certificate"])
def test_targets_that_share_one_account_all_take_their_callbacks(market, place, mode):
    how = {"serial": "PUB_KEY_ID_1"} if mode == "public key" else HOW_WECHAT
    market.answers_with = {1: [wechat.platform_cert()]}
    for domain, target in (("demo", "a"), ("demo", "b"), ("other", "c")):
        market.account(domain, target, 1, **(public_key(1) if mode == "public key" else {}))
    payment = market.payment(*place)
    assert market.receive(market.callback(payment.id, 1, **how)).error is None
    assert (market.is_paid(payment), market.verifications) == (True, 1)


def test_apps_of_one_merchant_are_told_apart(market):
    market.account("demo", "mini", 1, **public_key(1))
    market.account("demo", "web", 1, appid="wx9999999999999999", **public_key(1))
    for target, appid in (("mini", mch(1)["appid"]), ("web", "wx9999999999999999")):
        payment = market.payment("demo", target)
        content = wechat.transaction(payment.id, mchid=mch(1)["mchid"], appid=appid)
        body = wechat.callback_body(content, key=key_of(1))
        headers = wechat.v3_headers(body, serial="PUB_KEY_ID_1")
        assert market.receive(HttpRequest("POST", "/pay/re", "", headers, body)).error is None
        assert market.is_paid(payment)


@pytest.mark.parametrize(
    "serial", ["AB12", "F" * 40, "PUB_KEY_ID_7", "PUB_KEY_ID_9999", "", "../x"]
)
@pytest.mark.parametrize("path", ["/pay/re", "/pay/re/wx.qrcode/d7/main"])
def test_a_strangers_message_costs_no_fetch_whatever_its_serial(market, serial, path):
    for number in range(MANY):
        market.account(f"d{number}", "main", number, **(public_key(number) if number % 2 else {}))
    payment = market.payment("d7", "main")
    forged = market.callback(payment.id, 7, key="s" * 32, serial=serial, signer="stranger")
    for _ in range(3):
        received = market.receive(replace(forged, path=path))
        assert isinstance(received.error, UntrustedError)
        assert received.acknowledgement.status == 400
    assert market.fetched == []
    assert market.verifications == (3 if path != "/pay/re" else 0)
    assert not market.is_paid(payment)


def test_an_overheard_message_under_made_up_serials_costs_one_account_a_few_fetches(market):
    """Who once saw a true body can send it again; only its own account asks, and seldom."""
    for number in range(MANY):
        market.account(f"d{number}", "main", number)
    payment = market.payment("d7", "main")
    began = market.clock()
    for number in range(30):
        forged = market.callback(payment.id, 7, serial=f"{number:X}", signer="stranger")
        assert isinstance(market.receive(forged).error, UntrustedError)
    assert set(market.fetched) == {mch(7)["mchid"]}
    assert len(market.fetched) <= 3
    assert market.clock() - began == len(market.fetched) * SILENCE_MS


def test_many_targets_of_one_silent_account_hold_a_callback_no_longer_than_the_provider_waits(
    market,
):
    for target in range(MANY):
        market.account("demo", f"t{target}", 1)
    assert isinstance(
        market.receive(market.callback("0" * 32, 1, **HOW_WECHAT)).error, UntrustedError
    )
    assert len(market.fetched) == 1


def test_a_failed_fetch_does_not_keep_the_true_callback_out_when_it_comes_again(market):
    market.account("demo", "main", 1)
    payment = market.payment("demo", "main")
    assert market.receive(market.callback(payment.id, 1, **HOW_WECHAT)).error is not None
    market.answers_with = {1: [wechat.platform_cert()]}
    market.clock.advance(s=15)  # when WeChat Pay tells again
    assert market.receive(market.callback(payment.id, 1, **HOW_WECHAT)).error is None
    assert market.is_paid(payment)


def test_a_config_that_can_not_be_read_does_not_keep_the_others_callbacks_out(market):
    market.account("a", "broken", 0, api_v3_key="short")
    market.account("demo", "main", 1, **public_key(1))
    payment = market.payment("demo", "main")
    request = market.callback(payment.id, 1, serial="PUB_KEY_ID_1")
    assert market.receive(request).error is None
    assert market.is_paid(payment)
    stranger = market.receive(market.callback(payment.id, 1, key="s" * 32))
    assert stranger.acknowledgement.status == 500  # it may be for the account that is broken


# ---- what says openly whose it is


@pytest.mark.parametrize("target", ["a", "b"])
def test_a_v2_notice_is_verified_by_its_payments_own_account(market, target):
    for name in ("a", "b"):
        market.account("demo", name, 1, pay_key=wechat.PAY_KEY)
    for number in range(2, MANY):
        market.account(f"d{number}", "main", number, pay_key="x" * 32)
    payment = market.payment("demo", target)
    ours = {"appid": mch(1)["appid"], "mch_id": mch(1)["mchid"]}
    body = wechat.v2_signed(wechat.v2_paid(payment.id, **ours)).body
    request = HttpRequest("POST", "/pay/re", "", {"content-type": "text/xml"}, body)
    assert market.receive(request).error is None
    assert (market.is_paid(payment), market.verifications) == (True, 1)


def posted(fields, signer="alipay"):
    body = alipay.signed_form(fields, signer=signer)
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return HttpRequest("POST", "/pay/re", "", headers, body)


def test_a_form_about_an_order_is_verified_by_its_payments_own_account(market):
    for number in range(MANY):
        market.account(f"d{number}", "main", number, "alipay")
    market.account("d39", "second", 39, "alipay")
    for target in ("main", "second"):
        payment = market.payment("d39", target, "zfb.qrcode")
        fields = alipay.notice_fields(
            app_id="2021000000000039", out_trade_no=payment.id, total_amount="23.00"
        )
        assert market.receive(posted(fields)).error is None
        assert market.is_paid(payment)


def test_a_form_about_no_order_is_verified_by_the_account_of_its_app(market):
    for number in range(MANY):
        market.account(f"d{number}", "main", number, "alipay")
    fields = alipay.notice_fields(
        app_id="2021000000000039", out_trade_no="(absent)", trade_status="(absent)"
    )
    received = market.receive(posted(fields))
    assert (received.error, received.acknowledgement.body) == (None, b"success")
    for forged in (posted(fields, "stranger"), posted({**fields, "app_id": "2021"})):
        assert isinstance(market.receive(forged).error, UntrustedError)


def test_a_key_of_the_provider_that_the_account_lacks_is_said(market):
    market.account("demo", "main", 1, **public_key(1))
    payment = market.payment("demo", "main")
    received = market.receive(market.callback(payment.id, 1, serial="PUB_KEY_ID_2"))
    assert "no key of WeChat Pay with serial 'PUB_KEY_ID_2'" in str(received.error)
    assert "public_key_id" in received.error.hint
