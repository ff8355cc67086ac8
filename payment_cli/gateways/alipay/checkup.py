"""The checkup of an Alipay account: keys, certificates, mode, addresses. No network."""

from collections.abc import Iterator

from payment_cli.errors import ConfigError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.alipay.sign import load_certificate, load_keys
from payment_cli.gateways.checkup import examine_api_url, examine_code_life, examine_expiry
from payment_cli.model.finding import Finding, failed, ok


def examine(subject: str, account: AlipayAccount, now: int) -> Iterator[Finding]:
    """Yield what there is to say of an Alipay account at `now` (AMS)."""
    try:
        load_keys(account, thorough=True)
    except ConfigError as problem:
        yield failed(subject, problem)
        return
    if account.uses_certificates:
        yield ok(subject, "certificate mode, the keys fit")
        for key, pem in (("app_cert", account.app_cert), ("alipay_cert", account.alipay_cert)):
            yield from examine_expiry(subject, key, load_certificate(pem), now)
    else:
        yield ok(subject, "public-key mode, the keys fit")
    yield from examine_code_life(subject, "timeout_express", account.timeout_express)
    yield from examine_api_url(subject, "gateway_url", account.gateway_url)
