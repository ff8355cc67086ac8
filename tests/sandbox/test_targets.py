import json
import os
import shutil
from pathlib import Path

import pytest

from payment_cli.config.targets import load_account
from payment_cli.gateways.registry import find_provider
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.targets import init
from tests.support.sandbox_clients import Shop

URLS = {"base_url": "http://127.0.0.1:9001/", "notify_base": "http://127.0.0.1:9002/pay/re"}
TARGETS = {
    ("wxpay", "sandbox"),
    ("wxpay", "sandbox-v2"),
    ("wxpay", "sandbox-cert"),
    ("alipay", "sandbox"),
    ("alipay", "sandbox-cert"),
}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_init_writes_one_target_for_each_mode(tmp_path: Path) -> None:
    targets = init(tmp_path / "home", tmp_path / "state", **URLS)
    assert {(t.provider, t.name) for t in targets} == TARGETS
    assert all(t.conf.is_file() for t in targets)


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        init(tmp_path / "home", tmp_path / "state", **URLS)
    finally:
        os.umask(before)
    for path in [*(tmp_path / "home").rglob("*"), *(tmp_path / "state").rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted, path


def test_the_configs_are_what_the_tool_reads(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.home, tmp_path / "tree" / "home" / "tea")
    root = tmp_path / "tree"
    for name in ("sandbox", "sandbox-v2", "sandbox-cert"):
        assert load_account(root, find_provider("wxpay"), "tea", name, {}).pay_mch_id
    for name in ("sandbox", "sandbox-cert"):
        assert load_account(root, find_provider("alipay"), "tea", name, {}).app_id


def test_configs_hold_no_secret_but_name_its_file(shop: Shop) -> None:
    for conf in shop.home.rglob("*.conf"):
        document = json.loads(conf.read_text())
        for key in ("api_v3_key", "private_key", "pay_key", "client_key"):
            if key in document:
                assert document[key].startswith("file:")
                assert (conf.parent / document[key].removeprefix("file:")).is_file()


def test_modes_are_told_by_their_keys(shop: Shop) -> None:
    assert "public_key_id" in json.loads(shop.conf("wxpay").path.read_text())
    certified = json.loads(shop.conf("wxpay", "sandbox-cert").path.read_text())
    assert "public_key_id" not in certified
    assert len(certified["platform_certs"]) == 1
    assert shop.conf("wxpay", "sandbox-v2")["scan_api"] == "v2"


def test_init_again_keeps_keys_and_moves_the_urls(shop: Shop) -> None:
    before = files_of(shop.home)
    init(shop.home, shop.state, **URLS)
    after = files_of(shop.home)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {name for name in before if name.endswith(".conf")}
    assert shop.conf("wxpay")["api_base"] == "http://127.0.0.1:9001"
    assert shop.conf("wxpay")["pay_notify_url"] == "http://127.0.0.1:9002/pay/re"
    assert shop.conf("alipay")["gateway_url"] == "http://127.0.0.1:9001/gateway.do"


def test_init_again_keeps_what_the_user_set(shop: Shop) -> None:
    conf = shop.conf("wxpay").path
    conf.write_text(json.dumps(json.loads(conf.read_text()) | {"pay_time_expire": 3}))
    init(shop.home, shop.state, **URLS)
    assert shop.conf("wxpay")["pay_time_expire"] == 3


def test_a_new_state_gets_new_merchants(shop: Shop, tmp_path: Path) -> None:
    before = shop.conf("wxpay")["pay_mch_id"]
    init(shop.home, tmp_path / "other", **URLS)
    assert shop.conf("wxpay")["pay_mch_id"] != before
    assert shop.conf("wxpay", "sandbox-v2")["pay_mch_id"] == shop.conf("wxpay")["pay_mch_id"]


def test_a_real_target_of_that_name_is_left_alone(tmp_path: Path) -> None:
    conf = tmp_path / "home" / ".payment" / "alipay" / "sandbox" / "alipay.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text('{"app_id": "2021000000000001"}')
    with pytest.raises(SandboxError, match="not made by the sandbox"):
        init(tmp_path / "home", tmp_path / "state", **URLS)
    assert conf.read_text() == '{"app_id": "2021000000000001"}'
    assert not (tmp_path / "home" / ".payment" / "wxpay").exists()


def test_no_merchant_key_is_kept_by_the_providers(shop: Shop) -> None:
    merchants = {p.read_text() for p in shop.home.rglob("*.pem") if "PRIVATE KEY" in p.read_text()}
    providers = "".join(
        p.read_text("utf-8", "replace") for p in shop.state.rglob("*") if p.is_file()
    )
    assert merchants
    assert not any(key in providers for key in merchants)
