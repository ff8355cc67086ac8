"""Countries and their names."""

import subprocess
import sys

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.country import check_country, countries


def test_countries_have_names_in_chinese_unless_another_language_is_asked_for():
    assert countries(["CN", "us"]) == [
        {"key": "CN", "name": "中国"},
        {"key": "US", "name": "美国"},
    ]
    assert countries(["CN"], "en_us") == [{"key": "CN", "name": "China"}]
    assert countries(["CN"], "de-DE") == [{"key": "CN", "name": "China"}]
    assert countries(["US"], "zh_TW") == [{"key": "US", "name": "美國"}]


def test_all_countries_are_listed_once_sorted_by_code():
    codes = [country["key"] for country in countries()]
    assert len(codes) > 240
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("code", ["XX", "", "CHN", "china", "C\0"])
def test_what_is_no_country_is_refused(code):
    with pytest.raises(InvalidValueError, match="is not a country code"):
        check_country(code)
    with pytest.raises(InvalidValueError, match="is not a country code"):
        countries([code])


@pytest.mark.parametrize("lang", ["xx", "", "../../etc", "zz_zz"])
def test_a_language_without_names_is_refused(lang):
    with pytest.raises(InvalidValueError, match="there are no country names in"):
        countries(lang=lang)


def test_the_data_is_not_loaded_before_it_is_asked_for():
    code = (
        "import sys, payment_cli.model.shop.order_input, payment_cli.model.shop.order_place\n"
        "heavy = ('pycountry', 'phonenumbers', 'gettext', 'difflib')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
