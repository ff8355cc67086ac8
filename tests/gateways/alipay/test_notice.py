from urllib.parse import parse_qsl, quote, urlencode

import pytest
from alipay import AliPay
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError, UntrustedError
from payment_cli.gateways.alipay.notice import read_notice
from payment_cli.gateways.alipay.provider import AlipayProvider
from payment_cli.gateways.alipay.sign import load_keys
from payment_cli.gateways.base import HttpRequest, Outcome
from tests.support import alipay as side
from tests.support.alipay import notice_fields, posted, signed_form
from tests.support.vectors import vectors


def read(request, **changes):
    account = side.account(**changes)
    return read_notice(account, load_keys(account), request)


def test_a_signed_success_is_paid():
    notice = read(posted(signed_form(notice_fields())))
    assert notice.order_no == "0198c0ffee"
    assert notice.answer.outcome is Outcome.PAID
    paid = notice.answer.paid
    assert paid is not None
    assert (paid.order_no, paid.fee, paid.cur) == ("0198c0ffee", 1234, "CNY")
    assert (paid.payer, paid.paid_by) == ("2088102534368455", "ALIPAYACCOUNT")
    assert paid.paid_at == 1_790_000_000_000


def test_the_other_flavour_keeps_sign_type_in_the_signed_text():
    notice = read(posted(signed_form(notice_fields(), left_out=())))
    assert notice.answer.outcome is Outcome.PAID


def test_what_we_accept_another_library_accepts_too():
    body = signed_form(notice_fields())
    fields = dict(parse_qsl(body.decode()))
    sdk = AliPay(
        side.APP_ID,
        app_private_key_string=side.private_pem("app"),
        alipay_public_key_string=side.public_pem("alipay"),
    )
    assert sdk.verify(fields, fields.pop("sign"))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("TRADE_FINISHED", Outcome.PAID),
        ("WAIT_BUYER_PAY", Outcome.WAITING),
        ("TRADE_CLOSED", Outcome.FAILED),
        ("TRADE_DREAMT", Outcome.UNKNOWN),
    ],
)
def test_other_states_are_told_as_they_are(status, outcome):
    fields = notice_fields(trade_status=status)
    if status == "TRADE_CLOSED":
        # As Alipay tells of a trade that ran out.
        del fields["gmt_payment"]
        fields |= {"refund_fee": "0.00", "gmt_close": "2026-09-21 22:23:20"}
    notice = read(posted(signed_form(fields)))
    assert (notice.order_no, notice.answer.outcome) == ("0198c0ffee", outcome)


@pytest.mark.parametrize("status", ["TRADE_CLOSED", "TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_whole_refund_heard_first_was_paid_and_went_back(status):
    refund = {"refund_fee": "12.34", "gmt_refund": "2026-09-22 10:00:00.123"}
    notice = read(posted(signed_form(notice_fields(trade_status=status, **refund))))
    assert (notice.order_no, notice.answer.outcome) == ("0198c0ffee", Outcome.PAID)
    assert notice.answer.paid is not None
    assert (notice.answer.paid.fee, notice.answer.paid.went_back) == (1234, True)


def test_a_partial_refund_is_still_the_same_paid_order():
    fields = notice_fields(refund_fee="1.00", gmt_refund="2026-09-22 10:00:00.123")
    notice = read(posted(signed_form(fields)))
    assert notice.answer.outcome is Outcome.PAID
    assert notice.answer.paid is not None
    assert (notice.answer.paid.fee, notice.answer.paid.went_back) == (1234, False)
    assert notice.answer.extra["zfb_refund_fee"] == "1.00"


def test_a_genuine_notice_about_something_else_names_no_order():
    notice = read(posted(signed_form(notice_fields(trade_status="(absent)"))))
    assert (notice.order_no, notice.answer.outcome) == ("", Outcome.UNKNOWN)


def test_empty_fields_belong_to_the_signed_text():
    assert read(posted(signed_form(notice_fields(body="")))).answer.outcome is Outcome.PAID


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("charset", "content_type"),
    [
        ("GBK", FORM),
        ("gb2312", FORM),
        ("GBK", f"{FORM}; charset=utf-8"),
        ("(absent)", f"{FORM}; charset=GBK"),
        ("(absent)", FORM),
        ("", FORM),
        ("klingon", FORM),
    ],
)
def test_a_notice_in_gbk_is_verified_by_its_bytes(charset, content_type):
    # 乗 and 表 end in octets that mean something else in ASCII.
    fields = notice_fields(charset=charset, subject="乗法 表 & 两杯咖啡 = 好")
    for left_out in (("sign_type",), ()):
        body = signed_form(fields, left_out=left_out, encoding="gbk")
        notice = read(posted(body, **{"content-type": content_type}))
        assert (notice.order_no, notice.answer.outcome) == ("0198c0ffee", Outcome.PAID)


def test_texts_of_a_notice_are_read_in_its_charset():
    bills = '[{"amount":"12.34","fundChannel":"花呗乗"}]'
    for charset, encoding in (("GBK", "gbk"), ("utf-8", "utf-8"), ("(absent)", "gbk")):
        fields = notice_fields(charset=charset, fund_bill_list=bills)
        paid = read(posted(signed_form(fields, encoding=encoding))).answer.paid
        assert paid is not None
        assert paid.paid_by == "花呗乗"


def test_raw_octets_of_gbk_are_read_as_the_escaped_ones_are():
    fields = notice_fields(charset="GBK", subject="两杯咖啡")
    body = signed_form(fields, encoding="gbk")
    raw = body.replace(quote("两杯咖啡", encoding="gbk").encode(), "两杯咖啡".encode("gbk"))
    assert raw != body
    assert read(posted(raw)).answer.outcome is Outcome.PAID


@pytest.mark.parametrize("charset", ["GBK", "gb2312", "utf-8", "(absent)"])
def test_fields_that_somebody_read_are_the_same_message_again(charset):
    encoding = "gbk" if "gb" in charset.lower() else "utf-8"
    body = signed_form(notice_fields(charset=charset, subject="乗法 & 咖啡"), encoding=encoding)
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True, encoding=encoding))
    message = AlipayProvider().signed_message(fields)
    assert message is not None
    assert read(message).answer.outcome is Outcome.PAID


def test_letters_that_nobody_can_read_do_not_refuse_money():
    fields = notice_fields(subject="caf\xe9 \xff")
    body = signed_form(fields, encoding="latin-1")
    assert read(posted(body)).answer.outcome is Outcome.PAID


@pytest.mark.parametrize(
    "field",
    ["seller_id", "buyer_id", "gmt_payment", "fund_bill_list", "receipt_amount", "charset",
     "version", "notify_id"],
)  # fmt: skip
def test_what_alipay_may_leave_out_is_not_demanded(field):
    for value in ("(absent)", ""):
        notice = read(posted(signed_form(notice_fields(**{field: value}))))
        assert (notice.order_no, notice.answer.outcome) == ("0198c0ffee", Outcome.PAID)


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
@pytest.mark.parametrize("number", ["(absent)", ""])
def test_money_for_an_order_without_a_number_is_not_acknowledged_and_forgotten(status, number):
    fields = notice_fields(out_trade_no=number, trade_status=status)
    with pytest.raises(UntrustedError, match="without our number"):
        read(posted(signed_form(fields)))


@pytest.mark.parametrize(
    ("fields", "signer"),
    [
        (notice_fields(), "stranger"),
        (notice_fields(), "app"),
        (notice_fields(app_id="2021000000000000"), "alipay"),
        (notice_fields(app_id="(absent)"), "alipay"),
        (notice_fields(seller_id="2088000000000000"), "alipay"),
        (notice_fields(sign_type="RSA"), "alipay"),
        (notice_fields(sign_type="none"), "alipay"),
        (notice_fields(sign_type="(absent)"), "alipay"),
    ],
    ids=[
        "a stranger's key", "our own key", "another app", "no app", "another seller",
        "RSA with SHA-1", "sign_type none", "no sign_type",
    ],
)  # fmt: skip
def test_what_is_not_alipays_word_to_this_account_is_not_trusted(fields, signer):
    with pytest.raises(UntrustedError):
        read(posted(signed_form(fields, signer=signer)))


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": "12.35"}, {"total_amount": "1234"}, {"trade_status": "TRADE_FINISHED"},
        {"out_trade_no": "0198deadbeef"}, {"trade_no": "1"}, {"new": "field"}, {"sign": ""},
        {"sign": "AAAA"}, {"buyer_id": ""},
    ],
)  # fmt: skip
def test_a_changed_field_breaks_the_signature(change):
    fields = dict(parse_qsl(signed_form(notice_fields()).decode()))
    with pytest.raises(UntrustedError):
        read(posted(urlencode({**fields, **change}).encode()))


def test_an_unsigned_notice_is_not_trusted():
    with pytest.raises(UntrustedError, match="not signed"):
        read(posted(urlencode(notice_fields()).encode()))


@pytest.mark.parametrize(
    "twice", ["total_amount=0.01", "out_trade_no=x", "sign=AAAA", "charset=UTF-8"]
)
def test_a_field_that_occurs_twice_is_not_trusted(twice):
    body = signed_form(notice_fields())
    for both in (body + b"&" + twice.encode(), twice.encode() + b"&" + body):
        with pytest.raises(UntrustedError, match="twice"):
            read(posted(both))


def test_values_are_decoded_once_only():
    fields = notice_fields(subject="100%25 sure %2B more + +")
    assert read(posted(signed_form(fields))).answer.outcome is Outcome.PAID
    doubled = "&".join(
        f"{name}={quote(quote(value, safe=''), safe='')}"
        for name, value in parse_qsl(signed_form(fields).decode())
    )
    with pytest.raises(UntrustedError):
        read(posted(doubled.encode()))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"<xml/>", b"a&b", b"&".join(b"a%d=1" % n for n in range(300)),
    ],
    ids=["empty", "JSON", "XML", "no values", "300 fields"],
)  # fmt: skip
def test_what_is_no_form_is_not_a_message_of_alipay(body):
    with pytest.raises(InvalidValueError):
        read(posted(body))


def test_only_a_posted_form_is_a_callback_whatever_type_it_is_said_to_be():
    body = signed_form(notice_fields())
    with pytest.raises(InvalidValueError, match="POST"):
        read(HttpRequest("GET", "/pay/re", body.decode(), {}, b""))
    for content_type in ("application/json", "text/plain", ""):
        assert read(posted(body, **{"content-type": content_type})).order_no


def test_no_refusal_shows_signature_or_payer():
    body = signed_form(notice_fields(buyer_id="2088canary", seller_id="x"))
    with pytest.raises(UntrustedError) as caught:
        read(posted(body))
    shown = f"{caught.value}{caught.value.hint}"
    assert "canary" not in shown
    assert dict(parse_qsl(body.decode()))["sign"] not in shown


@pytest.mark.parametrize("vector", vectors("alipay", "alipay_notify_verify"))
def test_published_notice(vector):
    inputs = vector["inputs"]
    fields = inputs["decoded_params"]
    body = inputs.get("form_body", urlencode(fields)).encode()
    if "alipay_cert_pem" in inputs:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = load_pem_x509_certificate(inputs["alipay_cert_pem"].encode()).public_key()
        public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    else:
        public = inputs["alipay_public_key_b64_der"]
    known = {"alipay_public_key": public, "app_id": fields["app_id"]}
    notice = read(posted(body), seller_id=fields["seller_id"], **known)
    assert vector["expected"] is True
    if fields.get("trade_status") == "TRADE_SUCCESS":
        assert notice.order_no == fields["out_trade_no"]
        assert notice.answer.outcome is Outcome.PAID
    else:
        assert notice.order_no == ""
    with pytest.raises(UntrustedError):
        read(posted(body.replace(b"total_amount=0", b"total_amount=1")), **known)


GENUINE = signed_form(notice_fields())


@given(at=st.integers(0, len(GENUINE) - 1), bits=st.integers(1, 255))
def test_no_mutated_notice_says_anything_else_than_the_genuine_one(at, bits):
    genuine = read(posted(GENUINE))
    body = GENUINE[:at] + bytes([GENUINE[at] ^ bits]) + GENUINE[at + 1 :]
    try:
        notice = read(posted(body))
    except (UntrustedError, InvalidValueError):
        return
    assert notice == genuine


@given(st.binary(max_size=200))
def test_no_noise_is_a_notice(body):
    with pytest.raises((UntrustedError, InvalidValueError)):
        read(posted(body))
