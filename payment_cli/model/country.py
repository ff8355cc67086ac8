"""Countries: ISO 3166-1 codes with their names (`payment lbs countries`).

The list and its translations come from pycountry, Debian's iso-codes; they cost 30 ms to import,
so that happens only when a country is named.
"""

from collections.abc import Sequence
from functools import cache

from payment_cli.errors import InvalidValueError

#: The language that names are in when nothing is said (as in the reference's `lbs countries`).
LANG = "zh_cn"


def countries(codes: Sequence[str] = (), lang: str = LANG) -> list[dict[str, str]]:
    """Return `{key, name}` of the countries `codes`, or of all, sorted by code.

    `lang` is a language such as zh_cn, en_us or de; names it has no word for stay English.

    Raises:
        InvalidValueError: there is no such country, or no names in that language.
    """
    names = _names(lang.replace("-", "_").lower())
    chosen = [check_country(code) for code in codes] if codes else sorted(names)
    return [{"key": code, "name": names[code]} for code in chosen]


def check_country(code: str) -> str:
    """Return the code in upper case.

    Raises:
        InvalidValueError: there is no such country.
    """
    country = code.strip().upper()
    if country not in _names("en"):
        raise InvalidValueError(
            f"{code[:40]!a} is not a country code", hint="payment lbs countries lists them"
        )
    return country


@cache
def _names(lang: str) -> dict[str, str]:
    import gettext

    import pycountry  # a large data package, see above

    language, _, region = lang.partition("_")
    english = {country.alpha_2: country.name for country in pycountry.countries}
    if language == "en":
        return english
    wanted = [f"{language}_{region.upper()}", language] if region else [language]
    try:
        texts = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=wanted)
    except OSError:
        raise InvalidValueError(
            f"there are no country names in {lang[:20]!a}", hint="for instance zh_cn or en_us"
        ) from None
    return {code: texts.gettext(name) for code, name in english.items()}
