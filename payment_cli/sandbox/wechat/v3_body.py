"""What the bodies of WeChat Pay v3 requests have to contain."""

import json
from datetime import datetime

from payment_cli.sandbox.accounts import WechatAccount
from payment_cli.sandbox.exchange import Json, RefusalError
from payment_cli.sandbox.fields import (
    Address,
    Anything,
    FieldError,
    Flag,
    Group,
    Spec,
    Text,
    Whole,
)
from payment_cli.sandbox.wechat.signing import PARAMETER_ERROR
from payment_cli.sandbox.world import Call

OUT_TRADE_NO = Text(32, r"[0-9A-Za-z_\-|*]{6,32}")
#: Texts for people are counted in bytes.
DESCRIPTION = Text(127, in_bytes=True)
#: An absolute URL with a path, without query and fragment.
NOTIFY_URL = Text(255, r"https?://[^/?#\s]+/[^?#\s]+")
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
#: 18 digits that begin with 10 to 15.
AUTH_CODE = r"1[0-5][0-9]{16}"

#: What one order may cost: from 1 fen to ten million yuan.
AMOUNT = Group({"total": Whole(1, 10_000_000_00), "currency": Text(16, "CNY", required=False)})
ALWAYS: dict[str, Spec] = {
    "appid": Text(32),
    "mchid": Text(32),
    "description": DESCRIPTION,
    "out_trade_no": OUT_TRADE_NO,
    "attach": Text(128, required=False),
    "goods_tag": Text(32, required=False),
    "support_fapiao": Flag(),
    "amount": AMOUNT,
    "detail": Anything(),
    "settle_info": Group({"profit_sharing": Flag()}, required=False),
}
ORDER: dict[str, Spec] = ALWAYS | {
    "time_expire": Text(64, RFC3339, required=False),
    "notify_url": NOTIFY_URL,
    "scene_info": Anything(),
}
STORE = Group({"id": Text(32, required=False), "out_id": Text(32, required=False)}, is_open=True)
#: Where and how the payer of an h5 order sees the shop: by Tencent's page 4012791834 of 2025-03.
H5_SCENE = Group(
    {
        "payer_client_ip": Address(),
        "device_id": Text(32, required=False),
        "store_info": Group(
            {
                "id": Text(32),
                "name": Text(256, required=False),
                "area_code": Text(32, required=False),
                "address": Text(512, required=False),
            },
            required=False,
        ),
        "h5_info": Group(
            {
                "type": Text(32, "iOS|Android|Wap"),
                "app_name": Text(64, required=False),
                "app_url": Text(128, required=False),
                "bundle_id": Text(128, required=False),
                "package_name": Text(128, required=False),
            }
        ),
    }
)
BODIES = {
    "native": Group(ORDER),
    "jsapi": Group(ORDER | {"payer": Group({"openid": Text(128)})}),
    "h5": Group(ORDER | {"scene_info": H5_SCENE}),
    "codepay": Group(
        ALWAYS
        | {
            "payer": Group({"auth_code": Text(32, AUTH_CODE)}),
            "scene_info": Group({"store_info": STORE}, is_open=True),
        }
    ),
    "close": Group({"mchid": Text(32)}),
    "reverse": Group({"appid": Text(32), "mchid": Text(32)}),
}


def checked_body(call: Call, account: WechatAccount, name: str) -> Json:
    """Return the body of the request `name`, checked against its table and its merchant.

    Raises:
        RefusalError: PARAM_ERROR naming the field, or APPID_MCHID_NOT_MATCH.
    """
    try:
        body = json.loads(call.request.body)
        BODIES[name].check(body)
    except FieldError as error:
        number = {"extra": 270924358}.get(error.issue, PARAMETER_ERROR)
        if error.path == "/payer" or error.path == "/payer/openid":
            number = 268501013 if error.issue == "missing" else number
        raise wrong(error.path, error.message, number) from None
    except ValueError:
        raise RefusalError(400, "PARAM_ERROR", "请求报文不是合法的JSON") from None
    if body["mchid"] != account.mchid:
        raise wrong("/mchid", "is not the merchant who signed")
    if body.get("appid", account.appid) != account.appid:
        raise RefusalError(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", number=268445527)
    checked: Json = body
    return checked


def read_time_expire(text: str, now: int) -> int:
    """Read the time until which an order can be paid; return AMS."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise wrong("/time_expire", "is not a time") from None
    expires_at = int(moment.timestamp()) * 1000
    if expires_at <= now:
        raise wrong("/time_expire", "is over already")
    return expires_at


def same_parameters(body: Json) -> str:
    """Return what makes two requests the same; a payment code is never kept."""
    return json.dumps(
        {k: v for k, v in body.items() if k != "payer" or "auth_code" not in v}, sort_keys=True
    )


def wrong(path: str, message: str, number: int = PARAMETER_ERROR) -> RefusalError:
    """Return WeChat's words about the field at `path`."""
    detail = {"field": path, "issue": message, "location": "body"}
    return RefusalError(
        400, "PARAM_ERROR", f"参数错误: {path} {message}", number=number, detail=detail
    )
