import json
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from payment_cli.clock import system_clock
from payment_cli.config.authored_configs import TreeConfigs
from payment_cli.errors import ConfigError, StorageError
from payment_cli.model.finding import Level
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.upkeep.doctor import OWED_MAX, Configs, Doctor
from payment_cli.services.upkeep.doctor_tree import LOG_BYTES_MAX, MOUNTS, examine_tree
from tests.support import alipay, wechat
from tests.support.lacks import needs_root

NOW = 1_790_000_000_000  # 2026-09-21
CANARY = "canary-51c9aa"
SHOP = Merchant("demo", "m1", "Demo", sellers={"wx": "main", "zfb.qrcode": "main"})


def write(path, text, mode=0o600):
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700)
    path.write_text(text)
    path.chmod(mode)
    return path


def write_conf(root, provider, document, target="main"):
    folder = root / "home" / "demo" / ".payment" / provider / target
    return write(folder / f"{provider}.conf", json.dumps(document))


WX_CONF = {
    "appid": wechat.APPID,
    "pay_mch_id": wechat.MCHID,
    "api_v3_key": wechat.API_V3_KEY,
    "serial_no": wechat.SERIAL,
    "private_key": wechat.private_pem("merchant"),
    "public_key_id": wechat.PUBLIC_KEY_ID,
    "public_key": wechat.public_pem("platform"),
}
ZFB_CONF = {
    "app_id": alipay.APP_ID,
    "seller_id": alipay.SELLER_ID,
    "private_key": alipay.private_pem("app"),
    "alipay_public_key": alipay.public_pem("alipay"),
}


@pytest.fixture
def tree(root):
    """A healthy tree with a merchant, an account at each provider, and a journal."""
    write(root / "etc" / "payment.toml", 'public_url = "https://shop.example.com"')
    write(root / ".journal" / "tree.db", "")
    write(root / "var" / "payment" / "01.json", "{}")
    write(root / "home" / "demo" / ".store" / "store_info.json", "{}")
    write_conf(root, "wxpay", WX_CONF)
    write_conf(root, "alipay", ZFB_CONF)
    return root


@pytest.fixture
def mounts(tmp_path):
    return write(tmp_path / "mountinfo", "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n")


@pytest.fixture
def doctor(tree, mounts):
    configs: Configs = TreeConfigs(tree, {}, lambda: ["demo"], lambda _domain: SHOP)
    probe = lambda: "1 payment, journal sound"  # noqa: E731
    none = lambda _shop: ()  # noqa: E731
    return Doctor(tree, system_clock, configs, probe, list, list, {}, none, mounts)


def found(findings, level):
    return [f"{f.subject}: {f.sentence}" for f in findings if f.level is level]


def errors(doctor):
    return found(doctor.examine(), Level.ERROR)


def test_a_healthy_tree_has_nothing_but_good_news(doctor, tree):
    findings = doctor.examine()
    bad = [f for f in findings if f.level is not Level.OK and "client_cert" not in f.sentence]
    assert bad == []
    good = found(findings, Level.OK)
    assert f"tree: {tree}" in good
    assert "file system: ext4" in good
    assert "clock: agrees with the file system" in good
    assert "storage: 1 payment, journal sound" in good
    assert "etc/payment.toml: callbacks arrive at https://shop.example.com/pay/re" in good
    assert "demo wxpay main: public-key mode" in good
    assert "demo alipay main: public-key mode, the keys fit" in good
    assert "demo store: Demo, 2 default targets" in good


def test_a_step_that_is_owed_is_told_with_its_reason_and_what_to_do(doctor):
    step = {"id": "o1", "what": "use_coupons", "payment": "p1", "or_id": "ord1", "store": "demo"}
    findings = replace(doctor, owed=lambda: [{**step, "re": "no coupon c1"}]).examine()
    [finding] = [finding for finding in findings if finding.subject == "owed"]
    assert finding.level is Level.WARN
    assert finding.sentence == (
        "use_coupons of payment p1, order ord1, store demo could not be done: no coupon c1"
    )
    assert "payment owed drop o1" in finding.hint


def test_a_hook_that_failed_is_run_again_by_its_own_command(doctor):
    step = {"id": "o2", "what": "hook order.paid", "payment": "", "or_id": "ord1", "store": "demo"}
    findings = replace(doctor, owed=lambda: [{**step, "re": "exit 1"}]).examine()
    [finding] = [finding for finding in findings if finding.subject == "owed"]
    assert "payment hook again o2" in finding.hint
    assert "tick" not in finding.hint


def test_many_owed_steps_are_told_in_bounded_words(doctor):
    step = {"id": "o1", "what": "judge", "payment": "p1", "or_id": "", "store": "", "re": "x"}
    findings = replace(doctor, owed=lambda: [step] * 1000).examine()
    assert len([finding for finding in findings if finding.subject == "owed"]) == OWED_MAX + 1


def test_each_file_that_is_left_to_a_foreign_hand_is_told(doctor):
    paths = ["var/payment/p1.json", "sys/order/ord_demo_o1.json"]
    findings = replace(doctor, left_files=lambda: paths).examine()
    told = [f for f in findings if f.level is Level.WARN and f.subject in paths]
    assert [f.subject for f in told] == paths
    assert all("--restore" in f.hint and "--adopt" in f.hint for f in told)


def test_a_tree_of_another_user_is_told_with_both_names(doctor, tree, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: tree.stat().st_uid + 54_321)
    [finding] = [f for f in doctor.examine() if "belongs to the user" in f.sentence]
    assert finding.level is Level.ERROR
    assert f"and you are #{tree.stat().st_uid + 54_321}" in finding.sentence
    assert "sudo -u" in finding.hint


@needs_root
def test_what_roots_cron_wrote_into_a_servers_tree_is_told(doctor, tree):
    for place in (tree, *tree.rglob("*")):
        os.chown(place, 54_321, 54_321)
    assert not [f for f in doctor.examine() if f.subject == "owner"]
    os.chown(tree / "var" / "payment" / "01.json", 0, 0)
    [finding] = [f for f in doctor.examine() if f.subject == "owner"]
    assert finding.level is Level.ERROR
    assert "1 files or folders are not #54321's" in finding.sentence
    assert str(tree / "var" / "payment" / "01.json") in finding.sentence
    assert finding.hint == f"chown -R 54321 {tree}"


def test_the_doctor_leaves_no_trace(doctor, tree):
    before = sorted(str(path) for path in tree.rglob("*"))
    doctor.examine()
    assert sorted(str(path) for path in tree.rglob("*")) == before


def test_no_finding_shows_a_secret(doctor, tree):
    write_conf(tree, "wxpay", {**WX_CONF, "private_key": CANARY})
    write_conf(tree, "alipay", {**ZFB_CONF, "private_key": CANARY})
    findings = doctor.examine()
    assert len(found(findings, Level.ERROR)) == 2
    assert CANARY not in repr(findings)
    assert wechat.API_V3_KEY not in repr(findings)


def test_a_missing_tree_is_said_and_nothing_else(doctor, tmp_path):
    findings = replace(doctor, root=tmp_path / "nowhere").examine()
    assert [(f.level, f.subject) for f in findings] == [(Level.WARN, "tree")]
    assert "nowhere" in findings[0].sentence


def test_a_tree_open_to_others_is_an_error(doctor, tree):
    tree.chmod(0o755)
    assert errors(doctor) == [f"tree: {tree} is open to other users"]


@pytest.mark.parametrize(
    "place",
    ["var/payment/01.json", "etc", ".journal/tree.db", "home/demo/.payment", "home/demo/.store"],
)
def test_a_file_or_folder_open_to_others_is_named(doctor, tree, place):
    (tree / place).chmod(0o750)
    warnings = found(doctor.examine(), Level.WARN)
    assert f"permissions: 1 files or folders are open to other users, first {tree / place}" in (
        warnings
    )


def test_what_a_web_server_shows_may_be_open(doctor, tree):
    write(tree / "home" / "demo" / ".store" / "default_home" / "index.html", "hi", 0o644)
    write(tree / "home" / "demo" / ".store" / "store_logo.jpg", "logo", 0o644)
    (tree / "home" / "demo").chmod(0o755)
    assert not [w for w in found(doctor.examine(), Level.WARN) if "permissions" in w]


def test_a_domain_linked_to_a_real_home_is_looked_into(doctor, tree, tmp_path):
    real = tmp_path / "real home"
    (tree / "home" / "demo").rename(real)
    (tree / "home" / "demo").symlink_to(real)
    real.chmod(0o755)
    assert not [w for w in found(doctor.examine(), Level.WARN) if "permissions" in w]
    (real / ".payment").chmod(0o755)
    assert [w for w in found(doctor.examine(), Level.WARN) if "permissions: 1 files" in w]


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs", "fuse.rclone"])
def test_a_network_file_system_is_refused(doctor, tree, mounts, kind):
    line = f"30 22 0:50 / {tree.parent} rw - {kind} server:/export rw\n"
    write(mounts, mounts.read_text() + line)
    assert errors(doctor) == [
        f"file system: {kind} is a network file system: locks and synced writes can't be relied on"
    ]


def test_a_mount_point_with_a_space_is_understood(doctor, tree, mounts):
    below = tree / "a disk"
    below.mkdir()
    escaped = str(below).replace(" ", "\\040")
    write(mounts, f"{mounts.read_text()}31 22 0:51 / {escaped} rw - nfs s:/x rw\n")
    assert errors(doctor) == []
    findings = replace(doctor, root=below).examine()
    assert [e for e in found(findings, Level.ERROR) if "nfs" in e]


def test_of_two_mounts_at_one_place_the_later_one_counts(doctor, tree, mounts):
    here = f"rw - nfs s:/x rw\n33 22 0:52 / {tree} rw - xfs /dev/sdb rw\n"
    write(mounts, f"{mounts.read_text()}32 22 0:51 / {tree} {here}")
    assert "file system: xfs" in found(doctor.examine(), Level.OK)


def test_memory_and_the_unknown_are_warnings(doctor, tree, mounts):
    write(mounts, f"{mounts.read_text()}34 22 0:53 / {tree} rw - tmpfs tmpfs rw\n")
    assert [w for w in found(doctor.examine(), Level.WARN) if "gone after a restart" in w]
    mounts.unlink()
    assert [w for w in found(doctor.examine(), Level.WARN) if "can't tell" in w]


def test_this_machines_own_list_of_mounts_is_readable(doctor):
    own = replace(doctor, mounts=MOUNTS)
    assert not [w for w in found(own.examine(), Level.WARN) if "can't tell" in w]


def test_a_disk_that_is_nearly_full_is_an_error(doctor, mocker):
    mocker.patch("os.statvfs", return_value=SimpleNamespace(f_bavail=2, f_frsize=4096))
    assert errors(doctor) == ["disk: 8 KiB are left: soon nothing can be written"]


def test_a_tree_that_cannot_be_written_is_an_error(doctor, tree, mocker):
    full = OSError(30, "Read-only file system")
    mocker.patch(
        "payment_cli.services.upkeep.doctor_tree.tempfile.NamedTemporaryFile", side_effect=full
    )
    assert errors(doctor) == [f"tree: {tree} can't be written: Read-only file system"]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (lambda: 0, "a time in the past"),
        (lambda: system_clock() + 60_000, r"(59|60|61) s apart"),
        (lambda: system_clock() - 60_000, r"(59|60|61) s apart"),
    ],
)
def test_a_wrong_clock_is_noticed_without_asking_anybody(doctor, now, why):
    findings = replace(doctor, clock=now).examine()
    clock = [f for f in findings if f.subject == "clock"]
    assert [f.level for f in clock] == [Level.ERROR]
    assert re.search(why, clock[0].sentence)


def test_a_clock_that_was_set_back_is_noticed_by_the_journal(doctor, tree):
    later = system_clock() // 1000 + 7200
    os.utime(tree / ".journal" / "tree.db", (later, later))
    clock = [f for f in doctor.examine() if f.subject == "clock"]
    assert [f.level for f in clock] == [Level.ERROR]
    assert "set back" in clock[0].sentence


def test_trouble_with_the_storage_is_told_and_the_rest_examined(doctor):
    def broken():
        raise StorageError("no journal beside 12 files", hint="payment fsck --rebuild")

    findings = replace(doctor, probe_storage=broken).examine()
    told = [f for f in findings if f.subject == "storage"]
    assert [(f.level, f.sentence, f.hint) for f in told] == [
        (Level.ERROR, "no journal beside 12 files", "payment fsck --rebuild")
    ]
    assert "demo store: Demo, 2 default targets" in found(findings, Level.OK)


def test_broken_settings_are_told_and_the_rest_examined(doctor, tree):
    write(tree / "etc" / "payment.toml", "publik_url = 3")
    findings = doctor.examine()
    told = [f for f in findings if f.subject == "etc/payment.toml"]
    assert [(f.level, f.hint) for f in told] == [(Level.ERROR, "did you mean public_url?")]
    assert "demo store: Demo, 2 default targets" in found(findings, Level.OK)


def test_a_tree_that_nobody_can_call_is_told(doctor, tree):
    (tree / "etc" / "payment.toml").unlink()
    findings = doctor.examine()
    assert [w for w in found(findings, Level.WARN) if "no public_url" in w]
    assert found(findings, Level.ERROR) == [
        "demo wxpay main: target main of demo: no notify URL",
        "demo alipay main: target main of demo: no notify URL",
    ]


def test_a_broken_config_is_told_with_its_remedy_and_the_next_examined(doctor, tree):
    conf = write_conf(tree, "wxpay", {**WX_CONF, "apid": "x"})
    findings = doctor.examine()
    told = [f for f in findings if f.level is Level.ERROR]
    assert [(f.subject, f.sentence, f.hint) for f in told] == [
        ("demo wxpay main", f"{conf}: unknown key 'apid'", "did you mean appid?")
    ]
    assert "demo alipay main: public-key mode, the keys fit" in found(findings, Level.OK)


def test_a_key_that_others_can_read_is_told(doctor, tree):
    conf = write_conf(tree, "alipay", {**ZFB_CONF, "private_key": "file:app.key"})
    write(conf.parent / "app.key", ZFB_CONF["private_key"], 0o644)
    assert errors(doctor) == [
        f"demo alipay main: {conf.parent / 'app.key'}: others can read this key"
    ]


def test_a_tree_without_targets_or_merchants_is_told(doctor, tree):
    (tree / "home" / "demo" / ".payment").rename(tree / "home" / "demo" / "gone")
    empty = TreeConfigs(tree, {}, list, lambda _domain: SHOP)
    warnings = found(replace(doctor, configs=empty).examine(), Level.WARN)
    assert "targets: no gateway account is configured" in warnings
    assert "merchants: no domain sells yet" in warnings


def test_sellers_must_name_pay_types_and_targets_that_exist(doctor, tree):
    sellers = {"wx": "main", "zfb": "gone", "wx.scan": "other", "cash": "till", "free": "any"}
    shop = SHOP._replace(sellers=sellers)
    configs = TreeConfigs(tree, {}, lambda: ["demo"], lambda _domain: shop)
    assert errors(replace(doctor, configs=configs)) == [
        "demo store: sellers: zfb names alipay target gone, which has no config",
        "demo store: sellers: wx.scan names wxpay target other, which has no config",
        "demo store: sellers: no pay type is or begins with 'cash'",
    ]


def test_a_damaged_store_is_told_and_the_next_examined(doctor, tree):
    def merchant(domain):
        if domain == "bad":
            raise ConfigError("home/bad/.store/store_info.json: id is missing")
        return SHOP

    configs = TreeConfigs(tree, {}, lambda: ["bad", "demo"], merchant)
    findings = replace(doctor, configs=configs).examine()
    assert found(findings, Level.ERROR) == [
        "bad store: home/bad/.store/store_info.json: id is missing"
    ]
    assert "demo store: Demo, 2 default targets" in found(findings, Level.OK)


def test_a_log_that_a_reader_keeps_from_being_merged_is_told(root):
    log = root / ".journal" / "payment.db-wal"
    log.parent.mkdir(mode=0o700)
    with log.open("wb") as file:
        file.truncate(LOG_BYTES_MAX + 1)
    found = [one for one in examine_tree(root, system_clock) if one.subject == "journal"]
    assert [one.level for one in found] == [Level.WARN]
    assert "64 MiB" in found[0].sentence
    assert "fuser" in found[0].hint
    os.truncate(log, LOG_BYTES_MAX)
    assert [one for one in examine_tree(root, system_clock) if one.subject == "journal"] == []
