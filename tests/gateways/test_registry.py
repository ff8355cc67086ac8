import re
import subprocess
import sys
from pathlib import Path

import pytest

import payment_cli
from payment_cli.errors import ConfigError
from payment_cli.gateways.base import HttpRequest
from payment_cli.gateways.registry import (
    all_providers,
    configured_providers,
    find_provider,
    sender_of,
)
from payment_cli.model.payments.pay_type import PAY_TYPES
from tests.support import alipay, wechat

PACKAGE = Path(payment_cli.__file__).parent
V3 = wechat.callback(wechat.transaction("01990b5e6f7a7000a0b0c0d0e0f00102"))
V2 = wechat.posted(wechat.v2_signed(wechat.v2_paid("0199")).body, {"content-type": "text/xml"})
FORM = alipay.posted(alipay.signed_form(alipay.notice_fields()))


def test_every_provider_of_a_pay_type_is_found_under_its_own_name():
    names = {kind.provider for kind in PAY_TYPES.values()}
    assert {provider.name for provider in all_providers()} == names
    assert all(find_provider(name).name == name for name in names)


def test_a_provider_of_another_program_is_a_fault_of_the_config():
    with pytest.raises(ConfigError, match="'paypaul'"):
        find_provider("paypaul")


def test_what_is_free_needs_no_config():
    assert [provider.name for provider in configured_providers()] == ["wxpay", "alipay"]


@pytest.mark.parametrize(("message", "name"), [(V3, "wxpay"), (V2, "wxpay"), (FORM, "alipay")])
def test_a_genuine_message_has_the_form_of_one_provider_only(message, name):
    assert [provider.name for provider in all_providers() if provider.sends(message)] == [name]
    found = sender_of(message)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"a=b", b"\xff"])
def test_a_message_in_nobodys_form_is_nobodys(body):
    headers = {"content-type": "application/json"}
    assert sender_of(HttpRequest("POST", "/pay/re", "", headers, body)) is None


def test_xml_whose_body_nobody_read_is_known_by_its_type():
    unread = HttpRequest("POST", "/pay/re", "", {"content-type": "Text/XML; charset=utf-8"}, b"")
    found = sender_of(unread)
    assert found is not None
    assert found.refusal(unread, 413).body.startswith(b"<xml><return_code>FAIL")


@pytest.mark.parametrize(("message", "claimed"), [(V3, None), (V2, "0199"), (FORM, "0198c0ffee")])
def test_an_unverified_message_claims_an_order_where_it_is_not_encrypted(message, claimed):
    assert sender_of(message).claimed_order_no(message) == claimed


@pytest.mark.parametrize("message", [V3, V2, FORM])
@pytest.mark.parametrize("status", [400, 500])
def test_no_refusal_can_be_read_as_taken(message, status):
    refusal = sender_of(message).refusal(message, status)
    assert refusal.status == status
    assert refusal.body
    assert b"success" not in refusal.body.lower()


def test_parsed_fields_are_a_message_only_with_a_signature_of_their_own():
    fields = {**alipay.notice_fields(), "sign": "AAAA", "n": 5}
    message = find_provider("alipay").signed_message(fields)
    assert find_provider("alipay").sends(message)
    assert find_provider("alipay").claimed_order_no(message) == "0198c0ffee"
    del fields["sign"]
    assert find_provider("alipay").signed_message(fields) is None
    assert find_provider("wxpay").signed_message({"sign": "AAAA"}) is None


def test_the_registry_and_its_rows_load_no_gateway_no_cryptography_and_no_network():
    code = (
        "import sys\n"
        "from payment_cli.gateways.registry import all_providers\n"
        "from payment_cli.gateways.base import HttpRequest\n"
        "at_first = [name for name in sys.modules if name.startswith('payment_cli.gateways.')]\n"
        "message = HttpRequest('POST', '/pay/re', '', {}, b'<xml>')\n"
        "for provider in all_providers():\n"
        "    provider.keys(), provider.sends(message), provider.signed_message({})\n"
        "heavy = ('cryptography', 'requests', 'urllib3', 'ssl', 'hashlib')\n"
        "print(*[name for name in heavy if name in sys.modules])\n"
        "print(*[name for name in sys.modules if name.endswith('.gateway')])\n"
        "print(*[name for name in at_first if name.count('.') > 2])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "\n\n\n"


@pytest.mark.parametrize("place", ["services", "config", "app", "gateways/base.py"])
def test_no_provider_is_named_outside_its_own_row(place):
    found = PACKAGE / place
    files = [found] if found.is_file() else sorted(found.rglob("*.py"))
    assert files
    named = re.compile(r"wechat|wxpay|alipay|\b(?:wx|zfb)[._\"']", re.I)
    assert [str(file) for file in files if named.search(file.read_text())] == []
