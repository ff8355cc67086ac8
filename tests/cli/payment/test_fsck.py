"""`payment fsck`, `payment backup`, `payment doctor` from the command line."""

import json

import pytest


@pytest.fixture
def made(pay, shop):
    return pay("create", "-fee", 2300).json


@pytest.fixture
def file(root, made):
    return root / "var/payment" / f"{made['id']}.json"


def test_a_clean_tree_has_no_differences(payment, made):
    ran = payment("fsck")
    assert ran.json == []
    assert "1 records" in ran.err


def test_an_edited_file_is_named_and_restored(payment, pay, made, file):
    file.write_text(file.read_text().replace("2300", "1"))
    ran = payment("fsck", "-c", exit_code=32)
    assert [(row["kind"], row["path"]) for row in ran.json] == [
        ("edited", f"var/payment/{made['id']}.json")
    ]
    assert "--restore" in ran.err
    assert payment("fsck", "--restore").json == []
    assert pay("get", made["id"]).json == made


def test_an_edited_file_is_adopted(payment, pay, made, file):
    file.write_text(json.dumps({**made, "brief": "by hand"}))
    assert payment("fsck", "--adopt").json == []
    assert pay("query", "by hand").json[0]["id"] == made["id"]


def test_a_lost_journal_is_rebuilt_from_the_files(payment, pay, made, root):
    for path in (root / ".journal").glob("payment.db*"):
        path.unlink()
    payment("fsck", exit_code=32)
    assert payment("fsck", "--rebuild").json == []
    assert pay("query").json[0]["id"] == made["id"]


def test_a_truncated_record_is_corrupt_and_the_others_can_be_read(payment, pay, made, file):
    other = pay("create", "-fee", 1).json
    file.write_text(file.read_text()[:50])
    assert "e.pay.corrupt" in pay("get", made["id"], exit_code=32).err
    assert pay("get", other["id"]).json == other


def test_a_writer_touches_no_file_that_a_foreign_hand_changed(pay, made, file):
    file.write_text(file.read_text().replace("2300", "1"))
    edited = file.read_text()
    assert "fsck" in pay("close", made["id"], exit_code=32).err
    assert file.read_text() == edited


def test_a_rebuild_is_named_only_where_the_journal_itself_is_damaged(payment, made, file, root):
    file.write_text("{")
    err = payment("fsck", exit_code=32).err
    assert "--restore overwrites" in err
    assert "--rebuild" not in err
    (root / ".journal/payment.db").write_bytes(b"no database" * 500)
    assert "--rebuild" in payment("fsck", exit_code=32).err


@pytest.mark.parametrize("words", [["--restore", "--adopt"], ["--adopt", "--rebuild"]])
def test_one_side_is_right_not_two(payment, words):
    payment("fsck", *words, exit_code=2)


def test_only_the_tree_has_files_to_look_after(payment):
    env = {"PAYMENT_STORAGE": "tinydb:"}
    assert "no files" in payment("fsck", env=env, exit_code=40).err
    assert "no files" in payment("backup", "x", env=env, exit_code=40).err


def test_a_backup_is_a_tree_of_its_own(payment, pay, made, tmp_path):
    copy = tmp_path / "copy"
    assert payment("backup", copy).json == {"records": 1, "path": str(copy), "missing": []}
    assert payment("backup", "--verify", copy).json == []
    assert pay("get", made["id"], "--root", copy).json == made
    assert payment("fsck", "--root", copy).json == []
    payment("backup", copy, exit_code=30)


def test_a_backup_that_lacks_a_home_is_made_and_exits_24(payment, made, root, tmp_path):
    (root / "home/away").symlink_to(tmp_path / "not-mounted")
    ran = payment("backup", tmp_path / "one", exit_code=24)
    assert ran.json["missing"] == ["home/away was not there"]
    assert "home/away was not there" in ran.err
    assert payment("backup", tmp_path / "two", "--anyway").json["records"] == 1
    rows = payment("backup", "--verify", tmp_path / "two", exit_code=32).json
    assert [(row["kind"], row["path"]) for row in rows] == [("backup", ".backup")]


def test_a_copy_without_its_end_is_told_by_verify_fsck_and_doctor(payment, made, tmp_path):
    copy = tmp_path / "copy"
    payment("backup", copy)
    assert [
        row["level"] for row in payment("doctor", "--root", copy).json if row["subject"] == "backup"
    ] == ["ok"]
    (copy / ".backup").unlink()
    payment("backup", "--verify", copy, exit_code=32)
    assert "no manifest" in payment("fsck", "--root", copy, exit_code=32).text
    found = payment("doctor", "--root", copy, exit_code=40).json
    assert [row["level"] for row in found if row["subject"] == "backup"] == ["error"]


def test_a_backup_into_the_tree_is_refused(payment, made, root):
    assert "in the tree itself" in payment("backup", root / "backups", exit_code=2).err
    assert not (root / "backups").exists()


def test_a_backup_is_restored_as_the_readme_says(payment, pay, made, root, tmp_path):
    """Moved to the place of the tree, it is the tree: to read, to write, and to back up again."""
    copy = tmp_path / "copy"
    payment("backup", copy)
    later = pay("create", "-fee", 1).json
    payment("backup", "--verify", copy)
    root.rename(tmp_path / "broken")
    copy.rename(root)
    assert payment("fsck").json == []
    assert pay("get", made["id"]).json == made
    pay("get", later["id"], exit_code=10)
    pay("close", made["id"])
    assert pay("get", made["id"]).json["st"] == "FAIL"
    assert payment("fsck").json == []
    assert payment("doctor", "--problems", exit_code=0)
    payment("backup", tmp_path / "second")
    assert payment("backup", "--verify", tmp_path / "second").json == []


def test_the_doctor_prints_every_finding(payment, shop):
    rows = payment("doctor").json
    assert {"level", "subject", "sentence"} <= set(rows[0])
    assert {row["level"] for row in payment("doctor", "--problems").json} <= {"warn", "error"}


def test_the_doctor_knows_why_a_callback_was_refused(pay, payment, shop):
    pay("create", "-fee", 1)
    request = b"POST /pay/re/wx.qrcode/demo/nowhere HTTP/1.1\r\n\r\n{}"
    pay("re", "--http", stdin=request, exit_code=22)
    found = [row["sentence"] for row in payment("doctor").json if row["subject"] == "storage"]
    assert len(found) == 1
    assert found[0].startswith(
        "1 payments, 1 callbacks refused since the tree was made, "
        "the last because there is no account demo/nowhere (1, last 20"
    )


def test_the_doctor_exits_40_when_something_will_fail(payment, shop, root):
    folder = root / "home/demo/.payment/wxpay/main"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "wxpay.conf").write_text("{")
    ran = payment("doctor", "--problems", exit_code=40)
    assert any("wxpay.conf" in row["sentence"] for row in ran.json)
    assert ran.err.startswith("payment: e.pay.config: ")


@pytest.fixture
def edited(payment, root, shop):
    """A product, a discount, a coupon and an order, each changed by a foreign hand."""
    made = {
        "w": payment("w", "add", "-nm", "cup", "--title", "Cup", "--price", "34.50").json,
        "d": payment("d", "add", "--title", "Sale", "--off", "10%").json,
        "coupon": payment("coupon", "add", "--title", "1 off", "--off", 1).json,
        "o": payment("o", "create", "--item", "cup:1", "--buyer", "li").json,
    }
    for record in made.values():
        (place,) = root.rglob(f"*{record['id']}.json")
        place.write_text(place.read_text().replace("{", '{"by": "hand",', 1))
    return {word: record["id"] for word, record in made.items()}


@pytest.mark.parametrize("word", ["w", "d", "coupon", "o"])
def test_no_command_shows_what_a_foreign_hand_made_of_a_record(payment, edited, word):
    ran = payment(word, "get", edited[word], exit_code=32)
    assert "was changed by a foreign hand" in ran.err
    assert ran.out == b""


def test_an_operator_is_shown_no_edited_order_either(payment, edited):
    ran = payment("o", "get", edited["o"], "--as", "root", exit_code=32)
    assert "was changed by a foreign hand" in ran.err
    assert ran.out == b""


@pytest.mark.parametrize("length", [8, 32])
def test_a_product_is_checked_by_whatever_name_it_is_asked_for(payment, edited, length):
    for name in ("cup", edited["w"][-length:]):
        assert "foreign hand" in payment("w", "get", name, exit_code=32).err


def test_without_a_journal_a_product_is_shown_by_its_id(payment, edited, root):
    (root / ".journal" / "payment.db").unlink()
    ran = payment("w", "get", edited["w"])
    assert ran.json["by"] == "hand"
    assert "is shown unchecked" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("o", "price", "--item", "ID:1"),
        ("o", "create", "--buyer", "li", "--item", "ID:1"),
        ("w", "rm", "ID"),
    ],
)
def test_no_price_and_no_order_comes_of_an_edited_product(payment, edited, words):
    named = [word.replace("ID", edited["w"]) for word in words]
    assert "foreign hand" in payment(*named, exit_code=32).err


def test_without_a_journal_a_record_is_shown_and_said_to_be_unchecked(pay, made, file, root):
    file.write_text(file.read_text().replace("2300", "1"))
    (root / ".journal" / "payment.db").unlink()
    ran = pay("get", made["id"])
    assert ran.json["fee"] == 1
    assert ran.err.startswith(f"note: var/payment/{made['id']}.json is shown unchecked: ")
    assert ran.err.count("\n") == 1
