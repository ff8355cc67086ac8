import json
import re

import pytest
import wechatpayv3.utils
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import UntrustedError
from payment_cli.gateways.key_material import KeyMaterial
from payment_cli.gateways.wechat.keys import find_certificate
from payment_cli.gateways.wechat.signature import (
    authorization,
    browser_parameters,
    check_signature,
    decrypt,
    sign,
)
from payment_cli.model.secret import Secret
from tests.support import wechat as platform
from tests.support.vectors import vectors

NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"


def pairs_of(header):
    scheme, _, rest = header.partition(" ")
    return scheme, dict(re.findall(r'(\w+)="([^"]*)"', rest))


def lowered(headers):
    return {name.lower(): value for name, value in headers.items()}


# ---- published examples


@pytest.mark.parametrize("vector", vectors("wechat", "wechat_v3_authorization"))
def test_a_published_request_is_signed_the_same(vector):
    given = vector["inputs"]
    account = platform.account(
        pay_mch_id=given["mchid"],
        serial_no=given["serial_no"],
        private_key=given["private_key_pem"],
    )
    header = authorization(
        account,
        given["method"],
        given["url_path"],
        given["body"].encode(),
        now_s=int(given["timestamp"]),
        nonce=given["nonce_str"],
    )
    assert pairs_of(header) == pairs_of(vector["expected"]["authorization"])


@pytest.mark.parametrize("vector", vectors("wechat", "wechat_v3_paysign"))
def test_published_browser_parameters_are_signed_the_same(vector):
    given = vector["inputs"]
    account = platform.account(appid=given["appId"], private_key=given["private_key_pem"])
    page = browser_parameters(
        account, given["prepay_id"], now_s=int(given["timeStamp"]), nonce=given["nonceStr"]
    )
    assert page["paySign"] == vector["expected"]
    assert page["package"] == given["package"]


@pytest.mark.parametrize("vector", vectors("wechat", "rsa_sha256_pkcs1v15"))
def test_a_published_text_is_signed_the_same(vector):
    given = vector["inputs"]
    key = KeyMaterial(given["private_key_pem"].encode(), "vector")
    signature = sign(key, given["message"].encode())
    assert signature == vector["expected"]


@pytest.mark.parametrize("vector", vectors("wechat", "wechat_v3_response_verify"))
def test_a_real_answer_is_verified_and_a_changed_one_is_not(vector):
    given = vector["inputs"]
    headers = {**lowered(given["headers"]), "wechatpay-serial": "PUB_KEY_ID_1"}
    key = load_pem_public_key(given["public_key_pem"].encode())
    now_s = int(headers["wechatpay-timestamp"])
    body = given["body"].encode()
    check_signature(headers, body, lambda _serial: key, now_s=now_s)
    for changed in (body + b" ", body[:-1], body.replace(b"JyC", b"JyD")):
        with pytest.raises(UntrustedError):
            check_signature(headers, changed, lambda _serial: key, now_s=now_s)


@pytest.mark.parametrize("vector", vectors("wechat", "wechat_v3_callback"))
def test_a_published_callback_is_verified_and_opened(vector):
    given = vector["inputs"]
    headers, body = lowered(given["headers"]), given["raw_body"].encode()
    now_s = int(given["clock"])
    found = [KeyMaterial(given["certificate_pem"].encode(), "vector")]
    check_signature(
        headers, body, lambda serial: find_certificate(found, serial, now_s * 1000), now_s=now_s
    )
    resource = json.loads(body)["resource"]
    plain = decrypt(Secret(given["apiv3_key"]), resource).decode()
    assert plain == vector["expected"]["plaintext"]


@pytest.mark.parametrize(
    "vector",
    [
        *vectors("wechat", "wechat_v3_aead_gcm_short_key"),
        *vectors("wechat", "wechat_v3_aead_aes_256_gcm"),
    ],
)
def test_a_published_resource_is_opened(vector):
    given = vector["inputs"]
    resource = {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": given["nonce"],
        "associated_data": given["associated_data"],
        "ciphertext": given["ciphertext_b64"],
    }
    plain = decrypt(Secret(given["apiv3_key"]), resource).decode()
    assert plain.strip() == vector["expected"].strip()


# ---- an independent implementation


@given(
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["/v3/x", "/v3/x?mchid=1900007291&a=%2F"]),
    st.text(st.characters(codec="utf-8"), max_size=50),
)
def test_requests_are_signed_as_wechatpayv3_signs_them(method, target, body):
    now_s = platform.NOW // 1000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wechatpayv3.utils.time.time", lambda: now_s)
        theirs = wechatpayv3.utils.build_authorization(
            target,
            method,
            platform.MCHID,
            platform.SERIAL,
            platform.private_key("merchant"),
            data=body,
            nonce_str=NONCE,
        )
    ours = authorization(ACCOUNT, method, target, body.encode(), now_s=now_s, nonce=NONCE)
    assert pairs_of(ours) == pairs_of(theirs)


ACCOUNT = platform.account()


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_was_sealed_opens_the_same_and_only_with_its_own_data(plain, aad):
    resource = platform.sealed(plain, aad=aad)
    key = Secret(platform.API_V3_KEY)
    assert decrypt(key, resource) == plain
    with pytest.raises(UntrustedError):
        decrypt(key, {**resource, "associated_data": aad + "x"})


def test_absent_associated_data_is_empty():
    resource = platform.sealed(b"plain", aad="")
    absent = {name: value for name, value in resource.items() if name != "associated_data"}
    for form in (resource, absent, {**absent, "associated_data": None}):
        assert decrypt(Secret(platform.API_V3_KEY), form) == b"plain"
