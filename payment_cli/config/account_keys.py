"""Which keys a gateway config may have, and how each is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from payment_cli.config.key_checks import check_url
from payment_cli.config.references import References
from payment_cli.errors import InvalidValueError
from payment_cli.model.secret import Secret

#: Reads the value of one key. An InvalidValueError says what the value must be, never what it is.
ReadField = Callable[[References, str, object], object]

#: Minutes: Alipay's longest life of an unpaid order (15 days); WeChat Pay's is 7 days.
_ALIPAY_MINUTES_MAX = 15 * 24 * 60
_WECHAT_MINUTES_MAX = 7 * 24 * 60

_DURATION = re.compile(r"([0-9]{1,5})([mhd])")
_UNIT_MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of one kind of config. Of each group in `together` all are set, or none."""

    readers: Mapping[str, ReadField]
    required: tuple[str, ...]
    together: tuple[tuple[str, ...], ...]


def _text(references: References, key: str, value: object) -> str:
    return references.text(key, _as_text(value))


def _secret(references: References, key: str, value: object) -> Secret:
    return references.secret(key, _as_text(value))


def _api_v3_key(references: References, key: str, value: object) -> Secret:
    secret = references.secret(key, _as_text(value))
    if len(secret.reveal()) != 32 or not secret.reveal().isascii():
        raise InvalidValueError("must be the 32 characters set in the merchant platform")
    return secret


def _texts(references: References, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidValueError("must be a list of texts")
    return tuple(references.text(key, _as_text(item)) for item in value)


def _url(references: References, key: str, value: object) -> str:
    text = _text(references, key, value).rstrip("/")
    check_url(text)
    return text


def _number(references: References, key: str, value: object) -> str:
    """An account's number at its provider: a text, because 2021… has more digits than 2⁵³."""
    text = _text(references, key, value)
    if re.fullmatch(r"[0-9A-Za-z_-]{1,64}", text) is None:
        raise InvalidValueError("must be 1 to 64 letters and digits")
    return text


def _serial(references: References, key: str, value: object) -> str:
    """A certificate's serial number in hex, as openssl prints it with or without colons."""
    text = _text(references, key, value).replace(":", "").upper()
    if re.fullmatch(r"[0-9A-F]{1,40}", text) is None:
        raise InvalidValueError("must be the certificate's serial number in hex digits")
    return text


def _one_of(*allowed: str) -> ReadField:
    def read(references: References, key: str, value: object) -> str:
        text = _text(references, key, value)
        if text not in allowed:
            raise InvalidValueError(f"must be one of {', '.join(allowed)}")
        return text

    return read


def _minutes(high: int) -> ReadField:
    def read(_references: References, _key: str, value: object) -> int:
        minutes = _to_minutes(value)
        if minutes is None or not 1 <= minutes <= high:
            raise InvalidValueError(f"must be 1 to {high} minutes, or a text like 10m, 2h, 1d")
        return minutes

    return read


def _to_minutes(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else int(match[1]) * _UNIT_MINUTES[match[2]]


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError("must be a text, in quotes")
    return value


WECHAT = Fields(
    readers={
        "appid": _number,
        "pay_mch_id": _number,
        "api_v3_key": _api_v3_key,
        "serial_no": _serial,
        "private_key": _secret,
        "public_key_id": _number,
        "public_key": _text,
        "platform_certs": _texts,
        "pay_key": _secret,
        "client_cert": _text,
        "client_key": _secret,
        "scan_api": _one_of("v3", "v2"),
        "sign_type": _one_of("MD5", "HMAC-SHA256"),
        "pay_time_expire": _minutes(_WECHAT_MINUTES_MAX),
        "pay_notify_url": _url,
        "api_base": _url,
    },
    required=("appid", "pay_mch_id", "api_v3_key", "serial_no", "private_key"),
    together=(("public_key_id", "public_key"), ("client_cert", "client_key")),
)

ALIPAY = Fields(
    readers={
        "app_id": _number,
        "seller_id": _number,
        "private_key": _secret,
        "alipay_public_key": _text,
        "app_cert": _text,
        "alipay_cert": _text,
        "alipay_root_cert": _text,
        "notify_url": _url,
        "return_url": _url,
        "timeout_express": _minutes(_ALIPAY_MINUTES_MAX),
        "gateway_url": _url,
    },
    required=("app_id", "seller_id", "private_key"),
    together=(("app_cert", "alipay_cert", "alipay_root_cert"),),
)
