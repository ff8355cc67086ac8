import pytest

from payment_cli.errors import UntrustedError
from payment_cli.gateways.base import OrderRef, Outcome
from payment_cli.gateways.http import HttpReply, NoAnswerError, NotSentError
from payment_cli.gateways.wechat.gateway import WechatGateway
from payment_cli.gateways.wechat.keys import FETCH_PAUSE_MS, FETCH_RETRY_MAX_MS, FETCH_RETRY_MS
from tests.gateways.gateway_contract import FEE, ORDER_NO, a_request
from tests.support import wechat as platform
from tests.support.clock import HandClock
from tests.support.http_server import How, Said
from tests.support.memory_cache import MemoryCache

ORDER = OrderRef(ORDER_NO, "wx.qrcode", FEE, "CNY", send_at=0)


def certificate_mode(**changes):
    return {"public_key_id": "", "public_key": "", **changes}


def by_certificate(document, status=200, **how):
    return platform.said(
        document, status, **{"signer": "certificate", "serial": platform.CERT_SERIAL_HEX, **how}
    )


def test_an_answer_signed_with_a_configured_certificate_is_believed(server, opened):
    server.says(by_certificate(platform.transaction(ORDER_NO)))
    gateway = opened(**certificate_mode(platform_certs=(platform.platform_cert(),)))
    assert gateway.check(ORDER).outcome is Outcome.PAID
    assert "wechatpay-serial" not in server.heard[0].headers
    assert len(server.heard) == 1


def test_an_unknown_certificate_is_fetched_once_and_kept(server, opened, cache):
    listed = by_certificate(platform.certificates(platform.platform_cert()))
    paid = by_certificate(platform.transaction(ORDER_NO))
    server.answer = lambda heard: listed if heard.target == "/v3/certificates" else paid
    gateway = opened(**certificate_mode())
    for _ in range(3):
        assert gateway.check(ORDER).outcome is Outcome.PAID
    assert opened(**certificate_mode()).check(ORDER).outcome is Outcome.PAID
    targets = [heard.target for heard in server.heard]
    assert targets.count("/v3/certificates") == 1
    platform.check_authorization(server.heard[targets.index("/v3/certificates")])


def test_a_new_certificate_is_found_after_the_old_one_was_kept(server, opened, clock):
    """Rotation: the platform begins to sign with a certificate nobody here has seen."""
    new = platform.platform_cert(serial=0xBEEF, owner="platform")
    lists = [platform.platform_cert()], [platform.platform_cert(), new]
    current = {"list": lists[0], "how": {}}

    def answer(heard):
        if heard.target == "/v3/certificates":
            return by_certificate(platform.certificates(*current["list"]), **current["how"])
        return by_certificate(platform.transaction(ORDER_NO), **current["how"])

    server.answer = answer
    gateway = opened(**certificate_mode())
    assert gateway.check(ORDER).outcome is Outcome.PAID
    clock.advance(ms=FETCH_PAUSE_MS)
    at_s = clock() // 1000
    current.update(list=lists[1], how={"signer": "platform", "serial": "BEEF", "at_s": at_s})
    assert gateway.check(ORDER).outcome is Outcome.PAID


def test_made_up_serials_cost_one_fetch_in_ten_minutes(server, opened, clock):
    server.says(platform.unsigned(platform.error("RESOURCE_NOT_EXISTS", "无可用的平台证书"), 404))
    gateway = opened()

    def forge(number):
        request = platform.callback(
            platform.transaction(ORDER_NO),
            serial=f"{number:040X}",
            signer="stranger",
            at_s=clock() // 1000,
        )
        with pytest.raises(UntrustedError, match="no key of WeChat Pay"):
            gateway.complete(request)

    for number in range(1, 20):
        forge(number)
    assert len(server.heard) == 1
    clock.advance(ms=FETCH_PAUSE_MS)
    forge(1)
    assert len(server.heard) == 2
    other_process = opened()
    with pytest.raises(UntrustedError, match="no key of WeChat Pay"):
        other_process.complete(
            platform.callback(
                platform.transaction(ORDER_NO), serial="AB", signer="stranger", at_s=clock() // 1000
            )
        )
    assert len(server.heard) == 2


def test_an_old_message_with_a_made_up_serial_costs_nothing(server, opened):
    at_s = platform.NOW // 1000 - 300
    request = platform.callback(platform.transaction(ORDER_NO), serial="AB", at_s=at_s)
    with pytest.raises(UntrustedError, match="away from ours"):
        opened().complete(request)
    assert server.heard == []


@pytest.mark.parametrize("serial", ["PUB_KEY_ID_999", "../../etc", "0x12", "F" * 65, "-1"])
def test_a_serial_that_is_no_certificates_costs_nothing(server, opened, serial):
    request = platform.callback(platform.transaction(ORDER_NO), serial=serial)
    with pytest.raises(UntrustedError, match="no key of WeChat Pay"):
        opened().complete(request)
    assert server.heard == []


@pytest.mark.parametrize(
    "listed",
    [
        by_certificate(platform.certificates(platform.platform_cert()), signer="stranger"),
        Said(200, by_certificate(platform.certificates(platform.platform_cert())).body),
        by_certificate({"data": [{"encrypt_certificate": platform.sealed(b"no certificate")}]}),
        by_certificate({"data": [{"encrypt_certificate": platform.sealed(b"x", key="b" * 32)}]}),
        by_certificate({"data": "x"}),
        by_certificate({"data": [7, {}]}),
        Said(how=How.HANG_UP),
        Said(500, b"<html>"),
    ],
)
def test_a_list_of_certificates_that_can_not_be_trusted_gives_none(server, opened, listed):
    paid = by_certificate(platform.transaction(ORDER_NO))
    server.answer = lambda heard: listed if heard.target == "/v3/certificates" else paid
    assert opened(**certificate_mode()).check(ORDER).outcome is Outcome.UNKNOWN


class BrokenWire:
    """Brings orders, and never a request for certificates."""

    def __init__(self, failure):
        self._failure = failure

    def send(self, call):
        if call.url.endswith("/v3/certificates"):
            raise self._failure
        said = by_certificate({"code_url": "weixin://x"})
        return HttpReply(said.status, said.headers, said.body)


@pytest.mark.parametrize("failure", [NotSentError("refused"), NoAnswerError("timeout")])
def test_certificates_that_can_not_be_fetched_only_leave_a_message_unverified(failure):
    gateway = WechatGateway(
        platform.account(**certificate_mode()),
        transport=BrokenWire(failure),
        clock=HandClock(platform.NOW),
        certificates_cache=MemoryCache(),
    )
    # The order was received: to say REFUSED would place it twice.
    assert gateway.send(a_request("wx.qrcode"), None).outcome is Outcome.UNKNOWN
    with pytest.raises(UntrustedError):
        gateway.complete(platform.callback(platform.transaction(ORDER_NO), serial="AB"))


def test_a_half_migrated_account_believes_both_keys(server, opened):
    gateway = opened(platform_certs=(platform.platform_cert(),))
    server.says(
        platform.said(platform.transaction(ORDER_NO)),
        by_certificate(platform.transaction(ORDER_NO)),
    )
    assert gateway.check(ORDER).outcome is Outcome.PAID
    assert gateway.check(ORDER).outcome is Outcome.PAID
    request = platform.callback(
        platform.transaction(ORDER_NO), signer="certificate", serial=platform.CERT_SERIAL_HEX
    )
    assert gateway.complete(request).answer.outcome is Outcome.PAID
    assert len(server.heard) == 2


def test_keys_do_not_answer_for_each_others_serials(server, opened):
    gateway = opened(platform_certs=(platform.platform_cert(),))
    server.says(
        platform.said(platform.transaction(ORDER_NO), serial=platform.CERT_SERIAL_HEX),
        by_certificate(platform.transaction(ORDER_NO), serial=platform.PUBLIC_KEY_ID),
    )
    assert gateway.check(ORDER).outcome is Outcome.UNKNOWN
    assert gateway.check(ORDER).outcome is Outcome.UNKNOWN


def test_an_expired_certificate_verifies_nothing(server, opened, clock):
    short = platform.platform_cert(days=30)
    server.says(by_certificate(platform.transaction(ORDER_NO)))
    gateway = opened(**certificate_mode(platform_certs=(short,)))
    assert gateway.check(ORDER).outcome is Outcome.UNKNOWN


LISTED = by_certificate(platform.certificates(platform.platform_cert()))
FETCH = "/v3/certificates"


def fetches(server):
    return [heard.target for heard in server.heard].count(FETCH)


@pytest.mark.parametrize("failed", [Said(how=How.HANG_UP), Said(502, b"<html>")])
def test_a_failed_fetch_is_made_up_for_seconds_later(server, opened, clock, failed):
    """One failure kept every callback of the account out for ten minutes."""
    lists = [failed, LISTED]
    paid = by_certificate(platform.transaction(ORDER_NO))
    server.answer = lambda heard: lists.pop(0) if heard.target == FETCH else paid
    gateway = opened(**certificate_mode())
    assert gateway.check(ORDER).outcome is Outcome.UNKNOWN
    assert gateway.check(ORDER).outcome is Outcome.UNKNOWN
    assert fetches(server) == 1
    clock.advance(ms=FETCH_RETRY_MS)
    assert gateway.check(ORDER).outcome is Outcome.PAID
    assert fetches(server) == 2


def test_failures_of_fetching_wait_longer_and_longer_and_a_minute_at_most(server, opened, clock):
    paid = by_certificate(platform.transaction(ORDER_NO))
    server.answer = lambda heard: Said(500, b"") if heard.target == FETCH else paid
    long_lived = opened(**certificate_mode())
    began, tried_at = clock(), []
    for second in range(240):
        before = fetches(server)
        (long_lived if second % 2 else opened(**certificate_mode())).check(ORDER)  # two processes
        if fetches(server) > before:
            tried_at.append((clock() - began) // 1000)
        clock.advance(ms=1000)
    assert tried_at == [0, 2, 6, 14, 30, 62, 122, 182]
    assert FETCH_RETRY_MAX_MS == 60_000


def test_after_a_success_failures_are_forgotten(server, opened, clock):
    works = [False, False, True, False, True]

    def answer(heard):
        at_s = clock() // 1000
        if heard.target != FETCH:
            return by_certificate(platform.transaction(ORDER_NO), serial="ABC", at_s=at_s)
        listed = platform.certificates(platform.platform_cert())
        return by_certificate(listed, at_s=at_s) if works.pop(0) else Said(500, b"")

    server.answer = answer
    gateway = opened(**certificate_mode())
    waits = (FETCH_RETRY_MS, 2 * FETCH_RETRY_MS, FETCH_PAUSE_MS - 1, 1, FETCH_RETRY_MS, 0)
    for wait_ms in waits:
        gateway.check(ORDER)
        clock.advance(ms=wait_ms)
    assert works == []


@pytest.mark.parametrize("saved", ["", "{", "[]", '{"certificates":["x"]}', '{"asked_at":"x"}'])
def test_a_damaged_cache_is_fetched_anew(server, opened, cache, saved):
    cache.save(saved)
    listed = by_certificate(platform.certificates(platform.platform_cert()))
    paid = by_certificate(platform.transaction(ORDER_NO))
    server.answer = lambda heard: listed if heard.target == "/v3/certificates" else paid
    assert opened(**certificate_mode()).check(ORDER).outcome is Outcome.PAID
