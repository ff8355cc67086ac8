import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError, UntrustedError
from payment_cli.model.payments.pay_type import PAY_TYPES
from payment_cli.model.secret import Secret
from payment_cli.model.stores.session import (
    TOKEN_MAX,
    Role,
    Session,
    new_session,
    seal,
    store_of,
    unseal,
)

KEY = Secret("0f" * 32)
NOW = 1_790_000_000_000
SESSION = Session("demo", Role.BUYER, "xiaobai", NOW + 60_000, "n1", "o-1")
TOKEN = seal(SESSION, KEY)

buyers = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=64
).filter(str.strip)


@given(buyers, st.sampled_from(Role), st.integers(NOW + 1, NOW + 10**12))
def test_a_token_gives_back_its_session_and_fits_everywhere(buyer, role, expi):
    session = new_session("a-b.c_9", role, buyer, expi=expi, nonce="f" * 32, openid="o" * 128)
    token = seal(session, KEY)
    assert unseal(token, KEY, NOW) == session
    assert store_of(token) == "a-b.c_9"
    assert len(token) <= TOKEN_MAX
    assert not set(token) - set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
    )


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("abzAZ059-._~ é"))
def test_a_token_with_any_character_changed_is_refused(at, character):
    forged = TOKEN[:at] + character + TOKEN[at + 1 :]
    if forged != TOKEN:
        with pytest.raises(UntrustedError):
            unseal(forged, KEY, NOW)


@pytest.mark.parametrize(
    "token",
    ["", "~~", "demo", TOKEN[:-1], TOKEN + "x", TOKEN + "\n", f"../x~{TOKEN.partition('~')[2]}",
     f"a..b~{TOKEN.partition('~')[2]}", "demo~" + "A" * 2000 + "~" + "A" * 43],
)  # fmt: skip
def test_what_is_no_token_is_refused(token):
    with pytest.raises(UntrustedError):
        unseal(token, KEY, NOW)


def test_a_session_of_one_store_is_none_of_another():
    with pytest.raises(UntrustedError):
        unseal("other~" + TOKEN.partition("~")[2], KEY, NOW)


def test_a_token_of_another_key_is_refused():
    with pytest.raises(UntrustedError):
        unseal(TOKEN, Secret("0e" * 32), NOW)


def test_a_payload_that_a_stranger_wrote_is_not_even_read():
    payload = base64.urlsafe_b64encode(b"not json").decode().rstrip("=")
    with pytest.raises(UntrustedError):
        unseal(f"demo~{payload}~{TOKEN[-43:]}", KEY, NOW)


def test_a_session_ends_at_its_time():
    assert unseal(TOKEN, KEY, SESSION.expi - 1) == SESSION
    for now in (SESSION.expi, SESSION.expi + 1):
        with pytest.raises(UntrustedError, match="over"):
            unseal(TOKEN, KEY, now)


def test_the_payload_holds_what_the_session_is_and_no_key():
    payload = TOKEN.split("~")[1]
    held = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert held == {
        "role": "buyer", "buyer": "xiaobai", "expi": SESSION.expi, "nonce": "n1", "openid": "o-1",
    }  # fmt: skip


def test_only_a_cashier_does_without_a_buyer():
    new_session("demo", Role.CASHIER, "", expi=1, nonce="n")
    with pytest.raises(InvalidValueError):
        new_session("demo", Role.BUYER, "", expi=1, nonce="n")


def test_a_buyer_owns_what_is_his_and_a_cashier_sees_all_of_the_store():
    buyer, cashier = SESSION, new_session("demo", Role.CASHIER, "", expi=1, nonce="n")
    assert [buyer.owns(of) for of in ("xiaobai", "xiaohei", "")] == [True, False, False]
    assert [cashier.owns(of) for of in ("xiaobai", "")] == [True, True]
    nobody = Session("demo", Role.BUYER, "", NOW, "n")
    assert not nobody.owns("")


def test_a_role_has_its_pay_types():
    cashier = new_session("demo", Role.CASHIER, "", expi=1, nonce="n")
    of = {role: {n for n, k in PAY_TYPES.items() if s.may_use(k)}
          for role, s in (("buyer", SESSION), ("cashier", cashier))}  # fmt: skip
    assert of["buyer"] >= {"wx.qrcode", "zfb.qrcode", "wx.jsapi"}
    assert of["cashier"] >= {"wx.qrcode", "zfb.qrcode", "wx.scan", "zfb.scan"}
    assert not of["buyer"] & {"wx.scan", "zfb.scan", "free"}
    assert not of["cashier"] & {"wx.jsapi", "free"}
    assert of["buyer"] - of["cashier"] == {"wx.jsapi", "wx.h5", "zfb.page", "zfb.wap"}
