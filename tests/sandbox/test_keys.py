"""The sandbox's arithmetic held against two independent implementations."""

import pytest
from alipay import DCAliPay
from wechatpayv3.utils import aes_decrypt, rsa_verify

from payment_cli.sandbox import keys
from tests.support.sandbox_clients import Shop

# python-alipay-sdk reads certificates by what pyOpenSSL calls outdated.
pytestmark = pytest.mark.filterwarnings("ignore:X509:DeprecationWarning")


def test_alipay_serials_are_those_of_python_alipay_sdk(shop: Shop) -> None:
    conf = shop.conf("alipay", "sandbox-cert")
    certificate, root = conf.text("app_cert"), conf.text("alipay_root_cert")
    assert keys.alipay_serial(certificate) == DCAliPay.get_cert_sn(certificate)
    assert keys.alipay_serial(root) == DCAliPay.get_root_cert_sn(root)
    assert root.count("BEGIN CERTIFICATE") == 2, "one root is not RSA and does not count"
    assert "_" not in keys.alipay_serial(root)


def test_wechatpayv3_opens_what_we_seal() -> None:
    resource = keys.seal("k" * 32, "付款".encode(), "transaction")
    opened = aes_decrypt(
        resource["nonce"], resource["ciphertext"], resource["associated_data"], "k" * 32
    )
    assert opened == "付款"


def test_wechatpayv3_accepts_what_we_sign() -> None:
    key = keys.new_key()
    signature = keys.sign(key, "1\nn\nbödy\n".encode())
    assert rsa_verify("1", "n", "bödy", signature, key.public_key())


@pytest.mark.parametrize("signature", ["", "not base64!", "AAAA", "WECHATPAY/SIGNTEST/abc"])
def test_a_signature_that_is_none_does_not_hold(signature: str) -> None:
    assert not keys.is_signed(keys.new_key().public_key(), b"text", signature)


def test_keys_survive_their_files() -> None:
    key = keys.new_key()
    again = keys.load_private(keys.private_pem(key))
    public = keys.load_public(keys.public_pem(key.public_key()))
    assert keys.is_signed(public, b"text", keys.sign(again, b"text"))
