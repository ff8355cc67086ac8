import dataclasses
import json

import pytest

from payment_cli.config.targets import Target, list_targets, load_account, notify_url
from payment_cli.errors import ConfigError, InvalidValueError
from payment_cli.gateways.alipay import account as alipay
from payment_cli.gateways.registry import find_provider
from payment_cli.gateways.wechat import account as wechat

CANARY = "canary-7d11e0"
ALIPAY = {
    "app_id": "2021000116662345",
    "seller_id": "2088621956000001",
    "private_key": CANARY,
    "alipay_public_key": "MIIB-public",
}
WECHAT = {
    "appid": "wx0123456789abcdef",
    "pay_mch_id": "1900000001",
    "api_v3_key": "0123456789abcdef0123456789abcdef",
    "serial_no": "5157f09efdc096de15ebe81a47057a7232f1b8e1",
    "private_key": CANARY,
}


def load_alipay(root, domain, name, environ):
    return load_account(root, find_provider("alipay"), domain, name, environ)


def load_wechat(root, domain, name, environ):
    return load_account(root, find_provider("wxpay"), domain, name, environ)


@pytest.fixture
def write(tmp_path):
    def write(provider, document, *, domain="demo", name="main", mode=0o600):
        folder = tmp_path / "home" / domain / ".payment" / provider / name
        folder.mkdir(parents=True, exist_ok=True)
        conf = folder / f"{provider}.conf"
        conf.write_text(document if isinstance(document, str) else json.dumps(document))
        conf.chmod(mode)
        return conf

    return write


def test_an_alipay_account_is_read_with_its_defaults(tmp_path, write):
    conf = write("alipay", ALIPAY)
    account = load_alipay(tmp_path, "demo", "main", {})
    assert (account.app_id, account.seller_id) == (ALIPAY["app_id"], ALIPAY["seller_id"])
    assert account.private_key.place == f"{conf}: private_key"
    assert (bool(account.alipay_public_key), bool(account.app_cert)) == (True, False)
    assert account.timeout_express == 10
    assert account.gateway_url == "https://openapi.alipay.com/gateway.do"
    assert not account.uses_certificates


def test_a_wechat_account_is_read_with_its_defaults(tmp_path, write):
    write("wxpay", WECHAT)
    account = load_wechat(tmp_path, "demo", "main", {})
    assert account.serial_no == WECHAT["serial_no"].upper()
    assert account.api_v3_key.reveal() == WECHAT["api_v3_key"]
    assert (account.scan_api, account.pay_time_expire) == ("v3", 10)
    assert account.api_base == "https://api.mch.weixin.qq.com"


def test_references_are_resolved_in_json5_with_comments(tmp_path, write):
    conf = write(
        "wxpay",
        """{
          // from the merchant platform
          appid: 'wx0123456789abcdef', pay_mch_id: "1900000001",
          api_v3_key: 'env:WX_V3', serial_no: '51:57:f0',
          private_key: 'file:app.key',
          public_key_id: 'PUB_KEY_ID_0119', public_key: 'file:wx.pem',
          platform_certs: ['file:p1.pem', 'file:p2.pem'],
          pay_time_expire: '2h', pay_notify_url: 'https://pay.example.com/in/',
        }""",
    )
    for name, mode in (("app.key", 0o600), ("wx.pem", 0o644), ("p1.pem", 0o644), ("p2.pem", 0o644)):
        (conf.parent / name).write_text(f"text of {name}\n")
        (conf.parent / name).chmod(mode)
    account = load_wechat(tmp_path, "demo", "main", {"WX_V3": WECHAT["api_v3_key"]})
    assert account.private_key.place == f"{conf}: private_key (file:app.key)"
    assert account.public_key.place == f"{conf}: public_key (file:wx.pem)"
    assert [cert.place for cert in account.platform_certs] == [
        f"{conf}: platform_certs (file:{name})" for name in ("p1.pem", "p2.pem")
    ]
    assert (account.serial_no, account.pay_time_expire) == ("5157F0", 120)
    assert account.pay_notify_url == "https://pay.example.com/in"


def test_one_bundle_of_platform_certificates_needs_no_list(tmp_path, write):
    conf = write("wxpay", {**WECHAT, "platform_certs": "file:bundle.pem"})
    (conf.parent / "bundle.pem").write_text("text of a bundle\n")
    account = load_wechat(tmp_path, "demo", "main", {})
    assert [cert.place for cert in account.platform_certs] == [
        f"{conf}: platform_certs (file:bundle.pem)"
    ]


def test_no_secret_of_an_account_is_ever_shown(tmp_path, write):
    write("alipay", ALIPAY)
    write("wxpay", {**WECHAT, "pay_key": CANARY})
    shown = f"{load_alipay(tmp_path, 'demo', 'main', {})!r}"
    shown += f"{load_wechat(tmp_path, 'demo', 'main', {})!r}"
    assert CANARY not in shown
    assert WECHAT["api_v3_key"] not in shown


def test_the_keys_of_a_config_are_the_fields_of_its_account():
    for known, account in (
        (wechat.KEYS, wechat.WechatAccount),
        (alipay.KEYS, alipay.AlipayAccount),
    ):
        declared = dataclasses.fields(account)
        assert list(known.keys) == [field.name for field in declared]
        needed = {
            f.name
            for f in declared
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        }
        assert set(known.required) == needed


def test_an_unknown_key_names_the_nearest_known_one(tmp_path, write):
    write("alipay", {**ALIPAY, "alipay_publik_key": "x"})
    with pytest.raises(ConfigError, match=r"alipay\.conf: unknown key 'alipay_publik_key'") as e:
        load_alipay(tmp_path, "demo", "main", {})
    assert e.value.hint == "did you mean alipay_public_key?"


@pytest.mark.parametrize("key", alipay.KEYS.required)
def test_a_missing_alipay_key_is_named_with_its_file(tmp_path, write, key):
    conf = write("alipay", {k: v for k, v in ALIPAY.items() if k != key})
    with pytest.raises(ConfigError, match=f"{key} is missing") as caught:
        load_alipay(tmp_path, "demo", "main", {})
    assert str(conf) in str(caught.value)


@pytest.mark.parametrize("key", wechat.KEYS.required)
def test_a_missing_wechat_key_is_named_with_its_file(tmp_path, write, key):
    conf = write("wxpay", {k: v for k, v in WECHAT.items() if k != key})
    with pytest.raises(ConfigError, match=f"{key} is missing") as caught:
        load_wechat(tmp_path, "demo", "main", {})
    assert str(conf) in str(caught.value)


@pytest.mark.parametrize(
    ("document", "missing"),
    [
        ({**ALIPAY, "app_cert": "PEM"}, "alipay_cert is missing"),
        ({**ALIPAY, "alipay_root_cert": "PEM"}, "app_cert is missing"),
    ],
)
def test_half_of_the_certificates_is_refused(tmp_path, write, document, missing):
    write("alipay", document)
    with pytest.raises(ConfigError, match=missing):
        load_alipay(tmp_path, "demo", "main", {})


def test_alipay_needs_exactly_one_mode(tmp_path, write):
    certificates = {"app_cert": "A", "alipay_cert": "B", "alipay_root_cert": "C"}
    write("alipay", {**ALIPAY, **certificates})
    with pytest.raises(
        ConfigError, match="either alipay_public_key or app_cert and alipay_cert and"
    ):
        load_alipay(tmp_path, "demo", "main", {})
    neither = {k: v for k, v in ALIPAY.items() if k != "alipay_public_key"}
    write("alipay", neither)
    with pytest.raises(
        ConfigError, match="either alipay_public_key or app_cert and alipay_cert and"
    ):
        load_alipay(tmp_path, "demo", "main", {})
    write("alipay", {**neither, **certificates})
    assert load_alipay(tmp_path, "demo", "main", {}).uses_certificates


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"app_id": 2021000116662345}, "app_id must be a text, in quotes"),
        ({"seller_id": "2088 x"}, "seller_id must be 1 to 64 letters and digits"),
        ({"timeout_express": "1c"}, "timeout_express must be 1 to 21600 minutes"),
        ({"timeout_express": 0}, "timeout_express must be"),
        ({"timeout_express": True}, "timeout_express must be"),
        ({"timeout_express": "16d"}, "timeout_express must be"),
        ({"notify_url": "https://x.example/re?a=1"}, "notify_url must be a URL without query"),
        ({"gateway_url": "openapi.alipay.com"}, "gateway_url must be an absolute"),
        ({"private_key": None}, "private_key must be a text"),
    ],
)
def test_a_wrong_alipay_value_names_file_and_key(tmp_path, write, change, why):
    write("alipay", {**ALIPAY, **change})
    with pytest.raises(ConfigError, match=r"alipay\.conf: " + why):
        load_alipay(tmp_path, "demo", "main", {})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"api_v3_key": f"{CANARY}-too-short"}, "api_v3_key must have 32 ASCII characters"),
        ({"serial_no": "PUB_KEY_ID_1"}, "serial_no must be .* hex"),
        ({"scan_api": "v4"}, "scan_api must be one of v3, v2"),
        ({"sign_type": "SHA1"}, "sign_type must be one of MD5, HMAC-SHA256"),
        ({"platform_certs": [1]}, "platform_certs must be a text"),
        ({"public_key_id": "PUB_KEY_ID_1"}, "public_key is missing"),
        ({"client_cert": "PEM"}, "client_key is missing"),
        ({"pay_time_expire": "8d"}, "pay_time_expire must be 1 to 10080 minutes"),
    ],
)
def test_a_wrong_wechat_value_names_file_and_key_but_shows_no_value(tmp_path, write, change, why):
    write("wxpay", {**WECHAT, **change})
    with pytest.raises(ConfigError, match=r"wxpay\.conf: " + why) as caught:
        load_wechat(tmp_path, "demo", "main", {})
    assert CANARY not in f"{caught.value}{caught.value.hint}"


def test_a_missing_config_names_its_place_and_the_targets_there_are(tmp_path, write):
    write("alipay", ALIPAY, name="main")
    with pytest.raises(ConfigError, match=r"alipay/other/alipay\.conf: no such file") as caught:
        load_alipay(tmp_path, "demo", "other", {})
    assert caught.value.hint == "targets there: main"


def test_a_config_that_others_can_write_is_refused(tmp_path, write):
    conf = write("alipay", ALIPAY, mode=0o660)
    with pytest.raises(ConfigError, match="others can write to it") as caught:
        load_alipay(tmp_path, "demo", "main", {})
    assert caught.value.hint == f"chmod go-w {conf}"


def test_a_secret_in_a_world_readable_config_is_refused(tmp_path, write):
    write("alipay", ALIPAY, mode=0o644)
    with pytest.raises(ConfigError, match="private_key is a secret and others can read the file"):
        load_alipay(tmp_path, "demo", "main", {})


@pytest.mark.parametrize("bad", ["../main", "/etc", "a/b", "a\0b", "a\nb", "-rf", "", "x" * 300])
def test_names_that_could_be_paths_never_reach_the_disk(tmp_path, bad):
    with pytest.raises(InvalidValueError):
        load_alipay(tmp_path, "demo", bad, {})
    with pytest.raises(InvalidValueError):
        load_wechat(tmp_path, bad, "main", {})
    with pytest.raises(InvalidValueError):
        list_targets(tmp_path, "alipay", bad)


def test_targets_are_listed_in_order_of_all_domains_or_of_one(tmp_path, write):
    write("alipay", ALIPAY, domain="zoo", name="main")
    write("alipay", ALIPAY, domain="demo", name="two")
    write("alipay", ALIPAY, domain="demo", name="main")
    write("wxpay", WECHAT, domain="demo", name="wx")
    everywhere = list_targets(tmp_path, "alipay")
    assert everywhere == [
        Target("demo", "alipay", "main"),
        Target("demo", "alipay", "two"),
        Target("zoo", "alipay", "main"),
    ]
    assert [t.name for t in list_targets(tmp_path, "alipay", "demo")] == ["main", "two"]
    assert list_targets(tmp_path, "alipay", "nobody") == []
    assert list_targets(tmp_path / "nowhere", "wxpay") == []


def test_folders_without_config_or_with_odd_names_are_not_targets(tmp_path, write):
    conf = write("alipay", ALIPAY, name="main")
    (conf.parent.parent / "empty").mkdir()
    (conf.parent.parent / "bad name").mkdir()
    (conf.parent.parent / "bad name" / "alipay.conf").write_text("{}")
    (tmp_path / "home" / "Bad Domain").mkdir()
    (tmp_path / "home" / "a-file").write_text("")
    assert [t.name for t in list_targets(tmp_path, "alipay")] == ["main"]


def test_a_domain_linked_to_a_real_home_has_its_targets(tmp_path, write):
    write("alipay", ALIPAY, domain="demo")
    real = tmp_path / "elsewhere"
    (tmp_path / "home" / "demo").rename(real)
    (tmp_path / "home" / "demo").symlink_to(real)
    assert [t.name for t in list_targets(tmp_path, "alipay")] == ["main"]
    assert load_alipay(tmp_path, "demo", "main", {}).app_id == ALIPAY["app_id"]


def test_the_notify_url_is_a_path_that_names_type_domain_and_target():
    public = "https://shop.example.com"
    assert notify_url(public, "", "wx.qrcode", "demo", "main") == (
        "https://shop.example.com/pay/re/wx.qrcode/demo/main"
    )
    assert notify_url(public, "https://cb.example.com/in", "zfb.qrcode", "demo", "main") == (
        "https://cb.example.com/in/zfb.qrcode/demo/main"
    )
    with pytest.raises(ConfigError, match="target main of demo: no notify URL") as caught:
        notify_url("", "", "wx.qrcode", "demo", "main")
    assert "public_url" in caught.value.hint
