import json
from pathlib import Path

from payment_cli.config.accounts import TreeAccounts
from payment_cli.config.settings import Settings
from payment_cli.gateways.base import OrderRef, Outcome
from tests.support import wechat as platform
from tests.support.clock import HandClock
from tests.support.http_server import scripted_server

ORDER = OrderRef("0198c0ffee", "wx.qrcode", 2300, "CNY", send_at=0)


def write_account(root: Path, domain: str, target: str, api_base: str) -> None:
    folder = root / "home" / domain / ".payment" / "wxpay" / target
    folder.mkdir(parents=True)
    conf = {
        "appid": platform.APPID,
        "pay_mch_id": platform.MCHID,
        "api_v3_key": platform.API_V3_KEY,
        "serial_no": platform.SERIAL,
        "private_key": platform.private_pem("merchant"),
        "api_base": api_base,
    }
    (folder / "wxpay.conf").write_text(json.dumps(conf))
    (folder / "wxpay.conf").chmod(0o600)


def test_no_account_trusts_certificates_that_another_one_fetched(tmp_path: Path) -> None:
    how = {"signer": "certificate", "serial": platform.CERT_SERIAL_HEX}
    listed = platform.said(platform.certificates(platform.platform_cert()), **how)
    paid = platform.said(platform.transaction(ORDER.payment_id), **how)
    with scripted_server() as server:
        server.answer = lambda heard: listed if heard.target == "/v3/certificates" else paid
        names = [("demo", "x_main"), ("demo_x", "main")]
        for domain, target in names:
            write_account(tmp_path, domain, target, server.url)
        for domain, target in names:
            accounts = TreeAccounts(tmp_path, Settings(), {}, HandClock(platform.NOW))
            outcome = accounts.gateway(domain, "wxpay", target).check(ORDER).outcome
            assert outcome is Outcome.PAID
        targets = [heard.target for heard in server.heard]
    assert targets.count("/v3/certificates") == len(names)
