import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.payments.pay_type import PAY_TYPES, family_of, pay_type, scan_type_of
from payment_cli.model.secret import Secret


def test_a_type_that_is_not_there_is_refused_and_the_others_are_named():
    with pytest.raises(InvalidValueError) as caught:
        pay_type("wx.palm")
    assert "wx.palm" in str(caught.value)
    assert "wx.h5" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("100000000000000000", "wx.scan"),
        ("159999999999999999", "wx.scan"),
        ("2500000000000000", "zfb.scan"),
        ("281234567890123456", "zfb.scan"),
        ("309999999999999999999999", "zfb.scan"),
        ("160000000000000000", ""),  # 18 digits, but of nobody
        ("10000000000000000", ""),  # one too few
        ("250000000000000", ""),
        ("1000000000000000000", ""),
        ("2500000000000000\n", ""),
        ("", ""),
    ],
)
def test_a_payers_code_tells_whose_it_is(code, name):
    found = scan_type_of(Secret(code))
    assert (found.name if found else "") == name


def test_every_scan_knows_its_codes_and_nothing_else_does():
    assert all(bool(kind.auth_codes) == kind.is_scan for kind in PAY_TYPES.values())


def test_the_types_of_a_provider_share_a_family_that_no_other_has():
    families = {kind.provider: set() for kind in PAY_TYPES.values()}
    for kind in PAY_TYPES.values():
        families[kind.provider].add(kind.family)
    assert families == {"wxpay": {"wx"}, "alipay": {"zfb"}, "free": {"free"}}
    assert family_of("wx") == "wx"
